--
-- The cold tier in a tablespace of its own
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
SET timezone = 'UTC';
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_cold LOCATION '';
CREATE VIEW public.places AS
SELECT measurement, tier, time_partition::date AS day, rows, tablespace FROM rusts.segments;

SELECT twice('CREATE TABLE t (time timestamptz, host text, i int8, f float8)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-03-01'::timestamptz + j * '1 day'::interval + i * '1 min'::interval,
	'h' || i % 2, i * j, sin(i * 10000 + j)
FROM generate_series(0, 1439) AS i, generate_series(0, 2) AS j$$);
SELECT rusts_tier('m.t', '2021-03-02', 'regress_cold');
SELECT tier, day, rows, tablespace FROM places WHERE measurement = 'm.t'::regclass ORDER BY day, tier;
SELECT same('SELECT * FROM t');
SELECT same('SELECT host, sum(i) FROM t WHERE time < ''2021-03-02'' AND host = ''h1'' GROUP BY host');
SET rusts.enable_scan = off;
SELECT same('SELECT * FROM t');
RESET rusts.enable_scan;

-- the table of the tablespace: all of it is there, nobody may look
SELECT 'rusts.cold_' || oid AS cold FROM pg_tablespace WHERE spcname = 'regress_cold' \gset
SELECT c.relkind, t.spcname FROM pg_class AS c JOIN pg_tablespace AS t ON t.oid = c.reltablespace
WHERE c.oid = :'cold'::regclass
   OR c.oid = (SELECT reltoastrelid FROM pg_class WHERE oid = :'cold'::regclass)
   OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = :'cold'::regclass) ORDER BY 1;
SELECT has_table_privilege('public', :'cold', 'SELECT'), obj_description(:'cold'::regclass);
SELECT deptype, refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rusts') AS member
FROM pg_depend WHERE objid = :'cold'::regclass AND refclassid = 'pg_extension'::regclass;
SELECT count(*) FROM :cold;

-- late points join what is there; the others go where they are told to
SELECT twice($$INSERT INTO t SELECT '2021-03-01 12:00:30'::timestamptz + i * '1 s'::interval, 'h9', i, i
FROM generate_series(1, 1000) AS i$$);
SELECT rusts_tier('m.t', '2021-03-02');
SELECT rusts_tier('m.t', '2021-03-03');
SELECT tier, day, rows, tablespace FROM places WHERE measurement = 'm.t'::regclass ORDER BY day, tier;
SELECT same('SELECT * FROM t');
SELECT count(*) FROM :cold;

-- a rewrite leaves everything where it is, and nothing behind
VACUUM FULL m.t;
SELECT tier, day, rows, tablespace FROM places WHERE measurement = 'm.t'::regclass ORDER BY day, tier;
SELECT same('SELECT * FROM t');
SELECT count(*) FROM :cold;
-- so does one of the table, and a change of place
VACUUM FULL :cold;
SELECT same('SELECT * FROM t');
CREATE TABLESPACE regress_colder LOCATION '';
ALTER TABLE :cold SET TABLESPACE regress_colder;
SELECT same('SELECT * FROM t');
SELECT DISTINCT tablespace FROM places WHERE tier = 'cold' ORDER BY 1;
ALTER TABLE :cold SET TABLESPACE regress_cold;
-- nor does moving the measurement take it along
ALTER TABLE m.t SET TABLESPACE regress_colder;
SELECT same('SELECT * FROM t');
ALTER TABLE m.t RENAME TO tt;
ALTER TABLE m.tt RENAME TO t;
SELECT same('SELECT * FROM t');

-- rolled back
BEGIN;
SELECT rusts_tier('m.t', 'infinity', 'regress_cold') > 0;
SELECT same('SELECT * FROM t');
SELECT count(*) FROM :cold;
ROLLBACK;
SELECT count(*) FROM :cold;
BEGIN;
TRUNCATE m.t;
SELECT count(*) FROM :cold;
ROLLBACK;
SELECT same('SELECT * FROM t');
-- a snapshot of before
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM m.t;
SELECT rusts_tier('m.t', 'infinity', 'regress_cold') > 0;
SELECT same('SELECT * FROM t');
COMMIT;
SELECT same('SELECT * FROM t');

-- the measurement's own tablespace is its own file; temporary and unlogged ones stay there
CREATE TABLE m.own (time timestamptz, i int) USING rusts TABLESPACE regress_cold;
INSERT INTO m.own SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, i * 7919 % 1000 FROM generate_series(1, 20000) AS i;
SELECT rusts_tier('m.own', 'infinity', 'regress_cold');
CREATE UNLOGGED TABLE m.unlogged (LIKE m.own) USING rusts;
INSERT INTO m.unlogged SELECT * FROM m.own;
SELECT rusts_tier('m.unlogged', 'infinity', 'regress_cold');
SELECT measurement, tier, tablespace FROM places WHERE measurement IN ('m.own'::regclass, 'm.unlogged'::regclass) ORDER BY measurement::text;
DROP TABLE m.own, m.unlogged;

-- a policy's tablespace
CREATE TABLE m.p (time timestamptz, i int) USING rusts;
INSERT INTO m.p SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, hashint4(i) FROM generate_series(1, 20000) AS i;
SELECT rusts_add_tiering_policy('m.p', '1d', 'regress_cold');
SELECT job, rows FROM rusts_run_jobs('m.p');
SELECT tier, tablespace, rows FROM places WHERE measurement = 'm.p'::regclass;
SELECT count(*), sum(i) FROM m.p;
SELECT rusts_remove_tiering_policy('m.p');
DROP TABLE m.p;

-- who may, and where
SELECT rusts_tier('m.t', 'infinity', 'nowhere');
SELECT rusts_tier('m.t', 'infinity', 'pg_global');
CREATE ROLE regress_tier_space;
GRANT USAGE ON SCHEMA m TO regress_tier_space;
GRANT SELECT ON public.places TO regress_tier_space;
CREATE TABLE m.theirs (time timestamptz, i int) USING rusts;
INSERT INTO m.theirs SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, i * 7919 % 1000 FROM generate_series(1, 20000) AS i;
ALTER TABLE m.theirs OWNER TO regress_tier_space;
SET ROLE regress_tier_space;
SELECT rusts_tier('m.theirs', 'infinity', 'regress_colder');
RESET ROLE;
GRANT CREATE ON TABLESPACE regress_colder TO regress_tier_space;
SET ROLE regress_tier_space;
SELECT rusts_tier('m.theirs', 'infinity', 'regress_colder');
SELECT tier, tablespace FROM places WHERE measurement = 'm.theirs'::regclass;
SELECT count(*), sum(i) FROM m.theirs;
RESET ROLE;
SELECT 'rusts.cold_' || oid AS colder FROM pg_tablespace WHERE spcname = 'regress_colder' \gset
SELECT relowner::regrole = (SELECT extowner::regrole FROM pg_extension WHERE extname = 'rusts') AS extensions_owner
FROM pg_class WHERE oid = :'colder'::regclass;

-- gone with the measurement
DROP TABLE m.theirs;
TRUNCATE m.t;
SELECT (SELECT count(*) FROM :cold) AS cold, (SELECT count(*) FROM :colder) AS colder;
DROP TABLE m.t;
DROP TABLESPACE regress_colder;
ALTER EXTENSION rusts DROP TABLE :cold;
ALTER EXTENSION rusts DROP TABLE :colder;
DROP TABLE :cold, :colder;
DROP VIEW public.places;
DROP TABLESPACE regress_cold;
REVOKE CREATE ON TABLESPACE regress_colder FROM regress_tier_space;
DROP TABLESPACE regress_colder;
DROP OWNED BY regress_tier_space;
DROP ROLE regress_tier_space;
