--
-- Policies: patterns, who may have one, what they act on, retention
--
SET timezone = 'UTC';
\pset format unaligned
\set VERBOSITY terse
CREATE ROLE regress_rusts_pat;
CREATE ROLE regress_rusts_max;
CREATE SCHEMA pol;
GRANT ALL ON SCHEMA pol TO PUBLIC;
SET search_path = pol, public;

-- patterns and durations, good and bad
SELECT rusts_add_retention_policy('cpu', '30d');
SELECT rusts_add_retention_policy('cpu*', '2w'::text);
-- (other tests may have left measurements that match *)
SET client_min_messages = warning;
SELECT rusts_add_retention_policy('*', interval '1 year', clock => 'data');
RESET client_min_messages;
SELECT rusts_add_retention_policy('pol."disk.io"*', '12h', 'server');
SELECT rusts_add_retention_policy('pol.*', '1 month 2 days');
SELECT rusts_add_tiering_policy('cpu*', '1d');
SET client_min_messages = warning;
SELECT rusts_add_tiering_policy('*', interval '2 days');
RESET client_min_messages;
SELECT pattern, kind, after, clock, tablespace, owner = current_user::regrole AS own FROM rusts.policies ORDER BY kind, pattern COLLATE "C";
SELECT rusts_add_retention_policy('cpu', '1d');
SELECT rusts_add_retention_policy('pol."cpu"*', '1d');
SELECT rusts_add_retention_policy('pol.cpu*', '1d');
SELECT rusts_add_retention_policy('', '1d');
SELECT rusts_add_retention_policy('c*u', '1d');
SELECT rusts_add_retention_policy('a.b.c', '1d');
SELECT rusts_add_retention_policy('"cpu', '1d');
SELECT rusts_add_retention_policy(repeat('x', 64), '1d');
SELECT rusts_add_retention_policy(NULL, '1d');
SELECT rusts_add_retention_policy('x', NULL::interval);
SELECT rusts_add_retention_policy('x', NULL::text);
SELECT rusts_add_retention_policy('x', '0s');
SELECT rusts_add_retention_policy('x', interval '0');
SELECT rusts_add_retention_policy('x', interval '-1 day');
SELECT rusts_add_retention_policy('x', '-1d');
SELECT rusts_add_retention_policy('x', interval '1 month -29 days');
SELECT rusts_add_retention_policy('x', 'a while');
SELECT rusts_add_retention_policy('x', '1d', 'sundial');
SELECT rusts_add_retention_policy('x', '1d', NULL);
SELECT rusts_add_tiering_policy('x', '-1d');
SELECT rusts_add_tiering_policy('x', '1d', 'nowhere');
SELECT rusts_add_tiering_policy('x', '1d', 'pg_global');
SELECT rusts_alter_retention_policy('x', '1d');
SELECT rusts_alter_tiering_policy('x', '1d');
SELECT rusts_remove_retention_policy('x');
SELECT rusts_remove_tiering_policy('cpu');
\set VERBOSITY default
SELECT rusts_add_retention_policy('**', '1d');
SELECT rusts_add_retention_policy('later', '0s');
SELECT rusts_add_retention_policy('later', '1d');
SELECT rusts_alter_retention_policy('later', '2d', 'data');
\set VERBOSITY terse
SELECT rusts_alter_retention_policy('later', '3d');
SET client_min_messages = warning;
SELECT rusts_alter_tiering_policy('*', '4w', 'pg_default');
SELECT rusts_alter_tiering_policy('*', interval '3 weeks');
RESET client_min_messages;
SELECT pattern, after, clock, tablespace FROM rusts.policies WHERE (kind, pattern) IN (('tiering', '*'), ('retention', 'later'));
SELECT rusts_remove_retention_policy('later');
SELECT rusts_remove_retention_policy('pol.cpu*');

-- the most specific one counts
CREATE TABLE cpu (time timestamptz NOT NULL, v int) USING rusts;
CREATE TABLE cpu0 (LIKE cpu) USING rusts;
CREATE TABLE "disk.io read" (LIKE cpu) USING rusts;
CREATE TABLE "CPU" (LIKE cpu) USING rusts;
CREATE TABLE public.regress_pol_mem (LIKE cpu) USING rusts;
CREATE TABLE heap_cpu (LIKE cpu) USING heap;
CREATE MATERIALIZED VIEW cpu_mv USING rusts AS SELECT * FROM cpu;
CREATE VIEW applied AS
SELECT kind, pattern, m.measurement::text FROM rusts.policies, unnest(measurements) AS m(measurement)
 WHERE m.measurement IN (SELECT oid FROM pg_class WHERE relnamespace = 'pol'::regnamespace OR relname = 'regress_pol_mem');
SELECT * FROM applied ORDER BY kind, pattern COLLATE "C", measurement COLLATE "C";
SELECT rusts_remove_retention_policy('pol.*');
SELECT rusts_remove_retention_policy('cpu');
SELECT * FROM applied WHERE kind = 'retention' ORDER BY kind, pattern COLLATE "C", measurement COLLATE "C";
DROP MATERIALIZED VIEW cpu_mv;
DROP TABLE cpu0, "disk.io read", "CPU", public.regress_pol_mem, heap_cpu;
SELECT rusts_remove_retention_policy('pol."disk.io"*');
SELECT rusts_remove_retention_policy('*');
SELECT rusts_remove_tiering_policy('*');
SELECT rusts_remove_tiering_policy('cpu*');

-- retention by the server's clock: whole segments, those in part, those of level 0
SELECT rusts_alter_retention_policy('cpu*', '30d');
INSERT INTO cpu SELECT date_trunc('hour', now()) - i * interval '1 hour', i FROM generate_series(0, 24 * 365) i;
SELECT rusts_flush('cpu') > 0;
INSERT INTO cpu SELECT date_trunc('hour', now()) - i * interval '1 hour', i FROM generate_series(24 * 29, 24 * 31) i;
CREATE VIEW old AS SELECT count(*) FILTER (WHERE time < now() - interval '30 days') AS old,
	count(*) FILTER (WHERE time >= now() - interval '30 days') AS young FROM cpu;
SELECT * FROM old;
SELECT rows_past > 24 * 330 AS past, rows_partly_past BETWEEN 1 AND 24 * 4 AS partly FROM rusts.policies WHERE pattern = 'cpu*';
SELECT job, rows FROM rusts_run_jobs('cpu');
SELECT * FROM old;
SELECT rows_past, rows_partly_past, measurements FROM rusts.policies WHERE pattern = 'cpu*';
SELECT * FROM rusts_run_jobs('cpu');
SELECT count(*), sum(v) FROM cpu;
BEGIN;
SELECT rusts_alter_retention_policy('cpu*', '10d');
SELECT job, rows > 0 FROM rusts_run_jobs() WHERE measurement = 'cpu'::regclass;
SELECT count(*) FROM cpu WHERE time < now() - interval '10 days';
ROLLBACK;
SELECT count(*), sum(v) FROM cpu;

-- rows deleted and updated before, and in the same transaction
BEGIN;
DELETE FROM cpu WHERE v % 24 = 0;
SELECT count(*) FROM rusts_run_jobs('cpu');
COMMIT;
UPDATE cpu SET v = v + 100000 WHERE v = 1;
SELECT rusts_alter_retention_policy('cpu*', '10d');
SELECT rows_past + rows_partly_past > 24 * 18 FROM rusts.policies WHERE pattern = 'cpu*';
SELECT job, rows FROM rusts_run_jobs('cpu');
SELECT count(*), min(v), count(*) FILTER (WHERE v % 24 = 0), max(v) FROM cpu;

-- by the data's clock; infinite and missing times; a time without time zone
CREATE TABLE dat (time timestamp, k text, v int) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN dat.k IS 'tag';
SELECT rusts_add_retention_policy('dat', '1d', 'data');
SELECT * FROM rusts_run_jobs('dat');
INSERT INTO dat SELECT '2001-01-01'::timestamp + i * interval '1 h', 'k' || i % 3, i FROM generate_series(0, 71) i;
INSERT INTO dat VALUES (NULL, 'k0', -1), ('2000-01-01', 'k', -2);
INSERT INTO dat VALUES ('infinity', 'k', -3);
INSERT INTO dat VALUES ('-infinity', 'k', -4), (NULL, 'k', -5);
SELECT job, rows FROM rusts_run_jobs('dat');
SELECT min(time) FILTER (WHERE isfinite(time)), max(time) FILTER (WHERE isfinite(time)), count(*), count(*) FILTER (WHERE v < 0) FROM dat;
SELECT time, v FROM dat WHERE v < 0 ORDER BY v;
SELECT k, count(*), sum(v) FROM dat WHERE v > 0 GROUP BY k ORDER BY k;
INSERT INTO dat VALUES ('2001-02-01', 'late', 1000);
SELECT job, rows FROM rusts_run_jobs('dat');
SELECT v FROM dat ORDER BY v;

-- columns that were added, dropped, and added with a default since
CREATE TABLE alt (time timestamptz NOT NULL, gone int, v int, s text) USING rusts;
INSERT INTO alt SELECT '2001-01-01'::timestamptz + i * interval '1 min', i, i, 's' || i FROM generate_series(0, 119) i;
SELECT rusts_flush('alt');
ALTER TABLE alt DROP COLUMN gone;
ALTER TABLE alt ADD COLUMN d numeric DEFAULT 1.5;
ALTER TABLE alt ADD COLUMN n text;
SELECT rusts_add_retention_policy('alt', '1h', 'data');
SELECT job, rows FROM rusts_run_jobs('alt');
SELECT count(*), sum(v), sum(d), min(s), max(s), count(n), min(time) FROM alt;

-- a point written twice: what is rewritten does not become the last one written
SELECT rusts_write('dup,k=a v=1,w=1 978307200000000000
dup,k=a v=1,w=1 978350400000000000');
SELECT rusts_flush('dup');
SELECT rusts_write('dup,k=a v=2 978350400000000000');
SELECT rusts_flush('dup');
SELECT rusts_add_retention_policy('dup', '6h', 'data');
SELECT job, rows FROM rusts_run_jobs('dup');
SELECT time, v, w FROM dup;
SELECT rusts_compact('dup') >= 0;
SELECT time, v, w FROM dup;
DROP TABLE dup;
SELECT rusts_remove_retention_policy('dup');

-- tiering, after retention
CREATE TABLE tir (time timestamptz NOT NULL, v int) USING rusts;
INSERT INTO tir SELECT '2001-01-01'::timestamptz + i * interval '1 h', i FROM generate_series(0, 24 * 30 - 1) i;
SELECT rusts_add_tiering_policy('tir', '10d');
SELECT rusts_add_retention_policy('tir', '20d', 'data');
SELECT kind, measurements, rows_past, rows_partly_past FROM rusts.policies WHERE pattern = 'tir' ORDER BY kind;
SELECT job, rows FROM rusts_run_jobs('tir');
SELECT kind, measurements, rows_past, rows_partly_past FROM rusts.policies WHERE pattern = 'tir' ORDER BY kind;
SELECT tier, sum(rows), min(min_time), max(max_time) FROM rusts.segments WHERE measurement = 'tir'::regclass GROUP BY tier;
SELECT job, policy FROM rusts.jobs WHERE measurement = 'tir'::regclass ORDER BY job;
SELECT rusts_alter_retention_policy('tir', '90h');
SELECT job, rows FROM rusts_run_jobs('tir');
SELECT tier, sum(rows), min(min_time), max(max_time) FROM rusts.segments WHERE measurement = 'tir'::regclass GROUP BY tier;
SELECT count(*), min(v), max(v), sum(v) FROM tir;
-- old rows that had been deleted before
DELETE FROM tir WHERE time < '2001-01-27 06:00';
SELECT rusts_alter_retention_policy('tir', '89h');
SELECT * FROM rusts_run_jobs('tir');
SELECT tier, sum(rows), min(min_time), max(max_time) FROM rusts.segments WHERE measurement = 'tir'::regclass GROUP BY tier;
SELECT rusts_remove_tiering_policy('tir');
DROP TABLE tir;
SELECT rusts_remove_retention_policy('tir');

-- a limit before the beginning of time, and nothing to act on
CREATE TABLE empty (time timestamptz NOT NULL) USING rusts;
CREATE TABLE timeless (v int) USING rusts;
INSERT INTO timeless VALUES (1);
SELECT rusts_add_retention_policy('empty', '170000 years');
SELECT rusts_add_retention_policy('timeless', '1d');
INSERT INTO empty VALUES ('4000-01-01 BC');
SELECT measurement, job, rows FROM rusts_run_jobs() WHERE measurement IN ('empty'::regclass, 'timeless'::regclass) ORDER BY measurement::text, job;
SELECT count(*) FROM empty;
SELECT rows_past, rows_partly_past FROM rusts.policies WHERE pattern = 'empty';
DROP TABLE empty, timeless, alt, dat;
SELECT rusts_remove_retention_policy(p) FROM unnest('{empty,timeless,alt,dat}'::text[]) p;

-- a policy acts on what its owner owns
CREATE TABLE of_pat (time timestamptz NOT NULL, v int) USING rusts;
CREATE TABLE of_max (LIKE of_pat) USING rusts;
INSERT INTO of_pat VALUES (now() - interval '10 d', 1), (now(), 2);
INSERT INTO of_max VALUES (now() - interval '10 d', 1), (now(), 2);
ALTER TABLE of_pat OWNER TO regress_rusts_pat;
ALTER TABLE of_max OWNER TO regress_rusts_max;
SET ROLE regress_rusts_pat;
SELECT rusts_add_retention_policy('of*', '1d');
SELECT rusts_add_retention_policy('of_max', '1d');
SELECT rusts_alter_retention_policy('cpu*', '1d');
SELECT rusts_remove_retention_policy('cpu*');
SELECT pattern, measurements FROM rusts.policies WHERE kind = 'retention' ORDER BY pattern COLLATE "C";
SELECT * FROM rusts_run_jobs('of_max');
SELECT * FROM rusts_run_jobs('cpu');
SELECT * FROM rusts_run_jobs('pg_class');
SELECT * FROM rusts_run_jobs(4000000000);
SELECT * FROM rusts_run_jobs();
SELECT count(*) FROM rusts.job;
INSERT INTO rusts.policy SELECT * FROM rusts.policy;
DELETE FROM rusts.policies;
RESET ROLE;
SELECT v FROM of_pat;
SELECT count(*) FROM of_max;
SET ROLE regress_rusts_max;
SELECT * FROM rusts_run_jobs();
SELECT measurement, job, policy FROM rusts.jobs ORDER BY 1, 2;
RESET ROLE;
-- a superuser's acts on all, but the owner's own comes first
SELECT rusts_add_retention_policy('of*', '5d');
SELECT owner = current_user::regrole AS own, measurements FROM rusts.policies WHERE pattern = 'of*' ORDER BY 1;
SELECT measurement, job, rows FROM rusts_run_jobs() WHERE measurement::text LIKE 'of%' ORDER BY 1, 2;
SELECT count(*) FROM of_max;
-- members
SELECT rusts_remove_retention_policy('of_max');
SELECT rusts_remove_retention_policy('of*');
GRANT regress_rusts_pat TO regress_rusts_max;
SET ROLE regress_rusts_max;
SELECT rusts_alter_retention_policy('of*', '2d');
SELECT rusts_add_retention_policy('of*', '3d');
SELECT after, owner, measurements FROM rusts.policies WHERE pattern = 'of*' ORDER BY 1;
SELECT rusts_remove_retention_policy('of*');
SELECT rusts_remove_retention_policy('of*');
RESET ROLE;
-- not in a transaction that promises to change nothing
BEGIN READ ONLY;
SELECT rusts_add_retention_policy('of*', '2d');
ROLLBACK;
BEGIN READ ONLY;
SELECT rusts_alter_tiering_policy('of*', '2d');
ROLLBACK;
BEGIN READ ONLY;
SELECT rusts_remove_retention_policy('of*');
ROLLBACK;

-- what others are told
SET ROLE regress_rusts_pat;
SELECT count(*) FROM rusts.jobs WHERE measurement <> 'of_pat'::regclass;
SELECT count(*) FROM rusts.progress;
RESET ROLE;
DROP VIEW old, applied;
DROP TABLE cpu, of_pat, of_max;
SELECT rusts_remove_retention_policy('cpu*');
SELECT count(*) FROM rusts.policy;
DROP SCHEMA pol;
DROP ROLE regress_rusts_pat, regress_rusts_max;
