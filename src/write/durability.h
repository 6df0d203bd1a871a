/*-------------------------------------------------------------------------
 *
 * durability.h
 *	  How soon a transaction's commit is on disk.
 *
 * src/write/durability.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_DURABILITY_H
#define RUSTS_DURABILITY_H

#include "access/xlogdefs.h"
#include "utils/relcache.h"

#include "meta/options.h"

/*
 * Whatever logs changes of a measurement does so between these two, which run
 * nothing of the user's in between.  What is logged elsewhere is taken for
 * somebody else's, and the transaction commits as synchronous_commit says.
 */
extern void rusts_durability_begin(void);
extern void rusts_durability_end(Relation rel);

/* The mode in which the session writes to this measurement. */
extern RustsWalMode rusts_wal_mode_of(Relation rel);

/*
 * The mode "periodic" needs somebody who flushes.  The first says if there is
 * somebody, the second tells him of a commit; it must not fail.
 */
typedef bool (*RustsWalSyncReadyHook) (void);
typedef void (*RustsWalSyncNoteHook) (XLogRecPtr commit);

extern RustsWalSyncReadyHook rusts_wal_sync_ready_hook;
extern RustsWalSyncNoteHook rusts_wal_sync_note_hook;

/*
 * Register with transactions; once, from _PG_init, before whoever still
 * stores rows when a transaction is about to commit.
 */
extern void rusts_durability_init(void);

#endif							/* RUSTS_DURABILITY_H */
