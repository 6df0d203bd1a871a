--
-- RustsScan: in which plans it is found, what it says of itself, orders,
-- cursors, security, system columns, columns that come and go
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

-- three days, a segment each, of 4 series of 2880 rows a day; another segment
-- of other series; active rows
SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, i int8, f float8, s text)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i / 4 * '30 s'::interval, 'h' || i % 4, i, i / 8.0, 's' || i % 10 FROM generate_series(0, 34559) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t SELECT '2021-01-03 12:00:00.5'::timestamptz + i * '1 min'::interval, 'x' || i % 2, NULL, 1000000 + i, NULL FROM generate_series(0, 99) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t VALUES ('2021-01-02 00:00:00.5', 'h0', -1, -1, 'new'), ('2021-01-05', NULL, -2, NULL, NULL), ('2021-01-05', '', -3, 'NaN', '')$$);
ANALYZE m.t;
SELECT tier, rows, min_time, max_time FROM rusts.segments WHERE measurement = 'm.t'::regclass ORDER BY tier, min_time, rows;

--
-- Plans
--
SELECT plan('SELECT * FROM t');
SELECT plan('SELECT host, f FROM t WHERE time >= $$2021-01-02$$ AND host = $$h1$$ AND f > i');
SELECT plan('SELECT count(s) FROM (SELECT * FROM t OFFSET 0) AS x WHERE i < 5');
SELECT plan('SELECT i FROM t WHERE i < 5 UNION ALL SELECT i FROM t WHERE host = $$h1$$');
SELECT plan('SELECT * FROM (SELECT i, host FROM t UNION ALL SELECT i, host FROM t) AS x WHERE i < 5');
SELECT plan('WITH x AS MATERIALIZED (SELECT * FROM t WHERE i < 5) SELECT * FROM x, x AS y WHERE x.i = y.i AND x.f > 1');
SELECT plan('WITH x AS (SELECT * FROM t WHERE i < 5) SELECT * FROM x WHERE f > 1');
SELECT plan('SELECT * FROM t WHERE i IN (SELECT i FROM t WHERE f < 10) AND false');
SELECT same('SELECT i FROM t WHERE i < 5 UNION ALL SELECT i FROM t WHERE host = $$h1$$');
SELECT same('SELECT * FROM (SELECT i, host FROM t UNION ALL SELECT i, host FROM t) AS x WHERE i < 5');
SELECT same('WITH x AS MATERIALIZED (SELECT * FROM t WHERE i < 500) SELECT * FROM x, x AS y WHERE x.i = y.i AND x.f > 1');
SELECT same('SELECT host, i, lag(i) OVER (PARTITION BY host ORDER BY time, i) FROM t');
-- views; a join of tables of both kinds
SELECT twice('CREATE VIEW v AS SELECT time, upper(host) AS host, i * 2 AS i2 FROM t WHERE f > 2');
SELECT plan('SELECT i2 FROM v WHERE i2 < 50 AND time < $$2021-01-02$$');
SELECT same('SELECT i2 FROM v WHERE i2 < 50 AND time < $$2021-01-02$$');
SELECT plan('SELECT a.i FROM m.t AS a JOIN h.t AS b ON a.i = b.i WHERE a.host = $$h1$$ AND b.i < 100');
SELECT same('SELECT a.i, b.s FROM m.t AS a JOIN h.t AS b ON a.i = b.i AND a.time = b.time WHERE a.host = $$h1$$ AND b.i < 100');
-- statements that write
SELECT plan('INSERT INTO h.t SELECT * FROM m.t WHERE i < 5');
SELECT plan('UPDATE h.t SET f = x.f FROM m.t AS x WHERE x.i = t.i AND x.i < 5');
SELECT plan('CREATE TABLE c AS SELECT host FROM m.t WHERE i < 5');
-- ... keep each row for themselves before they ask for the next
CREATE TABLE m.copy AS SELECT * FROM m.t;
CREATE TABLE h.copy AS SELECT * FROM h.t;
SELECT same('SELECT * FROM copy');
TRUNCATE m.copy;
INSERT INTO m.copy SELECT * FROM m.t ORDER BY host, time;
SELECT same('SELECT * FROM copy');
SELECT same('SELECT (SELECT string_agg(host, $$,$$) FROM (SELECT * FROM t WHERE i BETWEEN a.i AND a.i + 2 ORDER BY i) AS x) FROM t AS a WHERE i < 10');
-- partitions and children of inheritance, some of them heap tables
CREATE TABLE m.p (time timestamptz NOT NULL, host text, i int) PARTITION BY RANGE (time);
CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES FROM ('2021-01-01') TO ('2021-01-02') USING rusts;
CREATE TABLE m.p2 (i int, time timestamptz NOT NULL, gone int, host text) USING rusts;
ALTER TABLE m.p2 DROP COLUMN gone;
ALTER TABLE m.p ATTACH PARTITION m.p2 FOR VALUES FROM ('2021-01-02') TO ('2021-01-03');
CREATE TABLE m.p3 PARTITION OF m.p DEFAULT;
CREATE TABLE h.p (time timestamptz NOT NULL, host text, i int);
SECURITY LABEL FOR rusts ON COLUMN m.p1.host IS 'tag';
SELECT twice($$INSERT INTO p SELECT '2021-01-01'::timestamptz + i * '1 min'::interval, 'h' || i % 3, i FROM generate_series(0, 4319) AS i$$);
SELECT rusts_flush('m.p1'), rusts_flush('m.p2');
ANALYZE m.p;
SELECT plan('SELECT * FROM p WHERE host = $$h1$$ AND i < 2000');
SELECT plan('SELECT * FROM p WHERE time < $$2021-01-01 12:00$$');
SELECT same('SELECT * FROM p WHERE host = $$h1$$ AND i < 2000');
SELECT same('SELECT * FROM p WHERE time < $$2021-01-01 12:00$$');
SELECT same('SELECT host, count(*), sum(i), min(time), max(time) FROM p GROUP BY host');
SELECT same('SELECT host, time_bucket($$7 h$$, time), count(*) FROM p WHERE i > 100 GROUP BY 1, 2');
SELECT same('SELECT time, i FROM p ORDER BY time DESC LIMIT 3000');
SET enable_partitionwise_aggregate = on;
SELECT same('SELECT host, count(*), sum(i), min(time), max(time) FROM p GROUP BY host');
SELECT same('SELECT time, host, count(*), sum(i) FROM p GROUP BY time, host');
SELECT same('SELECT host, time_bucket($$7 h$$, time), count(*) FROM p WHERE i > 100 GROUP BY 1, 2');
RESET enable_partitionwise_aggregate;
CREATE TABLE m.parent (i int);
CREATE TABLE m.child (x text) INHERITS (m.parent) USING rusts;
INSERT INTO m.parent VALUES (1);
INSERT INTO m.child VALUES (2, 'a'), (3, 'b');
SELECT plan('SELECT * FROM parent WHERE i > 1');
SELECT tableoid::regclass, i FROM m.parent WHERE i > 0 ORDER BY i;
SELECT count(*), sum(i) FROM m.parent;
-- not by RustsScan: samples, rows by their TID, and when it is turned off
SELECT plan('SELECT i FROM t TABLESAMPLE SYSTEM (100) WHERE i < 5');
SELECT same('SELECT i FROM t TABLESAMPLE SYSTEM (100) WHERE i < 5');
SELECT plan('SELECT i FROM t WHERE ctid = $$(0,1)$$');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SELECT plan('SELECT i FROM t WHERE ctid = $$(0,1)$$');
SET max_parallel_workers_per_gather = 0;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
SELECT same('SELECT i FROM t WHERE i < 5 FOR UPDATE');
SELECT same('SELECT t.i FROM t, h.t AS u WHERE t.i = u.i AND u.i < 50 ORDER BY t.i FOR UPDATE OF u');
SET rusts.enable_scan = off;
SELECT plan('SELECT i FROM t WHERE i < 5');
SELECT plan('SELECT host, count(*) FROM t GROUP BY host');
SELECT same('SELECT i FROM t WHERE i < 5');
SELECT same('SELECT host, count(*) FROM t GROUP BY host');
RESET rusts.enable_scan;
SET enable_seqscan = off;
SELECT plan('SELECT i FROM t WHERE i < 5');
RESET enable_seqscan;

--
-- EXPLAIN (ANALYZE): what was left out, and by what
--
SELECT analyzed('SELECT * FROM t');
SELECT analyzed('SELECT i FROM t WHERE time >= $$2021-01-02 12:00$$ AND time < $$2021-01-02 13:00$$');
SELECT analyzed('SELECT i FROM t WHERE host = $$x1$$');
SELECT analyzed('SELECT i FROM t WHERE host = $$none$$');
SELECT analyzed('SELECT i FROM t WHERE host LIKE $$x%$$ AND length(host) < 3');
SELECT analyzed('SELECT f FROM t WHERE i BETWEEN 20000 AND 20100');
SELECT analyzed('SELECT f FROM t WHERE f > 1000050');
SELECT analyzed('SELECT host FROM t WHERE s = $$none$$ AND i + 1 = f AND random() < 2');
SELECT analyzed('SELECT i FROM t WHERE i < 0 ORDER BY time DESC LIMIT 1');
SELECT analyzed('SELECT i FROM t WHERE time > NULL::timestamptz');
-- never executed, several times
SELECT analyzed('SELECT i FROM t WHERE now() < $$2000-01-01$$ AND i = 1');
SELECT analyzed('SELECT (SELECT max(f) FROM (SELECT * FROM t WHERE i = x OFFSET 0) AS y) FROM generate_series(1, 2) AS x');
-- properties
SELECT counted('SELECT i FROM t WHERE time >= $$2021-01-04$$', 'Segments', 'Segments Removed by Time', 'Blocks', 'Blocks Decoded', 'Values Decoded');
SELECT counted('SELECT i FROM t WHERE host = $$x1$$', 'Segments', 'Segments Removed by Time', 'Segments Removed by Bloom Filter', 'Segments Removed by Series', 'Blocks', 'Blocks Removed by Series');
SELECT counted('SELECT i FROM t WHERE i < 1000', 'Segments', 'Blocks Removed by Time', 'Blocks Removed by Min/Max', 'Blocks Decoded');
SELECT counted('SELECT i FROM t WHERE time > $$2021-01-02 20:00$$ AND host = $$h1$$ AND i + 1 > f', 'Scan Cond', 'Not Pushed Down', 'Blocks Removed by Time');
CREATE FUNCTION public.names(format text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text;
BEGIN
	EXECUTE format('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF, FORMAT %s) SELECT i FROM m.t WHERE i < 1000 AND f < i ORDER BY time', format) INTO result;
	FOREACH line IN ARRAY string_to_array(result, E'\n') LOOP
		IF line ~ 'Scan.Cond|Not.Pushed|Order|Item|"time"|Segments|Blocks|Values|Bytes' THEN
			RETURN NEXT regexp_replace(trim(line), '(Bytes.Decoded\W+)\d+', '\1N');
		END IF;
	END LOOP;
END $$;
SELECT names('JSON');
SELECT names('YAML');
SELECT names('XML');

--
-- Orders: rows come sorted from the scan if they begin with the time or a tag
--
SELECT plan('SELECT time, i FROM t ORDER BY time');
SELECT plan('SELECT time, i FROM t ORDER BY time DESC, host, i LIMIT 10');
SELECT plan('SELECT host, i FROM t ORDER BY host COLLATE "C", time');
SELECT plan('SELECT host, i FROM t ORDER BY host DESC NULLS LAST, i');
SELECT plan('SELECT i FROM t ORDER BY i LIMIT 10');
-- row by row: in order, and nothing is missing
CREATE FUNCTION public.ordered(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	answers text[];
	answer text;
	s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['h', 'm'] LOOP
		PERFORM set_config('search_path', s || ', public', true);
		EXECUTE format('SELECT count(*) || %L || md5(coalesce(string_agg(q::text, chr(10)), %L)) FROM (%s) AS q', ' rows ', '', query) INTO answer;
		answers := answers || answer;
	END LOOP;
	PERFORM set_config('search_path', path, true);
	RETURN CASE WHEN answers[1] = answers[2] THEN split_part(answers[1], ' ', 1) || ' same'
		ELSE array_to_string(answers, ' DIFFERENT ') END;
END $$;
SELECT ordered('SELECT * FROM t ORDER BY time, host, i');
SELECT ordered('SELECT * FROM t ORDER BY time DESC, host DESC, i DESC');
SELECT ordered('SELECT * FROM t ORDER BY time DESC, host NULLS LAST, i LIMIT 777');
SELECT ordered('SELECT time, i FROM t WHERE host = $$h2$$ ORDER BY time DESC, i OFFSET 100 LIMIT 50');
SELECT ordered('SELECT i FROM t WHERE time < $$2021-01-02 00:00:01$$ ORDER BY time DESC, i LIMIT 5');
SELECT ordered('SELECT host, time, i FROM t ORDER BY host, time, i');
SELECT ordered('SELECT host, time, i FROM t ORDER BY host DESC, time DESC, i');
SELECT ordered('SELECT host, i FROM t ORDER BY host NULLS FIRST, i LIMIT 100');
SELECT ordered('SELECT host, i FROM t ORDER BY host DESC NULLS LAST, i LIMIT 100');
SELECT ordered('SELECT i FROM t WHERE host > $$h2$$ ORDER BY host, i DESC LIMIT 1000');
SELECT ordered('SELECT s, i FROM t ORDER BY s, i');
SELECT ordered('SELECT time, t.*::text AS whole FROM t ORDER BY time, i');
SELECT ordered('SELECT time, i FROM t WHERE false ORDER BY time');
SELECT ordered('SELECT x, i FROM generate_series(1, 3) AS x, LATERAL (SELECT i FROM t WHERE i % 1000 = x ORDER BY time DESC, i LIMIT 4) AS y ORDER BY x, i');
-- the rows' TIDs, in whatever order they come
SELECT count(*), count(DISTINCT a.ctid) FROM (SELECT ctid, time, i FROM m.t ORDER BY time LIMIT 20000) AS a;
SELECT count(*), bool_and(a.i IS NOT DISTINCT FROM t.i AND a.time = t.time) FROM (SELECT ctid, time, i FROM m.t ORDER BY time LIMIT 20000) AS a JOIN m.t ON t.ctid = a.ctid;
SELECT count(*), bool_and(a.i IS NOT DISTINCT FROM t.i AND a.time = t.time) FROM (SELECT ctid, time, i FROM m.t ORDER BY host DESC LIMIT 20000) AS a JOIN m.t ON t.ctid = a.ctid;
SELECT count(*), bool_and(a.i IS NOT DISTINCT FROM t.i AND a.time = t.time) FROM (SELECT ctid, time, i FROM m.t OFFSET 0) AS a JOIN m.t ON t.ctid = a.ctid;
SELECT DISTINCT o::regclass FROM (SELECT tableoid AS o FROM m.t ORDER BY time LIMIT 10) AS x;
-- merge joins of scans that are sorted
SET enable_hashjoin = off;
SET enable_nestloop = off;
SET enable_sort = off;
SELECT plan('SELECT a.i, b.i FROM t AS a JOIN t AS b ON a.time = b.time');
SELECT plan('SELECT a.i, b.i FROM t AS a JOIN t AS b ON a.host = b.host');
SELECT same('SELECT a.i, b.i FROM t AS a JOIN t AS b ON a.time = b.time WHERE a.i < 1000');
SELECT same('SELECT a.i, b.s FROM (SELECT * FROM t WHERE i < 1000) AS a LEFT JOIN (SELECT * FROM t WHERE i BETWEEN 500 AND 1500) AS b ON a.host = b.host AND a.i = b.i');
SELECT same('SELECT a.host, a.i, b.i FROM (SELECT * FROM t WHERE i < 100) AS a JOIN (SELECT * FROM t WHERE i > 34000) AS b ON a.host = b.host');
SELECT same('SELECT a.host, a.i, b.i FROM (SELECT * FROM t WHERE i < 100) AS a FULL JOIN (SELECT * FROM t WHERE i > 34000) AS b ON a.time = b.time');
RESET enable_hashjoin;
RESET enable_nestloop;
RESET enable_sort;

--
-- Cursors
--
CREATE FUNCTION public.walk(query text, steps text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	step text;
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
		END CASE;
		result := result || ' ' || CASE WHEN r IS NULL THEN '-' ELSE r::text END;
	END LOOP;
	RETURN result;
END $$;
CREATE FUNCTION public.walks(query text, steps text[]) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN walk(format(query, 'm'), steps) = walk(format(query, 'h'), steps) THEN 'same: ' ELSE 'DIFFERENT: ' END ||
		walk(format(query, 'm'), steps)
$$;
SELECT walks('SELECT i FROM %s.t WHERE i >= 100 AND i < 110 ORDER BY time, i', ARRAY['next', 'next', 'prior', 'prior', 'prior', 'next', 'last', 'prior', 'next', 'next', 'next', 'prior', 'abs 5', 'rel -3', 'rel 4', 'abs -2', 'first', 'abs 20', 'prior']);
SELECT walks('SELECT i FROM %s.t WHERE host = $$h1$$ ORDER BY time DESC', ARRAY['next', 'abs 3000', 'prior', 'first', 'last', 'prior', 'rel -5000', 'next']);
SELECT walks('SELECT host, i FROM %s.t WHERE i < 5 ORDER BY host, i', ARRAY['last', 'prior', 'prior', 'first', 'next', 'rel 2', 'prior', 'prior', 'prior', 'next']);
SELECT walks('SELECT host, count(*) FROM %s.t GROUP BY host ORDER BY host', ARRAY['last', 'prior', 'prior', 'first', 'next', 'rel 2', 'prior', 'prior', 'prior', 'next', 'abs 100', 'prior']);
SELECT walks('SELECT time_bucket($$1 day$$, time) AS d, count(*) FROM %s.t GROUP BY 1 ORDER BY 1', ARRAY['next', 'next', 'prior', 'last', 'prior', 'abs 1', 'rel 3', 'rel -1', 'next', 'next', 'next', 'prior']);
SELECT walks('SELECT count(*), sum(f) FROM %s.t WHERE f < 10', ARRAY['next', 'next', 'prior', 'prior', 'next']);
BEGIN;
DECLARE forth NO SCROLL CURSOR FOR SELECT i FROM m.t WHERE i BETWEEN 10 AND 15 ORDER BY time, i;
DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT i FROM m.t WHERE i BETWEEN 20 AND 25 ORDER BY time, i;
DECLARE sums CURSOR WITH HOLD FOR SELECT count(*), count(DISTINCT host) FROM m.t;
FETCH 2 FROM forth;
FETCH 2 FROM held;
-- neither new rows nor a flush change what a cursor returns
INSERT INTO m.t VALUES ('2021-01-01', 'h0', 10, 0, NULL), ('2021-01-01', 'y', 20, 0, NULL);
SELECT rusts_flush('m.t');
FETCH ALL FROM forth;
COMMIT;
FETCH BACKWARD 1 FROM held;
FETCH ALL FROM held;
FETCH ALL FROM sums;
CLOSE held;
CLOSE sums;
INSERT INTO h.t VALUES ('2021-01-01', 'h0', 10, 0, NULL), ('2021-01-01', 'y', 20, 0, NULL);
SELECT same('SELECT * FROM t');
-- what follows in a transaction that writes
BEGIN;
SELECT twice($$INSERT INTO t SELECT time + interval '10 days', host || 'w', i, f, s FROM t WHERE i BETWEEN 1 AND 100$$);
SELECT same('SELECT * FROM t WHERE time > $$2021-01-10$$');
SAVEPOINT a;
SELECT twice($$INSERT INTO t SELECT time + interval '10 days', host || 'w', i, f, s FROM t WHERE i BETWEEN 1 AND 100$$);
SELECT same('SELECT * FROM t WHERE time > $$2021-01-10$$');
SELECT same('SELECT host, count(*) FROM t GROUP BY host');
ROLLBACK TO a;
SELECT same('SELECT * FROM t WHERE host = $$h1w$$');
SELECT same('SELECT host, count(*) FROM t GROUP BY host');
ROLLBACK;
SELECT same('SELECT * FROM t WHERE time > $$2021-01-10$$');

--
-- Security: functions see no row that is hidden from the user
--
CREATE ROLE regress_rusts_reader;
GRANT USAGE ON SCHEMA m, h, same TO regress_rusts_reader;
CREATE FUNCTION public.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	RAISE NOTICE 'sees %', $1;
	RETURN true;
END $$;
SELECT twice('CREATE TABLE secret (time timestamptz NOT NULL, host text, owner text, note text)');
SECURITY LABEL FOR rusts ON COLUMN m.secret.host IS 'tag';
SELECT twice($$INSERT INTO secret SELECT '2021-01-01'::timestamptz + i * '1 h'::interval, 'h' || i % 3, CASE WHEN i % 3 < 2 THEN 'regress_rusts_reader' ELSE 'other' END, CASE WHEN i % 3 < 2 THEN 'open' ELSE 'hidden' END FROM generate_series(1, 30) AS i$$);
SELECT rusts_flush('m.secret');
CREATE VIEW m.barrier WITH (security_barrier) AS SELECT * FROM m.secret WHERE note = 'open';
CREATE VIEW m.through AS SELECT * FROM m.secret WHERE note = 'open';
GRANT SELECT ON m.barrier, m.through TO regress_rusts_reader;
SELECT twice('ALTER TABLE secret ENABLE ROW LEVEL SECURITY');
SELECT twice('CREATE POLICY mine ON secret USING (owner = current_user)');
SELECT twice('GRANT SELECT ON secret TO regress_rusts_reader');
SET client_min_messages = notice;
SET ROLE regress_rusts_reader;
SELECT plan('SELECT * FROM secret WHERE leak(host) AND time > $$2021-01-01 20:00$$');
SELECT same('SELECT * FROM secret');
SELECT same('SELECT host, count(*), max(time) FROM secret GROUP BY host');
SELECT same('SELECT count(*), min(time) FROM secret');
SELECT count(*) FROM m.secret WHERE leak(host || ' ' || note) AND time > '2021-01-02 00:00';
SELECT count(*) FROM m.secret WHERE leak(host) AND host > 'h0' AND time > '2021-01-02 00:00';
SELECT count(*) FROM m.secret WHERE leak(note) AND time > '2021-01-02 00:00';
SELECT count(*) FILTER (WHERE leak(host)), count(DISTINCT host) FROM m.secret WHERE time > '2021-01-02 03:00';
SELECT host FROM m.secret WHERE leak(host) AND time > '2021-01-02 03:00' ORDER BY time;
SELECT count(*) FROM m.secret WHERE 1 / (length(host) - CASE note WHEN 'hidden' THEN 2 ELSE 0 END) >= 0;
RESET ROLE;
SELECT plan('SELECT * FROM barrier WHERE leak(host) AND time > $$2021-01-01 20:00$$');
SET ROLE regress_rusts_reader;
SELECT plan('SELECT * FROM barrier WHERE leak(host) AND time > $$2021-01-01 20:00$$');
SELECT count(*) FROM m.barrier WHERE leak(host) AND time > '2021-01-02 02:00';
SELECT host, count(*) FROM m.barrier WHERE leak(note) AND time > '2021-01-02 02:00' GROUP BY host ORDER BY host;
SELECT plan('SELECT * FROM through WHERE leak(host) AND time > $$2021-01-01 20:00$$');
RESET ROLE;
RESET client_min_messages;

--
-- System columns and whole rows
--
SELECT count(*), count(DISTINCT ctid), count(DISTINCT tableoid) FROM m.t;
SELECT tableoid::regclass, count(*) FROM m.t GROUP BY tableoid;
SELECT xmin FROM m.t;
SELECT cmax FROM m.t ORDER BY time;
SELECT i FROM m.t WHERE xmax = 0;
SELECT host, count(cmin) FROM m.t GROUP BY host;
SELECT same('SELECT t::text FROM t WHERE i < 100');
SELECT same('SELECT t.*::text, row_to_json(t)::text FROM t WHERE i < 100');
SELECT same('SELECT t IS NULL AS n, count(*) FROM t GROUP BY 1');
SELECT same('SELECT count(t) FROM t');
SELECT same('SELECT host, (SELECT t.s) FROM t WHERE i < 20');
SELECT same('SELECT 1 FROM t WHERE i < 100');
SELECT same('SELECT FROM t');

--
-- Columns that came and went
--
SELECT twice('DROP VIEW v');
SELECT twice('ALTER TABLE t ADD COLUMN a int DEFAULT 7, ADD COLUMN b text DEFAULT $$old$$, ADD COLUMN c float8, ADD COLUMN d bool NOT NULL DEFAULT true');
SELECT twice($$INSERT INTO t (time, host, i, a, b, c, d) SELECT '2021-02-01'::timestamptz + g * '1 s'::interval, 'n' || g % 2, g, CASE WHEN g % 3 > 0 THEN g END, 'new' || g, g / 2.0, g % 2 = 0 FROM generate_series(1, 3000) AS g$$);
SELECT rusts_flush('m.t');
SELECT condition(c) FROM unnest(ARRAY['a = 7', 'a > 7', 'a <> 7', 'a IS NULL', 'a IS NOT NULL', 'a IN (7, 8)', 'a NOT IN (7, 8)', $$b = 'old'$$, $$b LIKE 'new1%'$$, 'b IS NULL', 'c IS NULL', 'c > 100', 'd', 'NOT d', 'd IS FALSE', $$a = 7 AND host = 'h1'$$, 'a + 1 = 8', 'a > c']) AS c;
SELECT same('SELECT * FROM t');
SELECT same('SELECT count(a), sum(a), min(a), max(a), count(b), count(c), bool_and(d), avg(a), variance(a) FROM t');
SELECT same('SELECT host, count(a), sum(a), max(c), last(b, time), first(a, time), bool_or(d) FROM t GROUP BY host');
SELECT same('SELECT time_bucket($$1 day$$, time), sum(a), count(c) FILTER (WHERE a = 7) FROM t GROUP BY 1');
SELECT analyzed('SELECT b FROM t WHERE a > 10 AND c < 100');
SELECT twice('ALTER TABLE t DROP COLUMN f, DROP COLUMN a');
SELECT same('SELECT * FROM t');
SELECT same('SELECT t::text FROM t WHERE d');
SELECT same('SELECT host, b FROM t WHERE c > 10');
SELECT twice('ALTER TABLE t ADD COLUMN f int DEFAULT 1');
SELECT same('SELECT host, sum(f), count(*) FROM t WHERE f = 1 GROUP BY host');
SELECT twice('ALTER TABLE t ALTER COLUMN i TYPE float8');
SELECT same('SELECT host, sum(i), min(i) FROM t WHERE i < 5.5 GROUP BY host');
-- a tag that was a field before, and is one again
SECURITY LABEL FOR rusts ON COLUMN m.t.s IS 'tag';
SELECT twice($$INSERT INTO t (time, host, i, s) SELECT '2021-03-01'::timestamptz + g * '1 s'::interval, 'h' || g % 4, g, 's' || g % 3 FROM generate_series(1, 3000) AS g$$);
SELECT rusts_flush('m.t');
SELECT condition(c) FROM unnest(ARRAY[$$s = 's1'$$, $$s IN ('s1', 's9')$$, $$s <> 's1'$$, $$s IS NULL$$, $$s LIKE 's_'$$, $$s = 's1' AND host = 'h1'$$, $$s || host = 's1h1'$$, $$s IS NOT NULL AND host <> 'h1'$$]) AS c;
SELECT same('SELECT s, count(*), min(time), max(i) FROM t GROUP BY s');
SELECT same('SELECT host, s, count(*), last(i, time) FROM t WHERE i > 10 GROUP BY host, s');
SELECT same('SELECT DISTINCT s FROM t');
SELECT same('SELECT count(DISTINCT s), count(s) FROM t');
SELECT ordered('SELECT s, host, i FROM t ORDER BY s, host, i');
SECURITY LABEL FOR rusts ON COLUMN m.t.s IS NULL;
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS NULL;
SELECT condition(c) FROM unnest(ARRAY[$$s = 's1'$$, $$s <> 's1'$$, $$s IS NULL$$, $$host LIKE 'h%'$$, $$host = 'h1' AND s = 's1'$$, $$host IS NOT NULL$$]) AS c;
SELECT same('SELECT host, s, count(*), last(i, time) FROM t WHERE i > 10 GROUP BY host, s');
SELECT ordered('SELECT time, host, s, i FROM t ORDER BY time, i, host');

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP FUNCTION names, ordered, walk, walks, leak;
DROP ROLE regress_rusts_reader;
