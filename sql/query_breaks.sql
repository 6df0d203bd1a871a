--
-- Queries that the query engine once got wrong
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;

-- do the rows of a query come in its order? (key: a row expression)
CREATE FUNCTION same.ordered(query text, key text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	wrong bigint;
	total bigint;
BEGIN
	PERFORM set_config('search_path', 'm, public', true);
	EXECUTE format('SELECT count(*) FILTER (WHERE k < before), count(*) FROM (SELECT k, lag(k) OVER (ROWS UNBOUNDED PRECEDING) AS before FROM (SELECT %s AS k FROM (%s) AS q OFFSET 0) AS x) AS y', key, query) INTO wrong, total;
	PERFORM set_config('search_path', 'public, same', true);
	RETURN total || ' rows, ' || wrong || ' out of order';
END $$;

--
-- The order is by a column that only the scan's own condition reads
--
SELECT twice('CREATE TABLE ec (time timestamptz NOT NULL, host text, region text, v int8)');
SECURITY LABEL FOR rusts ON COLUMN m.ec.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.ec.region IS 'tag';
SELECT twice($$INSERT INTO ec SELECT '2021-01-01'::timestamptz + i * interval '1 min', 'h' || i % 3, 'h' || i % 4, i FROM generate_series(1, 100000) AS i$$);
ANALYZE m.ec;
SELECT region FROM m.ec WHERE host = region ORDER BY region LIMIT 1;
SELECT count(*) FROM (SELECT v FROM m.ec WHERE host = region ORDER BY host LIMIT 5) AS x;
SELECT count(*) FROM (SELECT v FROM m.ec WHERE host = region ORDER BY region LIMIT 5) AS x;

--
-- LIMIT times the width of a bucket is more than 64 bits hold
--
SET statement_timeout = '30s';
SELECT time_bucket('1 year', time) AS b, count(*) FROM m.ec GROUP BY 1 ORDER BY 1 DESC LIMIT 1000000;
SELECT time_bucket('3000 years', time) AS b, count(*) FROM m.ec GROUP BY 1 ORDER BY 1 DESC LIMIT 1000000;
SELECT time_bucket('3000 years', time) AS b, count(*) FROM m.ec GROUP BY 1 ORDER BY 1 LIMIT 1000000;
RESET statement_timeout;

--
-- More groups than fit into memory, in orders that do not end with the bucket
--
CREATE TABLE m.p (time timestamptz NOT NULL, host text, region text, v int8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.p.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.p.region IS 'tag';
INSERT INTO m.p SELECT '2021-01-01'::timestamptz + i % 300 * interval '1 min', 'h' || i % 5, 'r' || i % 211, i FROM generate_series(1, 60000) AS i;
ANALYZE m.p;
SET work_mem = '64kB';
SELECT o, ordered('SELECT host, time_bucket(''1 min'', time) AS b, region, count(*) FROM p GROUP BY 1, 2, 3 ORDER BY ' || o, format('(%s)', o)) FROM unnest(ARRAY['host, b, region', 'region, b, host', 'host, b', 'b, host, region', 'b, region', 'host, region, b']) AS o (o);
EXPLAIN (COSTS OFF) SELECT host, time_bucket('1 min', time) AS b, region, count(*) FROM m.p GROUP BY 1, 2, 3 ORDER BY host, b, region;

-- a time that may be null does not tell where buckets begin
CREATE TABLE m.pn (LIKE m.p) USING rusts;
ALTER TABLE m.pn ALTER time DROP NOT NULL;
SECURITY LABEL FOR rusts ON COLUMN m.pn.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.pn.region IS 'tag';
INSERT INTO m.pn SELECT * FROM m.p;
ANALYZE m.pn;
SELECT o, ordered('SELECT host, time_bucket(''1 min'', time) AS b, region, count(*) FROM pn GROUP BY 1, 2, 3 ORDER BY ' || o, format('(%s)', o)) FROM unnest(ARRAY['host, b, region', 'b, host, region']) AS o (o);

-- one border, where no guess finds it; buckets of a zone, with infinities
CREATE TABLE m.two (time timestamptz NOT NULL, host text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.two.host IS 'tag';
INSERT INTO m.two SELECT '2021-01-01 23:59:59'::timestamptz + (i + j) % 2 * interval '12 hours', 'h' || i FROM generate_series(1, 15000) AS i, generate_series(0, 1) AS j;
ANALYZE m.two;
SELECT ordered('SELECT time_bucket(''1 day'', time) AS b, host, count(*) FROM two GROUP BY 1, 2 ORDER BY 1, 2', '(b, host)');
INSERT INTO m.two SELECT 'infinity', 'h' || i FROM generate_series(1, 20) AS i;
SELECT ordered('SELECT time_bucket(''1 day'', time) AS b, host, count(*) FROM two GROUP BY 1, 2 ORDER BY 1, 2', '(b, host)');
SELECT ordered('SELECT date_trunc(''day'', time, ''Europe/Berlin'') AS b, host, count(*) FROM two GROUP BY 1, 2 ORDER BY 1, 2', '(b, host)');
RESET work_mem;

--
-- Buckets with months in the offset are no ranges of times
--
SELECT same($$SELECT time_bucket('6 hours', time, "offset" => interval '1 month') AS b, count(*) FROM ec GROUP BY 1$$);
SELECT same($$SELECT time_bucket('6 hours', time, "offset" => interval '-1 month') AS b, count(*) FROM ec GROUP BY 1$$);
SELECT same($$SELECT time_bucket('1 day', time, 'Europe/Berlin', NULL, interval '1 month 3 hours') AS b, count(*) FROM ec GROUP BY 1$$);

--
-- Operands of FILTER are evaluated for each scan anew, in the same memory
--
CREATE FUNCTION same.memory(n bigint) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts);
END $$;
SET enable_memoize = off;
SELECT max(bytes) - min(bytes) < 1000000 FROM (
 SELECT CASE WHEN i IN (10, 2000) THEN memory(n) END AS bytes FROM generate_series(1, 2000) AS i,
 LATERAL (SELECT count(*) FILTER (WHERE v = ANY ('{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64}')) AS n
  FROM m.ec WHERE time < '2020-01-01'::timestamptz + i * interval '1 s') AS l) AS x;
RESET enable_memoize;

--
-- A volatile condition is evaluated once for each row, in passes, too
--
SET work_mem = '64kB';
CREATE SEQUENCE m.s;
SELECT sum(c) FROM (SELECT host, time_bucket('1 min', time), region, count(*) AS c FROM m.p WHERE nextval('m.s') <= 30000 GROUP BY 1, 2, 3) AS x;
SELECT last_value FROM m.s;
RESET work_mem;

--
-- A bucket that is NULL holds infinities, too
--
SELECT twice('CREATE TABLE inf (time timestamptz NOT NULL, host text, v int8)');
SECURITY LABEL FOR rusts ON COLUMN m.inf.host IS 'tag';
SELECT twice($$INSERT INTO inf SELECT '2021-01-01'::timestamptz + i * interval '1 s', 'h' || i % 3, i FROM generate_series(1, 9000) AS i$$);
SELECT rusts_flush('m.inf');
SELECT twice($$INSERT INTO inf SELECT 'infinity', 'h' || i % 3, i FROM generate_series(1, 300) AS i$$);
SELECT rusts_flush('m.inf');
SELECT twice($$INSERT INTO inf SELECT '-infinity', 'h' || i % 4, i FROM generate_series(1, 300) AS i$$);
ANALYZE m.inf;
SET plan_cache_mode = force_generic_plan;
PREPARE windows (interval) AS SELECT time_bucket($1, time) AS b, host, count(*), sum(v) FROM m.inf GROUP BY 1, 2 ORDER BY 1, 2 LIMIT 100;
EXECUTE windows (NULL);
PREPARE zone_windows (text) AS SELECT time_bucket('1 day', time, $1) AS b, count(*), sum(v) FROM m.inf GROUP BY 1 ORDER BY 1 LIMIT 100;
EXECUTE zone_windows (NULL);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
PREPARE parts (interval) AS SELECT * FROM (SELECT time_bucket($1, time) AS b, host, count(*), sum(v) FROM m.inf GROUP BY 1, 2 OFFSET 0) AS x ORDER BY host, count;
EXPLAIN (COSTS OFF) EXECUTE parts (NULL);
EXECUTE parts (NULL);
PREPARE zone_parts (text) AS SELECT * FROM (SELECT time_bucket('1 day', time, $1) AS b, host, count(*), sum(v) FROM m.inf GROUP BY 1, 2 OFFSET 0) AS x ORDER BY host, count;
EXECUTE zone_parts (NULL);
SET max_parallel_workers_per_gather = 0;
-- more groups than fit into memory
CREATE TABLE m.infs (time timestamptz NOT NULL, host text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.infs.host IS 'tag';
INSERT INTO m.infs SELECT CASE WHEN i % 3 = 0 THEN 'infinity'::timestamptz ELSE '2021-01-01'::timestamptz + i * interval '1 s' END, 'h' || i / 3 FROM generate_series(1, 60000) AS i;
ANALYZE m.infs;
SET work_mem = '64kB';
PREPARE passes (interval) AS SELECT count(*), count(DISTINCT host), sum(n) FROM (SELECT time_bucket($1, time) AS b, host, count(*) AS n FROM m.infs GROUP BY 1, 2 ORDER BY 1, 2 OFFSET 0) AS x;
EXECUTE passes (NULL);
RESET work_mem;
RESET plan_cache_mode;

--
-- A function is asked for no bucket that is out of range, be it of rows that
-- nobody asks for
--
SELECT twice('CREATE TABLE bc (time timestamptz NOT NULL, host text)');
SECURITY LABEL FOR rusts ON COLUMN m.bc.host IS 'tag';
SELECT twice($$INSERT INTO bc SELECT '4714-11-24 BC'::timestamptz + i * interval '1 h', 'bc' FROM generate_series(1, 300) AS i$$);
SELECT rusts_flush('m.bc');
SELECT twice($$INSERT INTO bc SELECT '2024-01-01'::timestamptz + i * interval '1 h', 'ad' FROM generate_series(1, 300) AS i$$);
SELECT rusts_flush('m.bc');
ANALYZE m.bc;
SET max_parallel_workers_per_gather = 2;
SELECT b, same('SELECT host, ' || b || ', count(*) FROM bc WHERE host = $$ad$$ GROUP BY 1, 2') FROM unnest(ARRAY[
 'date_trunc($$year$$, time)', 'date_trunc($$week$$, time)', 'date_trunc($$day$$, time, $$Asia/Tokyo$$)', 'time_bucket($$100 years$$, time)',
 'time_bucket($$7 days$$, time, "offset" => $$3 days$$)', 'date_bin($$10000 days$$, time, $$2000-01-01$$)', 'time_bucket($$1 month$$, time, $$Europe/Berlin$$)']) AS b;
SET max_parallel_workers_per_gather = 0;
