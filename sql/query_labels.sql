--
-- Labels that are set and removed while there are segments: what is a tag of
-- the measurement is not one in each segment, and the other way round
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

-- Rows whose tags are null, empty, long, and often equal; times are unique.
CREATE FUNCTION public.add(first int, n int, columns text DEFAULT 'a, b') RETURNS text LANGUAGE sql AS $$
SELECT twice(format($i$INSERT INTO t (time, v, f, s, %s)
SELECT '2021-01-01'::timestamptz + i * 7919 %% 5000 * interval '1 min' + i * interval '1 us', i,
CASE WHEN i %% 11 > 0 THEN i / 8.0 END, 's' || i %% 4, %s FROM generate_series(%s, %s) AS i$i$,
columns, replace(replace(replace(columns,
'a', $v$CASE i % 7 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'x' || i % 5 END$v$),
'b', $v$CASE i % 9 WHEN 0 THEN NULL WHEN 1 THEN '' WHEN 2 THEN repeat('long', 100) ELSE 'x' || i % 6 END$v$),
'c', $v$CASE i % 3 WHEN 0 THEN 'x' || i % 4 WHEN 1 THEN 'c' || i % 700 END$v$), first, first + n - 1)) $$;
CREATE FUNCTION public.label(VARIADIC tags text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'm.t'::regclass AND attname IN ('a', 'b', 'c') ORDER BY 1 LOOP
		EXECUTE format('SECURITY LABEL FOR rusts ON COLUMN m.t.%I IS %s', name, CASE WHEN name = ANY (tags) THEN quote_literal('tag') ELSE 'NULL' END);
	END LOOP;
	RETURN (SELECT m.tags FROM rusts.measurements AS m WHERE measurement = 'm.t'::regclass);
END $$;

SELECT twice('CREATE TABLE t (v int, a text, f float8, time timestamptz NOT NULL, b text, s text)');
SELECT add(1, 3000), rusts_flush('m.t');
SELECT label('a'), add(3001, 3000), rusts_flush('m.t');
SELECT label('a', 'b'), add(6001, 3000), rusts_flush('m.t');
SELECT twice('ALTER TABLE t ADD c text DEFAULT $$x1$$');
SELECT label('b', 'c'), add(9001, 3000, 'a, b, c'), rusts_flush('m.t');
SELECT label('a', 'b', 'c'), add(12001, 3000, 'a, b, c'), rusts_flush('m.t');
SELECT add(15001, 200, 'b, c'), add(15201, 200, 'a, c');
SELECT label('b'), add(15401, 200, 'a, b, c');
SELECT label(''), add(15601, 200, 'a, b');
SELECT twice($$INSERT INTO t (time, v) VALUES ('2021-01-01 00:00:00.5', 15801), ('2021-02-01', 15802)$$);
ANALYZE m.t;
SELECT tier, count(*), sum(rows) FROM rusts.segments WHERE measurement = 'm.t'::regclass GROUP BY tier ORDER BY tier;

-- All queries in all ways to answer them: how many the same, which not.
CREATE TABLE public.queries (id serial, query text);
\set QUIET on
INSERT INTO public.queries (query) VALUES
('SELECT * FROM t'),
('SELECT count(*), count(a), count(b), count(c) FROM t'),
-- conditions
('SELECT v FROM t WHERE a = $$x1$$'),
('SELECT v FROM t WHERE b = $$x1$$'),
('SELECT v FROM t WHERE c = $$x1$$'),
('SELECT v FROM t WHERE a = $$$$'),
('SELECT v FROM t WHERE b = repeat($$long$$, 100)'),
('SELECT v FROM t WHERE a = $$none$$ OR b = $$none$$'),
('SELECT v, c FROM t WHERE c = $$c76$$ AND b = $$x4$$'),
('SELECT v, a FROM t WHERE a IN ($$x1$$, $$x2$$, $$$$, NULL)'),
('SELECT v, c FROM t WHERE c = ANY (ARRAY[$$c1$$, $$x0$$, $$none$$])'),
('SELECT v, b FROM t WHERE b NOT IN ($$x1$$, $$$$)'),
('SELECT v FROM t WHERE a <> $$x1$$'),
('SELECT v FROM t WHERE b IS NULL'),
('SELECT v FROM t WHERE c IS NOT NULL'),
('SELECT v FROM t WHERE a IS NULL AND b IS NOT NULL AND c IS NULL'),
('SELECT v FROM t WHERE a LIKE $$x%$$ AND length(b) > 2'),
('SELECT v FROM t WHERE a = b'),
('SELECT v FROM t WHERE a = b AND b = c'),
('SELECT v FROM t WHERE a = c OR b IS NULL'),
('SELECT v FROM t WHERE a IS DISTINCT FROM b'),
('SELECT v FROM t WHERE coalesce(a, b, c) = $$x3$$'),
('SELECT v FROM t WHERE a = $$x1$$ AND v > 6500'),
('SELECT v FROM t WHERE a = $$x1$$ OR v % 100 = 0'),
('SELECT v FROM t WHERE b = $$x1$$ AND time >= $$2021-01-03$$ AND time < $$2021-01-03 06:00$$'),
('SELECT v FROM t WHERE c = $$x1$$ AND s = $$s1$$ AND f < 1000'),
('SELECT v FROM t WHERE a = (SELECT min(a) FROM t WHERE a > $$$$)'),
('SELECT v FROM t WHERE a IN (SELECT b FROM t WHERE v < 10)'),
('SELECT x.k, t.v FROM (VALUES ($$x1$$), ($$$$), (NULL), ($$none$$)) AS x(k) JOIN t ON t.b = x.k WHERE t.v % 10 = 0'),
('SELECT x.k, y.v FROM (VALUES ($$x1$$), ($$c1$$), ($$$$)) AS x(k), LATERAL (SELECT v FROM t WHERE c = x.k ORDER BY time DESC LIMIT 2) AS y'),
-- groups
('SELECT a, count(*), sum(v), min(time), max(time) FROM t GROUP BY a'),
('SELECT b, count(*), avg(f), max(f), min(v) FROM t GROUP BY b'),
('SELECT c, count(*), count(a), count(f) FROM t GROUP BY c'),
('SELECT a, b, c, count(*), sum(v) FROM t GROUP BY a, b, c'),
('SELECT c, a, count(*) FROM t WHERE b = $$x1$$ GROUP BY c, a'),
('SELECT b, count(*) FROM t WHERE v > 5000 AND a IS NOT NULL GROUP BY b HAVING count(*) > 100'),
('SELECT a, count(*) FILTER (WHERE b = $$x1$$), sum(v) FILTER (WHERE c IS NULL) FROM t GROUP BY a'),
('SELECT a, time_bucket($$1 day$$, time) AS day, count(*), sum(v), last(v, time) FROM t GROUP BY a, day'),
('SELECT time_bucket($$6 h$$, time) AS hours, c, max(f) FROM t WHERE a <> $$x2$$ GROUP BY c, hours'),
('SELECT a, first(v, time), last(v, time), last(f, time), last(s, time) FROM t GROUP BY a'),
('SELECT b, last(a, time), first(c, time), last(b, time) FROM t GROUP BY b'),
('SELECT c, last(a, time), first(b, time) FROM t GROUP BY c'),
('SELECT last(a, time), first(b, time), last(c, time), last(v, time) FROM t'),
('SELECT last(a, time) FILTER (WHERE b = $$x2$$), last(v, time) FILTER (WHERE c = $$x1$$) FROM t'),
('SELECT count(DISTINCT a), count(DISTINCT b), count(DISTINCT c) FROM t'),
('SELECT a, count(DISTINCT a), count(DISTINCT b), count(DISTINCT c) FROM t GROUP BY a'),
('SELECT time_bucket($$1 day$$, time) AS day, count(DISTINCT a), count(DISTINCT b) FROM t GROUP BY day'),
('SELECT min(a), max(a), min(b), max(c) FROM t'),
('SELECT time_bucket($$1 day$$, time) AS day, count(*), max(v) FROM t GROUP BY day'),
('SELECT max(time), min(time), count(*) FROM t WHERE time > $$2021-01-02$$'),
('SELECT DISTINCT a FROM t'),
('SELECT DISTINCT b, c FROM t'),
('SELECT DISTINCT c FROM t WHERE b = $$x1$$ AND a = $$x1$$'),
('SELECT DISTINCT ON (a) a, time, v, b, s FROM t ORDER BY a, time DESC'),
('SELECT DISTINCT ON (b) b, time, v, c FROM t ORDER BY b DESC, time'),
('SELECT DISTINCT ON (a, b, c) a, b, c, time, v FROM t ORDER BY a, b, c, time DESC'),
('SELECT DISTINCT ON (c) c, time, v FROM t WHERE a = $$x1$$ AND v % 2 = 0 ORDER BY c, time DESC'),
-- orders
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT time, a, b, c, v FROM t ORDER BY time) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT time, v FROM t WHERE a = $$x1$$ ORDER BY time DESC LIMIT 20) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT v, c FROM t WHERE b = $$x1$$ ORDER BY time LIMIT 20 OFFSET 100) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT a, v FROM t ORDER BY a, time) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT b, v FROM t ORDER BY b DESC, time DESC LIMIT 2000) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT c, v FROM t ORDER BY c NULLS FIRST, v LIMIT 20) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT c, a, b, v FROM t ORDER BY b NULLS FIRST, c DESC, a, v) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT b, v FROM t WHERE a = b ORDER BY b, v) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT v FROM t WHERE a = b AND a = c ORDER BY c DESC, v) AS x'),
('SELECT row_number() OVER () AS rn, x.* FROM (SELECT a, count(*) FROM t GROUP BY a ORDER BY a DESC LIMIT 3) AS x'),
('SELECT t.v, u.v FROM t JOIN t AS u ON t.a = u.c AND t.time = u.time');
CREATE FUNCTION public.all_the_same() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	q text;
	n int;
	result text;
BEGIN
	FOREACH setting IN ARRAY ARRAY['', 'rusts.enable_agg off', 'rusts.enable_shortcuts off', 'work_mem 64kB', 'enable_hashagg off',
		'max_parallel_workers_per_gather 2'] LOOP
		IF setting <> '' THEN
			PERFORM set_config(split_part(setting, ' ', 1), split_part(setting, ' ', 2), true);
		END IF;
		n := 0;
		FOR q IN SELECT query FROM public.queries ORDER BY id LOOP
			result := same(q);
			IF result ~ '^\d+ same$' THEN
				n := n + 1;
			ELSE
				RETURN NEXT concat_ws(': ', setting, q, result);
			END IF;
		END LOOP;
		RETURN NEXT concat_ws(': ', nullif(setting, ''), n || ' same');
		IF setting <> '' THEN
			EXECUTE 'RESET ' || split_part(setting, ' ', 1);
		END IF;
	END LOOP;
END $$;
\set QUIET off
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT id, same(query) FROM public.queries ORDER BY id;
SELECT all_the_same();
SELECT label('a');
SELECT all_the_same();
SELECT label('b', 'c');
SELECT all_the_same();
SELECT label('a', 'b', 'c');
SELECT all_the_same();

-- a segment is left out by its filter if the column was a tag then
SELECT counted(format('SELECT v FROM t WHERE %s = $$none$$', k), 'Segments', 'Segments Removed by Bloom Filter', 'Segments Removed by Series', 'Blocks Removed by Series', 'Blocks', 'Actual Rows')
FROM unnest(ARRAY['a', 'b', 'c']) AS k;
SELECT counted('SELECT v FROM t WHERE b = $$none$$ AND a = $$x1$$', 'Segments Removed by Bloom Filter', 'Segments Removed by Series', 'Blocks');
SELECT counted('SELECT v FROM t WHERE b = $$x1$$', 'Segments Removed by Bloom Filter', 'Segments Removed by Series', 'Blocks');
SELECT label('a');
SELECT counted('SELECT v FROM t WHERE b = $$none$$', 'Segments Removed by Bloom Filter', 'Segments Removed by Series', 'Blocks');

-- plans that were made before, and scans that have begun
SET plan_cache_mode = force_generic_plan;
PREPARE by_a (text) AS SELECT count(*), sum(v) FROM m.t WHERE a = $1;
PREPARE groups AS SELECT b, count(*) FROM m.t GROUP BY b ORDER BY b COLLATE "C" LIMIT 3;
EXECUTE by_a ('x1');
EXECUTE groups;
SELECT label('b');
EXECUTE by_a ('x1');
EXECUTE groups;
BEGIN;
DECLARE scan CURSOR FOR SELECT a, b FROM m.t WHERE a = 'x1' ORDER BY time LIMIT 2000;
DECLARE agg CURSOR FOR SELECT b, count(*) FROM m.t GROUP BY b ORDER BY b;
FETCH 1 FROM scan;
FETCH 1 FROM agg;
SELECT label('a', 'c');
MOVE 1500 FROM scan;
FETCH 1 FROM scan;
MOVE 2 FROM agg;
FETCH 2 FROM agg;
EXECUTE by_a ('x1');
ROLLBACK;
RESET plan_cache_mode;

-- the same rows in segments that all have the tags of now
SELECT label('a', 'c'), rusts_flush('m.t');
SELECT all_the_same();
VACUUM FULL m.t;
SELECT all_the_same();
SELECT label('b');
SELECT all_the_same();

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP TABLE public.queries;
DROP FUNCTION public.add, public.label, public.all_the_same;
