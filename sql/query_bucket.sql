--
-- RustsAgg: buckets of time; time zones, months, infinite times, rows without
-- a time; only the first or last buckets
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

-- the answer of RustsAgg, or DIFFERENT, also without shortcuts
CREATE FUNCTION same.agg(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text := (SELECT string_agg(p, ' ') FROM same.plan(q) AS p);
	result text := same.same(q);
BEGIN
	PERFORM set_config('rusts.enable_shortcuts', 'off', true);
	IF same.same(q) <> result THEN
		result := result || ', without shortcuts ' || same.same(q);
	END IF;
	PERFORM set_config('rusts.enable_shortcuts', 'on', true);
	RETURN concat_ws(' | ', q, CASE WHEN plan !~ 'RustsAgg' THEN 'PostgreSQL' END, result);
END $$;
-- the answer in order
CREATE FUNCTION same.ordered(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	answers text[];
	answer text;
	s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['h', 'm'] LOOP
		PERFORM set_config('search_path', s || ', public', true);
		EXECUTE format('SELECT array_agg(q::text)::text FROM (%s) AS q', q) INTO answer;
		answers := answers || coalesce(answer, 'nothing');
	END LOOP;
	PERFORM set_config('search_path', path, true);
	RETURN concat_ws(' | ', q, CASE WHEN answers[1] = answers[2] THEN left(answers[2], 120) ELSE array_to_string(answers, ' DIFFERENT ') END);
END $$;

-- two years by the hour, and a few quick ones around both changes of
-- the clock in Berlin and New York
SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, v int, f float8)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2019-12-30'::timestamptz + i * '1 h'::interval, 'h' || i % 3, i, i / 4.0 FROM generate_series(0, 17543) AS i$$);
SELECT twice($$INSERT INTO t SELECT change + i * '1 min'::interval + '1 us', 'q' || i % 2, i, -i FROM generate_series(-200, 200) AS i,
 unnest('{2020-03-29 01:00,2020-10-25 01:00,2020-03-08 07:00,2020-11-01 06:00,2021-03-28 01:00,2021-10-31 01:00}'::timestamptz[]) AS change$$);
SELECT rusts_flush('m.t');
ANALYZE m.t;
SELECT count(*) FROM rusts.segments WHERE measurement = 'm.t'::regclass;

--
-- Months, years and what has no fixed width
--
SELECT agg(format('SELECT %s AS bucket, count(*), sum(v), min(time), max(time), last(v, time) FROM t WHERE host LIKE $$h%%$$ GROUP BY 1', b)) FROM unnest(ARRAY[
 'time_bucket($$1 month$$, time)', 'time_bucket($$3 months$$, time)', 'time_bucket($$1 year$$, time)', 'time_bucket($$5 months$$, time, $$2020-02-29$$::timestamptz)', 'time_bucket($$1 week$$, time)', 'time_bucket($$10 days$$, time, $$2020-01-03 05:00$$::timestamptz)', 'time_bucket($$1 month$$, time, "offset" => $$3 days$$)', 'time_bucket($$1 day$$, time, "offset" => $$-90 min$$)',
 'date_trunc($$week$$, time)', 'date_trunc($$month$$, time)', 'date_trunc($$quarter$$, time)', 'date_trunc($$year$$, time)', 'date_trunc($$decade$$, time)', 'date_trunc($$millennium$$, time)', 'date_trunc($$hour$$, time)', 'date_trunc($$MONTHS$$, time)', 'date_bin($$100 hours$$, time, $$2020-01-01$$)']) AS b;
SELECT twice('SELECT date_bin($$1 week$$, time, $$infinity$$), count(*) FROM t GROUP BY 1');
SELECT twice('SELECT date_trunc($$fortnight$$, time), count(*) FROM t GROUP BY 1');
SELECT twice('SELECT date_bin($$1 month$$, time, $$2020-01-01$$), count(*) FROM t GROUP BY 1');
SELECT twice('SELECT time_bucket($$0 days$$, time), count(*) FROM t GROUP BY 1');
SELECT twice('SELECT time_bucket($$1 month 1 day$$, time), count(*) FROM t GROUP BY 1');
SELECT twice('SELECT time_bucket($$1 day$$, time, $$Nowhere/Never$$), count(*) FROM t GROUP BY 1');

--
-- Time zones: a clock that is put forward and back
--
SELECT agg(format('SELECT %s AS bucket, %s count(*), sum(v), min(time), max(time) FROM t GROUP BY 1%s', b, k, g)) FROM unnest(ARRAY[
 'time_bucket($$1 day$$, time, $$Europe/Berlin$$)', 'time_bucket($$1 hour$$, time, $$Europe/Berlin$$)', 'time_bucket($$15 min$$, time, $$America/New_York$$)', 'time_bucket($$1 month$$, time, $$America/New_York$$)', 'time_bucket($$1 week$$, time, $$Australia/Lord_Howe$$)', 'time_bucket($$6 hours$$, time, $$+05:30$$)', 'time_bucket($$1 day$$, time, $$EST5EDT$$)',
 'date_trunc($$day$$, time, $$Europe/Berlin$$)', 'date_trunc($$hour$$, time, $$Europe/Berlin$$)', 'date_trunc($$minute$$, time, $$America/New_York$$)', 'date_trunc($$week$$, time, $$America/New_York$$)', 'date_trunc($$year$$, time, $$Asia/Kathmandu$$)', 'date_trunc($$day$$, time, $$<+03>-03$$)', 'date_trunc($$day$$, time, NULL)']) AS b,
 (VALUES ('', ''), ('host,', ', 2')) AS x (k, g);
SET timezone = 'Europe/Berlin';
SELECT agg(format('SELECT %s AS bucket, host, count(*), sum(v), min(time), max(time) FROM t GROUP BY 1, 2', b)) FROM unnest(ARRAY['date_trunc($$hour$$, time)', 'date_trunc($$day$$, time)', 'date_trunc($$month$$, time)', 'date_trunc($$quarter$$, time)', 'time_bucket($$1 day$$, time)', 'time_bucket($$1 month$$, time)', 'time_bucket($$12 h$$, time, $$America/New_York$$)']) AS b;
SELECT date_trunc('hour', time) AS hour, count(*), min(v), max(v) FROM m.t WHERE host LIKE 'q%' AND time BETWEEN '2020-10-25 00:00+00' AND '2020-10-25 03:00+00' GROUP BY 1 ORDER BY 1;
SELECT date_trunc('day', time) AS day, count(*) FROM m.t WHERE time BETWEEN '2020-10-24 12:00+00' AND '2020-10-26 12:00+00' GROUP BY 1 ORDER BY 1;
SET timezone = 'America/New_York';
SELECT agg(format('SELECT %s AS bucket, host, count(*), sum(v), min(time), max(time) FROM t GROUP BY 1, 2', b)) FROM unnest(ARRAY['date_trunc($$hour$$, time)', 'date_trunc($$day$$, time)', 'date_trunc($$year$$, time)']) AS b;
-- a whole day that is missing, and a midnight that happens twice
SET timezone = 'Pacific/Apia';
SELECT twice($$CREATE TABLE apia AS SELECT '2011-12-28'::timestamptz + i * '10 min'::interval AS time, i FROM generate_series(0, 600) AS i$$);
SELECT agg('SELECT date_trunc($$day$$, time), count(*), min(i), max(i) FROM apia GROUP BY 1');
SET timezone = 'America/Havana';
SELECT twice($$CREATE TABLE havana AS SELECT '2021-11-06'::timestamptz + i * '10 min'::interval AS time, i FROM generate_series(0, 600) AS i$$);
SELECT agg('SELECT date_trunc($$day$$, time), count(*), min(i), max(i) FROM havana GROUP BY 1');
SELECT agg('SELECT time_bucket($$1 day$$, time, $$America/Havana$$), count(*), min(i), max(i) FROM havana GROUP BY 1');
SET timezone = 'UTC';

--
-- The first or last buckets only: what is not needed is not read
--
SELECT plan('SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3');
SELECT ordered(q) FROM unnest(ARRAY[
 'SELECT time_bucket($$1 day$$, time) AS day, count(*), sum(v) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*), sum(v) FROM t GROUP BY 1 ORDER BY 1 LIMIT 3',
 'SELECT time_bucket($$1 day$$, time) AS day, host, max(v) FROM t GROUP BY 1, 2 ORDER BY 1 DESC, 2 LIMIT 4',
 'SELECT time_bucket($$1 day$$, time) AS day, host, max(v) FROM t GROUP BY 1, 2 ORDER BY 1, 2 DESC LIMIT 4',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 2 OFFSET 5',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 HAVING count(*) > 50 ORDER BY 1 DESC LIMIT 2',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 0',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t WHERE v < 100 GROUP BY 1 ORDER BY 1 DESC LIMIT 2',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t WHERE time < $$2020-05-01 12:00$$ GROUP BY 1 ORDER BY 1 DESC LIMIT 2',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t WHERE time >= $$2020-05-01 12:00$$ GROUP BY 1 ORDER BY 1 LIMIT 2',
 'SELECT date_trunc($$day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT date_trunc($$day$$, time, $$Europe/Berlin$$) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT date_trunc($$hour$$, time, $$Europe/Berlin$$) AS hour, count(*) FROM t WHERE time < $$2020-10-25 01:30$$ GROUP BY 1 ORDER BY 1 DESC LIMIT 4',
 'SELECT time_bucket($$1 month$$, time) AS month, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 2',
 'SELECT time_bucket($$1 year$$, time) AS year, count(*) FROM t GROUP BY 1 ORDER BY 1 LIMIT 10',
 'SELECT time_bucket($$1 min$$, time) AS minute, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 1',
 'SELECT DISTINCT time_bucket($$1 day$$, time) AS day FROM t ORDER BY 1 DESC LIMIT 2',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC NULLS LAST LIMIT 2',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2',
 'SELECT host, time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2 DESC LIMIT 2',
 'SELECT day FROM (SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3) AS x ORDER BY 1']) AS q;
SELECT counted('SELECT time_bucket($$1 day$$, time) AS day, max(v) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3', 'Passes', 'Segments') ~ 'Passes [1-5], Segments 7..';
SELECT (jsonb_path_query_first(e::jsonb, '$.**."Blocks Decoded"'))::int BETWEEN 1 AND 20 FROM plan('SELECT time_bucket($$1 day$$, time) AS day, max(v) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3', ', ANALYZE, TIMING OFF, SUMMARY OFF, BUFFERS OFF, FORMAT JSON') AS e;
PREPARE days(int) AS SELECT time_bucket('1 day', time) AS day, count(*) FROM m.t GROUP BY 1 ORDER BY 1 DESC LIMIT $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE days(2);
EXECUTE days(0);
SELECT count(*) FROM (SELECT time_bucket('1 day', time) AS day, count(*) FROM m.t GROUP BY 1 ORDER BY 1 DESC LIMIT NULL) AS x;
RESET plan_cache_mode;
DEALLOCATE days;

--
-- Infinite times and those at the ends of what there is
--
SELECT twice($$INSERT INTO t SELECT time, host, v, 1 FROM unnest('{infinity,-infinity,infinity,294276-12-31 23:59:59.999999,4714-11-24 BC,0001-12-31 BC,0001-01-01}'::timestamptz[]) WITH ORDINALITY AS x (time, v), unnest('{h0,h1,z}'::text[]) AS host$$);
SELECT agg(format('SELECT %s AS bucket, %s count(*), sum(v), min(time), max(time), last(f, time) FROM t WHERE time <> $$4714-11-24 BC$$ GROUP BY 1%s', b, k, g)) FROM unnest(ARRAY['time_bucket($$1 day$$, time)', 'time_bucket($$1 h$$, time, $$2021-01-01$$::timestamptz)', 'date_trunc($$day$$, time)', 'date_trunc($$day$$, time, $$America/New_York$$)', 'date_trunc($$year$$, time)']) AS b, (VALUES ('', ''), ('host,', ', 2')) AS x (k, g);
SELECT agg('SELECT time_bucket($$1 month$$, time), count(*), sum(v) FROM t WHERE time > $$4714-12-01 BC$$ GROUP BY 1');
SELECT agg('SELECT date_bin($$1 day$$, time, $$2000-01-01$$), count(*) FROM t WHERE time > $$2000-01-01 BC$$ GROUP BY 1');
SELECT agg('SELECT time_bucket($$1 day$$, time), count(*), sum(v) FROM t GROUP BY 1');
SELECT twice('SELECT date_trunc($$year$$, time), count(*) FROM t GROUP BY 1');
SELECT ordered(q) FROM unnest(ARRAY[
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 LIMIT 5',
 'SELECT date_trunc($$day$$, time) AS day, count(*) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT date_trunc($$month$$, time, $$Europe/Berlin$$) AS day, count(*) FROM t WHERE time <> $$4714-11-24 BC$$ GROUP BY 1 ORDER BY 1 LIMIT 4',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t WHERE time > $$2021-12-31$$ GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM t WHERE time = $$infinity$$ GROUP BY 1 ORDER BY 1 LIMIT 1']) AS q;
SELECT ordered('SELECT time, v, host FROM t ORDER BY time DESC, v, host LIMIT 20');
SELECT ordered('SELECT time, v, host FROM t ORDER BY time, v, host LIMIT 20');
SELECT agg('SELECT min(time), max(time), count(*), first(v, time) IN (2), last(f, time) FROM t');
SELECT agg('SELECT count(*), max(time) FROM t WHERE time < $$infinity$$');
SELECT agg('SELECT host, max(time), min(time) FROM t WHERE time > $$-infinity$$ AND time < $$infinity$$ GROUP BY host');

--
-- Rows without a time, and tables without one
--
SELECT twice('CREATE TABLE n (time timestamptz, host text, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.n.host IS 'tag';
SELECT twice($$INSERT INTO n SELECT CASE WHEN i % 5 > 0 THEN '2021-01-01'::timestamptz + i * '1 min'::interval END, 'h' || i % 3, i FROM generate_series(1, 9000) AS i$$);
SELECT rusts_flush('m.n');
SELECT twice($$INSERT INTO n VALUES (NULL, 'only', -1), ('2021-01-01', 'h0', -2), (NULL, NULL, -3)$$);
ANALYZE m.n;
SELECT agg(q) FROM unnest(ARRAY[
 'SELECT count(*), count(time), min(time), max(time), last(v, time), first(v, time) FROM n',
 'SELECT host, count(*), count(time), min(time), max(time), last(v, time), first(v, time) FROM n GROUP BY host',
 'SELECT last(v, time), first(v, time) FROM n',
 'SELECT host, last(v, time) FROM n GROUP BY host',
 'SELECT max(time) FROM n',
 'SELECT count(*) FROM n WHERE time < $$2021-01-02$$',
 'SELECT count(*) FROM n WHERE time IS NULL',
 'SELECT time_bucket($$1 day$$, time), count(*), sum(v), count(time) FROM n GROUP BY 1',
 'SELECT time_bucket($$1 day$$, time), host, count(*), max(time) FROM n GROUP BY 1, 2',
 'SELECT date_trunc($$hour$$, time), count(*) FROM n WHERE v % 2 = 0 GROUP BY 1',
 'SELECT DISTINCT time_bucket($$1 day$$, time) FROM n']) AS q;
SELECT ordered(q) FROM unnest(ARRAY[
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM n GROUP BY 1 ORDER BY 1 DESC LIMIT 3',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM n GROUP BY 1 ORDER BY 1 LIMIT 3',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM n GROUP BY 1 ORDER BY 1 NULLS FIRST',
 'SELECT time_bucket($$1 day$$, time) AS day, count(*) FROM n GROUP BY 1 ORDER BY 1 DESC NULLS LAST',
 'SELECT DISTINCT ON (host) host, v FROM n ORDER BY host, time DESC, v',
 'SELECT DISTINCT ON (host) host, time FROM n ORDER BY host, time DESC NULLS LAST',
 'SELECT time, v FROM n ORDER BY time DESC, v LIMIT 5',
 'SELECT time, v FROM n ORDER BY time, v LIMIT 5',
 'SELECT time, v FROM n ORDER BY time NULLS FIRST, v LIMIT 5']) AS q;
-- timestamp without time zone; no time at all; several
SELECT twice('CREATE TABLE w (time timestamp NOT NULL, host text, other timestamptz, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.w.host IS 'tag';
SELECT twice($$INSERT INTO w SELECT '2021-01-01'::timestamp + i * '1 min'::interval, 'h' || i % 3, '2021-01-01'::timestamptz - i * '1 min'::interval, i FROM generate_series(1, 5000) AS i$$);
SELECT rusts_flush('m.w');
SELECT agg(q) FROM unnest(ARRAY[
 'SELECT time_bucket($$1 day$$, time), count(*), max(time), last(v, time) FROM w GROUP BY 1',
 'SELECT date_trunc($$hour$$, time), host, count(*) FROM w GROUP BY 1, 2',
 'SELECT date_bin($$1 day$$, time, $$2021-01-01 05:00$$), count(*) FROM w GROUP BY 1',
 'SELECT time_bucket($$1 day$$, other), count(*), last(v, other) FROM w GROUP BY 1',
 'SELECT min(time), max(time), count(*), min(other), max(other), last(v, other) FROM w',
 'SELECT DISTINCT ON (host) host, v FROM w ORDER BY host, time DESC']) AS q;
SELECT twice('CREATE TABLE none (host text, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.none.host IS 'tag';
SELECT twice('INSERT INTO none SELECT $$h$$ || i % 3, i FROM generate_series(1, 5000) AS i');
SELECT rusts_flush('m.none');
SELECT agg(q) FROM unnest(ARRAY['SELECT count(*), max(v) FROM none', 'SELECT host, count(*), sum(v) FROM none GROUP BY host', 'SELECT DISTINCT host FROM none', 'SELECT DISTINCT ON (host) host, v FROM none ORDER BY host, v']) AS q;
SELECT ordered('SELECT host, v FROM none ORDER BY host DESC, v LIMIT 3');

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
