/*-------------------------------------------------------------------------
 *
 * twophase.c
 *	  One transaction on several nodes: the coordinator.
 *
 * A participant's part is one pipeline, from BEGIN to PREPARE TRANSACTION, so
 * it takes one round trip.  Its timeouts are a little less than what is left
 * until the deadline: it gives up before the coordinator does, and so can say
 * for what it has waited, and is known not to have prepared.
 *
 * src/cluster/twophase.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "cluster/twophase.h"
#include "compat.h"
#include "meta/catalog.h"

#define RANDOM_BYTES	8

typedef struct RustsParticipant
{
	RustsConnection *conn;
	RustsParticipantState state;
	char	   *node_id;
	char	   *gid;
	char	   *commit;			/* commands, ready before they are needed */
	char	   *rollback;
	int			prepare;		/* number of PREPARE TRANSACTION */
} RustsParticipant;

struct RustsTwophase
{
	MemoryContext cxt;
	char	   *gid_start;		/* all but the participant's number */
	char		timeout[32];	/* ms, a parameter of commands */
	const char *timeouts[1];
	int			nparticipants;
	int			maxparticipants;
	RustsParticipant *participants;
};

static void queue_prepare(RustsParticipant *participant);
static RustsParticipantState
			state_after_prepare(const RustsParticipant *participant);
static int	finish_all(RustsTwophase *twophase, bool commit,
					   TimestampTz deadline);
static void warn_unfinished(const RustsParticipant *participant, bool commit);
static bool is_finished(const RustsParticipant *participant);
static RustsConnection **prepared_ones(RustsTwophase *twophase, int *n);

RustsTwophase *
rusts_twophase_begin(const char *cluster, const char *coordinator)
{
	RustsTwophase *twophase = palloc0_object(RustsTwophase);
	char		random[RANDOM_BYTES];
	char		hex[RANDOM_BYTES * 2 + 1] = "";

	if (!pg_strong_random(random, sizeof(random)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
	hex_encode(random, sizeof(random), hex);
	twophase->cxt = CurrentMemoryContext;
	twophase->gid_start =
		psprintf("%s" UINT64_FORMAT ":%s",
				 rusts_gid_prefix(cluster, coordinator),
				 U64FromFullTransactionId(GetTopFullTransactionId()), hex);
	twophase->timeouts[0] = twophase->timeout;
	strlcpy(twophase->timeout, "0", sizeof(twophase->timeout));
	return twophase;
}

/* SET takes no parameter, so set_config sets the timeouts. */
int
rusts_twophase_add(RustsTwophase *twophase, const RustsNodeAddress *address,
				   const char *application_name)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(twophase->cxt);
	RustsParticipant *participant;
	char	   *quoted;

	if (twophase->nparticipants == twophase->maxparticipants)
	{
		twophase->maxparticipants = Max(4, twophase->maxparticipants * 2);
		twophase->participants = twophase->participants == NULL ?
			palloc_array(RustsParticipant, twophase->maxparticipants) :
			repalloc(twophase->participants,
					 twophase->maxparticipants * sizeof(RustsParticipant));
	}
	participant = &twophase->participants[twophase->nparticipants];
	memset(participant, 0, sizeof(*participant));
	participant->node_id = pstrdup(address->node_id);
	participant->gid = psprintf("%s%04x", twophase->gid_start,
								twophase->nparticipants);
	Assert(strlen(participant->gid) < RUSTS_GID_BYTES);
	quoted = quote_literal_cstr(participant->gid);
	participant->commit = psprintf("COMMIT PREPARED %s", quoted);
	participant->rollback = psprintf("ROLLBACK PREPARED %s", quoted);
	participant->conn = rusts_connection_get(address, application_name);
	rusts_connection_command(participant->conn,
							 "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE");
	rusts_connection_send(participant->conn,
						  "SELECT pg_catalog.set_config('lock_timeout', $1, true),"
						  " pg_catalog.set_config('statement_timeout', $1, true),"
						  " pg_catalog.set_config('idle_in_transaction_session_timeout', $1, true)",
						  1, NULL, twophase->timeouts, NULL, NULL, 0);
	MemoryContextSwitchTo(old_cxt);
	return twophase->nparticipants++;
}

int
rusts_twophase_count(RustsTwophase *twophase)
{
	return twophase->nparticipants;
}

RustsConnection *
rusts_twophase_connection(RustsTwophase *twophase, int participant)
{
	return twophase->participants[participant].conn;
}

RustsParticipantState
rusts_twophase_state(RustsTwophase *twophase, int participant)
{
	return twophase->participants[participant].state;
}

const char *
rusts_twophase_gid(RustsTwophase *twophase, int participant)
{
	return twophase->participants[participant].gid;
}

void
rusts_twophase_prepare(RustsTwophase *twophase, TimestampTz deadline)
{
	RustsConnection **conns = palloc_array(RustsConnection *,
										   twophase->nparticipants + 1);
	long		left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(),
													   deadline);
	int			i;

	snprintf(twophase->timeout, sizeof(twophase->timeout), "%ld",
			 Max(1L, left / 10 * 9));
	for (i = 0; i < twophase->nparticipants; i++)
	{
		queue_prepare(&twophase->participants[i]);
		conns[i] = twophase->participants[i].conn;
	}
	PG_TRY();
	{
		rusts_connection_wait(conns, twophase->nparticipants, deadline);
	}
	PG_FINALLY();
	{
		/* On an interrupt, some may have prepared. */
		for (i = 0; i < twophase->nparticipants; i++)
			twophase->participants[i].state =
				state_after_prepare(&twophase->participants[i]);
	}
	PG_END_TRY();
}

void
rusts_twophase_decide(RustsTwophase *twophase)
{
	Relation	table = rusts_catalog_open("cluster_decision",
										   RowExclusiveLock, false);
	int			i;

	for (i = 0; i < twophase->nparticipants; i++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};
		HeapTuple	tuple;

		if (twophase->participants[i].state != RUSTS_PARTICIPANT_PREPARED)
			continue;
		values[0] = CStringGetTextDatum(twophase->participants[i].gid);
		values[1] = TimestampTzGetDatum(GetCurrentTimestamp());
		tuple = heap_form_tuple(RelationGetDescr(table), values, nulls);
		rusts_catalog_insert(table, tuple, GetCurrentCommandId(true));
		heap_freetuple(tuple);
	}
	table_close(table, RowExclusiveLock);
	ForceSyncCommit();
}

/*
 * An error after the commit would be a crash of the server, so that whatever
 * goes wrong is a warning, and the resolver finishes it.
 */
int
rusts_twophase_finish(RustsTwophase *twophase, bool commit,
					  TimestampTz deadline)
{
	MemoryContext old_cxt = CurrentMemoryContext;
	volatile int unfinished = twophase->nparticipants;
	int			i;

	HOLD_INTERRUPTS();
	PG_TRY();
	{
		unfinished = finish_all(twophase, commit, deadline);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(old_cxt);
		FlushErrorState();
		ereport(WARNING,
				(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
				 errmsg("could not finish a transaction on other nodes"),
				 errdetail("They will be told later.")));
	}
	PG_END_TRY();
	for (i = 0; i < twophase->nparticipants; i++)
		rusts_connection_release(twophase->participants[i].conn);
	RESUME_INTERRUPTS();
	return unfinished;
}

char *
rusts_gid_prefix(const char *cluster, const char *coordinator)
{
	return psprintf("rusts:%s:%s:", cluster, coordinator);
}

bool
rusts_gid_parse(const char *text, RustsGid *gid)
{
	char		xid[21];
	char		random[33];
	int			end = 0;

	if (sscanf(text, "rusts:%63[^:]:%63[^:]:%20[0-9]:%32[0-9a-f]%n",
			   gid->cluster, gid->node, xid, random, &end) != 4 ||
		text[end] != '\0')
		return false;
	errno = 0;
	gid->xid = FullTransactionIdFromU64(strtou64(xid, NULL, 10));
	return errno == 0;
}

static void
queue_prepare(RustsParticipant *participant)
{
	char	   *quoted = quote_literal_cstr(participant->gid);

	rusts_connection_command(participant->conn,
							 psprintf("PREPARE TRANSACTION %s", quoted));
	participant->prepare = rusts_connection_count(participant->conn) - 1;
}

static RustsParticipantState
state_after_prepare(const RustsParticipant *participant)
{
	switch (rusts_connection_outcome(participant->conn))
	{
		case RUSTS_NODE_OK:
			return RUSTS_PARTICIPANT_PREPARED;
		case RUSTS_NODE_REFUSED:
			return RUSTS_PARTICIPANT_FAILED;
		case RUSTS_NODE_UNREACHABLE:
			break;
	}
	return rusts_connection_was_sent(participant->conn, participant->prepare) ?
		RUSTS_PARTICIPANT_UNKNOWN : RUSTS_PARTICIPANT_FAILED;
}

static int
finish_all(RustsTwophase *twophase, bool commit, TimestampTz deadline)
{
	int			unfinished = 0;
	int			n;
	RustsConnection **conns = prepared_ones(twophase, &n);
	int			i;

	for (i = 0; i < twophase->nparticipants; i++)
	{
		RustsParticipant *participant = &twophase->participants[i];

		if (participant->state == RUSTS_PARTICIPANT_PREPARED)
			rusts_connection_command(participant->conn,
									 commit ? participant->commit :
									 participant->rollback);
	}
	rusts_connection_wait(conns, n, deadline);
	for (i = 0; i < twophase->nparticipants; i++)
	{
		RustsParticipant *participant = &twophase->participants[i];

		if (participant->state != RUSTS_PARTICIPANT_PREPARED)
			continue;
		participant->state = is_finished(participant) ?
			RUSTS_PARTICIPANT_FINISHED : RUSTS_PARTICIPANT_UNKNOWN;
		if (participant->state == RUSTS_PARTICIPANT_UNKNOWN)
		{
			warn_unfinished(participant, commit);
			unfinished++;
		}
	}
	return unfinished;
}

static void
warn_unfinished(const RustsParticipant *participant, bool commit)
{
	const RustsNodeError *error = rusts_connection_error(participant->conn);

	ereport(WARNING,
			(errcode(ERRCODE_TRANSACTION_RESOLUTION_UNKNOWN),
			 commit ? errmsg("could not commit at node \"%s\" yet",
							 participant->node_id) :
			 errmsg("could not roll back at node \"%s\" yet",
					participant->node_id),
			 errdetail_internal("%s", error->message),
			 errhint("It will be done when the node answers again.")));
}

/* The resolver may have been faster. */
static bool
is_finished(const RustsParticipant *participant)
{
	const RustsNodeError *error = rusts_connection_error(participant->conn);

	return error == NULL ||
		(rusts_connection_outcome(participant->conn) == RUSTS_NODE_REFUSED &&
		 error->sqlstate == ERRCODE_UNDEFINED_OBJECT);
}

static RustsConnection **
prepared_ones(RustsTwophase *twophase, int *n)
{
	RustsConnection **conns = palloc_array(RustsConnection *,
										   twophase->nparticipants + 1);
	int			i;

	*n = 0;
	for (i = 0; i < twophase->nparticipants; i++)
	{
		if (twophase->participants[i].state == RUSTS_PARTICIPANT_PREPARED)
			conns[(*n)++] = twophase->participants[i].conn;
	}
	return conns;
}
