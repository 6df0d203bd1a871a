/*-------------------------------------------------------------------------
 *
 * schema.h
 *	  What the columns of a measurement are: time, tags, fields, kinds.
 *
 * src/meta/schema.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_SCHEMA_H
#define RUSTS_SCHEMA_H

#include "access/attnum.h"
#include "access/tupdesc.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#include "codec/block.h"
#include "meta/options.h"

#define RUSTS_TIME_COLUMN		"time"
#define RUSTS_TIME_NS_COLUMN	"time_ns"
#define RUSTS_LABEL_PROVIDER	"rusts"
#define RUSTS_TAG_LABEL			"tag"

typedef enum RustsRole
{
	RUSTS_ROLE_FIELD,
	RUSTS_ROLE_TAG,				/* text column labelled 'tag' */
	RUSTS_ROLE_TIME,			/* "time" of type timestamptz or timestamp */
	RUSTS_ROLE_TIME_NS			/* "time_ns" of type smallint */
} RustsRole;

typedef struct RustsColumn
{
	AttrNumber	attno;
	RustsRole	role;
	RustsKind	kind;
	Oid			typid;
	int16		typlen;
	bool		typbyval;
	bool		has_stats;		/* an order that int64 or double compares */
} RustsColumn;

/*
 * The live columns of a relation, in the order of their attribute numbers.
 */
typedef struct RustsSchema
{
	Oid			relid;
	int			natts;			/* attribute numbers, dropped ones too */
	int			ncolumns;
	RustsColumn *columns;
	int		   *by_attno;		/* [natts], attno - 1 to index in columns, -1
								 * if dropped */
	int			time;			/* index in columns, or -1 */
	int			time_ns;		/* index in columns, or -1 */
	int			ntags;
	int		   *tags;			/* indexes in columns, ascending */
	bool		merges;			/* rows of one series and time are one point,
								 * see rusts_merges_duplicates */
} RustsSchema;

/*
 * Describe rel in the current memory context.  The caller holds a lock on rel
 * that keeps its columns as they are.
 */
extern RustsSchema *rusts_schema_build(Relation rel);

/* The same for rows of rel as desc describes them. */
extern RustsSchema *rusts_schema_build_for(Relation rel, TupleDesc desc);

/* Give back the memory of a description. */
extern void rusts_schema_free(RustsSchema *schema);

/*
 * Does rel have the option duplicates=merge: are rows with the same tags, time
 * and time_ns one point, which has the fields of all of them, of each the
 * value written last?  A measurement without a time column never does.
 */
extern bool rusts_merges_duplicates(Relation rel);

/* The attribute number of rel's time column, 0 if it has none. */
extern AttrNumber rusts_time_attno(Relation rel);

/* The options of rel, until its relcache entry goes. */
extern const RustsOptions *rusts_schema_options(Relation rel);

/* Is this relation stored by the table access method "rusts"? */
extern bool rusts_is_measurement(Relation rel);
extern bool rusts_relid_is_measurement(Oid relid);

/* Does a measurement of this kind of relation have storage? */
extern bool rusts_has_storage(char relkind);

/* OIDs of all measurements with storage, in the current memory context. */
extern List *rusts_list_measurements(void);

/* OID of the access method, InvalidOid where the extension is missing. */
extern Oid	rusts_am_oid(void);

/* Register the security label provider; once, from _PG_init. */
extern void rusts_schema_init(void);

#endif							/* RUSTS_SCHEMA_H */
