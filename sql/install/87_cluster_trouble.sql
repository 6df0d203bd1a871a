-- What last went wrong with nodes of the cluster.

CREATE TABLE rusts.cluster_trouble (
	node_id		text NOT NULL,
	message		text NOT NULL,
	at			timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX cluster_trouble_pkey ON rusts.cluster_trouble (node_id);
REVOKE ALL ON rusts.cluster_trouble FROM PUBLIC;
COMMENT ON TABLE rusts.cluster_trouble IS
'the last error of the cluster worker with a node, until it succeeds again';
COMMENT ON COLUMN rusts.cluster_trouble.node_id IS
'the node; this one: its copying';
COMMENT ON COLUMN rusts.cluster_trouble.message IS 'the error';
COMMENT ON COLUMN rusts.cluster_trouble.at IS 'when';
