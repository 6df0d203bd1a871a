/*-------------------------------------------------------------------------
 *
 * durability.c
 *	  How soon a transaction's commit is on disk.
 *
 * PostgreSQL makes a commit synchronous or not as a whole, by the setting
 * synchronous_commit.  A transaction that has written to measurements only,
 * all of them in modes weaker than every-write, may commit asynchronously
 * although that setting is on: it is switched off, for this transaction, just
 * before the commit record is written.
 *
 * The user's other data must not lose anything by that.  Whether a
 * transaction has written anything else is told by its WAL, of which
 * XactLastRecEnd is the end of this session's last record: if it is not where
 * our last record ended when we begin to log, or when the transaction is
 * about to commit, somebody else has logged something meanwhile.  DDL is such
 * a thing, a sequence that has used up its cached values, an aborted
 * subtransaction, but a page pruned by a query as well: then and now a
 * transaction is committed more strictly than it need be, never less.
 *
 * XXX Hooks of other libraries run at PRE_COMMIT, too; what those that were
 * loaded before us log there is not seen.
 *
 * src/write/durability.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "utils/guc.h"
#include "utils/rel.h"

#include "meta/schema.h"
#include "meta/settings.h"
#include "write/durability.h"

RustsWalSyncReadyHook rusts_wal_sync_ready_hook = NULL;
RustsWalSyncNoteHook rusts_wal_sync_note_hook = NULL;

/* What the running transaction has logged so far. */
typedef struct Logged
{
	XLogRecPtr	own_end;		/* where our last record ends, or invalid */
	bool		others;			/* there are records of others */
	bool		insists;		/* on every-write, a measurement of its own */
	RustsWalMode strictest;		/* of our writes */
	bool		periodic;		/* it commits asynchronously, and is to be
								 * flushed soon */
} Logged;

static Logged logged;

static void at_transaction_event(XactEvent event, void *arg);
static void decide(void);
static void set_synchronous_commit(const char *value);

void
rusts_durability_init(void)
{
	RegisterXactCallback(at_transaction_event, NULL);
}

void
rusts_durability_begin(void)
{
	if (XactLastRecEnd != logged.own_end)
		logged.others = true;
}

void
rusts_durability_end(Relation rel)
{
	RustsWalMode mode = rusts_wal_mode_of(rel);

	logged.own_end = XactLastRecEnd;
	logged.strictest = Max(logged.strictest, mode);
	if (mode == RUSTS_WAL_EVERY_WRITE &&
		rusts_schema_options(rel)->wal_mode == RUSTS_WAL_EVERY_WRITE)
		logged.insists = true;
}

RustsWalMode
rusts_wal_mode_of(Relation rel)
{
	int			own = rusts_schema_options(rel)->wal_mode;

	if (!RelationIsPermanent(rel))
		return RUSTS_WAL_NONE;
	if (own != RUSTS_OPTION_UNSET)
		return own;

	/* A logged measurement does not become unlogged by being written to. */
	return Max(rusts_wal_mode, RUSTS_WAL_OS_DEFAULT);
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (logged.own_end != InvalidXLogRecPtr)
				decide();
			break;
		case XACT_EVENT_COMMIT:
			if (logged.periodic)
				rusts_wal_sync_note_hook(XactLastCommitEnd);
			memset(&logged, 0, sizeof(logged));
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			/* Two-phase commit is always synchronous. */
			memset(&logged, 0, sizeof(logged));
			break;
		default:
			break;
	}
}

/* Everything is logged but the commit. */
static void
decide(void)
{
	if (logged.insists)
	{
		if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		{
			ereport(DEBUG1,
					(errmsg_internal("commit is synchronous, mode %s",
									 rusts_wal_mode_names[logged.strictest])));
			set_synchronous_commit("on");
		}
		return;
	}
	if (logged.strictest == RUSTS_WAL_EVERY_WRITE || logged.others ||
		XactLastRecEnd != logged.own_end)
		return;
	if (logged.strictest == RUSTS_WAL_PERIODIC)
	{
		if (rusts_wal_sync_ready_hook == NULL || !rusts_wal_sync_ready_hook())
			return;
		logged.periodic = true;
	}
	if (synchronous_commit != SYNCHRONOUS_COMMIT_OFF)
	{
		ereport(DEBUG1,
				(errmsg_internal("commit is asynchronous, mode %s",
								 rusts_wal_mode_names[logged.strictest])));
		set_synchronous_commit("off");
	}
}

/* As SET LOCAL does: the end of the transaction takes it back. */
static void
set_synchronous_commit(const char *value)
{
	(void) set_config_option("synchronous_commit", value, PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
}
