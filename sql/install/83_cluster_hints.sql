-- Rows for nodes of the cluster that could not take them when they were written.

CREATE TABLE rusts.cluster_hint (
	id			int8 GENERATED ALWAYS AS IDENTITY (CACHE 1),
	node_id		text NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('written', 'deleted')),
	part		name NOT NULL,
	columns		text[] NOT NULL,
	image		bytea NOT NULL,
	nrows		int4 NOT NULL,
	batch		text NOT NULL,
	written_at	timestamptz NOT NULL
);
ALTER TABLE rusts.cluster_hint ALTER COLUMN image SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX cluster_hint_pkey ON rusts.cluster_hint (node_id, id);
REVOKE ALL ON rusts.cluster_hint FROM PUBLIC;
COMMENT ON TABLE rusts.cluster_hint IS
'hinted hand-off: images of rows that other nodes still have to get from this one, in order';
COMMENT ON COLUMN rusts.cluster_hint.id IS 'order in which a node gets them';
COMMENT ON COLUMN rusts.cluster_hint.node_id IS 'node that has to get it';
COMMENT ON COLUMN rusts.cluster_hint.kind IS
'written: rows; deleted: what identifies rows that are to be deleted';
COMMENT ON COLUMN rusts.cluster_hint.part IS 'table in schema rusts_shard';
COMMENT ON COLUMN rusts.cluster_hint.columns IS
'names of the image''s columns by attribute number, and their types';
COMMENT ON COLUMN rusts.cluster_hint.image IS 'the encoded rows';
COMMENT ON COLUMN rusts.cluster_hint.nrows IS 'how many rows these are';
COMMENT ON COLUMN rusts.cluster_hint.batch IS 'name of the batch that they are of, or empty';
COMMENT ON COLUMN rusts.cluster_hint.written_at IS 'when they were written';
