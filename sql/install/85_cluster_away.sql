-- Nodes of the cluster that are not read from.

CREATE TABLE rusts.cluster_away (
	node_id		text NOT NULL,
	reason		text NOT NULL,
	since		timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX cluster_away_pkey ON rusts.cluster_away (node_id);
REVOKE ALL ON rusts.cluster_away FROM PUBLIC;
COMMENT ON TABLE rusts.cluster_away IS
'nodes that this one does not read from, because they do not answer or have missed rows';
COMMENT ON COLUMN rusts.cluster_away.node_id IS 'the node';
COMMENT ON COLUMN rusts.cluster_away.reason IS
'down: it does not answer; behind: it still has to get rows';
COMMENT ON COLUMN rusts.cluster_away.since IS 'from when on';

CREATE FUNCTION rusts.cluster_set_away(node_id text, reason text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_set_away'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_set_away(text, text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_set_away(text, text) IS
'a node is not read from, until rusts.cluster_set_back(); nodes tell each other; internal';

CREATE FUNCTION rusts.cluster_set_back(node_id text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_set_back'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts.cluster_set_back(text) FROM PUBLIC;
COMMENT ON FUNCTION rusts.cluster_set_back(text) IS
'a node is read from again; internal';

CREATE FUNCTION rusts_cluster_status()
RETURNS TABLE (node_id text, address text, state text, since timestamptz,
			   primary_shards integer[], replica_shards integer[],
			   hint_rows bigint, hint_bytes bigint,
			   oldest_hint timestamptz, detail text, last_error text)
AS 'MODULE_PATHNAME', 'rusts_cluster_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;
REVOKE ALL ON FUNCTION rusts_cluster_status() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rusts_cluster_status() TO pg_monitor;
COMMENT ON FUNCTION rusts_cluster_status() IS
'the nodes of the cluster as this one sees them: live, down (does not answer) or behind (has to catch up and is not read from), their shards, what this node still has to hand over to them, and what last went wrong when it did, or when this node copied its rows';
