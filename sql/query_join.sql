--
-- RustsScan and RustsAgg in queries of several relations: conditions from the
-- other side of a join, columns that an outer join sets to null, partitions,
-- keys that a condition makes constant; columns that are NOT NULL by halves
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

-- the nodes of ours, and the answer
CREATE FUNCTION same.nodes(q text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan text := (SELECT string_agg(p, E'\n') FROM same.plan(q) AS p);
BEGIN
	RETURN concat_ws(' | ', q, nullif(concat_ws(', ',
		CASE WHEN plan ~ 'RustsAgg' THEN 'RustsAgg' END,
		CASE WHEN plan ~ 'Scan Cond: [^\n]*[ab]\.host' THEN 'one host at a time' END,
		CASE WHEN plan ~ 'Order:' THEN 'sorted scan' END), ''), same.same(q));
END $$;

SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, region text, i int4, f float8)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.t.region IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2024-01-01'::timestamptz + i * '30 s'::interval, 'h' || i % 20, 'r' || i % 3, i % 77, i % 1000 FROM generate_series(1, 60000) AS i$$);
SELECT rusts_flush('m.t');
ANALYZE m.t;
CREATE TABLE public.a AS SELECT 'h' || i AS host, CASE WHEN i % 2 = 0 THEN 'r' || i % 3 END AS region, i AS x FROM generate_series(1, 30) AS i;
CREATE TABLE public.b AS TABLE public.a;
ANALYZE public.a, public.b;

-- parameters from the other side, also from above an outer join
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT x, time, f FROM a JOIN t ON t.host = a.host AND a.x < 3',
 'SELECT a.x, t.time FROM a LEFT JOIN b ON a.x = b.x + 1 JOIN t ON t.host = coalesce(b.host, $$h2$$) AND t.i = 5 WHERE a.x < 4',
 'SELECT a.x, t.time FROM a LEFT JOIN b ON a.x = b.x + 1 LEFT JOIN t ON t.host = coalesce(b.host, $$h2$$) AND t.i = 5 WHERE a.x < 4',
 'SELECT a.x, t.time FROM a LEFT JOIN b ON a.x = b.x + 1 LEFT JOIN t ON t.host = b.host AND t.i = 5 WHERE a.x < 4',
 'SELECT a.x, t.time FROM a FULL JOIN b ON a.x = b.x + 1 LEFT JOIN t ON t.host = coalesce(b.host, a.host) AND t.i = 5 WHERE a.x < 4',
 'SELECT a.x, t.time, b.x FROM a LEFT JOIN t ON t.host = a.host AND t.i = 5 LEFT JOIN b ON b.host = t.host AND b.region = t.region WHERE a.x < 4',
 'SELECT a.x, t.time FROM a LEFT JOIN b ON a.x = b.x + 1, LATERAL (SELECT time FROM t WHERE t.host = coalesce(b.host, $$h2$$) ORDER BY time LIMIT 2) AS t WHERE a.x < 4',
 'SELECT a.x, (SELECT max(time) FROM t WHERE t.host = b.host) FROM a LEFT JOIN b ON a.x = b.x + 1 WHERE a.x < 4',
 'SELECT a.x, s.* FROM a LEFT JOIN b ON a.x = b.x + 1 LEFT JOIN LATERAL (SELECT max(time), count(f) FROM t WHERE t.host = b.host) AS s ON true WHERE a.x < 4',
 'SELECT a.x FROM a WHERE a.x < 6 AND EXISTS (SELECT FROM t WHERE t.host = a.host AND t.i > 70)',
 'SELECT a.x FROM a WHERE a.x < 6 AND NOT EXISTS (SELECT FROM t WHERE t.host = a.host AND t.i > 70)']) AS q;

-- columns that an outer join has set to null, and joins that are removed
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT a.x, t.time FROM a LEFT JOIN t ON t.host = a.host AND t.time > $$2024-01-20$$ ORDER BY t.time',
 'SELECT a.x, t.time FROM a LEFT JOIN t ON t.host = a.host AND t.i = 3 WHERE t.time IS NULL OR t.time < $$2024-01-02$$',
 'SELECT a.x, t.host, count(*), max(t.f) FROM a LEFT JOIN t ON t.host = a.host GROUP BY 1, 2',
 'SELECT t.host IS NULL, t.region, count(*), max(t.f) FROM t FULL JOIN a ON t.host = a.host GROUP BY 1, 2',
 'SELECT count(t.f) FROM (SELECT 1) AS one LEFT JOIN t ON true',
 'SELECT t.host, count(t.f) FROM (SELECT 1) AS one LEFT JOIN t ON t.host = $$h99$$ GROUP BY 1',
 'SELECT t.host, count(t.f) FROM t LEFT JOIN (SELECT host FROM a GROUP BY host) AS one ON one.host = t.host GROUP BY 1',
 'SELECT t.host, count(t.f) FROM t LEFT JOIN (SELECT 1 AS z) AS one ON true GROUP BY 1',
 'SELECT t.host, z, count(t.f) FROM t LEFT JOIN (SELECT 1 AS z) AS one ON t.host = $$h1$$ GROUP BY 1, 2',
 'SELECT a.x, s.* FROM a LEFT JOIN (SELECT host, count(*) AS n, avg(f) FROM t GROUP BY host) AS s USING (host)',
 'SELECT x.host, x.n, y.n FROM (SELECT host, count(*) AS n FROM t GROUP BY 1) AS x FULL JOIN (SELECT host, count(*) AS n FROM a GROUP BY 1) AS y ON x.host = y.host']) AS q;

-- keys that are constant
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT host, count(*) FROM t WHERE host = $$h3$$ GROUP BY host',
 'SELECT host, region, count(*) FROM t WHERE host = $$h3$$ GROUP BY host, region',
 'SELECT host, count(*) FROM t WHERE host = $$h99$$ GROUP BY host, region',
 'SELECT host, time_bucket($$1 day$$, time), max(f) FROM t WHERE host = $$h3$$ GROUP BY 1, 2 ORDER BY 1, 2',
 'SELECT host, time_bucket($$1 day$$, time) AS day, max(f), sum(max(f)) OVER (ORDER BY time_bucket($$1 day$$, time)) FROM t WHERE host = $$h3$$ GROUP BY 1, 2',
 'SELECT host || $$x$$, time_bucket($$1 day$$, time), max(f), sum(max(f)) OVER (PARTITION BY host ORDER BY time_bucket($$1 day$$, time)) FROM t WHERE host = $$h3$$ GROUP BY host, 2',
 'SELECT DISTINCT host, region FROM t WHERE host = $$h3$$']) AS q;

-- HAVING
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT host, count(*) FROM t GROUP BY host HAVING count(*) > 10',
 'SELECT host, count(*) FROM t GROUP BY host HAVING host > $$h15$$ AND max(f) > 3',
 'SELECT time_bucket($$1 day$$, time) + $$1 h$$, max(f) FROM t GROUP BY time_bucket($$1 day$$, time) HAVING max(f) > 3',
 'SELECT host, time_bucket($$1 week$$, time) AS week, count(*) FILTER (WHERE f > 10) FROM t GROUP BY 1, 2 HAVING time_bucket($$1 week$$, time) > $$2024-01-10$$ AND count(*) > 1',
 'SELECT host, region, count(*) FROM t GROUP BY ROLLUP (host, region) HAVING grouping(host) = 0']) AS q;

-- partitions by time and by tag
CREATE TABLE m.p (time timestamptz NOT NULL, host text, f float8) PARTITION BY RANGE (time);
CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES FROM ('2024-01-01') TO ('2024-01-10') USING rusts;
CREATE TABLE m.p2 (f float8, time timestamptz NOT NULL, host text) USING rusts;
ALTER TABLE m.p ATTACH PARTITION m.p2 FOR VALUES FROM ('2024-01-10') TO ('2024-03-01');
CREATE TABLE m.q (time timestamptz NOT NULL, host text, f float8) PARTITION BY LIST (host);
CREATE TABLE m.q1 PARTITION OF m.q FOR VALUES IN ('h1', 'h2', 'h3') USING rusts;
CREATE TABLE m.q2 (f float8, time timestamptz NOT NULL, host text) USING rusts;
ALTER TABLE m.q ATTACH PARTITION m.q2 DEFAULT;
SECURITY LABEL FOR rusts ON COLUMN m.p1.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.p2.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.q1.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.q2.host IS 'tag';
CREATE TABLE h.p (time timestamptz NOT NULL, host text, f float8);
CREATE TABLE h.q (LIKE h.p);
SELECT twice('INSERT INTO p SELECT time, host, f FROM h.t');
SELECT twice('INSERT INTO q SELECT time, host, f FROM h.t');
SELECT count(rusts_flush(c)) FROM unnest(ARRAY['m.p1', 'm.p2', 'm.q1', 'm.q2']::regclass[]) AS c;
ANALYZE m.p, m.q;
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT * FROM (SELECT * FROM p ORDER BY time LIMIT 5) AS x',
 'SELECT * FROM (SELECT * FROM p ORDER BY time DESC LIMIT 5) AS x',
 'SELECT * FROM (SELECT * FROM p ORDER BY host, time LIMIT 5) AS x',
 'SELECT * FROM (SELECT * FROM q ORDER BY time, host LIMIT 5) AS x',
 'SELECT a.x, p.time FROM p JOIN a USING (host) WHERE a.x < 3',
 'SELECT a.x, p.time FROM a LEFT JOIN p ON a.host = p.host AND p.f < 10 WHERE a.x < 3',
 'SELECT host, count(*) FROM p GROUP BY host']) AS q;
SET enable_partitionwise_aggregate = on;
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT host, count(*) FROM p GROUP BY host',
 'SELECT time, count(*) FROM p GROUP BY 1 HAVING count(*) > 2',
 'SELECT host, count(*) FROM q GROUP BY host',
 'SELECT host, count(*), max(f) FROM q GROUP BY host HAVING max(f) > 4 ORDER BY host',
 'SELECT host, time_bucket($$1 day$$, time), count(*) FROM q GROUP BY 1, 2 ORDER BY 1, 2',
 'SELECT host, time_bucket($$1 day$$, time), count(*), sum(count(*)) OVER (PARTITION BY host ORDER BY time_bucket($$1 day$$, time)) FROM q WHERE host IN ($$h3$$, $$h4$$) GROUP BY 1, 2']) AS q;
DROP TABLE public.a, public.b;

-- nulls in spite of NOT NULL, which 18 can leave unchecked
SELECT twice('CREATE TABLE v (time timestamptz, f float8)');
SELECT twice($$INSERT INTO v SELECT CASE WHEN i % 10 > 0 THEN '2024-01-01'::timestamptz + i * '1 s'::interval END, nullif(i % 7, 0) FROM generate_series(1, 1000) AS i$$);
SELECT rusts_flush('m.v');
DO $$ BEGIN
	IF current_setting('server_version_num')::int >= 180000 THEN
		EXECUTE 'ALTER TABLE m.v ADD NOT NULL time NOT VALID, ADD NOT NULL f NOT VALID';
	END IF;
END $$;
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT count(*), count(time), count(f), min(time), max(time), max(f) FROM v',
 'SELECT count(*) FROM v WHERE time < $$2025-01-01$$',
 'SELECT * FROM (SELECT * FROM v ORDER BY time LIMIT 20) AS x',
 'SELECT * FROM (SELECT time FROM v ORDER BY time DESC LIMIT 120) AS x']) AS q;
