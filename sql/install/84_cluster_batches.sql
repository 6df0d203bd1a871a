-- Batches that clients name.

CREATE TABLE rusts.cluster_batch (
	batch		text NOT NULL,
	part		name NOT NULL,
	stored_at	timestamptz NOT NULL
);
CREATE UNIQUE INDEX cluster_batch_pkey ON rusts.cluster_batch (batch, part);
REVOKE ALL ON rusts.cluster_batch FROM PUBLIC;
COMMENT ON TABLE rusts.cluster_batch IS
'named batches of rusts_write that are stored, for a day: one sent again is not stored again';
COMMENT ON COLUMN rusts.cluster_batch.batch IS 'the client''s name for it';
COMMENT ON COLUMN rusts.cluster_batch.part IS
'table in schema rusts_shard; empty: the whole batch, in a database that is no node of a cluster, or at the node that took it';
COMMENT ON COLUMN rusts.cluster_batch.stored_at IS 'when its rows were stored';
