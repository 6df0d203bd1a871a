/*-------------------------------------------------------------------------
 *
 * change_parts.h
 *	  Partitions of a measurement, as they are and as they are wanted.
 *
 * src/cluster/change_parts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CHANGE_PARTS_H
#define RUSTS_CHANGE_PARTS_H

#include "cluster/config.h"
#include "meta/options.h"

/*
 * Tables that are to be partitions have their comment until they are, and the
 * name that they are to have, unless a partition has it.
 */
#define RUSTS_STAGED_COMMENT	"rusts: rows on the move"

/*
 * Names of views and foreign tables of what was written to a partition lately
 * begin so.
 */
#define RUSTS_SINCE_PREFIX		"rusts_since_"

/* A partition, as it is. */
typedef struct RustsPart
{
	Oid			relid;
	char	   *name;
	bool		local;			/* a table, not a foreign one */
	bool		taken;			/* a wanted one is made of it */
	bool		given_up;		/* or none will be, see restaged */
	Bitmapset  *shards;
} RustsPart;

/* The partition that a group is to have, and how it comes to be. */
typedef struct RustsWantedPart
{
	const RustsShardGroup *group;
	char	   *name;
	bool		local;
	RustsPart  *kept;			/* the one it is made of; NULL: it is new */
	bool		restaged;		/* new, as there are too many rows to delete of
								 * the one that it could be made of */
} RustsWantedPart;

/* A measurement before and after. */
typedef struct RustsReshaping
{
	Oid			relid;
	char	   *parent;			/* its name, qualified and quoted */
	char	   *shard;			/* expression of the shard of a row */
	char	   *grants;			/* as rusts_read_grants() */
	RustsOptions options;		/* of its partitions; wal_mode is none if they
								 * are unlogged */
	int			nparts;
	RustsPart  *parts;
	int			nwanted;
	RustsWantedPart *wanted;	/* [config->ngroups] */
} RustsReshaping;

/*
 * OIDs of all measurements of the cluster here whose shards are as many.  No
 * lock is held.
 */
extern List *rusts_cluster_measurements(int nshards);

/* What is to become of one, in the current context; NULL: it has gone. */
extern RustsReshaping *rusts_reshaping(const RustsClusterConfig *config,
									   Oid relid);

/*
 * Name of the table that is filled for a new partition: the present one, or,
 * as long as there is none, the one to make.
 */
extern char *rusts_staged_name(const RustsReshaping *reshaping,
							   const RustsWantedPart *wanted);

/* The same where a partition has its name. */
extern char *rusts_staged_aside(const RustsReshaping *reshaping,
								const RustsWantedPart *wanted);

/* Make a wanted one that was to be kept a new one. */
extern void rusts_restage(RustsWantedPart *wanted);

/* OID of what has this name in the schema of partitions, and is none. */
extern Oid	rusts_find_staged(const char *name);

/* Name of what was written lately to the partition of that name. */
extern char *rusts_since_name(const char *part);

/* Drop what attempts have left that came to nothing. */
extern void rusts_drop_staged(void);
extern void rusts_drop_since(void);

/* Shards of a partition. */
extern Bitmapset *rusts_bound_shards(Oid relid);

/*
 * The commands that grant what is granted on a table, with $part$ for its
 * name; NULL if there is nothing.
 */
extern char *rusts_read_grants(Oid relid);

/* Numbers, comma-separated. */
extern char *rusts_shard_list(const Bitmapset *shards);

/*
 * Make a partition one for these shards.  Rows are not looked at: it must have
 * none of others, and no other partition the same.  The caller has locked
 * it and the measurement exclusively.
 */
extern void rusts_bound_set(Oid parent, Oid relid, const Bitmapset *shards);

/*
 * The same for a list that no row is for, a different one for each number.
 */
extern void rusts_bound_set_none(Oid parent, Oid relid, int number);

/*
 * A configuration that this node is to go over to; self is -1 if it is no node
 * of it.  Error if the caller is no superuser.
 */
extern RustsClusterConfig *rusts_change_config(const char *text);

/* Does a table have to be filled for it? */
static inline bool
rusts_is_staged(const RustsWantedPart *wanted)
{
	return wanted->local && wanted->kept == NULL;
}

/* Give a partition the tags of its measurement, and the options. */
extern void rusts_label_part(const RustsReshaping *reshaping, Oid relid);

#endif							/* RUSTS_CHANGE_PARTS_H */
