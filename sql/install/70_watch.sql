-- Watching it: numbers, health.

CREATE VIEW rusts.storage_totals WITH (security_barrier) AS
SELECT c.oid AS measurement, s.*
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_am a ON a.oid = c.relam AND a.amname = 'rusts'
LEFT JOIN LATERAL
	(SELECT pg_catalog.count(DISTINCT g.time_partition) AS partitions,
			pg_catalog.count(*) FILTER (WHERE g.level = 0) AS active_batches,
			pg_catalog.sum(r.rows) FILTER (WHERE g.level = 0) AS active_rows,
			pg_catalog.sum(g.bytes) FILTER (WHERE g.level = 0) AS active_bytes,
			pg_catalog.count(*) FILTER (WHERE g.level = 1) AS hot_segments,
			pg_catalog.sum(r.rows) FILTER (WHERE g.level = 1) AS hot_rows,
			pg_catalog.sum(g.bytes) FILTER (WHERE g.level = 1) AS hot_bytes,
			pg_catalog.count(*) FILTER (WHERE g.level = 2) AS cold_segments,
			pg_catalog.sum(r.rows) FILTER (WHERE g.level = 2) AS cold_rows,
			pg_catalog.sum(g.bytes) FILTER (WHERE g.level = 2) AS cold_bytes
	 FROM rusts.segment g
	 CROSS JOIN LATERAL
		(SELECT g.nrows - coalesce(pg_catalog.sum(d.nrows), 0) AS rows
		 FROM rusts.deletion d
		 WHERE d.storage_id = g.storage_id
		   AND d.segment_id = g.segment_id) r
	 WHERE g.storage_id = rusts.storage_id(c.oid)) s ON true
WHERE c.relkind IN ('r', 'm')
  AND (pg_catalog.pg_has_role('pg_monitor', 'USAGE') OR
	   pg_catalog.has_table_privilege(c.oid, 'SELECT')
	   AND NOT pg_catalog.row_security_active(c.oid));
GRANT SELECT ON rusts.storage_totals TO PUBLIC;
COMMENT ON VIEW rusts.storage_totals IS
'what is stored, by measurement; internal, see rusts_stats';

CREATE FUNCTION rusts_stats() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_build_object(
		'measurements', pg_catalog.count(*),
		'partitions', coalesce(pg_catalog.sum(t.partitions), 0),
		'tiers', pg_catalog.jsonb_build_object(
			'active', pg_catalog.jsonb_build_object(
				'batches', coalesce(pg_catalog.sum(t.active_batches), 0),
				'rows', coalesce(pg_catalog.sum(t.active_rows), 0),
				'bytes', coalesce(pg_catalog.sum(t.active_bytes), 0)),
			'hot', pg_catalog.jsonb_build_object(
				'segments', coalesce(pg_catalog.sum(t.hot_segments), 0),
				'rows', coalesce(pg_catalog.sum(t.hot_rows), 0),
				'bytes', coalesce(pg_catalog.sum(t.hot_bytes), 0)),
			'cold', pg_catalog.jsonb_build_object(
				'segments', coalesce(pg_catalog.sum(t.cold_segments), 0),
				'rows', coalesce(pg_catalog.sum(t.cold_rows), 0),
				'bytes', coalesce(pg_catalog.sum(t.cold_bytes), 0))),
		'since_start', (SELECT pg_catalog.jsonb_object_agg(c.name, c.value)
						FROM rusts.counter_list() c))
	FROM rusts.storage_totals t;
END;
COMMENT ON FUNCTION rusts_stats() IS
'numbers of this database: what is stored of the measurements that the user may read, and for members of pg_monitor what has happened since the server was started';

CREATE FUNCTION rusts.health_checks(OUT name text, OUT passes boolean,
									OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rusts_health_checks'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts.health_checks() IS
'what rusts_health() looks at; internal';

CREATE FUNCTION rusts_health() RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_build_object(
		'name', 'rusts',
		'status', CASE WHEN pg_catalog.bool_and(c.passes) THEN 'pass'
					   ELSE 'fail' END,
		'message', CASE WHEN pg_catalog.bool_and(c.passes) AND
							 pg_catalog.pg_is_in_recovery()
						THEN 'ready for queries; a standby takes no writes'
						WHEN pg_catalog.bool_and(c.passes)
						THEN 'ready for queries and writes'
						ELSE pg_catalog.string_agg(c.message, '; ')
							 FILTER (WHERE NOT c.passes) END,
		'version', (SELECT e.extversion FROM pg_catalog.pg_extension e
					WHERE e.extname = 'rusts'),
		'checks', pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(
			pg_catalog.jsonb_build_object(
				'name', c.name,
				'status', CASE WHEN c.passes THEN 'pass' ELSE 'fail' END,
				'message', c.message))))
	FROM rusts.health_checks() c;
END;
COMMENT ON FUNCTION rusts_health() IS
'whether background work goes well, in the form of InfluxDB''s /health';

CREATE FUNCTION rusts_ready() RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_catalog.jsonb_build_object(
		'status', 'ready',
		'started', pg_catalog.pg_postmaster_start_time(),
		'up', pg_catalog.format('%sh%sm%ss',
			pg_catalog.div(s.up, 3600),
			pg_catalog.mod(pg_catalog.div(s.up, 60), 60),
			pg_catalog.mod(s.up, 60)))
	FROM (SELECT extract(epoch FROM pg_catalog.clock_timestamp() -
						 pg_catalog.pg_postmaster_start_time()) AS up) s;
END;
COMMENT ON FUNCTION rusts_ready() IS
'since when the server has been there, in the form of InfluxDB''s /ready';
