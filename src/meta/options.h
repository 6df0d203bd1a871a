/*-------------------------------------------------------------------------
 *
 * options.h
 *	  What a measurement has been told about itself.
 *
 * src/meta/options.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_OPTIONS_H
#define RUSTS_OPTIONS_H

/* How soon a commit is on disk, from the weakest to the strictest. */
typedef enum RustsWalMode
{
	RUSTS_WAL_NONE,				/* unlogged */
	RUSTS_WAL_OS_DEFAULT,
	RUSTS_WAL_PERIODIC,
	RUSTS_WAL_EVERY_WRITE
} RustsWalMode;

/* Their names, as users give them; NULL ends the list. */
extern const char *const rusts_wal_mode_names[];

/* What becomes of rows of one series and time. */
typedef enum RustsDuplicates
{
	RUSTS_DUPLICATES_KEEP,
	RUSTS_DUPLICATES_MERGE
} RustsDuplicates;

extern const char *const rusts_duplicates_names[];

#define RUSTS_OPTION_UNSET	(-1)

typedef struct RustsOptions
{
	int			duplicates;		/* a RustsDuplicates, or unset: keep */
	int			wal_mode;		/* a RustsWalMode, or unset; none only of a
								 * part that is a foreign table */
} RustsOptions;

/*
 * Read a table's label; false if it is not as rusts_options_print would write
 * it.  NULL has nothing set.
 */
extern bool rusts_options_parse(const char *label, RustsOptions *options);

/* The label that says these options, palloc'd; NULL if nothing is set. */
extern char *rusts_options_print(const RustsOptions *options);

/*
 * Make these the options of a measurement.  The caller has checked that the
 * user owns it and holds ShareUpdateExclusiveLock or more.
 */
extern void rusts_options_store(Oid relid, const RustsOptions *options);

#endif							/* RUSTS_OPTIONS_H */
