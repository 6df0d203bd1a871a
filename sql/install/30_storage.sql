-- Flushing and compaction, and views of what is stored.

CREATE FUNCTION rusts_flush(measurement regclass DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_flush' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_flush(regclass) IS
'move the active batches of a measurement, or of all that the caller owns, to hot segments; returns the number of rows moved';

CREATE FUNCTION rusts_compact(measurement regclass DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_compact' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_compact(regclass) IS
'merge the small segments of a measurement, or of all that the caller owns, into large ones; returns the number of rows moved';

CREATE FUNCTION rusts_tier(measurement regclass, before timestamptz,
						   "tablespace" name DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rusts_tier' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_tier(regclass, timestamptz, name) IS
'flush a measurement and move its segments that end before a time to the cold tier, which may be in another tablespace; returns the number of rows moved there';

CREATE FUNCTION rusts_purge(measurement regclass, OUT rows bigint,
							OUT deleted_rows bigint, OUT bytes_before bigint,
							OUT bytes_after bigint,
							OUT deleted_rows_left bigint)
AS 'MODULE_PATHNAME', 'rusts_purge' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_purge(regclass) IS
'write a measurement anew, without its deleted rows, and remove the old file; returns what was and what is there';

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
	   s.nrows - (SELECT coalesce(pg_catalog.sum(d.nrows), 0)::int4
				  FROM rusts.deletion d
				  WHERE d.storage_id = s.storage_id
					AND d.segment_id = s.segment_id) AS rows,
	   s.bytes,
	   s.min_time,
	   s.max_time,
	   (SELECT t.spcname
		FROM pg_catalog.pg_tablespace t
		WHERE t.oid = (SELECT k.reltablespace FROM pg_catalog.pg_class k
					   WHERE k.oid = s.cold_table)) AS "tablespace"
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
COMMENT ON COLUMN rusts.segments.rows IS 'rows in the batch that are not deleted';
COMMENT ON COLUMN rusts.segments.bytes IS 'encoded size in bytes';
COMMENT ON COLUMN rusts.segments.min_time IS 'smallest time';
COMMENT ON COLUMN rusts.segments."tablespace" IS 'where a cold batch is; NULL: with its measurement, or in the database''s own';
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
	(SELECT pg_catalog.sum(l.rows)::bigint AS rows,
			pg_catalog.sum(g.bytes) AS bytes,
			pg_catalog.sum(g.raw_bytes) AS raw_bytes,
			(pg_catalog.sum(l.rows) FILTER (WHERE g.level = 0))::bigint
			AS active_rows,
			(pg_catalog.sum(l.rows) FILTER (WHERE g.level = 1))::bigint
			AS hot_rows,
			(pg_catalog.sum(l.rows) FILTER (WHERE g.level = 2))::bigint
			AS cold_rows,
			pg_catalog.min(g.min_time) AS min_time,
			pg_catalog.max(g.max_time) AS max_time
	 FROM rusts.segment g
	 CROSS JOIN LATERAL
		(SELECT g.nrows - coalesce(pg_catalog.sum(d.nrows), 0) AS rows
		 FROM rusts.deletion d
		 WHERE d.storage_id = g.storage_id
		   AND d.segment_id = g.segment_id) l
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
