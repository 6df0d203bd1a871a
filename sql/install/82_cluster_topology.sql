-- What was applied of the configuration of the cluster.

CREATE SCHEMA rusts_shard;
COMMENT ON SCHEMA rusts_shard IS
'the parts of measurements of a cluster, one per group of shards: tables here, foreign tables where other nodes have them';
GRANT USAGE ON SCHEMA rusts_shard TO PUBLIC;

CREATE TABLE rusts.cluster (
	config		text NOT NULL,
	node_id		text NOT NULL,
	applied_at	timestamptz NOT NULL DEFAULT now()
);
REVOKE ALL ON rusts.cluster FROM PUBLIC;
COMMENT ON TABLE rusts.cluster IS
'the configuration of the cluster that rusts_cluster_apply() has applied, one row; none: this database is by itself';
COMMENT ON COLUMN rusts.cluster.config IS 'text of the file';
COMMENT ON COLUMN rusts.cluster.node_id IS 'the node that this server is';
COMMENT ON COLUMN rusts.cluster.applied_at IS 'when it was applied here';

CREATE FUNCTION rusts.cluster_accept(config text, node_id text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_accept'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_accept(text, text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_accept(text, text) IS
'makes this database the node of that name of a cluster; called by rusts_cluster_apply() on every node';

CREATE FUNCTION rusts.cluster_ensure(schema text, measurement text,
									 columns text[], kinds text[],
									 tags text[] DEFAULT NULL)
RETURNS text[]
AS 'MODULE_PATHNAME', 'rusts_cluster_ensure'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts.cluster_ensure(text, text, text[], text[], text[]) IS
'makes a measurement of the cluster in this database, or the columns that it lacks, with the caller''s rights; kinds: time, time_ns, tag, float8, int8, text, bool; returns the tags that the shard depends on';

CREATE FUNCTION rusts.cluster_statement(statement text, settings text[])
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_statement'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION rusts.cluster_statement(text, text[]) IS
'carries out what another node has carried out, with the caller''s rights; internal';

CREATE FUNCTION rusts_cluster_apply()
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_apply'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts_cluster_apply() FROM PUBLIC;
COMMENT ON FUNCTION rusts_cluster_apply() IS
'makes the cluster that the file of rusts.cluster_config describes, on all of its nodes; checks everything first';

-- How shards move to other nodes.
CREATE FUNCTION rusts.cluster_lock(what text, timeout_ms integer)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_lock'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_lock(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_lock(text, integer) IS
'locks the measurements of the cluster in this database, or their parts, until the end of the transaction: writes, parts, reads; internal';

CREATE FUNCTION rusts.cluster_stage(config text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_cluster_stage'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_stage(text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_stage(text) IS
'makes tables for the parts of measurements that this node lacks in another configuration; returns their number; internal';

CREATE FUNCTION rusts.cluster_keep()
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_keep'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_keep() FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_keep() IS
'keeps rows of the parts of measurements in this database in their segments until the end of the transaction; internal';

CREATE FUNCTION rusts.cluster_marks()
RETURNS text
AS 'MODULE_PATHNAME', 'rusts_cluster_marks'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_marks() FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_marks() IS
'the next row number of each part, and a second line that differs when rows were changed or deleted; internal';

CREATE FUNCTION rusts.cluster_watch(marks text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_watch'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_watch(text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_watch(text) IS
'makes views of what is written after these marks; internal';

CREATE FUNCTION rusts.cluster_copy(config text, what text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_cluster_copy'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_copy(text, text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_copy(text, text) IS
'fills these tables with all rows, or with those that were written since the marks; returns the number of rows, -1 if all are needed; internal';

CREATE FUNCTION rusts.cluster_switch(config text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_switch'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_switch(text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_switch(text) IS
'makes these tables parts of their measurements, and the configuration that of this node; internal';

CREATE FUNCTION rusts_cluster_plan()
RETURNS TABLE (step integer, action text, shards integer[],
			   from_nodes text[], to_nodes text[], bytes bigint)
AS 'MODULE_PATHNAME', 'rusts_cluster_plan'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
REVOKE ALL ON FUNCTION rusts_cluster_plan() FROM PUBLIC;
COMMENT ON FUNCTION rusts_cluster_plan() IS
'what rusts_cluster_apply() would move: shards, the nodes that hold them and that would hold them, the primary first, and about how many bytes would be copied';
