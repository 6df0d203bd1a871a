/*-------------------------------------------------------------------------
 *
 * catalog.h
 *	  The extension's own tables, read and written row by row.
 *
 * src/meta/catalog.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_CATALOG_H
#define RUSTS_CATALOG_H

#include "access/htup.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/*
 * Open a table of schema "rusts"; where it does not exist, as in the middle
 * of DROP EXTENSION, NULL if missing_ok, else an error.
 */
extern Relation rusts_catalog_open(const char *name, LOCKMODE lockmode,
								   bool missing_ok);

/* An index in schema "rusts", or InvalidOid. */
extern Oid	rusts_catalog_index(const char *name);

/* Insert a row as written by command cid of the current transaction. */
extern void rusts_catalog_insert(Relation table, HeapTuple tuple,
								 CommandId cid);

/*
 * Delete a row that was read; a serialization failure if somebody else has
 * meanwhile.
 */
extern void rusts_catalog_delete(Relation table, ItemPointer tid);

/*
 * Long values lie in a TOAST table, which nobody may touch without a
 * snapshot; there is none at the end of a transaction.  NULL if there is one.
 */
extern Snapshot rusts_hold_snapshot(void);
extern void rusts_release_snapshot(Snapshot snapshot);

#endif							/* RUSTS_CATALOG_H */
