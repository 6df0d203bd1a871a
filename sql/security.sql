--
-- Who may see and do what
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
-- PostgreSQL's own messages differ between its versions
\set VERBOSITY sqlstate
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
CREATE ROLE regress_rusts_alice;
CREATE ROLE regress_rusts_bob;
GRANT USAGE ON SCHEMA m, h, same TO PUBLIC;
SELECT twice('CREATE TABLE t (time timestamptz, k text, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.t.k IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i * '1 h'::interval, CASE i % 3 WHEN 0 THEN 'regress_rusts_alice' WHEN 1 THEN 'regress_rusts_bob' END, i FROM generate_series(1, 300) AS i$$);
SELECT rusts_flush('m.t');
CREATE TABLE m.other (time timestamptz, v int) USING rusts;
INSERT INTO m.other VALUES (NULL, 1);

-- no privilege at all
SET ROLE regress_rusts_alice;
SELECT twice('SELECT * FROM t');
SELECT twice('INSERT INTO t VALUES (NULL, NULL, 1)');
SELECT rusts_flush('m.t');
SELECT rusts_flush();
TRUNCATE m.t;
SET client_min_messages = error;
ANALYZE m.t;
RESET client_min_messages;
SECURITY LABEL FOR rusts ON COLUMN m.t.k IS NULL;
SELECT count(*) FROM rusts.segment;
SELECT * FROM rusts.measurements;
SELECT * FROM rusts.segments;
INSERT INTO rusts.segments (measurement) VALUES ('m.t');
DELETE FROM rusts.segments;
SELECT rusts_write('m,k=1 f=1');

-- column privileges
RESET ROLE;
SELECT twice('GRANT SELECT (time, v), INSERT (v) ON t TO regress_rusts_alice');
SET ROLE regress_rusts_alice;
SELECT same('SELECT time, v FROM t');
SELECT twice('SELECT k FROM t');
SELECT twice('SELECT t FROM t');
SELECT twice('SELECT ctid FROM t');
SELECT twice('SELECT count(*) FROM t');
SELECT twice('SELECT v FROM t WHERE k IS NULL');
SELECT twice('INSERT INTO t (v) VALUES (1000)');
SELECT twice('INSERT INTO t (k) VALUES (NULL)');
SELECT twice('INSERT INTO t (v) VALUES (1001) RETURNING v');
SELECT twice('INSERT INTO t (v) VALUES (1002) RETURNING k');
SELECT twice('INSERT INTO t (v) VALUES (1003) RETURNING ctid');
-- what is about the whole table needs the right to read the whole table
SELECT * FROM rusts.measurements;
SELECT count(*) FROM rusts.segments;
RESET ROLE;
SELECT twice('GRANT SELECT ON t TO regress_rusts_alice');
SET ROLE regress_rusts_alice;
SELECT measurement, tags, fields, rows FROM rusts.measurements;
SELECT measurement, sum(rows) FROM rusts.segments GROUP BY measurement;
SELECT rusts_flush('m.t');
SELECT rusts_flush();
RESET ROLE;
SELECT measurement, rows FROM rusts.measurements WHERE measurement::text LIKE 'm.%' ORDER BY measurement::text;
SELECT same('SELECT * FROM t');

-- the owner, and a member of the owner
ALTER TABLE m.other OWNER TO regress_rusts_bob;
SET ROLE regress_rusts_bob;
SELECT measurement, active_rows FROM rusts.measurements;
SELECT rusts_flush('m.other');
INSERT INTO m.other VALUES (NULL, 2);
SELECT rusts_flush();
SELECT measurement, hot_rows FROM rusts.measurements;
SECURITY LABEL FOR rusts ON COLUMN m.other.v IS 'tag';
RESET ROLE;
GRANT regress_rusts_bob TO regress_rusts_alice;
SET ROLE regress_rusts_alice;
INSERT INTO m.other VALUES (NULL, 3);
SELECT rusts_flush();
RESET ROLE;
REVOKE regress_rusts_bob FROM regress_rusts_alice;
-- a function with its owner's rights
CREATE FUNCTION m.flush_it() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$SELECT rusts_flush('m.t')$$;
SELECT twice('INSERT INTO t VALUES (NULL, NULL, 5)');
SET ROLE regress_rusts_alice;
SELECT m.flush_it();
RESET ROLE;
SELECT same('SELECT * FROM t');

-- row-level security
SELECT twice('ALTER TABLE t ENABLE ROW LEVEL SECURITY');
SELECT twice('GRANT SELECT, INSERT ON t TO regress_rusts_alice, regress_rusts_bob');
SET ROLE regress_rusts_alice;
SELECT same('SELECT * FROM t');
SELECT twice('INSERT INTO t VALUES (NULL, NULL, 1)');
RESET ROLE;
SELECT twice('CREATE POLICY own ON t USING (k = current_user) WITH CHECK (k = current_user AND v < 10000)');
SET ROLE regress_rusts_alice;
SELECT same('SELECT * FROM t');
SELECT same('SELECT count(*), min(k), max(k), sum(v) FROM t');
SELECT twice($$INSERT INTO t VALUES (NULL, 'regress_rusts_alice', 1)$$);
SELECT twice($$INSERT INTO t VALUES (NULL, 'regress_rusts_alice', 1) RETURNING v$$);
SELECT twice($$INSERT INTO t VALUES (NULL, 'regress_rusts_alice', 10000)$$);
SELECT twice($$INSERT INTO t VALUES (NULL, 'regress_rusts_bob', 1)$$);
SELECT twice($$INSERT INTO t SELECT NULL, 'regress_rusts_alice', i FROM generate_series(9990, 10010) AS i$$);
SELECT same('SELECT * FROM t');
-- a function that is not leakproof sees only what the policy lets through
CREATE FUNCTION pg_temp.leak(k text) RETURNS bool COST 0.0000001 LANGUAGE plpgsql AS $$
BEGIN
	IF k IS DISTINCT FROM 'regress_rusts_alice' THEN
		RAISE NOTICE 'leaked %', k;
	END IF;
	RETURN true;
END $$;
SELECT count(*) FROM m.t WHERE pg_temp.leak(k);
SELECT count(*) FROM m.t TABLESAMPLE SYSTEM (100) WHERE pg_temp.leak(k);
SELECT count(*) FROM m.t WHERE ctid = '(0,1)' AND pg_temp.leak(k);
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT same('SELECT count(*), sum(v) FROM t');
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
-- sizes and time ranges would tell about other people's rows
SELECT measurement FROM rusts.measurements;
SELECT count(*) FROM rusts.segments;
RESET ROLE;
SET ROLE regress_rusts_bob;
SELECT same('SELECT * FROM t');
RESET ROLE;
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t') > 0;
SELECT count(*) FROM rusts.measurements WHERE measurement = 'm.t'::regclass;
SELECT twice('ALTER TABLE t OWNER TO regress_rusts_bob');
SET ROLE regress_rusts_bob;
SELECT same('SELECT * FROM t');
SELECT count(*) FROM rusts.measurements WHERE measurement = 'm.t'::regclass;
SELECT twice('ALTER TABLE t FORCE ROW LEVEL SECURITY');
SELECT same('SELECT * FROM t');
SELECT count(*) FROM rusts.measurements WHERE measurement = 'm.t'::regclass;
SELECT twice($$INSERT INTO t VALUES (NULL, 'regress_rusts_bob', 1)$$);
SELECT rusts_flush('m.t');
SET row_security = off;
SELECT twice('SELECT * FROM t');
RESET row_security;
SELECT same('SELECT * FROM t');
RESET ROLE;
SELECT same('SELECT * FROM t');

-- views with their owner's rights, with the caller's, with a barrier
CREATE VIEW m.v AS SELECT * FROM m.other;
CREATE VIEW m.invoker WITH (security_invoker) AS SELECT * FROM m.other;
GRANT SELECT ON m.v, m.invoker TO regress_rusts_alice;
ALTER VIEW m.v OWNER TO regress_rusts_bob;
SET ROLE regress_rusts_alice;
SELECT count(*) FROM m.v;
SELECT count(*) FROM m.invoker;
RESET ROLE;

-- a foreign key's check by somebody who may not read the measurement
CREATE TABLE m.hosts (k text PRIMARY KEY);
INSERT INTO m.hosts VALUES ('a'), ('b');
CREATE TABLE m.fk (k text REFERENCES m.hosts) USING rusts;
INSERT INTO m.fk VALUES ('a');
GRANT SELECT, DELETE ON m.hosts TO regress_rusts_alice;
SET ROLE regress_rusts_alice;
DELETE FROM m.hosts WHERE k = 'b';
DELETE FROM m.hosts WHERE k = 'a';
RESET ROLE;

-- the directory is not to be had by other ways
SET ROLE regress_rusts_bob;
SELECT has_table_privilege('rusts.segment', 'SELECT'), has_schema_privilege('rusts', 'CREATE');
COPY rusts.segment TO stdout;
LOCK rusts.segment;
CREATE TABLE rusts.mine (i int);
ALTER TABLE rusts.segment OWNER TO regress_rusts_bob;
RESET ROLE;

-- not a measurement, not a table, nothing
SELECT rusts_flush('m.hosts');
SELECT rusts_flush('m.v');
SELECT rusts_flush('m.hosts_pkey');
SELECT rusts_flush(0);
SELECT rusts_flush(NULL) >= 0;

SET client_min_messages = warning;
DROP FUNCTION pg_temp.leak;
DROP SCHEMA m, h, same CASCADE;
DROP ROLE regress_rusts_alice, regress_rusts_bob;

-- a transition function that somebody calls
SELECT rusts.cluster_moments_transition(NULL, 1, 1, 1) IS NULL AS nothing;
SELECT rusts.cluster_moments_transition('{0,0,0}', 2, 3, 0.25);
