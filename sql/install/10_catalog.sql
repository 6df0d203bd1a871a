-- The segment directory: one row per batch of rows of any measurement.

CREATE SCHEMA rusts;
COMMENT ON SCHEMA rusts IS
'internal tables and public views of the rusts extension';
GRANT USAGE ON SCHEMA rusts TO PUBLIC;

CREATE TABLE rusts.segment (
	storage_id	int8 NOT NULL,
	segment_id	int8 NOT NULL,
	bytes		int8 NOT NULL,
	raw_bytes	int8 NOT NULL,
	min_time	timestamptz,
	max_time	timestamptz,
	time_partition timestamptz,
	written_at	timestamptz NOT NULL,
	nrows		int4 NOT NULL CHECK (nrows > 0),
	level		int2 NOT NULL,
	first_block	int8,
	nblocks		int4,
	tag_filter	bytea,
	payload		bytea,
	cold_table	oid,
	write_order	int8,
	key_columns	int8
) WITH (fillfactor = 100, autovacuum_vacuum_threshold = 200,
		autovacuum_vacuum_scale_factor = 0.05,
		autovacuum_vacuum_insert_threshold = 10000,
		toast.autovacuum_vacuum_threshold = 1000,
		toast.autovacuum_vacuum_scale_factor = 0.05);
-- Read with every scan, so never out of line; too dense to be compressed.
ALTER TABLE rusts.segment ALTER COLUMN tag_filter SET STORAGE MAIN;
ALTER TABLE rusts.segment ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX segment_pkey ON rusts.segment (storage_id, segment_id);
CREATE INDEX segment_time ON rusts.segment (storage_id, level, max_time, min_time);
REVOKE ALL ON rusts.segment FROM PUBLIC;

COMMENT ON TABLE rusts.segment IS
'segment directory: one row per stored batch; internal, see the view rusts.segments';
COMMENT ON COLUMN rusts.segment.storage_id IS
'storage the batch belongs to, as in the metapage of a measurement''s main fork';
COMMENT ON COLUMN rusts.segment.segment_id IS
'row number of the batch''s first row; row numbers make up the TIDs';
COMMENT ON COLUMN rusts.segment.bytes IS
'encoded size of the batch in bytes';
COMMENT ON COLUMN rusts.segment.raw_bytes IS
'size of the values in the batch, not encoded, in bytes';
COMMENT ON COLUMN rusts.segment.min_time IS
'smallest time in the batch; NULL if it has none';
COMMENT ON COLUMN rusts.segment.max_time IS
'largest time in the batch; NULL if it has none';
COMMENT ON COLUMN rusts.segment.time_partition IS
'beginning of the time partition the batch belongs to; NULL for level 0';
COMMENT ON COLUMN rusts.segment.written_at IS
'when the batch was written';
COMMENT ON COLUMN rusts.segment.nrows IS
'rows in the batch';
COMMENT ON COLUMN rusts.segment.level IS
'0 active, 1 hot, 2 cold';
COMMENT ON COLUMN rusts.segment.first_block IS
'first block of the extent in the main fork; NULL if the payload is here';
COMMENT ON COLUMN rusts.segment.nblocks IS
'length of the extent in blocks';
COMMENT ON COLUMN rusts.segment.write_order IS
'segment_id under which the latest rows of the batch were written; NULL if that is its own';
COMMENT ON COLUMN rusts.segment.key_columns IS
'attributes (bit n - 1 for number n) of which no two rows have the same values; NULL if not known';
COMMENT ON COLUMN rusts.segment.tag_filter IS
'Bloom filter of the batch''s tag values; NULL if there are no tags or too many values';
COMMENT ON COLUMN rusts.segment.payload IS
'the encoded batch, where it is not in the main fork';
COMMENT ON COLUMN rusts.segment.cold_table IS
'table with the encoded batch, where that is in a tablespace for cold ones; the payload points into it';

-- Deleted rows of segments, until these are written anew.

CREATE TABLE rusts.deletion (
	storage_id	int8 NOT NULL,
	segment_id	int8 NOT NULL,
	nrows		int4 NOT NULL CHECK (nrows > 0),
	deleted		bytea NOT NULL,
	moved		bytea
) WITH (fillfactor = 100, autovacuum_vacuum_threshold = 200,
		autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX deletion_segment ON rusts.deletion (storage_id, segment_id);
REVOKE ALL ON rusts.deletion FROM PUBLIC;

COMMENT ON TABLE rusts.deletion IS
'deleted rows of segments: one row per segment and statement; internal';
COMMENT ON COLUMN rusts.deletion.storage_id IS
'storage of the segment, as in rusts.segment';
COMMENT ON COLUMN rusts.deletion.segment_id IS
'the segment';
COMMENT ON COLUMN rusts.deletion.nrows IS
'number of deleted rows';
COMMENT ON COLUMN rusts.deletion.deleted IS
'which of the segment''s rows: see the format on disk';
COMMENT ON COLUMN rusts.deletion.moved IS
'row numbers of the new versions of updated rows; NULL for none';
