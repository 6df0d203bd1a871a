-- What a node of a cluster has to remember of its own transactions.

CREATE TABLE rusts.cluster_decision (
	gid			text COLLATE "C" PRIMARY KEY,
	decided_at	timestamptz NOT NULL DEFAULT pg_catalog.now()
) WITH (fillfactor = 100, autovacuum_vacuum_threshold = 200,
		autovacuum_vacuum_scale_factor = 0.05);
REVOKE ALL ON rusts.cluster_decision FROM PUBLIC;

COMMENT ON TABLE rusts.cluster_decision IS
'prepared transactions on other nodes that are to be committed, because the transaction here that made this row was; internal';
COMMENT ON COLUMN rusts.cluster_decision.gid IS
'the prepared transaction''s name: rusts:<cluster>:<this node>:<transaction here>:<random>';
COMMENT ON COLUMN rusts.cluster_decision.decided_at IS
'when';
