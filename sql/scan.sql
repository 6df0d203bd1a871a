--
-- Scans: sequential, parallel, again and again, backward, by TID, samples
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
-- of the access method's own scan
SET rusts.enable_scan = off;

-- many batches of different sizes: hot ones in pages, hot ones in the
-- directory, active ones
SELECT twice('CREATE TABLE t (time timestamptz, host text, i int, v float8, s text)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i * '10 s'::interval, 'h' || i % 10, i, i / 4.0, md5(i::text)
 FROM generate_series(1, 40000) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t SELECT '2021-02-01'::timestamptz + i * '10 s'::interval, 'h' || i % 3, i, NULL, NULL
 FROM generate_series(50001, 50005) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t VALUES ('2021-03-01', 'one', 60001, 1, 'x')$$);
SELECT twice($$INSERT INTO t VALUES ('2021-03-01', 'one', 60002, 1, 'x')$$);
SELECT twice($$INSERT INTO t SELECT NULL, 'h' || i % 3, i, NULL, repeat('x', i % 100)
 FROM generate_series(70001, 73000) AS i$$);
SELECT tier, count(*), sum(rows) FROM rusts.segments WHERE measurement = 'm.t'::regclass GROUP BY tier ORDER BY tier;

SELECT same('SELECT * FROM t');
SELECT same('SELECT i FROM t WHERE v > 5000 AND host = $$h3$$');
SELECT same('SELECT * FROM t WHERE time >= $$2021-01-03$$ AND time < $$2021-01-04$$');
SELECT same('SELECT * FROM t ORDER BY i DESC LIMIT 10');
SELECT same('SELECT * FROM t ORDER BY i OFFSET 42000');
SELECT same('SELECT host, count(*), count(v), sum(v), min(s), max(time) FROM t GROUP BY host');
SELECT same('SELECT count(*) FROM t WHERE false');
SELECT count(*) FROM (SELECT * FROM m.t LIMIT 17) AS x;
SELECT same('SELECT EXISTS (SELECT FROM t WHERE i = 60002)');
-- empty
SELECT twice('CREATE TABLE empty (time timestamptz, i int)');
SELECT same('SELECT count(*), min(i) FROM empty');
SELECT same('SELECT * FROM empty JOIN t USING (i)');
SELECT rusts_flush('m.empty');

--
-- Parallel
--
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET max_parallel_workers_per_gather = 3;
EXPLAIN (COSTS OFF) SELECT host, count(*) FROM m.t GROUP BY host \g | grep -o 'Parallel.* on t'
SET parallel_leader_participation = on;
SELECT count(*), count(DISTINCT i), sum(i), sum(v), count(time) FROM m.t;
SELECT count(*) FROM (SELECT md5(t::text) FROM m.t EXCEPT ALL SELECT md5(t::text) FROM h.t) AS x;
SELECT count(*) FROM (SELECT md5(t::text) FROM h.t EXCEPT ALL SELECT md5(t::text) FROM m.t) AS x;
SET parallel_leader_participation = off;
SELECT count(*), count(DISTINCT i), sum(i), sum(v), count(time) FROM m.t;
SELECT count(*) FROM (SELECT md5(t::text) FROM m.t EXCEPT ALL SELECT md5(t::text) FROM h.t) AS x;
SELECT count(*) FROM (SELECT md5(t::text) FROM h.t EXCEPT ALL SELECT md5(t::text) FROM m.t) AS x;
SELECT count(*) FROM m.empty;
RESET parallel_leader_participation;
-- a parallel scan that is begun again
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT g, (SELECT count(*) FROM m.t WHERE i % 7 = g) FROM generate_series(0, 2) AS g;
SELECT count(*) FROM (SELECT g, x.* FROM generate_series(1, 3) AS g LEFT JOIN (SELECT count(*) AS c FROM m.t) AS x ON x.c > g) AS y;
-- with limits, and a cursor that ends early
SELECT count(*) FROM (SELECT * FROM m.t WHERE i > 0 LIMIT 5) AS x;
-- what the transaction itself has written, even in this statement's neighbours
BEGIN;
INSERT INTO m.t SELECT NULL, 'new', i, 0, '' FROM generate_series(80001, 80100) AS i;
SELECT count(*), count(DISTINCT i) FROM m.t;
SAVEPOINT s;
INSERT INTO m.t SELECT NULL, 'newer', i, 0, '' FROM generate_series(80101, 80200) AS i;
SELECT count(*), count(DISTINCT i) FROM m.t;
ROLLBACK TO s;
SELECT count(*), count(DISTINCT i) FROM m.t;
SELECT rusts_flush('m.t');
SELECT count(*), count(DISTINCT i) FROM m.t;
ROLLBACK;
SELECT count(*), count(DISTINCT i) FROM m.t;
-- parallel append, and hash join with a parallel inner side
RESET enable_hashjoin;
RESET enable_material;
RESET enable_mergejoin;
RESET enable_memoize;
SELECT count(*), sum(i) FROM (SELECT i FROM m.t UNION ALL SELECT i FROM h.t UNION ALL SELECT i FROM m.t) AS x;
SELECT count(*), sum(a.i) FROM m.t AS a JOIN m.t AS b ON a.i = b.i JOIN h.t AS c ON b.i = c.i;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET max_parallel_workers_per_gather;

--
-- Rescans
--
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SELECT twice('CREATE TABLE small AS SELECT i, i % 3 AS k FROM generate_series(1, 20) AS i');
SELECT same('SELECT * FROM small AS a JOIN small AS b ON a.k = b.k');
SELECT same('SELECT * FROM small AS a LEFT JOIN small AS b ON a.i = b.i + 5');
SELECT same('SELECT * FROM small AS a, LATERAL (SELECT * FROM small AS b WHERE b.i < a.i ORDER BY b.i DESC LIMIT 2) AS x');
SELECT same('SELECT i, (SELECT max(b.i) FROM small AS b WHERE b.k = a.k AND b.i < a.i) FROM small AS a');
SELECT same('SELECT * FROM small AS a WHERE EXISTS (SELECT FROM small AS b WHERE b.i = a.i * 2)');
SELECT same('WITH RECURSIVE r AS (SELECT 1 AS i UNION ALL SELECT s.i + 0 FROM r JOIN small AS s ON s.i = r.i + 1) SELECT * FROM r');
SELECT same('SELECT a.i, t.i FROM small AS a JOIN t ON t.i = a.i * 1000');
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
-- prepared statements, generic plans
PREPARE p(int) AS SELECT count(*), min(s) FROM m.t WHERE i < $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE p(10);
EXECUTE p(60002);
EXECUTE p(NULL);
RESET plan_cache_mode;
DEALLOCATE p;

--
-- Cursors
--
CREATE FUNCTION public.walk(query text, steps text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	step text;
	part text;
	result text := '';
	c refcursor;
	r record;
BEGIN
	OPEN c SCROLL FOR EXECUTE query;
	FOREACH step IN ARRAY steps LOOP
		CASE split_part(step, ' ', 1)
			WHEN 'next' THEN FETCH NEXT FROM c INTO r;
			WHEN 'prior' THEN FETCH PRIOR FROM c INTO r;
			WHEN 'first' THEN FETCH FIRST FROM c INTO r;
			WHEN 'last' THEN FETCH LAST FROM c INTO r;
			WHEN 'abs' THEN FETCH ABSOLUTE split_part(step, ' ', 2)::int FROM c INTO r;
			WHEN 'rel' THEN FETCH RELATIVE split_part(step, ' ', 2)::int FROM c INTO r;
			WHEN 'end' THEN MOVE FORWARD ALL FROM c; CONTINUE;
			WHEN 'begin' THEN MOVE BACKWARD ALL FROM c; CONTINUE;
		END CASE;
		result := result || ' ' || CASE WHEN r IS NULL THEN '-' ELSE r::text END;
	END LOOP;
	RETURN result;
END $$;
-- both tables in the same order: by arrival
SELECT twice('CREATE TABLE c (i int)');
DO $$
BEGIN
	FOR b IN 0..4 LOOP
		INSERT INTO m.c SELECT b * 100 + g FROM generate_series(1, CASE b WHEN 1 THEN 1 WHEN 3 THEN 2 ELSE 5 END) AS g;
		INSERT INTO h.c SELECT b * 100 + g FROM generate_series(1, CASE b WHEN 1 THEN 1 WHEN 3 THEN 2 ELSE 5 END) AS g;
		COMMIT;
	END LOOP;
END $$;
SELECT count(*) FROM rusts.segments WHERE measurement = 'm.c'::regclass;
CREATE TABLE steps AS SELECT n, ARRAY(SELECT CASE
	(hashint4(n * 1000 + i) & 1023) % 12 WHEN 0 THEN 'prior' WHEN 1 THEN 'first' WHEN 2 THEN 'last'
	WHEN 3 THEN 'abs ' || (hashint4(n * 1001 + i) & 31) - 5 WHEN 4 THEN 'rel ' || (hashint4(n * 1002 + i) & 15) - 8
	WHEN 5 THEN 'end' WHEN 6 THEN 'begin' WHEN 7 THEN 'prior' WHEN 8 THEN 'prior' ELSE 'next' END
	FROM generate_series(1, 60) AS i) AS steps FROM generate_series(1, 100) AS n;
SELECT count(*), count(*) FILTER (WHERE walk('SELECT i FROM m.c', steps) = walk('SELECT i FROM h.c', steps)) FROM steps;
SELECT walk('SELECT i FROM m.c', ARRAY['last', 'prior', 'prior', 'prior', 'next', 'abs 6', 'abs -1', 'rel 1', 'prior', 'begin', 'prior', 'next']);
SELECT count(*), count(*) FILTER (WHERE walk('SELECT i FROM m.c WHERE i % 2 = 0', steps) = walk('SELECT i FROM h.c WHERE i % 2 = 0', steps)) FROM steps;
SELECT count(*), count(*) FILTER (WHERE walk('SELECT i FROM m.empty', steps) = walk('SELECT i FROM h.empty', steps)) FROM steps;
SELECT rusts_flush('m.c');
SELECT count(*), count(*) FILTER (WHERE walk('SELECT i FROM m.c', steps) = walk('SELECT i FROM h.c', steps)) FROM steps;
BEGIN;
DECLARE forth CURSOR FOR SELECT i FROM m.c;
DECLARE back SCROLL CURSOR FOR SELECT i FROM m.c;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT i FROM m.c;
FETCH 3 FROM forth;
FETCH 7 FROM back;
FETCH 2 FROM held;
-- neither a flush nor new rows change what a cursor returns
INSERT INTO m.c VALUES (1000);
SELECT rusts_flush('m.c');
INSERT INTO m.c VALUES (1001);
FETCH 20 FROM forth;
FETCH BACKWARD 20 FROM back;
FETCH ALL FROM back;
COMMIT;
INSERT INTO m.c VALUES (1002);
FETCH BACKWARD 5 FROM held;
FETCH ALL FROM held;
CLOSE held;
SELECT count(*) FROM m.c;
BEGIN;
DECLARE before CURSOR FOR SELECT count(*), max(i) FROM m.c;
INSERT INTO m.c SELECT i + 2000 FROM m.c;
SELECT rusts_flush('m.c');
SAVEPOINT s;
DECLARE within CURSOR FOR SELECT count(*), max(i) FROM m.c;
FETCH within;
INSERT INTO m.c VALUES (9999);
ROLLBACK TO s;
FETCH before;
SELECT count(*), max(i) FROM m.c;
COMMIT;

--
-- TIDs
--
SELECT count(*), count(DISTINCT ctid) FROM m.t;
CREATE TEMP TABLE tids AS SELECT ctid AS tid, i FROM m.t;
SELECT count(*) FROM tids JOIN m.t ON t.ctid = tids.tid AND t.i = tids.i;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM (SELECT * FROM tids WHERE i % 1000 = 0) AS x JOIN m.t ON t.ctid = x.tid;
SELECT count(*), count(*) FILTER (WHERE t.i = x.i) FROM (SELECT * FROM tids WHERE i % 100 < 2) AS x JOIN m.t ON t.ctid = x.tid;
RESET enable_hashjoin;
RESET enable_mergejoin;
SELECT count(*) FROM m.t WHERE ctid = ANY (ARRAY(SELECT tid FROM tids WHERE i IN (5, 60002, 50003, 73000)));
SELECT i FROM m.t WHERE ctid = (SELECT tid FROM tids WHERE i = 60002);
SELECT count(*) FROM m.t WHERE ctid IN ('(0,0)', '(0,1000)', '(4294967295,1)', '(4294967294,291)', '(1000000,1)', '(0,292)', '(4294967295,0)');
SELECT count(*) FROM m.t WHERE ctid > '(0,0)';
SELECT i FROM m.t WHERE ctid = (SELECT max(tid) FROM tids) AND false;
EXPLAIN (COSTS OFF) SELECT * FROM m.t WHERE ctid > '(100,1)';
SELECT count(*) FROM m.t WHERE ctid < (SELECT tid FROM tids WHERE i = 60002);
SELECT tableoid::regclass, count(*) FROM m.t GROUP BY 1;

-- system columns that a row does not have
\set VERBOSITY default
SELECT xmin FROM m.t;
SELECT cmax FROM m.c LIMIT 1;
INSERT INTO m.c VALUES (1) RETURNING xmin;
\set VERBOSITY terse

--
-- Samples
--
SELECT count(*) FROM m.t TABLESAMPLE SYSTEM (100);
SELECT count(*) FROM m.t TABLESAMPLE SYSTEM (0);
SELECT count(*) FROM m.t TABLESAMPLE BERNOULLI (100);
SELECT count(*) FROM m.t TABLESAMPLE BERNOULLI (0);
SELECT count(*) FROM m.empty TABLESAMPLE SYSTEM (50);
SELECT count(*) BETWEEN 5000 AND 38000, count(*) = count(DISTINCT i), min(i) >= 1 FROM m.t TABLESAMPLE SYSTEM (50);
SELECT count(*) BETWEEN 18000 AND 25000, count(*) = count(DISTINCT i) FROM m.t TABLESAMPLE BERNOULLI (50);
SELECT (SELECT array_agg(i ORDER BY i) FROM m.t TABLESAMPLE SYSTEM (20) REPEATABLE (7)) =
	(SELECT array_agg(i ORDER BY i) FROM m.t TABLESAMPLE SYSTEM (20) REPEATABLE (7));
SELECT (SELECT array_agg(i ORDER BY i) FROM m.t TABLESAMPLE BERNOULLI (20) REPEATABLE (7)) =
	(SELECT array_agg(i ORDER BY i) FROM m.t TABLESAMPLE BERNOULLI (20) REPEATABLE (7));
SELECT (SELECT array_agg(i ORDER BY i) FROM m.t TABLESAMPLE BERNOULLI (20) REPEATABLE (7)) =
	(SELECT array_agg(i ORDER BY i) FROM m.t TABLESAMPLE BERNOULLI (20) REPEATABLE (8));
SELECT g, (SELECT count(*) FROM m.small TABLESAMPLE BERNOULLI (100) WHERE i <= g) FROM generate_series(1, 3) AS g;

--
-- ANALYZE
--
ANALYZE m.t;
ANALYZE h.t;
ANALYZE m.empty;
SELECT reltuples, relpages > 0 FROM pg_class WHERE oid = 'm.t'::regclass;
SELECT reltuples FROM pg_class WHERE oid = 'm.empty'::regclass;
SELECT attname, abs(m.null_frac - h.null_frac) < 0.05 AS nulls,
	abs(m.avg_width - h.avg_width) <= 4 AS width,
	sign(m.n_distinct) = sign(h.n_distinct) AS sign_of_distinct,
	abs(m.n_distinct - h.n_distinct) <= CASE WHEN h.n_distinct > 0 THEN 1 + h.n_distinct / 2 ELSE 0.15 END AS n_distinct
FROM pg_stats AS m JOIN pg_stats AS h USING (tablename, attname)
WHERE m.schemaname = 'm' AND h.schemaname = 'h' AND tablename = 't' ORDER BY 1;
-- times are stored in order within a series: the sample knows
SELECT twice('CREATE TABLE o (time timestamptz, i int)');
SELECT twice($$INSERT INTO o SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, i FROM generate_series(1, 50000) AS i$$);
ANALYZE m.o;
SELECT attname, correlation > 0.99 FROM pg_stats WHERE schemaname = 'm' AND tablename = 'o' ORDER BY 1;
SELECT rusts_flush('m.o') >= 0;
ANALYZE m.o;
SELECT attname, correlation > 0.99 FROM pg_stats WHERE schemaname = 'm' AND tablename = 'o' ORDER BY 1;
SELECT reltuples FROM pg_class WHERE oid = 'm.o'::regclass;
-- the planner's count without ANALYZE
SELECT twice('CREATE TABLE fresh AS SELECT i FROM generate_series(1, 12345) AS i');
EXPLAIN SELECT * FROM m.fresh \g (format=unaligned) | sed 's/(cost.*rows=\([0-9]*\).*/rows \1/'
-- extended statistics, expressions
CREATE STATISTICS m.stats (dependencies, ndistinct) ON host, i FROM m.t;
ANALYZE m.t;
SELECT statistics_name FROM pg_stats_ext WHERE schemaname = 'm';
ANALYZE m.t (i, host);
VACUUM (ANALYZE) m.t;
SELECT same('SELECT * FROM t');

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP TABLE steps;
DROP FUNCTION walk;
