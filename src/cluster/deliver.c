/*-------------------------------------------------------------------------
 *
 * deliver.c
 *	  Rows to other nodes, as a part of the running transaction.
 *
 * src/cluster/deliver.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "cluster/deliver.h"
#include "cluster/topology.h"
#include "cluster/twophase.h"
#include "compat.h"

struct RustsDelivery
{
	const RustsClusterConfig *config;
	RustsTwophase *twophase;
	int		   *participants;	/* by node; -1: none */
	RustsDelivery *next;		/* of the transaction */
};

static RustsDelivery *deliveries;	/* of the running transaction */

static void send_statement(RustsConnection *conn, const RustsParcel *parcel,
						   const char *writer);
static void send_image(RustsConnection *conn, const RustsParcel *parcel,
					   const char *writer);
static void at_xact_end(XactEvent event, void *arg);

RustsDelivery *
rusts_delivery_begin(const RustsClusterConfig *config)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	RustsDelivery *delivery = palloc0_object(RustsDelivery);
	int			i;

	delivery->config = config;
	delivery->twophase = rusts_twophase_begin(config->cluster_name,
											  config->node_id);
	delivery->participants = palloc_array(int, config->nnodes);
	for (i = 0; i < config->nnodes; i++)
		delivery->participants[i] = -1;
	delivery->next = deliveries;
	deliveries = delivery;
	MemoryContextSwitchTo(old_cxt);
	return delivery;
}

void
rusts_delivery_add(RustsDelivery *delivery, int node, RustsNodeRole role,
				   const RustsParcel *parcel)
{
	MemoryContext old_cxt = MemoryContextSwitchTo(TopTransactionContext);
	const char *writer = NULL;

	if (delivery->participants[node] < 0)
	{
		RustsNodeAddress address;

		rusts_node_address(delivery->config, node, role, &address);
		delivery->participants[node] =
			rusts_twophase_add(delivery->twophase, &address,
							   rusts_node_application(delivery->config));
	}
	if (role == RUSTS_AS_CLUSTER && OidIsValid(parcel->writer))
		writer = GetUserNameFromId(parcel->writer, false);
	if (parcel->kind == RUSTS_PARCEL_STATEMENT)
		send_statement(rusts_delivery_connection(delivery, node), parcel,
					   writer);
	else
		send_image(rusts_delivery_connection(delivery, node), parcel, writer);
	MemoryContextSwitchTo(old_cxt);
}

static void
send_statement(RustsConnection *conn, const RustsParcel *parcel,
			   const char *writer)
{
	const char **values = palloc_array(const char *, 3);

	values[0] = parcel->statement;
	values[1] = parcel->settings;
	values[2] = writer;
	rusts_node_send(conn, writer == NULL ?
					"SELECT rusts.cluster_statement($1, $2)" :
					"SELECT rusts.cluster_statement_as($1, $2, $3)",
					writer == NULL ? 2 : 3, values);
}

static void
send_image(RustsConnection *conn, const RustsParcel *parcel,
		   const char *writer)
{
	static const char *const stores[] = {
		"SELECT rusts.store_image($1, $2, $3, $4)",
		"SELECT rusts.store_image_as($1, $2, $3, $4, $5)",
	};
	static const char *const deletes[] = {
		"SELECT rusts.delete_points($1, $2, $3)",
		"SELECT rusts.delete_points_as($1, $2, $3, $4)",
	};
	static const Oid types[] = {NAMEOID, TEXTARRAYOID, BYTEAOID, TEXTOID,
	TEXTOID};
	static const int formats[] = {0, 0, 1, 0, 0};
	int			lengths[] = {0, 0, parcel->len - VARHDRSZ, 0, 0};
	const char **values = palloc_array(const char *, lengthof(types));
	bool		as = writer != NULL;
	int			n = 0;

	values[n++] = parcel->table;
	values[n++] = parcel->columns;
	values[n++] = VARDATA(parcel->image);
	if (parcel->kind != RUSTS_PARCEL_DELETED)
		values[n++] = parcel->batch;
	if (as)
		values[n++] = writer;
	rusts_connection_send(conn, parcel->kind == RUSTS_PARCEL_DELETED ?
						  deletes[as] : stores[as], n, types, values, lengths,
						  formats, 0);
}

void
rusts_delivery_prepare(RustsDelivery *delivery, TimestampTz deadline)
{
	rusts_twophase_prepare(delivery->twophase, deadline);
}

bool
rusts_delivery_prepared(const RustsDelivery *delivery, int node)
{
	int			participant = delivery->participants[node];

	return participant >= 0 &&
		rusts_twophase_state(delivery->twophase,
							 participant) == RUSTS_PARTICIPANT_PREPARED;
}

RustsConnection *
rusts_delivery_connection(const RustsDelivery *delivery, int node)
{
	return rusts_twophase_connection(delivery->twophase,
									 delivery->participants[node]);
}

void
rusts_delivery_decide(RustsDelivery *delivery)
{
	rusts_twophase_decide(delivery->twophase);
}

void
rusts_deliver_init(void)
{
	RegisterXactCallback(at_xact_end, NULL);
}

static void
at_xact_end(XactEvent event, void *arg)
{
	RustsDelivery *list = deliveries;

	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT)
		return;
	deliveries = NULL;
	for (; list != NULL; list = list->next)
		(void) rusts_twophase_finish(list->twophase,
									 event == XACT_EVENT_COMMIT,
									 rusts_cluster_deadline());
}
