\echo Use "CREATE EXTENSION rusts" to load it. \quit
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
	payload		bytea
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
COMMENT ON COLUMN rusts.segment.tag_filter IS
'Bloom filter of the batch''s tag values; NULL if there are no tags or too many values';
COMMENT ON COLUMN rusts.segment.payload IS
'the encoded batch, where it is not in the main fork';
-- The table access method.

CREATE FUNCTION rusts.am_handler(internal) RETURNS table_am_handler
AS 'MODULE_PATHNAME', 'rusts_am_handler' LANGUAGE C STRICT;
COMMENT ON FUNCTION rusts.am_handler(internal) IS
'handler of the table access method rusts';

CREATE ACCESS METHOD rusts TYPE TABLE HANDLER rusts.am_handler;
COMMENT ON ACCESS METHOD rusts IS
'compressed columnar storage for time series';
-- Flushing, and views of what is stored.

CREATE FUNCTION rusts_flush(measurement regclass DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_flush' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_flush(regclass) IS
'move the active batches of a measurement, or of all that the caller owns, to hot segments; returns the number of rows moved';

CREATE FUNCTION rusts.storage_id(relation oid) RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_storage_id_sql'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION rusts.storage_id(oid) IS
'storage id of a measurement, as in rusts.segment; internal';

CREATE VIEW rusts.segments WITH (security_barrier) AS
SELECT c.oid::regclass AS measurement,
	   s.segment_id,
	   CASE s.level WHEN 0 THEN 'active' WHEN 1 THEN 'hot' ELSE 'cold' END
	   AS tier,
	   s.time_partition,
	   s.nrows AS rows,
	   s.bytes,
	   s.min_time,
	   s.max_time
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'rusts'
JOIN rusts.segment s ON s.storage_id = rusts.storage_id(c.oid)
WHERE c.relkind IN ('r', 'm')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
  AND NOT pg_catalog.row_security_active(c.oid);
GRANT SELECT ON rusts.segments TO PUBLIC;
COMMENT ON VIEW rusts.segments IS
'the stored batches of the measurements that the user may read';
COMMENT ON COLUMN rusts.segments.measurement IS 'the measurement';
COMMENT ON COLUMN rusts.segments.segment_id IS 'number of the batch in its measurement';
COMMENT ON COLUMN rusts.segments.tier IS 'active, hot or cold';
COMMENT ON COLUMN rusts.segments.time_partition IS 'beginning of the time partition; NULL for active batches';
COMMENT ON COLUMN rusts.segments.rows IS 'rows in the batch';
COMMENT ON COLUMN rusts.segments.bytes IS 'encoded size in bytes';
COMMENT ON COLUMN rusts.segments.min_time IS 'smallest time';
COMMENT ON COLUMN rusts.segments.max_time IS 'largest time';

CREATE VIEW rusts.measurements WITH (security_barrier) AS
SELECT c.oid::regclass AS measurement,
	   (SELECT pg_catalog.array_agg(t.attname::text ORDER BY t.attnum)
		FROM pg_catalog.pg_attribute t
		JOIN pg_catalog.pg_seclabel l
		  ON l.objoid = t.attrelid AND l.objsubid = t.attnum
		 AND l.classoid = 'pg_catalog.pg_class'::regclass
		 AND l.provider = 'rusts' AND l.label = 'tag'
		WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
		  AND t.atttypid = 'pg_catalog.text'::regtype)
	   AS tags,
	   (SELECT pg_catalog.array_agg(t.attname::text ORDER BY t.attnum)
		FROM pg_catalog.pg_attribute t
		WHERE t.attrelid = c.oid AND t.attnum > 0 AND NOT t.attisdropped
		  AND t.attname NOT IN ('time', 'time_ns')
		  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_seclabel l
						  WHERE t.atttypid = 'pg_catalog.text'::regtype
							AND l.objoid = t.attrelid
							AND l.objsubid = t.attnum
							AND l.classoid = 'pg_catalog.pg_class'::regclass
							AND l.provider = 'rusts' AND l.label = 'tag'))
	   AS fields,
	   coalesce(s.rows, 0) AS rows,
	   coalesce(s.bytes, 0) AS bytes,
	   pg_catalog.round(s.raw_bytes / nullif(s.bytes, 0), 2)
	   AS compression_ratio,
	   coalesce(s.active_rows, 0) AS active_rows,
	   coalesce(s.hot_rows, 0) AS hot_rows,
	   coalesce(s.cold_rows, 0) AS cold_rows,
	   s.min_time,
	   s.max_time
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'rusts'
LEFT JOIN LATERAL
	(SELECT pg_catalog.sum(g.nrows)::bigint AS rows,
			pg_catalog.sum(g.bytes) AS bytes,
			pg_catalog.sum(g.raw_bytes) AS raw_bytes,
			(pg_catalog.sum(g.nrows) FILTER (WHERE g.level = 0))::bigint
			AS active_rows,
			(pg_catalog.sum(g.nrows) FILTER (WHERE g.level = 1))::bigint
			AS hot_rows,
			(pg_catalog.sum(g.nrows) FILTER (WHERE g.level = 2))::bigint
			AS cold_rows,
			pg_catalog.min(g.min_time) AS min_time,
			pg_catalog.max(g.max_time) AS max_time
	 FROM rusts.segment g
	 WHERE g.storage_id = rusts.storage_id(c.oid)) s ON true
WHERE c.relkind IN ('r', 'm')
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
  AND NOT pg_catalog.row_security_active(c.oid);
GRANT SELECT ON rusts.measurements TO PUBLIC;
COMMENT ON VIEW rusts.measurements IS
'the measurements that the user may read, with sizes';
COMMENT ON COLUMN rusts.measurements.measurement IS 'the measurement';
COMMENT ON COLUMN rusts.measurements.tags IS 'names of the tag columns';
COMMENT ON COLUMN rusts.measurements.fields IS 'names of the field columns';
COMMENT ON COLUMN rusts.measurements.rows IS 'rows in all tiers';
COMMENT ON COLUMN rusts.measurements.bytes IS 'encoded size of all tiers in bytes';
COMMENT ON COLUMN rusts.measurements.compression_ratio IS 'size of the values over encoded size';
COMMENT ON COLUMN rusts.measurements.active_rows IS 'rows not flushed yet';
COMMENT ON COLUMN rusts.measurements.hot_rows IS 'rows in the hot tier';
COMMENT ON COLUMN rusts.measurements.cold_rows IS 'rows in the cold tier';
COMMENT ON COLUMN rusts.measurements.min_time IS 'smallest time';
COMMENT ON COLUMN rusts.measurements.max_time IS 'largest time';
/* sql/install/40_write.sql: line protocol */

CREATE FUNCTION rusts_write(lines text, "precision" text DEFAULT 'ns',
							on_error text DEFAULT 'abort')
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_write_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION rusts_write(text, text, text) IS
'write points in line protocol, returns their number';

CREATE FUNCTION rusts_write(lines bytea, "precision" text DEFAULT 'ns',
							on_error text DEFAULT 'abort')
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_write_bytea'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION rusts_write(bytea, text, text) IS
'write points in line protocol (UTF-8), returns their number';
-- time_bucket: where the bucket begins that a point in time falls into.
-- Same signatures and argument names as in TimescaleDB.

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz) IS
'begin of the bucket, in UTC, that ts falls into';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamp) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width interval, ts date)
RETURNS date
AS 'MODULE_PATHNAME', 'rusts_time_bucket_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, date) IS
'first day of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz,
							origin timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz, timestamptz) IS
'begin of the bucket, in UTC, that ts falls into, where one begins at origin';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp,
							origin timestamp)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamp, timestamp) IS
'begin of the bucket that ts falls into, where one begins at origin';

CREATE FUNCTION time_bucket(bucket_width interval, ts date, origin date)
RETURNS date
AS 'MODULE_PATHNAME', 'rusts_time_bucket_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, date, date) IS
'first day of the bucket that ts falls into, where one begins at origin';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz,
							"offset" interval)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz, interval) IS
'begin of the bucket, in UTC, that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width interval, ts timestamp,
							"offset" interval)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timestamp_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamp, interval) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width interval, ts date,
							"offset" interval)
RETURNS date
AS 'MODULE_PATHNAME', 'rusts_time_bucket_date_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, date, interval) IS
'first day of the bucket that ts falls into, all buckets moved by offset';

-- Not strict: origin and offset are optional.
CREATE FUNCTION time_bucket(bucket_width interval, ts timestamptz,
							timezone text,
							origin timestamptz DEFAULT NULL,
							"offset" interval DEFAULT NULL)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rusts_time_bucket_timezone'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(interval, timestamptz, text, timestamptz,
								interval) IS
'begin of the bucket that ts falls into, by the clock of timezone';

CREATE FUNCTION time_bucket(bucket_width int2, ts int2)
RETURNS int2
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int2, int2) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width int4, ts int4)
RETURNS int4
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int4, int4) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width int8, ts int8)
RETURNS int8
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int8'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int8, int8) IS
'begin of the bucket that ts falls into';

CREATE FUNCTION time_bucket(bucket_width int2, ts int2, "offset" int2)
RETURNS int2
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int2, int2, int2) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width int4, ts int4, "offset" int4)
RETURNS int4
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int4, int4, int4) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

CREATE FUNCTION time_bucket(bucket_width int8, ts int8, "offset" int8)
RETURNS int8
AS 'MODULE_PATHNAME', 'rusts_time_bucket_int8'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION time_bucket(int8, int8, int8) IS
'begin of the bucket that ts falls into, all buckets moved by offset';

-- first and last: the value at the smallest and at the greatest time.

CREATE FUNCTION rusts_first_transition(internal, anyelement, "any")
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_transition(internal, anyelement, "any") IS
'internal, of aggregate first';

CREATE FUNCTION rusts_last_transition(internal, anyelement, "any")
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_last_transition(internal, anyelement, "any") IS
'internal, of aggregate last';

CREATE FUNCTION rusts_first_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_combine(internal, internal) IS
'internal, of aggregate first';

CREATE FUNCTION rusts_last_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_last_combine(internal, internal) IS
'internal, of aggregate last';

CREATE FUNCTION rusts_first_last_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_last_serialize(internal) IS
'internal, of aggregates first and last';

CREATE FUNCTION rusts_first_last_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_last_deserialize(bytea, internal) IS
'internal, of aggregates first and last';

CREATE FUNCTION rusts_first_last_final(internal, anyelement, "any")
RETURNS anyelement
AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION rusts_first_last_final(internal, anyelement, "any") IS
'internal, of aggregates first and last';

-- Without SSPACE the planner takes 8 kB a group for an internal state.
CREATE AGGREGATE first(anyelement, "any") (
	SFUNC = rusts_first_transition,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = rusts_first_last_final,
	FINALFUNC_EXTRA,
	COMBINEFUNC = rusts_first_combine,
	SERIALFUNC = rusts_first_last_serialize,
	DESERIALFUNC = rusts_first_last_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE first(anyelement, "any") IS
'value at the smallest time: first(value, time)';

CREATE AGGREGATE last(anyelement, "any") (
	SFUNC = rusts_last_transition,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = rusts_first_last_final,
	FINALFUNC_EXTRA,
	COMBINEFUNC = rusts_last_combine,
	SERIALFUNC = rusts_first_last_serialize,
	DESERIALFUNC = rusts_first_last_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE last(anyelement, "any") IS
'value at the greatest time: last(value, time)';
