-- Nodes for which rows were not kept: they have to be copied.

CREATE TABLE rusts.cluster_lost (
	node_id		text NOT NULL,
	attempt		text,
	done		boolean NOT NULL DEFAULT false,
	since		timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX cluster_lost_pkey ON rusts.cluster_lost (node_id);
REVOKE ALL ON rusts.cluster_lost FROM PUBLIC;
COMMENT ON TABLE rusts.cluster_lost IS
'nodes for which this one did not keep rows that they have missed: they copy theirs from another placement';
COMMENT ON COLUMN rusts.cluster_lost.node_id IS 'the node';
COMMENT ON COLUMN rusts.cluster_lost.attempt IS
'the copy that is being made, which lacks what is in rusts.cluster_hint; null: none, and rows are not kept';
COMMENT ON COLUMN rusts.cluster_lost.done IS
'at the node itself: the copy has been made, and the other nodes are to be told';
COMMENT ON COLUMN rusts.cluster_lost.since IS 'from when on';

CREATE FUNCTION rusts_cluster_resync(node_id text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_cluster_resync'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION rusts_cluster_resync(text) FROM PUBLIC;
COMMENT ON FUNCTION rusts_cluster_resync(text) IS
'has a node of the cluster copy all of its rows from other placements, in the background; it is not read from until that is done';
