--
-- RustsAgg: which aggregations it takes, and the same answers as
-- PostgreSQL's own nodes give for a heap table
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\set plans :srcdir '/test/data/plans.sql'
\i :same
\i :plans
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;

-- who aggregates, and the answer; sums of floats here are exact in any order
CREATE FUNCTION same.agg(q text, label text = NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan text := (SELECT string_agg(p, ' ') FROM same.plan(q) AS p);
BEGIN
	RETURN concat_ws(' | ', coalesce(label, q),
					 CASE WHEN plan !~ 'RustsAgg' THEN 'PostgreSQL'
						  WHEN plan ~ 'Sort' THEN 'RustsAgg, sorted' ELSE 'RustsAgg' END,
					 same.same(q));
END $$;

-- three days, a segment each, of 4 series of 1440 rows a day, a segment of
-- another series, active rows
SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, region text, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, s text, d date, n numeric)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.t.region IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i / 4 * '1 min'::interval + i % 4 * '1 s'::interval, 'h' || i % 4, CASE WHEN i % 4 < 3 THEN 'r' || i % 2 END,
 i % 1000, i, i::int8 * 100000000, i / 4.0, i / 8.0, i % 7 > 0, 's' || i / 100, '2021-01-01'::date + i / 1000, i / 10.0 FROM generate_series(0, 17279) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t SELECT '2021-01-02 06:00:00.5'::timestamptz + i * '1 s'::interval, 'x', '', NULL, CASE WHEN i % 2 = 0 THEN i END, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM generate_series(0, 1499) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t VALUES ('2021-01-04', NULL, NULL, 5, NULL, -7, NULL, 0.5, false, 'last', NULL, NULL), ('2020-12-31', 'h0', 'r0', -5, -5, 7, 0.5, NULL, NULL, 'first', '2020-01-01', -0.5)$$);
ANALYZE m.t;

--
-- Plans
--
SELECT plan('SELECT count(*) FROM t');
SELECT plan('SELECT host, avg(f8) FROM t WHERE time >= $$2021-01-02$$ GROUP BY host');
SELECT plan('SELECT time_bucket($$1 hour$$, time) AS bucket, host, max(f8) FROM t WHERE host IN ($$h1$$, $$h2$$) GROUP BY 1, 2 ORDER BY 1, 2');
SELECT plan('SELECT date_trunc($$day$$, time), count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 2');
SELECT plan('SELECT date_bin($$1 day$$, time, $$2000-01-01$$), count(*) FROM t GROUP BY 1 HAVING count(*) > 10');
SELECT plan('SELECT DISTINCT host FROM t');
SELECT plan('SELECT DISTINCT ON (host) host, time, f8 FROM t ORDER BY host, time DESC');
SELECT plan('SELECT count(*) + 1, sum(i4) * 2 AS twice FROM t ORDER BY twice');
SELECT plan('SELECT host, count(*) FROM t WHERE i4 + 1 = f8 GROUP BY host');
SELECT plan('SELECT i4, count(*) FROM t GROUP BY i4');
-- 15 has the sides the other way round
SELECT replace(plan('SELECT * FROM (SELECT host, max(time) AS latest FROM t GROUP BY host) AS x JOIN t USING (host) WHERE t.time = latest'), 't_1.host = t.host', 't.host = t_1.host');

--
-- Keys
--
SELECT agg(q) FROM unnest(ARRAY[
 'SELECT count(*) FROM t',
 'SELECT count(*) FROM t GROUP BY ()',
 'SELECT count(*) FROM t WHERE false',
 'SELECT host FROM t GROUP BY host',
 'SELECT host, region, count(*) FROM t GROUP BY host, region',
 'SELECT region, host, count(*) FROM t GROUP BY 2, 1 ORDER BY 1, 2',
 'SELECT count(*) FROM t GROUP BY host',
 'SELECT region IS NULL, upper(host) || region, count(*) FROM t GROUP BY region, host',
 'SELECT host, host AS again, count(*) FROM t GROUP BY 1, 2',
 'SELECT host, count(*) FROM t WHERE host = $$h1$$ GROUP BY host, region',
 'SELECT DISTINCT host, region FROM t',
 'SELECT DISTINCT host, time_bucket($$1 day$$, time) FROM t WHERE i4 > 5000',
 'SELECT DISTINCT upper(host) FROM t',
 'SELECT DISTINCT count(*) FROM t GROUP BY host, region',
 'SELECT time_bucket($$15 min$$, time), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$15 min$$, time), host, count(*), sum(i8) FROM t GROUP BY 1, 2',
 'SELECT time_bucket($$15 min$$, time) + $$1 s$$, count(*) FROM t GROUP BY time_bucket($$15 min$$, time)',
 'SELECT time_bucket($$15 min$$, time, $$2021-01-01 00:01$$::timestamptz), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$15 min$$, time, "offset" => $$1 min$$), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$1 month$$, time), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$1 year$$, time), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$1 day$$, time, $$Europe/Berlin$$), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket(NULL, time), count(*) FROM t GROUP BY 1',
 'SELECT date_trunc($$hour$$, time), count(*), max(f8) FROM t GROUP BY 1',
 'SELECT date_trunc($$day$$, time, $$America/New_York$$), host, count(*) FROM t GROUP BY 1, 2',
 'SELECT date_trunc($$century$$, time), count(*) FROM t GROUP BY 1',
 'SELECT date_bin($$7 min$$, time, $$2021-01-01 00:03$$), host, count(*) FROM t GROUP BY 1, 2',
 'SELECT time_bucket($$1 day$$, time) AS a, time_bucket($$1 day$$, time) AS b, count(*) FROM t GROUP BY a, b',

 'SELECT time_bucket($$1 day$$, time), time_bucket($$1 h$$, time), count(*) FROM t GROUP BY 1, 2',
 'SELECT time, count(*) FROM t WHERE i4 < 100 GROUP BY time',
 'SELECT i4, count(*) FROM t WHERE i4 < 100 GROUP BY i4',
 'SELECT s, count(*) FROM t GROUP BY s',
 'SELECT upper(host), count(*) FROM t GROUP BY 1',
 'SELECT host COLLATE "C", count(*) FROM t GROUP BY 1',
 'SELECT time::date, count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$1 day$$, d), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$1 day$$, time + $$1 h$$), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket(i4 * $$1 s$$::interval, time), count(*) FROM t WHERE i4 > 0 GROUP BY 1',
 'SELECT time_bucket(random() * $$0 s$$::interval + $$1 day$$, time), count(*) FROM t GROUP BY 1',
 'SELECT host, count(*) FROM t GROUP BY ROLLUP (host)',
 'SELECT host, region, count(*) FROM t GROUP BY GROUPING SETS ((host), (region), ())',
 'SELECT host, count(*) FROM t GROUP BY CUBE (host)',
 'SELECT tableoid::regclass::text, count(*) FROM t GROUP BY 1',
 'SELECT host, generate_series(1, 2), count(*) FROM t GROUP BY 1',
 'SELECT a.host, count(*) FROM t AS a JOIN t AS b USING (time, host, region) GROUP BY a.host',
 'SELECT host, count(*) FROM (SELECT * FROM t LIMIT 100000) AS x GROUP BY host',
 'SELECT host, count(*) FROM t TABLESAMPLE BERNOULLI (100) GROUP BY host']) AS q;

--
-- Aggregates and the types of their results
--
SELECT agg('SELECT ' || a || ', host FROM t GROUP BY host', a) FROM unnest(ARRAY['count(*)', 'count(i4)', 'count(f8)', 'count(s)', 'count(host)', 'count(region)', 'count(time)', 'count(n)', 'count(b)',
 'sum(i2)', 'sum(i4)', 'sum(i8)', 'sum(f8)', 'avg(i2)', 'avg(i4)', 'avg(i8)', 'avg(f8)', 'min(i2)', 'min(i4)', 'min(i8)', 'min(f8)', 'min(d)', 'min(time)', 'max(i2)', 'max(i4)', 'max(i8)', 'max(f8)', 'max(d)', 'max(time)',
 'variance(i2)', 'variance(i4)', 'variance(i8)', 'var_pop(i2)', 'var_pop(i4)', 'var_pop(i8)', 'var_samp(i4)', 'stddev(i2)', 'stddev(i4)', 'stddev(i8)', 'stddev_pop(i4)', 'stddev_samp(i8)',
 'round(variance(f8)::numeric, 6)', 'round(stddev_pop(f8)::numeric, 6)', 'bool_and(b)', 'bool_or(b)', 'every(b)', 'first(f8, time)', 'last(f8, time)', 'first(s, time)', 'last(s, time)', 'last(i4, time)', 'last(region, time)', 'last(time, time)', 'last(n, time)', 'first(b, time)',
 'count(DISTINCT region)', 'count(DISTINCT host)', 'min(DISTINCT i4)', 'max(DISTINCT f8)', 'bool_or(DISTINCT b)',

 'sum(f4)', 'min(f4)', 'sum(n)', 'avg(n)', 'min(s)', 'max(host)', 'count(DISTINCT i4)', 'sum(DISTINCT i4)', 'array_agg(i4 ORDER BY i4)', 'string_agg(s, $$,$$ ORDER BY time, i4)', 'sum(i4 + 1)', 'sum(i4::int8)', 'count(i4 > 5)', 'count((i4, i2))', 'count(t)', 'sum(i4 ORDER BY i4)', 'min(i4 ORDER BY i4)', 'first(f8, i4)', 'last(f8, time + $$1 s$$)', 'percentile_cont(0.5) WITHIN GROUP (ORDER BY i4)',
 'mode() WITHIN GROUP (ORDER BY i2)', 'rank(5) WITHIN GROUP (ORDER BY i4)', 'corr(f8, i4)', 'bit_and(i4)', 'json_agg(i4 ORDER BY i4)::text']) AS a;
SELECT pg_typeof(count(*)), pg_typeof(count(i4)), pg_typeof(count(DISTINCT host)), pg_typeof(sum(i2)), pg_typeof(sum(i4)), pg_typeof(sum(i8)), pg_typeof(sum(f8)), pg_typeof(avg(i2)), pg_typeof(avg(i8)), pg_typeof(avg(f8)), pg_typeof(min(i2)), pg_typeof(max(d)), pg_typeof(max(time)),
 pg_typeof(variance(i4)), pg_typeof(stddev(f8)), pg_typeof(bool_and(b)), pg_typeof(last(i2, time)), pg_typeof(first(s, time)), pg_typeof(time_bucket('1 day', max(time))) FROM m.t;
SELECT time_bucket('1 day', time) AS day, count(*), count(i4), sum(i2), sum(i4), sum(i8), sum(f8), avg(i4), avg(f8), min(i8), max(f8), max(d) FROM m.t GROUP BY 1 ORDER BY 1;
SELECT host, count(*), first(s, time), last(s, time), last(i8, time), bool_and(b), bool_or(b), count(DISTINCT region), min(time), max(time) FROM m.t GROUP BY 1 ORDER BY 1;
-- all of them at once, of everything, of groups, of buckets; RustsAgg is to
-- do also what PostgreSQL may do as well, for conditions that are not pushed down
SET cpu_operator_cost = 10;
SET jit = off;
SELECT agg('SELECT ' || concat_ws(', ', k, 'count(*), count(f8), sum(i2), sum(i4), sum(i8), sum(f8), avg(i2), avg(i4), avg(i8), avg(f8), min(i2), max(i4), min(i8), max(f8), min(time), max(time), max(d), variance(i2), stddev(i4), var_pop(i8), bool_and(b), bool_or(b), first(s, time), last(f8, time), count(DISTINCT host), count(*) FILTER (WHERE b), min(f8) FILTER (WHERE i4 > 100) FROM t') || w || g, concat(coalesce(k, 'all'), w))
 FROM (VALUES (NULL, ''), ('host', ' GROUP BY host'), ('time_bucket($$5 h$$, time)', ' GROUP BY 1'), ('time_bucket($$7 min$$, time), region', ' GROUP BY 1, 2'), ('date_trunc($$month$$, time), host, region', ' GROUP BY 1, 2, 3')) AS keys (k, g),
 unnest(ARRAY['', ' WHERE i4 < 10000', ' WHERE host = $$h1$$', ' WHERE time > $$2021-01-01 10:00$$ AND f8 > 100', ' WHERE i2 % 2 = 0 AND f8 > i2', ' WHERE time > $$2022-01-01$$', ' WHERE host = $$h1$$ AND i4 + 0 > 5 AND s <> $$s5$$ AND time < $$2021-01-03$$']) AS w;
RESET cpu_operator_cost;
RESET jit;
-- FILTER, HAVING
SELECT agg(q) FROM unnest(ARRAY[
 'SELECT host, count(*) FILTER (WHERE i4 > 5000), sum(f8) FILTER (WHERE b), max(i4) FILTER (WHERE host = $$h1$$ AND time < $$2021-01-02$$), count(*) FROM t GROUP BY host',
 'SELECT count(*) FILTER (WHERE f8 IS NULL), count(*) FILTER (WHERE NOT b), count(*) FILTER (WHERE b IS NULL), count(*) FILTER (WHERE s LIKE $$s1%$$), count(*) FILTER (WHERE i4 = i8 / 100000000), count(*) FILTER (WHERE region = $$r1$$), count(*) FILTER (WHERE true), count(*) FILTER (WHERE false), count(*) FILTER (WHERE NULL) FROM t',
 'SELECT last(f8, time) FILTER (WHERE f8 < 100), first(i4, time) FILTER (WHERE i4 > 1000), count(DISTINCT region) FILTER (WHERE i4 > 17000), variance(i4) FILTER (WHERE i4 IN (1, 2, 3, NULL)) FROM t',
 'SELECT time_bucket($$1 day$$, time), count(*) FILTER (WHERE i4 NOT IN (1, 2)), avg(f8) FILTER (WHERE f8 > 10.5) FROM t WHERE i2 < 900 GROUP BY 1',
 'SELECT count(*) FILTER (WHERE i4 > (SELECT 100)) FROM t',
 'SELECT count(*) FILTER (WHERE random() >= 0) FROM t',
 'SELECT count(*) FILTER (WHERE t.i4 IN (SELECT 5)) FROM t',
 'SELECT count(*) FILTER (WHERE t IS NOT NULL) FROM t',
 'SELECT host, sum(i4) FROM t GROUP BY host HAVING count(*) > 2000 AND min(f8) < 0.2',
 'SELECT host FROM t GROUP BY host HAVING max(i4) IS NULL',
 'SELECT host FROM t GROUP BY host HAVING host > $$h1$$',
 'SELECT count(*) FROM t HAVING count(*) < 0',
 'SELECT 1 FROM t HAVING sum(i4) > 0',
 'SELECT host, count(*) FROM t GROUP BY host HAVING count(*) > (SELECT 2000)',
 'SELECT host, count(*) FROM t GROUP BY host HAVING EXISTS (SELECT FROM h.t AS x WHERE x.host = t.host)',
 'SELECT host, sum(count(*)) OVER (ORDER BY host) FROM t GROUP BY host',
 'SELECT host, rank() OVER (ORDER BY max(f8) DESC, host) FROM t GROUP BY host']) AS q;

--
-- DISTINCT ON: the first or last row of each group
--
SELECT agg(q) FROM unnest(ARRAY[
 'SELECT DISTINCT ON (host) host, time, i4, s, region FROM t ORDER BY host, time DESC',
 'SELECT DISTINCT ON (host) * FROM t ORDER BY host, time',
 'SELECT DISTINCT ON (host, region) host, region, f8 FROM t ORDER BY host, region, time DESC',
 'SELECT DISTINCT ON (region, host) i8, i2, b, d, n, s FROM t ORDER BY host DESC, region, time DESC',
 'SELECT DISTINCT ON (host) host, i4 FROM t WHERE i4 < 1000 AND time > $$2021-01-01 01:00$$ ORDER BY host, time DESC',
 'SELECT DISTINCT ON (host) host, i4 FROM t WHERE i4 + 0 < 1000 ORDER BY host, time DESC',
 'SELECT DISTINCT ON (host) upper(host), i4 * 2 AS i FROM t ORDER BY host, time DESC',
 'SELECT DISTINCT ON (host) host, i4 FROM t ORDER BY host DESC NULLS LAST, time DESC LIMIT 3',
 'SELECT * FROM (SELECT DISTINCT ON (host) host, i4 FROM t ORDER BY host, time DESC) AS x WHERE i4 > 5',
-- others decide which row is the first
 'SELECT DISTINCT ON (host) host, i4 FROM t ORDER BY host, i4 DESC',
 'SELECT DISTINCT ON (host) host, i4 FROM t ORDER BY host, time DESC, i4',
 'SELECT DISTINCT ON (host) host, i4 FROM t ORDER BY host, date_trunc($$day$$, time), i4',
 'SELECT DISTINCT ON (time_bucket($$1 day$$, time)) i4 FROM t ORDER BY time_bucket($$1 day$$, time), time DESC',
 'SELECT DISTINCT ON (i2) i2, i4 FROM t ORDER BY i2, time DESC',
 'SELECT DISTINCT ON (upper(host)) i4 FROM t ORDER BY upper(host), time DESC']) AS q;
SELECT DISTINCT ON (host) host, time, i4, s, region, f8 FROM m.t ORDER BY host, time DESC;
-- of rows with the same time it is one row, not values of several
CREATE TABLE m.ties (time timestamptz NOT NULL, host text, i int, j int, s text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.ties.host IS 'tag';
INSERT INTO m.ties SELECT '2021-01-01', 'h' || i % 2, i, CASE WHEN i % 3 > 0 THEN i END, i FROM generate_series(0, 2999) AS i;
SELECT rusts_flush('m.ties');
INSERT INTO m.ties SELECT '2021-01-01', 'h' || i % 2, i, CASE WHEN i % 3 > 0 THEN i END, i FROM generate_series(3000, 3010) AS i;
SELECT host, i::text = s AND CASE WHEN i % 3 > 0 THEN i = j ELSE j IS NULL END FROM (SELECT DISTINCT ON (host) * FROM m.ties ORDER BY host, time DESC) AS x;
SELECT host, i::text = s AND CASE WHEN i % 3 > 0 THEN i = j ELSE j IS NULL END FROM (SELECT DISTINCT ON (host) * FROM m.ties ORDER BY host, time) AS x;
SELECT host, i::text = s AND CASE WHEN i % 3 > 0 THEN i = j ELSE j IS NULL END FROM (SELECT DISTINCT ON (host) * FROM m.ties WHERE i < 2000 AND j IS NULL ORDER BY host, time DESC) AS x;

--
-- With nothing to aggregate
--
SELECT twice('CREATE TABLE empty (LIKE m.t)');
SECURITY LABEL FOR rusts ON COLUMN m.empty.host IS 'tag';
SELECT agg(q) FROM unnest(ARRAY[
 'SELECT count(*), count(i4), sum(i8), avg(f8), min(i4), max(time), variance(i4), stddev(f8), bool_and(b), first(s, time), last(i4, time), count(DISTINCT host) FROM empty',
 'SELECT count(*), count(i4), sum(i8), avg(f8), min(i4), max(time), variance(i4), stddev(f8), bool_and(b), first(s, time), last(i4, time), count(DISTINCT host) FROM t WHERE host = $$none$$',
 'SELECT host, count(*) FROM empty GROUP BY host',
 'SELECT time_bucket($$1 day$$, time), count(*), max(f8) FROM empty GROUP BY 1 ORDER BY 1 LIMIT 5',
 'SELECT time_bucket($$1 day$$, time), count(*) FROM t WHERE i4 < -1000 GROUP BY 1 ORDER BY 1 DESC LIMIT 5',
 'SELECT DISTINCT host FROM empty',
 'SELECT DISTINCT ON (host) * FROM empty ORDER BY host, time DESC',
 'SELECT count(*) FROM empty HAVING count(*) > 0']) AS q;
SELECT count(*), sum(i8), min(time), last(s, time) FROM m.empty;

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
