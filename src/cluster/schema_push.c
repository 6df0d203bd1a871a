/*-------------------------------------------------------------------------
 *
 * schema_push.c
 *	  Tell a node what measurements and policies there are.
 *
 * A measurement that the node did not have gets all that it has here in the
 * same transaction: what was granted is not forgotten, and nobody sees there
 * what he does not see here.
 *
 * src/cluster/schema_push.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_partitioned_table.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "cluster/definition.h"
#include "cluster/measurement.h"
#include "cluster/nodes.h"
#include "cluster/schema_push.h"
#include "cluster/shard.h"
#include "cluster/spread.h"
#include "cluster/sql.h"
#include "compat.h"

static void push(RustsConnection *conn, Relation rel);
static void push_policies(RustsConnection *conn);
static RustsClusterMeasurement *describe(Relation rel);

void
rusts_schema_push(const RustsClusterConfig *config, int node)
{
	RustsConnection *conn = rusts_node_connect(config, node,
											   RUSTS_AS_CLUSTER);
	ListCell   *cell;

	foreach(cell, rusts_list_partitioned())
	{
		Relation	rel = try_relation_open(lfirst_oid(cell),
											AccessShareLock);

		CHECK_FOR_INTERRUPTS();
		if (rel == NULL)
			continue;
		if (rusts_is_cluster_measurement(rel))
			push(conn, rel);
		relation_close(rel, AccessShareLock);
	}
	push_policies(conn);
	rusts_connection_release(conn);
}

List *
rusts_list_partitioned(void)
{
	Relation	table = table_open(PartitionedRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(table, InvalidOid, false, NULL, 0,
										  NULL);
	List	   *relids = NIL;
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_partitioned_table form =
			(Form_pg_partitioned_table) GETSTRUCT(tuple);

		relids = lappend_oid(relids, form->partrelid);
	}
	systable_endscan(scan);
	table_close(table, AccessShareLock);
	return relids;
}

static void
push(RustsConnection *conn, Relation rel)
{
	RustsClusterMeasurement *measurement = describe(rel);
	char	   *owner = GetUserNameFromId(rel->rd_rel->relowner, false);

	rusts_node_send(conn, "BEGIN", 0, NULL);
	rusts_node_send(conn, psprintf("SET LOCAL ROLE %s",
								   quote_identifier(owner)), 0, NULL);
	rusts_node_send_ensure(conn, measurement);
	rusts_definition_send(conn, RelationGetRelid(rel));
	rusts_node_send(conn, "COMMIT", 0, NULL);
	rusts_node_wait(conn);
}

/*
 * Policies from before the node, or this one, was a node of the cluster.
 * Those that are removed later are so on all nodes at once.
 */
static void
push_policies(RustsConnection *conn)
{
	const char *policies =
		rusts_cluster_select("SELECT pg_catalog.jsonb_agg(p) "
							 "FROM rusts.policy AS p");

	if (policies == NULL)
		return;
	rusts_node_send(conn,
					"INSERT INTO rusts.policy "
					"(pattern, kind, owner, after, clock, tablespace, created) "
					"SELECT p.pattern, p.kind, r.oid, p.after, p.clock, "
					"p.tablespace, p.created "
					"FROM pg_catalog.jsonb_to_recordset($1::jsonb) "
					"AS p(pattern text, kind text, owner text, "
					"after interval, clock text, tablespace name, "
					"created timestamptz) "
					"JOIN pg_catalog.pg_roles AS r "
					"ON pg_catalog.quote_ident(r.rolname) = p.owner "
					"ON CONFLICT DO NOTHING", 1, &policies);
	rusts_node_wait(conn);
}

static RustsClusterMeasurement *
describe(Relation rel)
{
	RustsClusterMeasurement *measurement =
		palloc0_object(RustsClusterMeasurement);
	RustsSchema *schema = rusts_schema_build(rel);
	RustsShardKey *key = rusts_shard_key(rel);
	int			i;

	measurement->schema = get_namespace_name(RelationGetNamespace(rel));
	measurement->name = pstrdup(RelationGetRelationName(rel));
	measurement->made = true;
	for (i = 0; i < key->ntags; i++)
		measurement->tags = lappend(measurement->tags, key->tags[i]);
	measurement->columns = palloc0_array(RustsClusterColumn,
										 schema->ncolumns + 1);
	for (i = 0; i < schema->ncolumns; i++)
	{
		const RustsColumn *column = &schema->columns[i];
		Form_pg_attribute attr = TupleDescAttr(RelationGetDescr(rel),
											   column->attno - 1);
		RustsClusterColumn *wanted =
			&measurement->columns[measurement->ncolumns];

		wanted->name = pstrdup(NameStr(attr->attname));
		wanted->role = column->role;
		wanted->type = column->typid;

		/* What only ALTER TABLE adds is a matter of the definition. */
		if (rusts_column_kind(wanted) != NULL && attr->attgenerated == '\0' &&
			attr->attcollation == get_typcollation(attr->atttypid))
			measurement->ncolumns++;
	}
	return measurement;
}
