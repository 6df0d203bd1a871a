--
-- DDL: columns, rewrites, tablespaces, materialized views, labels, the
-- extension itself
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
CREATE FUNCTION public.orphans() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM rusts.segment AS s
WHERE NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_am AS a ON a.oid = relam AND amname = 'rusts'
 WHERE relkind IN ('r', 'm') AND rusts.storage_id(c.oid) = s.storage_id) $$;

--
-- Columns added, dropped, added again, renamed; old segments have the old ones
--
SELECT twice('CREATE TABLE t (time timestamptz, host text, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, 'h' || i % 3, i FROM generate_series(1, 1000) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice('ALTER TABLE t ADD a int');
SELECT twice($$ALTER TABLE t ADD b text DEFAULT 'default'$$);
SELECT twice($$ALTER TABLE t ADD c numeric NOT NULL DEFAULT 1.50, ADD d float8 DEFAULT 'NaN', ADD e int[] DEFAULT '{1,2}'$$);
SELECT twice('ALTER TABLE t ALTER b SET DEFAULT $$other$$');
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t (time, host, v) SELECT '2021-01-02'::timestamptz + i * '1 s'::interval, 'h' || i % 3, i FROM generate_series(1, 500) AS i$$);
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
-- flush after ADD COLUMN: the default goes into the segment
SELECT twice($$INSERT INTO t (time, host, v) VALUES ('2021-01-03', 'h1', 7)$$);
SELECT twice($$ALTER TABLE t ADD f text DEFAULT 'late', ADD g text$$);
SECURITY LABEL FOR rusts ON COLUMN m.t.f IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.t.g IS 'tag';
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t (time, host, v, g) VALUES ('2021-01-03', 'h1', 7, 'g'), ('2021-01-03', NULL, 7, NULL)$$);
SELECT same('SELECT f, g, host, count(*) FROM t GROUP BY f, g, host');
SELECT twice('ALTER TABLE t DROP a, DROP host');
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
SELECT twice($$ALTER TABLE t ADD a text DEFAULT 'a again', ADD host text$$);
SELECT same('SELECT * FROM t');
SELECT twice('ALTER TABLE t RENAME v TO value');
SELECT twice('ALTER TABLE t RENAME f TO tag_f');
SELECT same('SELECT * FROM t');
SELECT tags, fields, rows FROM rusts.measurements WHERE measurement = 'm.t'::regclass;
-- a volatile default rewrites; so does a generated column
SELECT twice('ALTER TABLE t ADD n int GENERATED ALWAYS AS IDENTITY');
SELECT twice('ALTER TABLE t ADD double int GENERATED ALWAYS AS (value * 2) STORED');
SELECT same('SELECT time, b, c, d, e, value, tag_f, g, a, host, double FROM t');
SELECT count(*), count(DISTINCT n) FROM m.t;
SELECT twice('ALTER TABLE t DROP n');
-- types changed, with and without a rewrite
SELECT twice('ALTER TABLE t ALTER value TYPE bigint');
SELECT twice('ALTER TABLE t DROP double');
SELECT twice('ALTER TABLE t ALTER value TYPE bigint USING value + 3000000000');
SELECT twice('ALTER TABLE t ALTER value TYPE int');
SELECT twice('ALTER TABLE t ALTER value TYPE float8');
SELECT twice('ALTER TABLE t ALTER value TYPE numeric, ALTER c TYPE float4, ALTER g TYPE bytea USING g::bytea');
SELECT same('SELECT * FROM t');
SELECT twice($$ALTER TABLE t ALTER g TYPE text USING convert_from(g, 'UTF8')$$);
SELECT twice('ALTER TABLE t ALTER value TYPE text USING $$v$$ || value');
SELECT twice('ALTER TABLE t ALTER tag_f TYPE varchar');
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t (time, tag_f, g) VALUES ('2021-01-04', 'varchar now', 'g')$$);
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
SELECT tags FROM rusts.measurements WHERE measurement = 'm.t'::regclass;
SELECT twice('ALTER TABLE t ALTER time TYPE timestamp');
SELECT same('SELECT * FROM t');
SELECT twice('ALTER TABLE t ALTER time TYPE text');
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT twice('ALTER TABLE t ALTER time TYPE timestamptz USING time::timestamptz');
SELECT same('SELECT * FROM t');
SELECT orphans();
-- constraints on what is there already
SELECT twice('ALTER TABLE t ALTER g SET NOT NULL');
SELECT twice('ALTER TABLE t ADD CHECK (c = 1.50)');
SELECT twice('ALTER TABLE t ADD CHECK (c > 2)');
SELECT twice('ALTER TABLE t ALTER d SET NOT NULL');
-- storage parameters that make no difference
SELECT twice('ALTER TABLE t ALTER b SET STORAGE EXTERNAL, ALTER b SET STATISTICS 10');
SELECT twice('ALTER TABLE t SET (autovacuum_enabled = off)');
SELECT same('SELECT * FROM t');

-- all columns dropped
SELECT twice('CREATE TABLE cols (a int, b text)');
SELECT twice('INSERT INTO cols SELECT i, i FROM generate_series(1, 100) AS i');
SELECT twice('ALTER TABLE cols DROP a');
SELECT twice('ALTER TABLE cols DROP b');
SELECT same('SELECT count(*) FROM cols');
SELECT rusts_flush('m.cols');
SELECT same('SELECT count(*) FROM cols');
SELECT twice('ALTER TABLE cols ADD a int DEFAULT 5');
SELECT same('SELECT * FROM cols');

--
-- Labels
--
SELECT twice('CREATE TABLE l (a text, b text, n int, time timestamptz)');
SELECT twice($$INSERT INTO l SELECT 'a' || i % 5, 'b' || i % 7, i, '2021-01-01'::timestamptz + i * '1 s'::interval FROM generate_series(1, 2000) AS i$$);
SECURITY LABEL FOR rusts ON COLUMN m.l.a IS 'tag';
SELECT same('SELECT * FROM l');
SELECT twice($$INSERT INTO l SELECT 'a' || i % 5, 'b' || i % 7, i, '2021-01-01'::timestamptz + i * '1 s'::interval FROM generate_series(1, 2000) AS i$$);
SELECT same('SELECT * FROM l');
SELECT rusts_flush('m.l');
SELECT same('SELECT * FROM l');
SECURITY LABEL FOR rusts ON COLUMN m.l.a IS NULL;
SECURITY LABEL FOR rusts ON COLUMN m.l.b IS 'tag';
SELECT twice($$INSERT INTO l SELECT 'a' || i % 5, 'b' || i % 7, i, NULL FROM generate_series(1, 2000) AS i$$);
SELECT same('SELECT * FROM l');
SELECT rusts_flush('m.l');
SELECT same('SELECT * FROM l');
SELECT tags, fields FROM rusts.measurements WHERE measurement = 'm.l'::regclass;
VACUUM FULL m.l;
SELECT same('SELECT * FROM l');
SECURITY LABEL FOR rusts ON COLUMN m.l.n IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.l.a IS 'field';
SECURITY LABEL FOR rusts ON TABLE m.l IS 'tag';
SECURITY LABEL FOR rusts ON SCHEMA m IS 'tag';
CREATE VIEW m.lv AS SELECT * FROM m.l;
SECURITY LABEL FOR rusts ON COLUMN m.lv.a IS 'tag';
DROP VIEW m.lv;
-- a label that is set in the middle of a transaction that writes
BEGIN;
INSERT INTO m.l VALUES ('a1', 'b1', -1, NULL);
SECURITY LABEL FOR rusts ON COLUMN m.l.a IS 'tag';
INSERT INTO m.l VALUES ('a1', 'b1', -2, NULL);
SELECT count(*) FROM m.l WHERE a = 'a1' AND n < 0;
SELECT rusts_flush('m.l');
SELECT count(*) FROM m.l WHERE a = 'a1' AND n < 0;
COMMIT;
SELECT twice($$INSERT INTO l SELECT 'a1', 'b1', n, NULL FROM generate_series(-2, -1) AS n WHERE current_schema = 'h'$$) LIKE 'DIFFERENT%';
SELECT same('SELECT * FROM l');

--
-- Rewrites and moves of the whole
--
SELECT twice('CREATE TABLE w (k text, time timestamptz, v float8)');
SECURITY LABEL FOR rusts ON COLUMN m.w.k IS 'tag';
SELECT twice($$INSERT INTO w SELECT 'k' || i % 10, '2021-01-01'::timestamptz + i * '1 min'::interval, i / 8.0 FROM generate_series(1, 20000) AS i$$);
SELECT rusts_flush('m.w');
SELECT twice($$INSERT INTO w SELECT 'k' || i % 10, '2021-01-01'::timestamptz + i * '1 min'::interval, i / 8.0 FROM generate_series(1, 300) AS i$$);
VACUUM m.w;
SELECT same('SELECT * FROM w');
VACUUM FULL m.w;
SELECT same('SELECT * FROM w');
SELECT min(tier), max(tier), sum(rows) FROM rusts.segments WHERE measurement = 'm.w'::regclass;
VACUUM (FULL, ANALYZE) m.w;
VACUUM (FREEZE) m.w;
VACUUM (DISABLE_PAGE_SKIPPING, INDEX_CLEANUP off, TRUNCATE off, PARALLEL 2) m.w;
SELECT same('SELECT * FROM w');
SELECT reltuples FROM pg_class WHERE oid = 'm.w'::regclass;
CLUSTER m.w;
ALTER TABLE m.w SET TABLESPACE pg_default;
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_rusts_space LOCATION '';
ALTER TABLE m.w SET TABLESPACE regress_rusts_space;
SELECT same('SELECT * FROM w');
SELECT twice($$INSERT INTO w VALUES ('k', NULL, 1)$$);
SELECT rusts_flush('m.w');
SELECT same('SELECT * FROM w');
VACUUM FULL m.w;
SELECT same('SELECT * FROM w');
ALTER TABLE m.w SET TABLESPACE pg_default;
CREATE UNLOGGED TABLE m.uw (i int) USING rusts TABLESPACE regress_rusts_space;
INSERT INTO m.uw SELECT generate_series(1, 5000);
SELECT rusts_flush('m.uw');
ALTER TABLE m.uw SET TABLESPACE pg_default;
SELECT count(*) FROM m.uw;
DROP TABLE m.uw;
DROP TABLESPACE regress_rusts_space;
SELECT same('SELECT * FROM w');
ALTER TABLE m.w SET UNLOGGED;
SELECT same('SELECT * FROM w');
ALTER TABLE m.w SET LOGGED;
SELECT same('SELECT * FROM w');
-- to heap and back
ALTER TABLE m.w SET ACCESS METHOD heap;
SELECT orphans();
SELECT same('SELECT * FROM w');
DELETE FROM m.w WHERE v < 10;
DELETE FROM h.w WHERE v < 10;
ALTER TABLE m.w SET ACCESS METHOD rusts;
SELECT same('SELECT * FROM w');
SELECT rusts_flush('m.w') >= 0;
SELECT same('SELECT * FROM w');
-- one that has an index, or is something's key, cannot become a measurement
ALTER TABLE m.w SET ACCESS METHOD heap;
CREATE INDEX w_v ON m.w (v);
ALTER TABLE m.w SET ACCESS METHOD rusts;
DROP INDEX m.w_v;
ALTER TABLE m.w SET ACCESS METHOD rusts;
-- schemas and names
CREATE SCHEMA other;
ALTER TABLE m.w SET SCHEMA other;
ALTER TABLE other.w RENAME TO w2;
ALTER SCHEMA other RENAME TO another;
INSERT INTO another.w2 VALUES ('renamed', NULL, 1);
SELECT rusts_flush('another.w2') >= 0;
SELECT measurement, tags FROM rusts.measurements WHERE measurement = 'another.w2'::regclass;
ALTER TABLE another.w2 SET SCHEMA m;
ALTER TABLE m.w2 RENAME TO w;
SELECT twice($$INSERT INTO w SELECT 'renamed', NULL, 1 WHERE current_schema = 'h'$$) LIKE 'DIFFERENT%';
SELECT same('SELECT * FROM w');
DROP SCHEMA another;

-- LIKE, typed tables
CREATE TABLE m.liked (LIKE m.w INCLUDING ALL) USING rusts;
INSERT INTO m.liked SELECT * FROM m.w LIMIT 10;
SELECT count(*) FROM m.liked;
CREATE TYPE public.reading AS (time timestamptz, v float8);
CREATE TABLE m.typed OF public.reading USING rusts;
INSERT INTO m.typed VALUES (NULL, 1);
ALTER TYPE public.reading ADD ATTRIBUTE more text CASCADE;
SELECT * FROM m.typed;
DROP TABLE m.typed, m.liked;
DROP TYPE public.reading;

--
-- Ages: nothing of a measurement has a transaction id
--
SELECT relfrozenxid::text <> '0', relminmxid FROM pg_class WHERE oid = 'm.l'::regclass;
ALTER TABLE m.l ALTER n TYPE bigint;
SELECT relfrozenxid::text = '0', relminmxid::text = '0' FROM pg_class WHERE oid = 'm.l'::regclass;
SELECT relfrozenxid AS old_xid FROM pg_class WHERE oid = 'm.l'::regclass \gset
SELECT count(pg_current_xact_id()) FROM (VALUES (1)) AS x;
SELECT count(pg_current_xact_id()) FROM (VALUES (1)) AS x;
VACUUM m.l;
SELECT :'old_xid' = '0' OR age(relfrozenxid) < age(:'old_xid'::xid) FROM pg_class WHERE oid = 'm.l'::regclass;
VACUUM FULL m.l;
SELECT age(relfrozenxid) < 100, relminmxid FROM pg_class WHERE oid = 'm.l'::regclass;
SELECT same('SELECT a, b, n::bigint, time FROM l');
SELECT count(pg_current_xact_id()) FROM (VALUES (1)) AS x;
VACUUM m.l;
SELECT same('SELECT a, b, n::bigint, time FROM l');
TRUNCATE m.l, h.l;
SELECT relfrozenxid FROM pg_class WHERE oid = 'm.l'::regclass;

--
-- Materialized views
--
SELECT twice('CREATE TABLE src AS SELECT i, i % 10 AS k FROM generate_series(1, 1000) AS i');
CREATE MATERIALIZED VIEW m.mv USING rusts AS SELECT k, count(*) AS n FROM m.src GROUP BY k;
CREATE MATERIALIZED VIEW h.mv AS SELECT k, count(*) AS n FROM h.src GROUP BY k;
CREATE MATERIALIZED VIEW m.mv_later USING rusts AS SELECT * FROM m.mv WITH NO DATA;
SELECT * FROM m.mv_later;
SELECT same('SELECT * FROM mv');
SELECT twice('INSERT INTO src VALUES (1, 11)');
SELECT rusts_flush('m.mv') >= 0;
SELECT same('SELECT * FROM mv');
SELECT twice('REFRESH MATERIALIZED VIEW mv');
SELECT same('SELECT * FROM mv');
REFRESH MATERIALIZED VIEW m.mv_later;
SELECT count(*) FROM m.mv_later;
REFRESH MATERIALIZED VIEW CONCURRENTLY m.mv;
CREATE UNIQUE INDEX ON m.mv (k);
ALTER MATERIALIZED VIEW m.mv SET ACCESS METHOD heap;
SELECT same('SELECT * FROM mv');
ALTER MATERIALIZED VIEW m.mv SET ACCESS METHOD rusts;
SELECT same('SELECT * FROM mv');
SELECT measurement, rows FROM rusts.measurements WHERE measurement IN ('m.mv'::regclass, 'm.mv_later'::regclass) ORDER BY 1;
REFRESH MATERIALIZED VIEW m.mv WITH NO DATA;
SELECT orphans();
DROP MATERIALIZED VIEW m.mv CASCADE;
SELECT orphans();

-- temporary, unlogged and other tables by default
SET default_table_access_method = rusts;
CREATE TABLE m.by_default (i int);
CREATE TEMP TABLE temp_by_default (i int);
CREATE UNLOGGED TABLE m.unlogged_by_default (i int);
CREATE TABLE m.parent_by_default (i int) PARTITION BY LIST (i);
CREATE TABLE m.part_by_default PARTITION OF m.parent_by_default DEFAULT;
CREATE VIEW m.view_by_default AS SELECT 1;
CREATE SEQUENCE m.seq_by_default;
CREATE MATERIALIZED VIEW m.mv_by_default AS SELECT 1 AS i;
CREATE TABLE m.with_key (i int PRIMARY KEY);
CREATE TABLE m.with_key (i int PRIMARY KEY) USING heap;
RESET default_table_access_method;
SELECT relname, amname FROM pg_class AS c LEFT JOIN pg_am AS a ON a.oid = relam
WHERE relname LIKE '%by_default' ORDER BY 1;

--
-- What is dropped leaves nothing behind
--
SELECT orphans();
DROP TABLE m.by_default, temp_by_default, m.unlogged_by_default, m.parent_by_default, m.t;
DROP MATERIALIZED VIEW m.mv_by_default;
DROP SCHEMA m CASCADE;
SELECT orphans(), count(*) FROM rusts.segment;

-- the extension
CREATE SCHEMA m;
CREATE TABLE m.t (i int, k text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.t.k IS 'tag';
INSERT INTO m.t SELECT i, i FROM generate_series(1, 1000) AS i;
CREATE MATERIALIZED VIEW m.mv USING rusts AS SELECT count(*) FROM m.t;
CREATE TABLE m.p (i int) PARTITION BY LIST (i);
CREATE TABLE m.p1 PARTITION OF m.p DEFAULT USING rusts;
CREATE TABLE m.heap AS SELECT 1 AS i;
\set VERBOSITY default
DROP EXTENSION rusts;
\set VERBOSITY terse
DROP ACCESS METHOD rusts;
DROP TABLE rusts.segment;
BEGIN;
DROP EXTENSION rusts CASCADE;
ROLLBACK;
SELECT count(*), sum(i) FROM m.t;
INSERT INTO m.t VALUES (1001, 'x');
SELECT rusts_flush('m.t');
SET client_min_messages = warning;
DROP EXTENSION rusts CASCADE;
SELECT to_regclass('m.t'), to_regclass('m.p1'), to_regclass('m.p'), to_regclass('m.heap'), to_regnamespace('rusts');
SELECT count(*) FROM pg_am WHERE amname = 'rusts';
CREATE TABLE m.t (i int) USING rusts;
CREATE TABLE m.t (i int);
DROP TABLE m.t;
CREATE EXTENSION rusts;
CREATE TABLE m.t (i int, k text) USING rusts;
INSERT INTO m.t SELECT i, i FROM generate_series(1, 1000) AS i;
SELECT rusts_flush('m.t');
SELECT count(*), sum(i) FROM m.t;
DROP SCHEMA IF EXISTS m CASCADE;
DROP SCHEMA h, same CASCADE;
DROP FUNCTION orphans;
SELECT count(*) FROM rusts.segment;
