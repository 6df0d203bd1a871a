/*-------------------------------------------------------------------------
 *
 * outbox.h
 *	  Images that the running transaction has for other nodes.
 *
 * src/cluster/outbox.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_OUTBOX_H
#define RUSTS_OUTBOX_H

#include "utils/relcache.h"

#include "cluster/config.h"
#include "segment/writer.h"

typedef enum RustsParcelKind
{
	RUSTS_PARCEL_WRITTEN,		/* an image of rows */
	RUSTS_PARCEL_DELETED,		/* an image of what identifies them */
	RUSTS_PARCEL_STATEMENT		/* for all nodes, no image */
} RustsParcelKind;

/* Something for the other placements of a group, or for all nodes. */
typedef struct RustsParcel
{
	RustsParcelKind kind;
	int			group;			/* index in the applied configuration; -1:
								 * all nodes */
	const char *statement;		/* of that kind; and the settings that it is */
	const char *settings;		/* to be run with, a text[] of names, values */
	const char *table;			/* name in schema rusts_shard */
	const char *columns;		/* what its attribute numbers mean, a text[] in
								 * its external form */
	uint32		nrows;
	uint32		len;			/* of the image, varlena header included */
	CommandId	cid;			/* that wrote it */
	Oid			writer;			/* role as which; InvalidOid: not known */
	const char *batch;			/* the client's name for it, or "" */
	int			nest_level;		/* of the subtransaction it belongs to */
	struct varlena *image;		/* NULL: in the file */
	int			fileno;
	off_t		offset;
} RustsParcel;

/*
 * What commands write from now on, until the end, is of a batch of that name.
 * With an error the batch ends, too.
 */
extern void rusts_outbox_begin_batch(const char *name);
extern void rusts_outbox_end_batch(void);

/*
 * The parcels so far, *n of them, in the order in which they are to be
 * carried out.
 */
extern RustsParcel **rusts_outbox_parcels(int *n);

/* Are there any for this group? */
extern bool rusts_outbox_holds(int group);

/*
 * Have all other nodes run a statement, as the current user, as a part of the
 * running transaction.  It commits only if all of them take part.
 */
extern void rusts_outbox_add_statement(const char *statement);

/*
 * Between begin and end nothing is collected: another node has sent what is
 * being done.
 */
extern void rusts_outbox_begin_quiet(void);
extern void rusts_outbox_end_quiet(void);
extern bool rusts_outbox_is_quiet(void);

/* A parcel's image, in memory; the caller frees what is not parcel->image. */
extern struct varlena *rusts_parcel_image(const RustsParcel *parcel);

/* Forget all of them. */
extern void rusts_outbox_clear(void);

/* Close the file of images before the transaction commits. */
extern void rusts_outbox_close(void);

/*
 * The index of the group that a partition of a measurement of the cluster is
 * for, or -1.
 */
extern int	rusts_partition_group(const RustsClusterConfig *config,
								  Relation rel);

/* Set the hooks that collect images; once, from _PG_init. */
extern void rusts_outbox_init(void);

#endif							/* RUSTS_OUTBOX_H */
