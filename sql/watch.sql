--
-- Watching it: rusts_stats, rusts_health, rusts_ready and who is told what
--
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
CREATE ROLE regress_rusts_watch;
CREATE SCHEMA watch;
GRANT USAGE ON SCHEMA watch TO PUBLIC;
SET search_path = watch, public;
CREATE TABLE counted AS SELECT rusts_stats()->'since_start' AS before;
GRANT SELECT ON counted TO PUBLIC;

-- what has happened since
CREATE FUNCTION since(what text) RETURNS int8 LANGUAGE sql AS
$$ SELECT (rusts_stats()->'since_start'->>what)::int8 - (before->>what)::int8 FROM counted $$;
SELECT rusts_write('w,k=a v=1 1000
w,k=b v=2 2000'), rusts_write('w,k=a v=3 86400000000000');
INSERT INTO w (time, v) SELECT to_timestamp(i), i FROM generate_series(1, 10) i;
SELECT since('writes'), since('points_written'), since('rows_stored');
SELECT since('flushes_by_hand'), rusts_flush('w'), rusts_flush('w');
SELECT since('flushes_by_hand'), since('rows_flushed');
SELECT count(*), since('scans') > 0 FROM w;
EXPLAIN (COSTS OFF) SELECT * FROM w;
SET client_min_messages = warning;
SELECT rusts_add_retention_policy('w', '1d');
RESET client_min_messages;
SELECT job, rows FROM rusts_run_jobs('w');
SELECT since('rows_dropped_by_retention'), count(*) FROM w;
SELECT key FROM jsonb_each_text(rusts_stats()->'since_start') ORDER BY key COLLATE "C";

-- what is stored, by measurement
INSERT INTO w (time, v) SELECT '2100-01-01'::timestamptz + i * '1 d'::interval, i FROM generate_series(1, 3) i;
SELECT rusts_flush('w');
INSERT INTO w (time, v) SELECT '2100-01-01'::timestamptz + i * '1 d'::interval, i FROM generate_series(1, 2) i;
SET ROLE regress_rusts_watch;
SELECT rusts_stats();
RESET ROLE;
GRANT SELECT ON w TO regress_rusts_watch;
SET ROLE regress_rusts_watch;
SELECT jsonb_set(s, '{tiers}', (SELECT jsonb_object_agg(key, value - 'bytes') FROM jsonb_each(s->'tiers'))), (s->'tiers'->'hot'->'bytes')::int > 0 FROM rusts_stats() s;
RESET ROLE;
CREATE TABLE hidden (time timestamptz NOT NULL) USING rusts;
INSERT INTO hidden VALUES ('2100-01-01');
SET ROLE regress_rusts_watch;
SELECT s->'measurements', s->'tiers'->'active'->'rows' FROM rusts_stats() s;
SELECT measurement, job FROM rusts.jobs ORDER BY measurement, job;
RESET ROLE;
GRANT pg_monitor TO regress_rusts_watch;
SET ROLE regress_rusts_watch;
SELECT (s->'measurements')::int >= 2, (s->'tiers'->'active'->'rows')::int >= 3, s->'since_start'->'points_written' IS NOT NULL FROM rusts_stats() s;
SELECT measurement, job FROM rusts.jobs WHERE measurement IN (SELECT oid FROM pg_class WHERE relname IN ('w', 'hidden')) ORDER BY measurement::text, job;
RESET ROLE;
-- with row security the numbers would tell of rows that are not to be seen
REVOKE pg_monitor FROM regress_rusts_watch;
ALTER TABLE w ENABLE ROW LEVEL SECURITY;
SET ROLE regress_rusts_watch;
SELECT s->'measurements' FROM rusts_stats() s;
SELECT count(*) FROM rusts.jobs;
SELECT measurements, rows_past FROM rusts.policies WHERE pattern = 'w';

-- health
SELECT h->>'name', h->>'status', h->>'message', h->'version' IS NOT NULL, (SELECT string_agg(c->>'name' || ' ' || (c->>'status'), ', ') FROM jsonb_array_elements(h->'checks') c) FROM rusts_health() h;
SELECT r->>'status', (r->>'started')::timestamptz = pg_postmaster_start_time(), (r->>'up')::interval > '0' FROM rusts_ready() r;
SELECT count(*) FROM rusts.progress;
RESET ROLE;
-- the directory cannot be read
BEGIN;
ALTER TABLE rusts.segment RENAME TO moved;
ALTER INDEX rusts.segment_pkey RENAME TO moved_pkey;
CREATE VIEW rusts.segment AS SELECT 1;
SELECT h->>'status', h->>'message', h->'checks'->3 FROM rusts_health() h;
ROLLBACK;
-- a job fails for long
BEGIN;
INSERT INTO rusts.job VALUES ('w'::regclass, 'flush', now(), now() + '1 s', 0, 'out of luck', 3, now() - '9 min'::interval, now() + '8 s');
SELECT rusts_health()->>'status';
SELECT job, policy, last_start = now(), last_duration, last_outcome, last_rows, failures, now() - failing_since, error, next_run - now() FROM rusts.jobs WHERE measurement = 'w'::regclass ORDER BY job;
UPDATE rusts.job SET failing_since = now() - '11 min'::interval;
SELECT h->>'status', h->>'message', h->'checks'->2 FROM rusts_health() h;
UPDATE rusts.job SET error = NULL, failures = 0, failing_since = NULL;
SELECT job, last_outcome, error, next_run = (SELECT written_at FROM rusts.segment WHERE storage_id = rusts.storage_id('w'::regclass) AND level = 0) + '1 day'::interval FROM rusts.jobs WHERE measurement = 'w'::regclass ORDER BY job;
ROLLBACK;
SELECT rusts_remove_retention_policy('w');
SET client_min_messages = warning;
DROP SCHEMA watch CASCADE;
DROP TABLE IF EXISTS w, hidden;
DROP ROLE regress_rusts_watch;
