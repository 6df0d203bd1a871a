/*-------------------------------------------------------------------------
 *
 * rusts_test_cluster.c
 *	  SQL functions for TAP test 061, around connections and transactions of
 *	  several nodes, which have none of their own.
 *
 * Nodes are servers on this machine, by their ports: "n1" is the first of an
 * array.  This library has its own copy of the sources that it tests, with its
 * own variable for rusts.cluster_timeout.
 *
 * test/modules/rusts_test_cluster.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "cluster/twophase.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(test_run);
PG_FUNCTION_INFO_V1(test_echo_bytes);
PG_FUNCTION_INFO_V1(test_close_all);
PG_FUNCTION_INFO_V1(test_prepare);
PG_FUNCTION_INFO_V1(test_resolve);
PG_FUNCTION_INFO_V1(test_parse_gid);

#define APPLICATION "rusts:test:here"

static RustsTwophase *twophase;
static bool finishes;

/* The parameter's value, and a deadline from it. */
static TimestampTz
deadline(void)
{
	rusts_cluster_timeout =
		atoi(GetConfigOption("rusts.cluster_timeout", false, false));
	return rusts_cluster_deadline();
}

/* The addresses of an array of ports. */
static RustsNodeAddress *
read_ports(Datum ports, const char *host, const char *user,
		   const char *passfile, int *n)
{
	RustsNodeAddress *addresses;
	Datum	   *elements;
	int			i;

	deconstruct_array(DatumGetArrayTypeP(ports), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &elements, NULL, n);
	addresses = palloc0(sizeof(RustsNodeAddress) * *n);
	for (i = 0; i < *n; i++)
	{
		addresses[i].node_id = psprintf("n%d", i + 1);
		addresses[i].host = host;
		addresses[i].port = DatumGetInt32(elements[i]);
		addresses[i].user = user;
		addresses[i].passfile = passfile;
	}
	return addresses;
}

static char *
text_or_null(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(i));
}

static const char *
outcome_name(RustsNodeOutcome outcome)
{
	switch (outcome)
	{
		case RUSTS_NODE_OK:
			return "ok";
		case RUSTS_NODE_REFUSED:
			return "refused";
		case RUSTS_NODE_UNREACHABLE:
			return "unreachable";
	}
	return "?";
}

/* The first values of the answers, joined by commas. */
static Datum
join_results(RustsConnection *conn, bool *isnull)
{
	StringInfoData joined;
	int			i;

	initStringInfo(&joined);
	for (i = 0; i < rusts_connection_count(conn); i++)
	{
		const PGresult *result = rusts_connection_result(conn, i);

		if (i > 0)
			appendStringInfoChar(&joined, ',');
		if (result != NULL && PQntuples(result) > 0)
			appendStringInfoString(&joined, PQgetvalue(result, 0, 0));
	}
	*isnull = joined.len == 0;
	return CStringGetTextDatum(joined.data);
}

/*
 * test_run(host text, ports int[], commands text[], "user" text,
 *			passfile text)
 * RETURNS TABLE (node int, outcome text, sqlstate text, message text,
 *				  detail text, results text)
 */
Datum
test_run(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *set = (ReturnSetInfo *) fcinfo->resultinfo;
	RustsNodeAddress *addresses;
	RustsConnection **conns;
	Datum	   *commands;
	int			ncommands;
	int			n;
	int			i;
	int			j;

	InitMaterializedSRF(fcinfo, 0);
	addresses = read_ports(PG_GETARG_DATUM(1), text_or_null(fcinfo, 0),
						   text_or_null(fcinfo, 3), text_or_null(fcinfo, 4),
						   &n);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(2), TEXTOID, -1, false,
					  TYPALIGN_INT, &commands, NULL, &ncommands);
	conns = palloc(sizeof(RustsConnection *) * n);
	(void) deadline();
	for (i = 0; i < n; i++)
	{
		conns[i] = rusts_connection_get(&addresses[i], APPLICATION);
		for (j = 0; j < ncommands; j++)
			rusts_connection_command(conns[i],
									 TextDatumGetCString(commands[j]));
	}
	rusts_connection_wait(conns, n, deadline());
	for (i = 0; i < n; i++)
	{
		const RustsNodeError *error = rusts_connection_error(conns[i]);
		RustsNodeOutcome outcome = rusts_connection_outcome(conns[i]);
		Datum		values[6] = {0};
		bool		nulls[6] = {false, false, true, true, true, false};

		values[0] = Int32GetDatum(i + 1);
		values[1] = CStringGetTextDatum(outcome_name(outcome));
		if (error != NULL)
		{
			values[2] = CStringGetTextDatum(unpack_sql_state(error->sqlstate));
			values[3] = CStringGetTextDatum(error->message);
			nulls[2] = nulls[3] = false;
			nulls[4] = error->detail == NULL;
			if (!nulls[4])
				values[4] = CStringGetTextDatum(error->detail);
		}
		values[5] = join_results(conns[i], &nulls[5]);
		rusts_connection_release(conns[i]);
		tuplestore_putvalues(set->setResult, set->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * test_echo_bytes(host text, ports int[], size int, times int) RETURNS int
 *
 * How many nodes give back as many parameters of that size as they got.
 */
Datum
test_echo_bytes(PG_FUNCTION_ARGS)
{
	int			size = PG_GETARG_INT32(2);
	int			times = PG_GETARG_INT32(3);
	RustsNodeAddress *addresses;
	RustsConnection **conns;
	char	   *bytes = palloc(size);
	const char *const values[] = {bytes};
	const Oid	types[] = {BYTEAOID};
	const int	formats[] = {1};
	int			equal = 0;
	int			n;
	int			i;
	int			j;

	for (i = 0; i < size; i++)
		bytes[i] = (char) (i * 7 + i / 251);
	addresses = read_ports(PG_GETARG_DATUM(1), text_or_null(fcinfo, 0), NULL,
						   NULL, &n);
	conns = palloc(sizeof(RustsConnection *) * n);
	for (i = 0; i < n; i++)
	{
		conns[i] = rusts_connection_get(&addresses[i], APPLICATION);
		for (j = 0; j < times; j++)
			rusts_connection_send(conns[i], "SELECT $1", 1, types, values,
								  &size, formats, 1);
	}
	rusts_connection_wait(conns, n, deadline());
	for (i = 0; i < n; i++)
	{
		bool		same = true;

		rusts_connection_report(conns[i], ERROR);
		for (j = 0; j < times; j++)
		{
			const PGresult *result = rusts_connection_result(conns[i], j);

			same = same && result != NULL &&
				PQgetlength(result, 0, 0) == size &&
				memcmp(PQgetvalue(result, 0, 0), bytes, size) == 0;
		}
		equal += same;
	}
	PG_RETURN_INT32(equal);
}

/* test_close_all() RETURNS void */
Datum
test_close_all(PG_FUNCTION_ARGS)
{
	rusts_connections_close_all();
	PG_RETURN_VOID();
}

static void
at_transaction_event(XactEvent event, void *arg)
{
	if (twophase == NULL)
		return;
	if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT)
	{
		if (finishes)
			(void) rusts_twophase_finish(twophase, event == XACT_EVENT_COMMIT,
										 deadline());
		twophase = NULL;
	}
}

/*
 * test_prepare(host text, ports int[], command text, decide bool, finish bool)
 * RETURNS text
 *
 * Have nodes do a command in this transaction; their states.  Without decide
 * and finish, the transaction's end goes without them.
 */
Datum
test_prepare(PG_FUNCTION_ARGS)
{
	static bool registered = false;
	static const char *const names[] = {
		"open", "prepared", "failed", "unknown", "finished"
	};
	char	   *command = text_or_null(fcinfo, 2);
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	RustsNodeAddress *addresses;
	StringInfoData states;
	int			n;
	int			i;

	if (!registered)
		RegisterXactCallback(at_transaction_event, NULL);
	registered = true;
	finishes = PG_GETARG_BOOL(4);
	addresses = read_ports(PG_GETARG_DATUM(1), text_or_null(fcinfo, 0), NULL,
						   NULL, &n);
	(void) deadline();
	twophase = rusts_twophase_begin("test", "here");
	for (i = 0; i < n; i++)
	{
		(void) rusts_twophase_add(twophase, &addresses[i], APPLICATION);
		rusts_connection_command(rusts_twophase_connection(twophase, i),
								 command);
	}
	rusts_twophase_prepare(twophase, deadline());
	initStringInfo(&states);
	for (i = 0; i < n; i++)
		appendStringInfo(&states, i > 0 ? " %s" : "%s",
						 names[rusts_twophase_state(twophase, i)]);
	if (PG_GETARG_BOOL(3))
		rusts_twophase_decide(twophase);
	MemoryContextSwitchTo(old_cxt);
	PG_RETURN_TEXT_P(cstring_to_text(states.data));
}

/* test_resolve(host text, ports int[]) RETURNS text */
Datum
test_resolve(PG_FUNCTION_ARGS)
{
	RustsResolution *resolution;
	RustsNodeAddress *addresses;
	RustsNodeOutcome *outcomes;
	StringInfoData line;
	bool		all = true;
	int			n;
	int			i;

	addresses = read_ports(PG_GETARG_DATUM(1), text_or_null(fcinfo, 0), NULL,
						   NULL, &n);
	outcomes = palloc(sizeof(RustsNodeOutcome) * n);
	(void) deadline();
	resolution = rusts_resolve_begin("test", "here");
	rusts_resolve_nodes(resolution, addresses, n, APPLICATION, deadline(),
						outcomes);
	for (i = 0; i < n; i++)
		all = all && outcomes[i] == RUSTS_NODE_OK;
	rusts_resolve_end(resolution, all);
	initStringInfo(&line);
	appendStringInfo(&line, "committed %d, rolled back %d, in progress %d",
					 resolution->committed, resolution->rolled_back,
					 resolution->in_progress);
	appendStringInfo(&line, ", failed %d, forgotten %d%s", resolution->failed,
					 (int) resolution->forgotten,
					 all ? "" : ", not all reached");
	PG_RETURN_TEXT_P(cstring_to_text(line.data));
}

/* test_parse_gid(text) RETURNS text */
Datum
test_parse_gid(PG_FUNCTION_ARGS)
{
	RustsGid	gid;
	StringInfoData line;

	if (!rusts_gid_parse(text_to_cstring(PG_GETARG_TEXT_PP(0)), &gid))
		PG_RETURN_NULL();
	initStringInfo(&line);
	appendStringInfo(&line, "%s %s " UINT64_FORMAT, gid.cluster, gid.node,
					 U64FromFullTransactionId(gid.xid));
	PG_RETURN_TEXT_P(cstring_to_text(line.data));
}
