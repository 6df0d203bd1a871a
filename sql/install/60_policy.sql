-- Policies: what becomes of rows when they get old.

CREATE TABLE rusts.policy (
	pattern		text NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('retention', 'tiering')),
	owner		regrole NOT NULL,
	after		interval NOT NULL,
	clock		text NOT NULL CHECK (clock IN ('server', 'data')),
	tablespace	name,
	created		timestamptz NOT NULL,
	PRIMARY KEY (kind, pattern, owner)
);
-- As readable as a catalog: whoever dumps the database reads it.
GRANT SELECT ON rusts.policy TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('rusts.policy', '');

COMMENT ON TABLE rusts.policy IS
'policies as they were added; see the view rusts.policies';
COMMENT ON COLUMN rusts.policy.pattern IS 'which measurements it is about';
COMMENT ON COLUMN rusts.policy.kind IS 'retention or tiering';
COMMENT ON COLUMN rusts.policy.owner IS 'it acts on measurements that this role owns';
COMMENT ON COLUMN rusts.policy.after IS 'age at which it acts';
COMMENT ON COLUMN rusts.policy.clock IS
'age is counted from: server, the time of day; data, the newest time of the measurement';
COMMENT ON COLUMN rusts.policy.tablespace IS 'where the cold tier goes';
COMMENT ON COLUMN rusts.policy.created IS 'when it was added';

CREATE FUNCTION rusts_add_retention_policy(pattern text, drop_after interval,
										   clock text DEFAULT 'server')
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_add_retention_policy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_add_retention_policy(text, interval, text) IS
'drop rows of the measurements that match pattern (cpu, cpu*, *) when they are of that age';

CREATE FUNCTION rusts_add_retention_policy(pattern text, drop_after text,
										   clock text DEFAULT 'server')
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_add_retention_policy_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_add_retention_policy(text, text, text) IS
'drop rows of the measurements that match pattern (cpu, cpu*, *) when they are of that age, such as 30d';

CREATE FUNCTION rusts_alter_retention_policy(pattern text, drop_after interval,
											 clock text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_alter_retention_policy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_alter_retention_policy(text, interval, text) IS
'change the retention policy of a pattern; a clock that is NULL stays';

CREATE FUNCTION rusts_alter_retention_policy(pattern text, drop_after text,
											 clock text DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_alter_retention_policy_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_alter_retention_policy(text, text, text) IS
'change the retention policy of a pattern; a clock that is NULL stays';

CREATE FUNCTION rusts_remove_retention_policy(pattern text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_remove_retention_policy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_remove_retention_policy(text) IS
'remove the retention policy of a pattern';

CREATE FUNCTION rusts_add_tiering_policy(pattern text, cold_after interval,
										 "tablespace" name DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_add_tiering_policy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_add_tiering_policy(text, interval, name) IS
'move rows of the measurements that match pattern (cpu, cpu*, *) to the cold tier when they are of that age';

CREATE FUNCTION rusts_add_tiering_policy(pattern text, cold_after text,
										 "tablespace" name DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_add_tiering_policy_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_add_tiering_policy(text, text, name) IS
'move rows of the measurements that match pattern (cpu, cpu*, *) to the cold tier when they are of that age, such as 2w';

CREATE FUNCTION rusts_alter_tiering_policy(pattern text, cold_after interval,
										   "tablespace" name DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_alter_tiering_policy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_alter_tiering_policy(text, interval, name) IS
'change the tiering policy of a pattern; a tablespace that is NULL stays';

CREATE FUNCTION rusts_alter_tiering_policy(pattern text, cold_after text,
										   "tablespace" name DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_alter_tiering_policy_text'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_alter_tiering_policy(text, text, name) IS
'change the tiering policy of a pattern; a tablespace that is NULL stays';

CREATE FUNCTION rusts_remove_tiering_policy(pattern text)
RETURNS void
AS 'MODULE_PATHNAME', 'rusts_remove_tiering_policy'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_remove_tiering_policy(text) IS
'remove the tiering policy of a pattern';

-- What the worker does.

CREATE TABLE rusts.job (
	measurement	oid NOT NULL,
	job			name NOT NULL,
	started		timestamptz NOT NULL,
	ended		timestamptz NOT NULL,
	rows		int8 NOT NULL,
	error		text,
	failures	int4 NOT NULL,
	failing_since timestamptz,
	next_run	timestamptz NOT NULL,
	PRIMARY KEY (measurement, job)
) WITH (fillfactor = 50);
REVOKE ALL ON rusts.job FROM PUBLIC;

COMMENT ON TABLE rusts.job IS
'last run of each job on each measurement; internal, see the view rusts.jobs';
COMMENT ON COLUMN rusts.job.measurement IS 'OID of the measurement';
COMMENT ON COLUMN rusts.job.job IS 'what is done';
COMMENT ON COLUMN rusts.job.started IS 'when the last run was started';
COMMENT ON COLUMN rusts.job.ended IS 'when it ended';
COMMENT ON COLUMN rusts.job.rows IS 'rows it moved or dropped';
COMMENT ON COLUMN rusts.job.error IS 'why it failed; NULL if it did not';
COMMENT ON COLUMN rusts.job.failures IS 'failed runs in a row';
COMMENT ON COLUMN rusts.job.failing_since IS 'when the first of them was';
COMMENT ON COLUMN rusts.job.next_run IS 'when it was to run again, as known then';

CREATE FUNCTION rusts_run_jobs(measurement regclass DEFAULT NULL)
RETURNS TABLE (measurement regclass, job text, rows bigint)
AS 'MODULE_PATHNAME', 'rusts_run_jobs' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION rusts_run_jobs(regclass) IS
'do at once what policies ask for, on a measurement or all that the caller owns; returns what was done';

CREATE FUNCTION rusts.job_list(OUT measurement oid, OUT job text,
							   OUT kind text, OUT pattern text, OUT owner oid,
							   OUT before timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rusts_job_list'
LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION rusts.job_list() IS
'jobs and policies of the measurements that the user may read; internal, see rusts.jobs and rusts.policies';

CREATE FUNCTION rusts.progress_entries(OUT pid integer, OUT measurement oid,
									   OUT job text, OUT phase text,
									   OUT done bigint, OUT total bigint,
									   OUT started timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rusts_progress_entries'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION rusts.progress_entries() IS
'running jobs; internal, see rusts.progress';

CREATE FUNCTION rusts.counter_list(OUT name text, OUT value bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rusts_counter_list'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION rusts.counter_list() IS
'counters of this database since the start of the server, for members of pg_monitor; internal, see rusts_stats';

CREATE VIEW rusts.policies WITH (security_barrier) AS
SELECT p.pattern,
	   p.kind,
	   p.after,
	   p.clock,
	   p.tablespace,
	   p.owner,
	   coalesce(a.measurements, '{}') AS measurements,
	   coalesce(a.rows_past, 0) AS rows_past,
	   coalesce(a.rows_partly_past, 0) AS rows_partly_past
FROM rusts.policy p
LEFT JOIN
	(SELECT l.kind, l.pattern, l.owner,
			pg_catalog.array_agg(l.measurement::regclass
								 ORDER BY l.measurement) AS measurements,
			pg_catalog.sum(s.past)::bigint AS rows_past,
			pg_catalog.sum(s.partly)::bigint AS rows_partly_past
	 FROM rusts.job_list() l
	 LEFT JOIN LATERAL
		(SELECT pg_catalog.sum(r.rows) FILTER (WHERE g.max_time < l.before)
				AS past,
				pg_catalog.sum(r.rows) FILTER (WHERE g.max_time >= l.before)
				AS partly
		 FROM rusts.segment g
		 CROSS JOIN LATERAL
			(SELECT g.nrows - coalesce(pg_catalog.sum(d.nrows), 0) AS rows
			 FROM rusts.deletion d
			 WHERE d.storage_id = g.storage_id
			   AND d.segment_id = g.segment_id) r
		 WHERE g.storage_id = rusts.storage_id(l.measurement)
		   AND g.min_time < l.before
		   AND (l.kind = 'retention' OR g.level < 2)) s ON true
	 WHERE l.kind IS NOT NULL
	 GROUP BY l.kind, l.pattern, l.owner) a
  ON a.kind = p.kind AND a.pattern = p.pattern AND a.owner = p.owner;
GRANT SELECT ON rusts.policies TO PUBLIC;
COMMENT ON VIEW rusts.policies IS
'policies, the measurements they act on (of those that the user may read), and the rows they have yet to act on';
COMMENT ON COLUMN rusts.policies.pattern IS 'which measurements it is about';
COMMENT ON COLUMN rusts.policies.kind IS 'retention or tiering';
COMMENT ON COLUMN rusts.policies.after IS 'age at which it acts';
COMMENT ON COLUMN rusts.policies.clock IS 'age is counted from: server, the time of day; data, the newest time of the measurement';
COMMENT ON COLUMN rusts.policies.tablespace IS 'where the cold tier goes';
COMMENT ON COLUMN rusts.policies.owner IS 'it acts on measurements that this role owns';
COMMENT ON COLUMN rusts.policies.measurements IS 'those for which no other policy of the kind is more specific';
COMMENT ON COLUMN rusts.policies.rows_past IS 'rows of segments that are past the limit as a whole';
COMMENT ON COLUMN rusts.policies.rows_partly_past IS 'rows of segments that have rows on both sides of the limit';

CREATE VIEW rusts.jobs WITH (security_barrier) AS
SELECT l.measurement::regclass AS measurement,
	   l.job,
	   l.pattern AS policy,
	   j.started AS last_start,
	   j.ended - j.started AS last_duration,
	   CASE WHEN j.error IS NOT NULL THEN 'failed'
			WHEN j.job IS NOT NULL THEN 'done' END AS last_outcome,
	   j.rows AS last_rows,
	   coalesce(j.failures, 0) AS failures,
	   j.failing_since,
	   j.error,
	   CASE WHEN j.error IS NOT NULL THEN j.next_run
			WHEN l.job = 'flush' THEN
				(SELECT pg_catalog.min(g.written_at)
				 FROM rusts.segment g
				 WHERE g.storage_id = rusts.storage_id(l.measurement)
				   AND g.level = 0) +
				pg_catalog.current_setting('rusts.flush_max_age')::interval
			ELSE pg_catalog.date_bin(i.step, pg_catalog.now(),
									 j.next_run) + i.step
	   END AS next_run
FROM rusts.job_list() l
LEFT JOIN rusts.job j ON j.measurement = l.measurement AND j.job = l.job,
	 (SELECT pg_catalog.current_setting('rusts.job_interval')::interval
	  AS step) i;
GRANT SELECT ON rusts.jobs TO PUBLIC;
COMMENT ON VIEW rusts.jobs IS
'jobs of the maintenance worker on the measurements that the user may read';
COMMENT ON COLUMN rusts.jobs.measurement IS 'the measurement';
COMMENT ON COLUMN rusts.jobs.job IS 'what is done';
COMMENT ON COLUMN rusts.jobs.policy IS 'pattern of the policy that asks for it';
COMMENT ON COLUMN rusts.jobs.last_start IS 'when the last run was started; runs that find nothing to do are noted every ten minutes';
COMMENT ON COLUMN rusts.jobs.last_duration IS 'how long it took';
COMMENT ON COLUMN rusts.jobs.last_outcome IS 'done or failed';
COMMENT ON COLUMN rusts.jobs.last_rows IS 'rows it moved or dropped';
COMMENT ON COLUMN rusts.jobs.failures IS 'failed runs in a row';
COMMENT ON COLUMN rusts.jobs.failing_since IS 'when the first of them was';
COMMENT ON COLUMN rusts.jobs.error IS 'why the last run failed';
COMMENT ON COLUMN rusts.jobs.next_run IS 'when it runs next, by time';

CREATE VIEW rusts.progress AS
SELECT p.pid, p.measurement::regclass AS measurement, p.job, p.phase, p.done,
	   p.total, p.started
FROM rusts.progress_entries() p;
GRANT SELECT ON rusts.progress TO PUBLIC;
COMMENT ON VIEW rusts.progress IS
'running jobs on the measurements that the user may read';
COMMENT ON COLUMN rusts.progress.pid IS 'process that does it';
COMMENT ON COLUMN rusts.progress.measurement IS 'the measurement';
COMMENT ON COLUMN rusts.progress.job IS 'what is done';
COMMENT ON COLUMN rusts.progress.phase IS 'the part of it that is being done';
COMMENT ON COLUMN rusts.progress.done IS 'units of the phase that are done';
COMMENT ON COLUMN rusts.progress.total IS 'units of the phase';
COMMENT ON COLUMN rusts.progress.started IS 'when the job was started';
