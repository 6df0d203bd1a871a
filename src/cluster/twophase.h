/*-------------------------------------------------------------------------
 *
 * twophase.h
 *	  One transaction on several nodes.
 *
 * The coordinator is the session that writes.  Each participant runs its
 * commands and prepares under a gid of its own:
 *
 *		rusts:<cluster>:<coordinator node>:<xid8>:<random hex>
 *
 * where the xid8 is that of the coordinator's own transaction.  For each
 * participant that takes part in the end, the coordinator's transaction has a
 * row in rusts.cluster_decision: with its commit they are decided.  Abort is
 * presumed: a prepared transaction whose coordinator is over and has left no
 * row is rolled back by the resolver.  So a participant that was given up
 * for lost, and has prepared after all, does not take part.
 *
 *		begin, add, rusts_connection_send		at any time
 *		prepare, then decide					before the commit
 *		finish									after commit or abort
 *
 * src/cluster/twophase.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef RUSTS_TWOPHASE_H
#define RUSTS_TWOPHASE_H

#include "access/transam.h"
#include "nodes/pg_list.h"

#include "cluster/connection.h"

typedef struct RustsTwophase RustsTwophase;

typedef enum RustsParticipantState
{
	RUSTS_PARTICIPANT_OPEN,		/* not prepared yet */
	RUSTS_PARTICIPANT_PREPARED,
	RUSTS_PARTICIPANT_FAILED,	/* not prepared, and never will be */
	RUSTS_PARTICIPANT_UNKNOWN,	/* left to the resolver */
	RUSTS_PARTICIPANT_FINISHED	/* committed or rolled back */
} RustsParticipantState;

/*
 * Begin one for the current transaction, which gets an xid, in the current
 * memory context; TopTransactionContext is the right one.
 */
extern RustsTwophase *rusts_twophase_begin(const char *cluster,
										   const char *coordinator);

/* Add a node; its number, from 0 on.  Nothing is sent yet. */
extern int	rusts_twophase_add(RustsTwophase *twophase,
							   const RustsNodeAddress *address,
							   const char *application_name);
extern int	rusts_twophase_count(RustsTwophase *twophase);

/*
 * The participant's connection, to queue commands, but neither to wait nor to
 * release; who does wait has no timeouts over there but those he sets
 * himself.  Its outcome is that of the last of prepare and finish.  Results
 * are there between those two; the first command that was queued has number
 * RUSTS_TWOPHASE_FIRST.
 */
extern RustsConnection *rusts_twophase_connection(RustsTwophase *twophase,
												  int participant);
#define RUSTS_TWOPHASE_FIRST	2

extern RustsParticipantState rusts_twophase_state(RustsTwophase *twophase,
												  int participant);
extern const char *rusts_twophase_gid(RustsTwophase *twophase,
									  int participant);

/*
 * Have all of them do their commands and prepare, at once.  Errors: as of
 * rusts_connection_wait; a participant's failure is its state.
 */
extern void rusts_twophase_prepare(RustsTwophase *twophase,
								   TimestampTz deadline);

/*
 * Those that are prepared take part if the current transaction commits, which
 * it does synchronously.
 */
extern void rusts_twophase_decide(RustsTwophase *twophase);

/*
 * Commit, or roll back, those that are prepared, and give the connections
 * back.  Never throws and looks into no catalog: for callbacks of the
 * transaction's end.  Warns of nodes that were not reached; how many.
 */
extern int	rusts_twophase_finish(RustsTwophase *twophase, bool commit,
								  TimestampTz deadline);

/*
 * Gids.  Names of clusters and nodes have no colon.  The prefix is that of all
 * of a coordinator, in the current memory context.
 */
typedef struct RustsGid
{
	char		cluster[64];
	char		node[64];
	FullTransactionId xid;
} RustsGid;

#define RUSTS_GID_BYTES			200

extern char *rusts_gid_prefix(const char *cluster, const char *coordinator);
extern bool rusts_gid_parse(const char *text, RustsGid *gid);

/*
 * Finish what is in doubt: a round of the resolver, in one transaction.  The
 * current role must be a superuser on the nodes.
 */
typedef struct RustsResolution
{
	int			committed;
	int			rolled_back;
	int			in_progress;	/* their coordinator's is not over */
	int			failed;
	int64		forgotten;		/* rows of rusts.cluster_decision removed */
	char	   *prefix;
	int			ndecisions;
	struct RustsDecision *decisions;
	List	   *left;			/* gids that nodes still have */
} RustsResolution;

extern RustsResolution *rusts_resolve_begin(const char *cluster,
											const char *coordinator);

/*
 * Ask nodes, all at once; outcomes[] gets what came of each.  Errors: as of
 * rusts_connection_wait.
 */
extern void rusts_resolve_nodes(RustsResolution *resolution,
								const RustsNodeAddress *addresses,
								int naddresses,
								const char *application_name,
								TimestampTz deadline,
								RustsNodeOutcome *outcomes);

/*
 * If all nodes were reached that may have taken part in anything, decisions
 * that no node has to carry out any more are removed.
 */
extern void rusts_resolve_end(RustsResolution *resolution, bool all_reached);

#endif							/* RUSTS_TWOPHASE_H */
