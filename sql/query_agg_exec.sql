--
-- RustsAgg at work: shortcuts, values at the ends of their types, rescans,
-- parameters, parallel processes, groups that do not fit into memory
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

-- the answer with all that there is, and with parts of it turned off
CREATE FUNCTION same.all_ways(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	result text := same.same(q);
BEGIN
	FOREACH setting IN ARRAY ARRAY['rusts.enable_shortcuts', 'rusts.enable_agg', 'rusts.enable_scan'] LOOP
		PERFORM set_config(setting, 'off', true);
		IF same.same(q) <> result THEN
			result := result || ', ' || setting || ' off: ' || same.same(q);
		END IF;
		PERFORM set_config(setting, 'on', true);
	END LOOP;
	RETURN q || ' | ' || result;
END $$;

-- three days, a segment each, of 4 series of 1440 rows a day; what is active
-- is of the last day
SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, i int8, f float8, s text)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i / 4 * '1 min'::interval + i % 4 * '1 s'::interval, 'h' || i % 4, CASE WHEN i < 5760 OR i % 5 > 0 THEN i END, i / 8.0, 's' || i / 100 FROM generate_series(0, 17279) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t VALUES ('2021-01-03 12:00:00.5', 'h0', -1, 2, 'x'), ('2021-01-03 12:00:00.6', 'new', -2, NULL, NULL)$$);
ANALYZE m.t;

--
-- Answers from the directory of segments, and from statistics of blocks
--
SELECT analyzed('SELECT count(*) FROM t');
SELECT analyzed('SELECT count(*), min(time), max(time), count(time) FROM t WHERE time >= $$2021-01-01$$ AND time < $$2021-01-02 12:00$$');
SELECT analyzed('SELECT time_bucket($$1 day$$, time), count(*) FROM t GROUP BY 1');
SELECT analyzed('SELECT count(*) FROM t WHERE host = $$h1$$');
SELECT analyzed('SELECT sum(f), avg(i), min(i), max(f), count(i), count(s) FROM t');
SELECT analyzed('SELECT time_bucket($$1 day$$, time), host, sum(f) FROM t GROUP BY 1, 2');
SELECT analyzed('SELECT sum(f) FROM t WHERE time < $$2021-01-02$$ AND f >= 0');
SELECT analyzed('SELECT sum(f) FILTER (WHERE i > 0), variance(f) FROM t');
SELECT analyzed('SELECT max(time) FROM t WHERE f >= 0');
SELECT analyzed('SELECT last(f, time) FROM t');
SELECT analyzed('SELECT host, last(i, time), last(s, time) FROM t GROUP BY host');
SELECT analyzed('SELECT max(f) FROM t');
SELECT analyzed('SELECT DISTINCT ON (host) host, time, i, s FROM t ORDER BY host, time');
SELECT analyzed('SELECT host, last(i, time) FROM t WHERE i > 100 GROUP BY host');
SET rusts.enable_shortcuts = off;
SELECT analyzed('SELECT count(*), max(time), sum(f) FROM t');
RESET rusts.enable_shortcuts;
SELECT counted('SELECT count(*) FROM t', 'Passes', 'Segments', 'Segments Answered by Directory', 'Blocks Answered by Statistics', 'Blocks Removed by Order', 'Blocks Decoded');
SELECT all_ways(q) FROM unnest(ARRAY[
 'SELECT count(*) FROM t',
 'SELECT count(*), min(time), max(time), count(time) FROM t WHERE time >= $$2021-01-01$$ AND time < $$2021-01-02 12:00$$',
 'SELECT count(*), min(time), max(time) FROM t WHERE time > $$2021-01-01 23:59:03$$ AND time <= $$2021-01-03 00:00:00$$',
 'SELECT count(*) FROM t WHERE time = $$2021-01-02$$',
 'SELECT count(*) FROM t WHERE time <> $$2021-01-02$$',
 'SELECT count(*) FROM t WHERE time IN ($$2021-01-02$$, $$2021-01-03$$)',
 'SELECT count(*) FROM t WHERE time >= $$2021-01-02$$::date AND host >= $$h0$$',
 'SELECT time_bucket($$1 day$$, time), count(*), min(time), max(time) FROM t GROUP BY 1',
 'SELECT time_bucket($$2 days$$, time), count(*) FROM t WHERE time < $$2021-01-03 00:00:02$$ GROUP BY 1',
 'SELECT time_bucket($$25 hours$$, time), count(*) FROM t GROUP BY 1',
 'SELECT date_trunc($$month$$, time), count(*), max(time) FROM t GROUP BY 1',
 'SELECT count(*), count(i), count(f), count(s), count(host), sum(i), sum(f), avg(i), min(i), max(i), min(f), max(f) FROM t',
 'SELECT sum(f), sum(i), max(i) FROM t WHERE f >= 100 AND f < 1000',
 'SELECT max(time) FROM t',
 'SELECT min(time) FROM t WHERE f > 1000',
 'SELECT max(time), max(f), max(i) FROM t',
 'SELECT host, max(time), max(i) FROM t GROUP BY host',
 'SELECT host, min(time), min(i) FROM t WHERE i > 2000 GROUP BY host',
 'SELECT first(f, time), last(f, time), last(s, time), first(host, time) FROM t',
 'SELECT host, first(f, time), last(f, time), last(s, time), first(i, time) FROM t GROUP BY host',
 'SELECT host, last(i, time) FROM t WHERE i > 100 AND i < 9000 GROUP BY host',
 'SELECT host, last(s, time), max(f) FROM t WHERE time < $$2021-01-02 03:04:05$$ GROUP BY host',
 'SELECT last(i, time) FROM t WHERE host = $$h2$$',
 'SELECT last(i, time) FROM t WHERE host = $$h2$$ AND f + 0 < 500',
 'SELECT max(i) FROM t WHERE s LIKE $$s1_$$',
 'SELECT DISTINCT ON (host) host, time, i, s FROM t ORDER BY host, time',
 'SELECT DISTINCT ON (host) host, time, i, s FROM t ORDER BY host, time DESC',
 'SELECT count(*) FROM t HAVING max(time) > $$2021-01-03$$']) AS q;
-- a time that may be null is in no directory row
SELECT twice('CREATE TABLE n AS SELECT * FROM t');
SELECT twice($$INSERT INTO n VALUES (NULL, 'h0', 5, 5, NULL)$$);
SELECT rusts_flush('m.n');
SELECT all_ways(q) FROM unnest(ARRAY['SELECT count(*) FROM n', 'SELECT count(*), count(time), min(time), max(time) FROM n', 'SELECT count(*) FROM n WHERE time > $$2000-01-01$$', 'SELECT time_bucket($$1 year$$, time), count(*) FROM n GROUP BY 1', 'SELECT host, last(i, time), max(time) FROM n GROUP BY host']) AS q;

--
-- Values at the ends of their types
--
SELECT twice('CREATE TABLE x (time timestamptz NOT NULL, k text, i2 int2, i4 int4, i8 int8, f float8, d date, ts timestamp)');
SECURITY LABEL FOR rusts ON COLUMN m.x.k IS 'tag';
-- k: which rows go together
SELECT twice($$INSERT INTO x SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, v.* FROM generate_series(0, 1499) AS i, (VALUES
 ('max', 32767::int2, 2147483647, 9223372036854775807, 1.5e305::float8, '5874897-12-31'::date, '294276-12-31'::timestamp), ('min', -32768, -2147483648, -9223372036854775808, -1.5e305, '4713-01-01 BC', '4713-01-01 BC'),
 ('null', NULL, NULL, NULL, NULL, NULL, NULL), ('nan', 0, 0, 0, 'NaN', 'infinity', 'infinity'), ('inf', 1, 1, 1, 'infinity', 'infinity', '-infinity'), ('-inf', 2, 2, 2, '-infinity', '-infinity', 'infinity'),
 ('tiny', 3, 3, 3, 4.9e-324, NULL, NULL), ('zero', 0, 0, 0, 0, '2000-01-01', '2000-01-01')) AS v$$);
SELECT rusts_flush('m.x');
SELECT all_ways('SELECT k, count(*), sum(i2), sum(i4), sum(i8), avg(i2), avg(i4), avg(i8), min(i2), max(i2), min(i4), max(i4), min(i8), max(i8), min(f), max(f), min(d), max(d), min(ts), max(ts), variance(i2), stddev(i4), variance(i8), var_pop(i8), stddev_pop(i8) FROM x GROUP BY k');
SELECT all_ways('SELECT k, sum(f), avg(f) FROM x WHERE k <> $$max$$ AND k <> $$min$$ GROUP BY k');
SELECT all_ways('SELECT k, variance(f), stddev_pop(f), var_pop(f), stddev(f) FROM x WHERE k IN ($$nan$$, $$inf$$, $$-inf$$, $$zero$$, $$tiny$$, $$null$$) GROUP BY k');
SELECT all_ways('SELECT sum(i2), sum(i4), sum(i8), avg(i8), variance(i8), min(i8), max(i8), min(f), max(f), max(d), min(ts) FROM x');
SELECT all_ways('SELECT sum(f), avg(f), min(f), max(f) FROM x WHERE k IN ($$inf$$, $$zero$$)');
SELECT all_ways('SELECT sum(f), avg(f), min(f), max(f), variance(f) FROM x WHERE k IN ($$inf$$, $$-inf$$)');
SELECT same('SELECT sum(f), avg(f), min(f), max(f), variance(f) FROM x WHERE k IN ($$nan$$, $$max$$)');
SELECT sum(i8), avg(i8), variance(i8) FROM m.x WHERE k = 'max';
SELECT sum(i8), avg(i8), var_pop(i8), stddev_samp(i8) FROM m.x WHERE k IN ('min', 'max');
SELECT k, sum(f), min(f), max(f), max(d) FROM m.x WHERE k NOT IN ('min', 'max') GROUP BY k ORDER BY k;
-- overflows are errors, with PostgreSQL's message
SELECT twice(q) FROM unnest(ARRAY['SELECT sum(f) FROM x WHERE k = $$max$$', 'SELECT sum(f) FROM x WHERE k = $$min$$', 'SELECT avg(f) FROM x WHERE k = $$max$$', 'SELECT k, sum(f) FROM x GROUP BY k', 'SELECT variance(f) FROM x WHERE k = $$max$$', 'SELECT stddev_pop(f) FROM x WHERE k IN ($$max$$, $$zero$$)', 'SELECT time_bucket($$1 h$$, time), sum(f) FROM x WHERE k IN ($$max$$, $$zero$$) GROUP BY 1',
 'SELECT sum(f) FROM x WHERE k IN ($$max$$, $$inf$$) AND time < $$2021-01-01 00:01$$', 'SELECT sum(i8::int8) FROM x', 'SELECT sum(f) FILTER (WHERE i2 < 5) FROM x WHERE k IN ($$max$$, $$zero$$)', 'SELECT sum(f) FROM x WHERE k = $$max$$ HAVING count(*) = 0']) AS q;
SET rusts.enable_shortcuts = off;
SELECT twice('SELECT sum(f) FROM x WHERE k = $$max$$');
SELECT twice('SELECT k, avg(f) FROM x GROUP BY k');
RESET rusts.enable_shortcuts;

--
-- Rescans and parameters
--
SELECT twice('CREATE TABLE keys (host text, at timestamptz, n int)');
SELECT twice($$INSERT INTO keys VALUES ('h0', '2021-01-01 12:00', 100), ('h1', '2021-01-02', 5000), ('none', 'infinity', 0), (NULL, NULL, NULL), ('h0', '2021-01-03', 20000)$$);
SELECT plan('SELECT host, (SELECT max(f) FROM t WHERE t.host = keys.host) FROM keys');
SELECT all_ways(q) FROM unnest(ARRAY[
 'SELECT host, (SELECT max(f) FROM t WHERE t.host = keys.host) FROM keys',
 'SELECT *, (SELECT count(*) FROM t WHERE time < at) FROM keys',
 'SELECT *, (SELECT count(*) FROM t WHERE time < at AND i > n) AS c, (SELECT last(s, time) FROM t WHERE t.host = keys.host AND time < at) AS l FROM keys',
 'SELECT * FROM keys, LATERAL (SELECT time_bucket($$1 day$$, time) AS day, count(*), sum(i) FROM t WHERE t.host = keys.host GROUP BY 1) AS x',
 'SELECT * FROM keys LEFT JOIN LATERAL (SELECT host AS h, max(time) FROM t WHERE i < n GROUP BY host) AS x ON true',
 'SELECT * FROM keys, LATERAL (SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t WHERE time < at GROUP BY 1 ORDER BY 1 DESC LIMIT 2) AS x',
 'SELECT * FROM keys, LATERAL (SELECT DISTINCT ON (t.host) t.host AS h, i, s FROM t WHERE time < at ORDER BY t.host, time DESC) AS x',
 'SELECT * FROM keys, LATERAL (SELECT time_bucket(n * $$1 s$$::interval, time) AS b, count(*) FROM t WHERE i < 5000 AND n > 0 GROUP BY 1) AS x',
 'SELECT * FROM keys, LATERAL (SELECT count(*) FILTER (WHERE i < n) FROM t) AS x',
 'SELECT * FROM keys, LATERAL (SELECT t.host AS h, count(*) FROM t GROUP BY t.host HAVING count(*) > n) AS x',
 'SELECT * FROM keys WHERE n > (SELECT count(*) / 4 FROM t WHERE t.host = keys.host)',
 'SELECT host, count(*) FROM t WHERE i > (SELECT min(n) FROM keys) AND time >= (SELECT min(at) FROM keys) GROUP BY host',
 'SELECT host, count(*) FROM t GROUP BY host HAVING count(*) > (SELECT max(n) / 5 FROM keys)',
 'SELECT host, count(*) FROM t WHERE now() > $$2000-01-01$$ GROUP BY host',
 'SELECT host, count(*) FROM t WHERE (SELECT true) GROUP BY host',
 'SELECT count(*) FROM t WHERE (SELECT false)']) AS q;
SET plan_cache_mode = force_generic_plan;
PREPARE totals(timestamptz, text, interval) AS SELECT time_bucket($3, time) AS bucket, count(*), sum(f), count(*) FILTER (WHERE host = $2) AS here FROM m.t WHERE time >= $1 GROUP BY 1 ORDER BY 1 LIMIT 3;
EXPLAIN (COSTS OFF) EXECUTE totals('2021-01-02', 'h1', '1 h');
EXECUTE totals('2021-01-02', 'h1', '6 h');
EXECUTE totals('2021-01-03 12:00', NULL, '1 month');
EXECUTE totals('2022-01-01', 'h1', '6 h');
EXECUTE totals('2021-01-03 12:00', 'h1', NULL);
EXECUTE totals(NULL, 'h1', '6 h');
EXECUTE totals('2021-01-01', 'h1', '0');
PREPARE truncated(text, text) AS SELECT date_trunc($1, time, $2) AS bucket, count(*) FROM m.t GROUP BY 1 ORDER BY 1 DESC LIMIT 2;
EXECUTE truncated('day', 'UTC');
EXECUTE truncated('day', 'Asia/Tokyo');
EXECUTE truncated('hour', NULL);
EXECUTE truncated('nothing', 'UTC');
PREPARE latest(text[]) AS SELECT host, last(i, time), count(*) FROM m.t WHERE host = ANY ($1) GROUP BY host ORDER BY host;
EXECUTE latest('{h1,h2,none,NULL}');
EXECUTE latest('{}');
EXECUTE latest(NULL);
DEALLOCATE ALL;
RESET plan_cache_mode;
-- rows that this transaction has written itself
BEGIN;
SELECT twice($$INSERT INTO t SELECT '2021-01-04'::timestamptz + g * '1 s'::interval, 'own' || g % 2, g, g, NULL FROM generate_series(1, 100) AS g$$);
SELECT all_ways('SELECT host, count(*), max(time), last(i, time) FROM t GROUP BY host');
SELECT all_ways('SELECT count(*) FROM t');
SAVEPOINT a;
SELECT twice($$INSERT INTO t VALUES ('2021-01-05', 'own0', -100, 1e9, 's')$$);
SELECT all_ways('SELECT count(*), max(time), max(f), last(i, time) FROM t');
ROLLBACK TO a;
SELECT all_ways('SELECT count(*), max(time), max(f), last(i, time) FROM t');
SELECT rusts_flush('m.t');
SELECT all_ways('SELECT time_bucket($$1 day$$, time), count(*), max(f) FROM t GROUP BY 1');
ROLLBACK;
SELECT all_ways('SELECT count(*), max(time), max(f), last(i, time) FROM t');

--
-- Parallel: processes share the groups, or the rows if there is one group
--
SET max_parallel_workers_per_gather = 3;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT plan('SELECT sum(f), variance(i), max(time) FROM t WHERE f > 10');
SELECT plan('SELECT host, sum(f) FROM t WHERE f > 10 GROUP BY host HAVING count(*) > 10');
SELECT plan('SELECT time_bucket($$1 hour$$, time), avg(f) FROM t GROUP BY 1');
SELECT plan('SELECT count(DISTINCT host) FROM t WHERE f > 10');
SELECT q, same(q) FROM unnest(ARRAY[
 'SELECT count(*), count(i), sum(i), sum(f), avg(i), avg(f), min(i), max(f), min(time), max(time), variance(i), round(stddev(f)::numeric, 6), first(f, time), last(s, time), last(i, time), first(host, time) FROM t WHERE f >= 0',
 'SELECT count(*), sum(i), var_pop(i), stddev(i) FROM t',
 'SELECT avg(f), round(variance(f)::numeric, 6), round(stddev_pop(f)::numeric, 6), avg(f) FILTER (WHERE i > 5) FROM t',
 'SELECT avg(i), variance(i), sum(i), avg(i) FILTER (WHERE f < 100), var_pop(i) FILTER (WHERE f < 100) FROM t',
 'SELECT sum(i2), avg(i2), variance(i2), sum(i4), avg(i4), stddev(i4) FROM x',
 'SELECT count(*), sum(f), last(s, time) FROM t WHERE i + 0 > 100',
 'SELECT count(*) FILTER (WHERE i > 10000), avg(i) FILTER (WHERE host = $$h1$$) FROM t',
 'SELECT count(*), max(i), last(i, time) FROM t WHERE false',
 'SELECT count(*), max(i), avg(f), variance(i), last(i, time) FROM t WHERE f < -5',
 'SELECT count(DISTINCT host) FROM t',
 'SELECT host, count(*), sum(i), avg(f), variance(i), last(s, time) FROM t GROUP BY host',
 'SELECT host FROM t GROUP BY host',
 'SELECT DISTINCT host FROM t WHERE i > 5',
 'SELECT DISTINCT ON (host) host, time, i, s FROM t ORDER BY host, time DESC',
 'SELECT time_bucket($$1 hour$$, time), count(*), sum(i), avg(f) FROM t GROUP BY 1',
 'SELECT time_bucket($$7 min$$, time), host, count(*), max(i), count(DISTINCT host) FROM t WHERE i > 50 GROUP BY 1, 2',
 'SELECT date_trunc($$day$$, time, $$Asia/Tokyo$$), count(*) FROM t GROUP BY 1',
 'SELECT time_bucket($$1 day$$, time), count(*) FROM t GROUP BY 1',
 'SELECT host, count(*) FROM t GROUP BY host HAVING sum(i) > 100',
 'SELECT time_bucket($$1 day$$, time), count(*), count(time) FROM n GROUP BY 1',
 'SELECT host, count(*), last(i, time) FROM n GROUP BY host',
 'SELECT k, sum(i8), variance(i8), min(f), max(f), sum(i2), avg(i4) FROM x GROUP BY k',
 'SELECT sum(i8), avg(i8), variance(i8), stddev_pop(i4), var_samp(i2), min(f), max(f), max(d), min(ts) FROM x',
 'SELECT sum(i8), variance(i8), avg(i8), var_pop(i8) FROM x WHERE k IN ($$min$$, $$max$$)',
 'SELECT sum(f), avg(f), variance(f) FROM x WHERE k IN ($$inf$$, $$zero$$)',
 'SELECT *, (SELECT count(*) FROM t WHERE time < at) FROM keys',
 'SELECT *, (SELECT sum(i) FROM t WHERE t.host = keys.host) FROM keys',
 'SELECT g, (SELECT count(*) FROM t WHERE i % 7 = g) FROM generate_series(0, 2) AS g',
 'SELECT * FROM (SELECT host, max(time) AS latest FROM t GROUP BY host) AS x JOIN t USING (host) WHERE t.time = latest']) AS q;
SELECT twice(q) FROM unnest(ARRAY['SELECT sum(f) FROM x WHERE k = $$max$$', 'SELECT k, sum(f) FROM x GROUP BY k', 'SELECT variance(f) FROM x WHERE k = $$max$$']) AS q;
SET parallel_leader_participation = off;
SELECT q, same(q) FROM unnest(ARRAY['SELECT count(*), sum(i), last(s, time) FROM t', 'SELECT host, count(*), sum(i), last(s, time) FROM t GROUP BY host', 'SELECT time_bucket($$1 hour$$, time), count(*), sum(i) FROM t GROUP BY 1']) AS q;
RESET parallel_leader_participation;
BEGIN;
SELECT twice($$INSERT INTO t SELECT '2021-01-04'::timestamptz + g * '1 s'::interval, 'own' || g % 2, g, g, NULL FROM generate_series(1, 100) AS g$$);
SELECT same('SELECT host, count(*), max(time), last(i, time) FROM t GROUP BY host');
SELECT same('SELECT count(*), sum(i) FROM t WHERE f >= 0');
ROLLBACK;

--
-- More groups than fit into memory: several passes
--
SELECT twice('CREATE TABLE many (time timestamptz NOT NULL, host text, dc text, i int8, f float8)');
SECURITY LABEL FOR rusts ON COLUMN m.many.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.many.dc IS 'tag';
SELECT twice($$INSERT INTO many SELECT '2021-01-01'::timestamptz + i * '1 min'::interval, 'host' || i % 5000, CASE WHEN i % 5000 % 3 > 0 THEN 'dc' || i % 5000 % 3 END, i, i / 4.0 FROM generate_series(1, 12000) AS i$$);
SELECT rusts_flush('m.many');
ANALYZE m.many;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET max_parallel_workers_per_gather = 0;
CREATE FUNCTION same.passes(q text) RETURNS text LANGUAGE sql AS $$
	SELECT q || ' | ' || same(q) || CASE WHEN counted(q, 'Passes') ~ 'Passes ([2-9]|..)' THEN ', in passes' ELSE '' END
$$;
SELECT passes(replace(q, 'AGGS', 'count(*), sum(i), avg(f), min(i), max(f), variance(i), last(f, time), first(i, time)')) FROM unnest(ARRAY[
 'SELECT host, AGGS FROM many GROUP BY host',
 'SELECT host, dc, AGGS FROM many GROUP BY host, dc ORDER BY host DESC, dc',
 'SELECT time_bucket($$1 min$$, time), AGGS FROM many GROUP BY 1',
 'SELECT time_bucket($$2 min$$, time), AGGS FROM many GROUP BY 1 ORDER BY 1 DESC',
 'SELECT time_bucket($$1 h$$, time), host, AGGS FROM many GROUP BY 1, 2',
 'SELECT time_bucket($$1 h$$, time) AS b, host, AGGS FROM many GROUP BY 1, 2 ORDER BY host, b DESC',
 'SELECT date_trunc($$minute$$, time, $$Europe/Berlin$$), dc, AGGS FROM many WHERE i % 3 > 0 GROUP BY 1, 2',
 'SELECT host, dc, count(DISTINCT dc), count(*) FROM many GROUP BY host, dc',
 'SELECT time_bucket($$20 days$$, time), count(DISTINCT host) FROM many GROUP BY 1',
 'SELECT host FROM many GROUP BY host HAVING count(*) > 2',
 'SELECT DISTINCT ON (host) host, time, i, f, dc FROM many ORDER BY host, time DESC',
 'SELECT DISTINCT host, dc FROM many']) AS q;
CREATE FUNCTION same.ordered(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	answers text[];
	answer text;
	s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['h', 'm'] LOOP
		PERFORM set_config('search_path', s || ', public', true);
		EXECUTE format('SELECT count(*) || %L || md5(string_agg(q::text, chr(10))) FROM (%s) AS q', ' rows ', q) INTO answer;
		answers := answers || answer;
	END LOOP;
	PERFORM set_config('search_path', path, true);
	RETURN CASE WHEN answers[1] = answers[2] THEN split_part(answers[1], ' ', 1) || ' same'
		ELSE array_to_string(answers, ' DIFFERENT ') END;
END $$;
SELECT ordered('SELECT host, dc, sum(i) FROM many GROUP BY host, dc ORDER BY host DESC, dc');
SELECT ordered('SELECT dc, host, sum(i), max(f) FROM many GROUP BY host, dc ORDER BY dc DESC NULLS LAST, host');
SELECT ordered('SELECT time_bucket($$1 h$$, time) AS b, host, max(i) FROM many GROUP BY 1, 2 ORDER BY b DESC, host');
SELECT ordered('SELECT time_bucket($$1 h$$, time) AS b, host, max(i) FROM many GROUP BY 1, 2 ORDER BY host, b DESC');
SELECT ordered('SELECT time_bucket($$1 h$$, time) AS b, host, max(i) FROM many GROUP BY 1, 2 ORDER BY b, host LIMIT 4000');
SELECT ordered('SELECT DISTINCT ON (host) host, i FROM many ORDER BY host DESC, time');
SELECT ordered('SELECT g, x.* FROM generate_series(1, 2) AS g, LATERAL (SELECT host, count(*), max(i) FROM many WHERE i % 2 < g GROUP BY host ORDER BY host) AS x');
-- segments that follow each other: groups are complete before the input ends
SELECT twice('CREATE TABLE pieces (time timestamptz NOT NULL, host text, i int8, f float8)');
SECURITY LABEL FOR rusts ON COLUMN m.pieces.host IS 'tag';
CREATE PROCEDURE same.add_piece(s text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO h.pieces %s', s);
	EXECUTE format('INSERT INTO m.pieces %s', s);
	PERFORM rusts_flush('m.pieces');
END $$;
DO $do$
BEGIN
	FOR k IN 0..39 LOOP
		CALL add_piece(format($$SELECT '2021-01-01'::timestamptz + i * '20 s'::interval, 'h' || i %% 7, i, i / 4.0 FROM generate_series(%s, %s) AS i$$, k * 1000, k * 1000 + 999));
	END LOOP;
END $do$;
SELECT passes(replace(q, 'AGGS', 'count(*), sum(i), avg(f), min(i), max(f), variance(i), last(f, time), first(i, time)')) FROM unnest(ARRAY[
 'SELECT time_bucket($$2 min$$, time), AGGS FROM pieces GROUP BY 1',
 'SELECT time_bucket($$2 min$$, time), host, AGGS FROM pieces GROUP BY 1, 2',
 'SELECT date_trunc($$minute$$, time, $$Europe/Berlin$$), AGGS FROM pieces WHERE i % 3 > 0 GROUP BY 1',
 'SELECT time_bucket($$1 min$$, time), last(host, time) FROM pieces GROUP BY 1',
 'SELECT time_bucket($$1 min$$, time), count(*) FROM pieces WHERE time BETWEEN $$2021-01-02 00:00:10$$ AND $$2021-01-06 10:00:30$$ GROUP BY 1 HAVING count(*) > 1']) AS q;
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, host, sum(i), max(f) FROM pieces GROUP BY 1, 2 ORDER BY b, host');
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, host, sum(i), max(f) FROM pieces GROUP BY 1, 2 ORDER BY b DESC, host');
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, host, max(f) FROM pieces GROUP BY 1, 2 ORDER BY host, b');
SELECT ordered('SELECT g, x.* FROM generate_series(1, 2) AS g, LATERAL (SELECT time_bucket($$1 min$$, time) AS b, count(*), max(i) FROM pieces WHERE i % 2 < g GROUP BY 1 ORDER BY 1) AS x');
CALL add_piece($$SELECT '2021-01-03 00:00:01'::timestamptz + i * '50 s'::interval, 'h' || i % 7, i, -i FROM generate_series(1, 3000) AS i$$);
CALL add_piece($$SELECT unnest('{-infinity, infinity, 2020-12-31, 2021-01-05 00:00:05}'::timestamptz[]), 'h1', 1, 2.5$$);
SELECT passes(replace(q, 'AGGS', 'count(*), sum(i), avg(f), min(i), max(f), variance(i), last(f, time), first(i, time)')) FROM unnest(ARRAY[
 'SELECT time_bucket($$2 min$$, time), AGGS FROM pieces GROUP BY 1',
 'SELECT time_bucket($$2 min$$, time), host, AGGS FROM pieces GROUP BY 1, 2']) AS q;
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, host, sum(i), max(f) FROM pieces GROUP BY 1, 2 ORDER BY b, host');
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, host, sum(i), max(f) FROM pieces GROUP BY 1, 2 ORDER BY b DESC, host');
-- ... not in the order that they were written in
DELETE FROM h.pieces;
TRUNCATE m.pieces;
DO $do$
DECLARE
	k int;
BEGIN
	FOREACH k IN ARRAY '{40, 0, 1, 2, 3, 4, 5, 40}'::int[] LOOP
		CALL add_piece(format($$SELECT '2021-01-01'::timestamptz + i * '1 min'::interval, 'h' || i %% 7, i, i FROM generate_series(%s, %s) AS i$$, k * 1000, k * 1000 + 999));
	END LOOP;
END $do$;
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, count(*), sum(i), max(i) FROM pieces GROUP BY 1 ORDER BY 1 DESC');
SELECT ordered('SELECT time_bucket($$1 min$$, time) AS b, count(*), sum(i), max(i) FROM pieces GROUP BY 1 ORDER BY 1');
-- processes that share them
SET max_parallel_workers_per_gather = 3;
SELECT q, same(replace(q, 'AGGS', 'count(*), sum(i), avg(f), min(i), max(f), variance(i), last(f, time), first(i, time)')) FROM unnest(ARRAY[
 'SELECT host, AGGS FROM many GROUP BY host',
 'SELECT time_bucket($$1 min$$, time), AGGS FROM many GROUP BY 1',
 'SELECT time_bucket($$1 h$$, time), host, AGGS FROM many GROUP BY 1, 2',
 'SELECT host FROM many GROUP BY host',
 'SELECT time_bucket($$1 h$$, time), host FROM many GROUP BY 1, 2',
 'SELECT DISTINCT host, time_bucket($$1 h$$, time) FROM many',
 'SELECT count(*), count(DISTINCT host), sum(i) FROM many']) AS q;

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
