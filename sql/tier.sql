--
-- The cold tier: whole old segments move there, and say the same
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
SET timezone = 'UTC';
SET client_min_messages = notice;
CREATE VIEW public.tiers AS SELECT measurement, tier, time_partition::date AS day, rows
FROM rusts.segments;

-- three days of two hosts, then the same again, then more of the last day
SELECT twice('CREATE TABLE t (time timestamptz, host text, i int8, f float8, s text)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-03-01'::timestamptz + j * '1 day'::interval + i * '1 min'::interval,
	'h' || i % 2, i * j, i / 10.0, 'text ' || i % 10
FROM generate_series(0, 1439) AS i, generate_series(0, 2) AS j$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t SELECT time + '30 s', host, i, f, s FROM t$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t SELECT '2021-03-03 23:59:59'::timestamptz + i * '1 ms'::interval, 'h2', i, 0, 'x'
FROM generate_series(0, 999) AS i$$);
SELECT twice($$INSERT INTO t SELECT NULL, 'h3', 1, 1, 'no time'$$);
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY day, rows;

-- only whole segments that end before the time; the end itself is not before
SELECT max_time FROM rusts.segments WHERE measurement = 'm.t'::regclass AND tier = 'hot' ORDER BY 1 LIMIT 2;
SELECT rusts_tier('m.t', '2021-03-01 23:59:00+00');
SELECT rusts_tier('m.t', '2021-03-01 23:59:00.000001+00');
SELECT same('SELECT * FROM t');
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY day, tier, rows;
-- what comes later joins it: one segment of the day
SELECT rusts_tier('m.t', '2021-03-02 23:59:30+00');
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY day, tier, rows;
SELECT rusts_tier('m.t', '2021-03-02 23:59:30+00');
SELECT rusts_tier('m.t', 'infinity');
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY day, tier, rows;
SELECT same('SELECT * FROM t');
SELECT same('SELECT host, count(*), sum(i), min(f), max(s) FROM t WHERE time >= ''2021-03-02'' GROUP BY host');
SELECT rows, hot_rows, cold_rows FROM rusts.measurements WHERE measurement = 'm.t'::regclass;

-- late points: a few stay by themselves beside a large segment, more join it
SELECT twice($$INSERT INTO t SELECT '2021-03-01 12:00:00.5'::timestamptz + i * '1 s'::interval, 'h0', i, i, 'late'
FROM generate_series(1, 100) AS i$$);
SELECT rusts_tier('m.t', 'infinity');
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass AND day = '2021-03-01' ORDER BY rows;
SELECT twice($$INSERT INTO t SELECT '2021-03-01 12:00:00.7'::timestamptz + i * '1 s'::interval, 'h0', i, i, 'late'
FROM generate_series(1, 200) AS i$$);
SELECT rusts_tier('m.t', 'infinity');
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass AND day = '2021-03-01' ORDER BY rows;
SELECT twice($$INSERT INTO t SELECT '2021-03-01 12:00:00.9'::timestamptz + i * '1 s'::interval, 'h0', i, i, 'late'
FROM generate_series(1, 1000) AS i$$);
SELECT rusts_tier('m.t', 'infinity');
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass AND day = '2021-03-01' ORDER BY rows;
SELECT same('SELECT * FROM t');

-- EXPLAIN says how many segments it read are cold
CREATE FUNCTION same.explained(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || query LOOP
		-- rows may be decimals from 18 on
		line := regexp_replace(line, 'rows=(\d+)\.\d+', 'rows=\1', 'g');
		-- how small Zstd makes it depends on its version
		IF line !~ 'Bytes Decoded' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;
SELECT explained('SELECT s FROM m.t WHERE time < ''2021-03-02''');

-- a rewrite keeps what is cold cold
VACUUM FULL m.t;
SELECT tier, day, rows FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY day, tier, rows;
SELECT same('SELECT * FROM t');

-- younger columns, columns that are gone, other types, other tags
SELECT twice('ALTER TABLE t ADD z int DEFAULT 7');
SELECT twice($$INSERT INTO t SELECT '2021-03-01 13:00'::timestamptz + i * '1 s'::interval, 'h9', i, i, 'z', NULL
FROM generate_series(1, 2000) AS i$$);
SELECT twice('ALTER TABLE t DROP f');
SECURITY LABEL FOR rusts ON COLUMN m.t.s IS 'tag';
SELECT rusts_tier('m.t', '2021-03-02');
SELECT same('SELECT * FROM t');
SELECT same('SELECT s, sum(i), sum(z) FROM t GROUP BY s');
SELECT twice('ALTER TABLE t ALTER i TYPE float8');
SELECT DISTINCT tier FROM tiers WHERE measurement = 'm.t'::regclass;
SELECT same('SELECT * FROM t');

-- rolled back, it has not happened
BEGIN;
SELECT rusts_tier('m.t', 'infinity') > 0;
SELECT DISTINCT tier FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY 1;
SELECT same('SELECT * FROM t');
ROLLBACK;
SELECT DISTINCT tier FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY 1;
-- the transaction's own rows; a snapshot that knows nothing of others
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM m.t;
INSERT INTO m.t VALUES ('2021-03-09', 'h0', 1, 's', 1);
INSERT INTO h.t VALUES ('2021-03-09', 'h0', 1, 's', 1);
SELECT rusts_tier('m.t', 'infinity') > 0;
SELECT same('SELECT * FROM t');
COMMIT;
SELECT same('SELECT * FROM t');
SELECT DISTINCT tier FROM tiers WHERE measurement = 'm.t'::regclass ORDER BY 1;

-- rows that triggers have yet to see stay where they are
CREATE TABLE m.seen (i int);
CREATE FUNCTION m.note() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO m.seen VALUES (NEW.i); RETURN NULL; END $$;
CREATE TABLE m.g (time timestamptz, i int) USING rusts;
CREATE CONSTRAINT TRIGGER note AFTER INSERT ON m.g DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION m.note();
INSERT INTO m.g SELECT '2021-01-01'::timestamptz, i FROM generate_series(1, 10) AS i;
BEGIN;
INSERT INTO m.g SELECT '2021-01-01'::timestamptz, i FROM generate_series(11, 20) AS i;
SELECT rusts_tier('m.g', 'infinity');
COMMIT;
SELECT count(*), sum(i) FROM m.seen;
SELECT rusts_tier('m.g', 'infinity');
SELECT tier, rows FROM tiers WHERE measurement = 'm.g'::regclass ORDER BY 1;

-- without a time nothing is old
CREATE TABLE m.n (host text, i int) USING rusts;
INSERT INTO m.n SELECT 'h', i FROM generate_series(1, 10) AS i;
SELECT rusts_tier('m.n', 'infinity');
SELECT tier, rows FROM tiers WHERE measurement = 'm.n'::regclass;

-- temporary and unlogged ones
CREATE TEMP TABLE tmp (time timestamptz, i int) USING rusts;
INSERT INTO tmp SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, i FROM generate_series(1, 5000) AS i;
SELECT rusts_tier('tmp', 'infinity');
SELECT count(*), sum(i) FROM tmp;
CREATE UNLOGGED TABLE m.u (time timestamptz, i int) USING rusts;
INSERT INTO m.u SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, i FROM generate_series(1, 5000) AS i;
SELECT rusts_tier('m.u', 'infinity');
SELECT count(*), sum(i) FROM m.u;
DROP TABLE tmp, m.u;

-- what it is not for
SELECT rusts_tier('h.t', 'infinity');
SELECT rusts_tier(0, 'infinity');
SELECT rusts_tier('m.t', NULL);
SELECT rusts_tier(NULL, 'infinity');
SELECT rusts_tier('m.t', '-infinity');
BEGIN READ ONLY;
SELECT rusts_tier('m.t', 'infinity');
ROLLBACK;
CREATE ROLE regress_tier;
GRANT USAGE ON SCHEMA m TO regress_tier;
GRANT ALL ON m.t TO regress_tier;
SET ROLE regress_tier;
SELECT rusts_tier('m.t', 'infinity');
RESET ROLE;
ALTER TABLE m.g OWNER TO regress_tier;
SET ROLE regress_tier;
SELECT rusts_tier('m.g', 'infinity');
RESET ROLE;
DROP OWNED BY regress_tier;
DROP ROLE regress_tier;

-- never larger than hot, whatever the values
CREATE TABLE m.sizes (time timestamptz NOT NULL, k text, v text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.sizes.k IS 'tag';
INSERT INTO m.sizes SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, 'k' || i % 5,
	format('{"id": %s, "user": "user%s", "ok": %s, "path": "/a/b/%s"}', i, i * 7919 % 1000, i % 3 = 0, md5((i % 100)::text))
FROM generate_series(1, 20000) AS i;
SELECT rusts_flush('m.sizes');
SELECT bytes AS hot FROM rusts.segments WHERE measurement = 'm.sizes'::regclass \gset
SELECT rusts_tier('m.sizes', 'infinity');
SELECT tier, rows, bytes <= :hot * 0.9 AS much_smaller FROM rusts.segments WHERE measurement = 'm.sizes'::regclass;
DROP VIEW public.tiers;
