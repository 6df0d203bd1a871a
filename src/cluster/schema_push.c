/*-------------------------------------------------------------------------
 *
 * schema_push.c
 *	  Tell a node what measurements and policies there are.
 *
 * A measurement that the node did not have gets the privileges and the
 * row-level security that it has here, in the same transaction: what was
 * granted is not forgotten, and nobody sees there what he does not see here.
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
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "cluster/change_parts.h"
#include "cluster/measurement.h"
#include "cluster/nodes.h"
#include "cluster/schema_push.h"
#include "cluster/shard.h"
#include "cluster/spread.h"
#include "cluster/sql.h"
#include "compat.h"

static void push(RustsConnection *conn, Relation rel);
static void push_security(RustsConnection *conn, Relation rel);
static char *describe_security(Oid relid);
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
	push_security(conn, rel);
	rusts_node_send(conn, "COMMIT", 0, NULL);
	rusts_node_wait(conn);
}

/* What is there already has been told by the statements themselves. */
static void
push_security(RustsConnection *conn, Relation rel)
{
	const char **values = palloc_array(const char *, 2);
	const char *schema;

	values[0] = describe_security(RelationGetRelid(rel));
	if (values[0] == NULL)
		return;
	schema = get_namespace_name(RelationGetNamespace(rel));
	values[1] = quote_qualified_identifier(schema,
										   RelationGetRelationName(rel));
	rusts_node_send(conn,
					"SELECT rusts.cluster_statement($1, '{}') "
					"FROM pg_catalog.pg_class AS c "
					"WHERE c.oid = $2::pg_catalog.regclass "
					"AND relacl IS NULL AND NOT relrowsecurity "
					"AND NOT EXISTS (SELECT FROM pg_catalog.pg_policy "
					"WHERE polrelid = c.oid)", 2, values);
}

/* The statements that make it; NULL: none. */
static char *
describe_security(Oid relid)
{
	int			guc_level = NewGUCNestLevel();
	char	   *grants = rusts_read_grants(relid);
	char	   *statements;

	/* Names in expressions have to be found there. */
	(void) set_config_option("search_path", "pg_catalog", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	statements = rusts_cluster_select(psprintf(
		"SELECT pg_catalog.string_agg(pg_catalog.replace(s, '$part$', "
		"%u::pg_catalog.regclass::text), '; ' ORDER BY n, s) FROM ("
		"SELECT 1 AS n, %s AS s UNION ALL "
		"SELECT 2, pg_catalog.concat('CREATE POLICY ', "
		"pg_catalog.quote_ident(polname), ' ON $part$ AS ', "
		"CASE WHEN NOT polpermissive THEN 'RESTRICTIVE' ELSE 'PERMISSIVE' END, "
		"' FOR ', CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' "
		"WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, "
		"' TO ', (SELECT pg_catalog.string_agg(CASE role WHEN 0 THEN 'PUBLIC' "
		"ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(role)) END, ', ') "
		"FROM pg_catalog.unnest(polroles) AS role), "
		"' USING (' || pg_catalog.pg_get_expr(polqual, polrelid) || ')', "
		"' WITH CHECK (' || pg_catalog.pg_get_expr(polwithcheck, polrelid) "
		"|| ')') FROM pg_catalog.pg_policy WHERE polrelid = %u UNION ALL "
		"SELECT 3, 'ALTER TABLE $part$ ENABLE ROW LEVEL SECURITY' "
		"FROM pg_catalog.pg_class WHERE oid = %u AND relrowsecurity UNION ALL "
		"SELECT 3, 'ALTER TABLE $part$ FORCE ROW LEVEL SECURITY' "
		"FROM pg_catalog.pg_class WHERE oid = %u AND relforcerowsecurity) "
		"AS security", relid,
		grants == NULL ? "NULL" : quote_literal_cstr(grants), relid, relid,
		relid));
	AtEOXact_GUC(true, guc_level);
	return statements;
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
		RustsClusterColumn *wanted =
			&measurement->columns[measurement->ncolumns];

		wanted->name =
			pstrdup(NameStr(TupleDescAttr(RelationGetDescr(rel),
										  column->attno - 1)->attname));
		wanted->role = column->role;
		wanted->type = column->typid;

		/* What somebody has added by hand is no matter of the cluster's. */
		if (rusts_column_kind(wanted) != NULL)
			measurement->ncolumns++;
	}
	return measurement;
}
