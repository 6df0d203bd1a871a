--
-- Aggregates first(value, time) and last(value, time), against array_agg
--
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

SELECT first(v, t), last(v, t)
FROM (VALUES (1.5, 20), (2.5, 10), (3.5, 30)) AS x (v, t);
-- rows whose time is null do not count, rows whose value is null do
SELECT first(v, t), last(v, t)
FROM (VALUES ('a', NULL), ('b', 2), ('c', 1), ('d', NULL)) AS x (v, t);
SELECT first(v, t), last(v, t), first(v, t) FILTER (WHERE v IS NOT NULL) AS f,
	   last(v, t) FILTER (WHERE v IS NOT NULL) AS l
FROM (VALUES (NULL, 1), ('b', 2), ('c', 3), (NULL, 4)) AS x (v, t);
SELECT first(v, t), last(v, t)
FROM (VALUES ('a', NULL::int), ('b', NULL)) AS x (v, t);
SELECT first(v, t), last(v, t), count(*)
FROM (VALUES ('a', 1)) AS x (v, t) WHERE false;
-- of rows with the same time the one met first
SELECT first(v, t), last(v, t)
FROM (VALUES ('a', 1), ('b', 1), ('c', 2), ('d', 2)) AS x (v, t);
SELECT first(v, t::int8) AS int8, last(v, t::int8) AS int8,
	   first(v, to_timestamp(t)) AS timestamptz,
	   last(v, to_timestamp(t)) AS timestamptz
FROM (VALUES ('a', 1), ('b', 1), ('c', 2), ('d', 2)) AS x (v, t);
SELECT first(v, t ORDER BY v DESC), last(v, t ORDER BY v DESC)
FROM (VALUES ('a', 1), ('b', 1), ('c', 2), ('d', 2)) AS x (v, t);
-- the result has the value's type
SELECT pg_typeof(first(1::int2, 1)), pg_typeof(last('{1}'::int[], now())),
	   pg_typeof(first('x'::text, 1)),
	   pg_typeof(last(NULL::float4, '1 day'::interval));

-- times sort as their types do
SELECT last(v, t) AS nan, first(v, t) AS minus
FROM (VALUES (1, 'NaN'::float8), (2, 'infinity'), (3, '-infinity'), (4, 0))
	 AS x (v, t);
SELECT first(v, t), last(v, t)
FROM (VALUES (1, timestamptz 'infinity'), (2, '-infinity'), (3, '2020-01-01'))
	 AS x (v, t);
SELECT first(v, t COLLATE "C") AS "C", last(v, t COLLATE "C") AS "C",
	   first(v, t COLLATE "und-x-icu") AS und,
	   last(v, t COLLATE "und-x-icu") AS und
FROM (VALUES (1, 'a'), (2, 'B'), (3, 'c'), (4, 'D')) AS x (v, t);

-- any type has a first and a last, the second argument needs an order
\set VERBOSITY terse
SELECT first(1, '(1,2)'::point);
SELECT last(1, '{}'::json);
SELECT last(1, ARRAY['(1,2)'::point]);
SELECT first(1, 'x');
SELECT first(1, NULL::point) WHERE true;
SELECT first('(1,2)'::point, 1), last('{}'::json, 1), first('1'::xid, 1);
SELECT first(v COLLATE "C", t COLLATE "und-x-icu") FROM (VALUES ('a', 'b')) AS x (v, t);
\set VERBOSITY default

--
-- Comparisons.  Every row has its own time, so that there is one right answer,
-- but for nulls.  The queries list what differs, so they should list nothing.
--
CREATE TYPE first_last_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE first_last_pair AS (a int, b text);
CREATE DOMAIN first_last_positive AS int CHECK (VALUE > 0);
CREATE DOMAIN first_last_date AS date;
CREATE TABLE first_last_data AS
SELECT n AS id, n % 97 AS grp,
	   CASE WHEN n % 11 <> 3 THEN timestamptz '2020-01-01 00:00+00' +
			(n * 7919 % 20011) * interval '1 minute' END AS t,
	   CASE WHEN n % 13 <> 5 THEN sin(n) END AS f8,
	   n::int2 AS i2, n::first_last_positive AS dom, n % 2 = 0 AS b,
	   CASE WHEN n % 7 <> 2
			THEN repeat(chr(97 + n % 26), n * n % 101) || n END AS txt,
	   CASE WHEN n % 100 = 0 THEN repeat(md5(n::text), 500) END AS long,
	   ('x' || n)::name AS nam, n::numeric ^ 3 AS num,
	   n * interval '1 second' AS ival, md5(n::text)::uuid AS uuid,
	   ARRAY[n, NULL, n + 1] AS arr, jsonb_build_object('n', n) AS js,
	   ROW(n, 'b' || n)::first_last_pair AS pair, int4range(n, n + 5) AS rng,
	   (ARRAY['sad', 'ok', 'happy']::first_last_mood[])[1 + n % 3] AS mood
FROM generate_series(1, 20000) AS n;
-- some values out of line, not compressed
ALTER TABLE first_last_data ALTER long SET STORAGE EXTERNAL;
INSERT INTO first_last_data (id, grp, t, long)
SELECT 20001 + n, n, timestamptz '2019-12-31' - n * interval '1 minute',
	   repeat(chr(64 + n), 20000)
FROM generate_series(0, 20) AS n;
ANALYZE first_last_data;
SELECT count(*), count(t), count(DISTINCT t) FROM first_last_data;

-- the answers by other means, of every type, whole rows and records too
CREATE TABLE first_last_wanted AS
SELECT grp, f.f, l.l
FROM (SELECT DISTINCT grp FROM first_last_data) AS g
LEFT JOIN LATERAL (SELECT f FROM first_last_data AS f
				   WHERE f.grp = g.grp AND t IS NOT NULL
				   ORDER BY t LIMIT 1) AS f ON true
LEFT JOIN LATERAL (SELECT l FROM first_last_data AS l
				   WHERE l.grp = g.grp AND t IS NOT NULL
				   ORDER BY t DESC LIMIT 1) AS l ON true;
CREATE VIEW first_last_answer AS
SELECT grp,
	   ROW(first(id, t), first(grp, t), first(t, t), first(f8, t),
		   first(i2, t), first(dom, t), first(b, t), first(txt, t),
		   first(long, t), first(nam, t), first(num, t), first(ival, t),
		   first(uuid, t), first(arr, t), first(js, t), first(pair, t),
		   first(rng, t), first(mood, t))::first_last_data AS f,
	   ROW(last(id, t), last(grp, t), last(t, t), last(f8, t),
		   last(i2, t), last(dom, t), last(b, t), last(txt, t),
		   last(long, t), last(nam, t), last(num, t), last(ival, t),
		   last(uuid, t), last(arr, t), last(js, t), last(pair, t),
		   last(rng, t), last(mood, t))::first_last_data AS l,
	   first(d, t) AS first_row, last(d, t) AS last_row
FROM first_last_data AS d
GROUP BY grp;
CREATE VIEW first_last_difference AS
SELECT grp
FROM first_last_wanted AS w FULL JOIN first_last_answer AS a USING (grp)
WHERE a.f IS DISTINCT FROM w.f OR a.l IS DISTINCT FROM w.l
   OR a.first_row IS DISTINCT FROM w.f OR a.last_row IS DISTINCT FROM w.l;
SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM first_last_wanted;
SELECT * FROM first_last_difference ORDER BY 1;
SET enable_hashagg = off;
SELECT * FROM first_last_difference ORDER BY 1;
RESET enable_hashagg;

-- times of every kind that has an order
SELECT first(id, id) = 1 AS int4, last(id, num) = 20000 AS numeric,
	   last(id, i2) = 20000 AS int2, first(id, dom) = 1 AS domain,
	   last(id, nam) = 9999 AS name, first(id, ival) = 1 AS interval,
	   first(id, arr) = 1 AS array, last(id, pair) = 20000 AS composite,
	   last(id, rng) = 20000 AS range, first(id, js) = 1 AS jsonb,
	   first(id, mood) = 3 AS enum, last(id, d) = 20021 AS row,
	   last(id, t::date::first_last_date) =
	   (SELECT min(id) FROM first_last_data
		WHERE t::date = (SELECT max(t::date) FROM first_last_data)) AS date,
	   last(id, uuid) = (SELECT id FROM first_last_data WHERE uuid IS NOT NULL
						 ORDER BY uuid DESC LIMIT 1) AS uuid,
	   first(id, long COLLATE "C") =
	   (SELECT id FROM first_last_data WHERE long IS NOT NULL
		ORDER BY long COLLATE "C" LIMIT 1) AS text
FROM (SELECT * FROM first_last_data ORDER BY id) AS d;

-- a hash table that does not fit into memory
SET work_mem = '64kB';
SET enable_sort = off;
CREATE FUNCTION first_last_plan_has(query text, what jsonpath) RETURNS bool
LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || query INTO plan;
	RETURN jsonb_path_exists(plan, what);
END $$;
SELECT first_last_plan_has('SELECT id, first(txt, t), last(long, t)
							FROM first_last_data GROUP BY id',
						   'strict $.**."HashAgg Batches" ? (@ > 1)') AS spills;
SELECT count(*) AS groups,
	   count(*) FILTER (WHERE f IS DISTINCT FROM txt OR
							  l IS DISTINCT FROM long) AS differ
FROM (SELECT id, first(txt, t) AS f, last(long, t) AS l
	  FROM first_last_data GROUP BY id) AS a
JOIN (SELECT id, CASE WHEN t IS NOT NULL THEN txt END AS txt,
			 CASE WHEN t IS NOT NULL THEN long END AS long
	  FROM first_last_data) AS d USING (id);
RESET enable_sort;
RESET work_mem;

-- grouping sets and FILTER
CREATE VIEW first_last_sets AS
SELECT d.grp % 5 AS five, b, first(id, t) AS f, last(txt, t) AS l,
	   last(id, t) FILTER (WHERE f8 > 0.5) AS filtered
FROM first_last_data AS d
GROUP BY GROUPING SETS ((1), (1, b), ());
CREATE VIEW first_last_sets_wanted AS
SELECT d.grp % 5 AS five, b,
	   (array_agg(id ORDER BY t) FILTER (WHERE t IS NOT NULL))[1] AS f,
	   (array_agg(txt ORDER BY t DESC) FILTER (WHERE t IS NOT NULL))[1] AS l,
	   (array_agg(id ORDER BY t DESC)
		FILTER (WHERE f8 > 0.5 AND t IS NOT NULL))[1] AS filtered
FROM first_last_data AS d
GROUP BY GROUPING SETS ((1), (1, b), ());
SELECT count(*) FROM first_last_sets;
TABLE first_last_sets EXCEPT ALL TABLE first_last_sets_wanted;
TABLE first_last_sets_wanted EXCEPT ALL TABLE first_last_sets;
SELECT first(DISTINCT id, t) = (SELECT id FROM first_last_data
								WHERE t IS NOT NULL ORDER BY t LIMIT 1) AS first
FROM first_last_data;

-- window frames that grow, slide, shrink, leave a row out
CREATE TABLE first_last_few AS
SELECT id, t, txt, num, arr FROM first_last_data WHERE id <= 500;
SELECT count(*) AS rows, count(*) FILTER (WHERE
		   grow IS DISTINCT FROM
		   (SELECT txt FROM first_last_few AS x
			WHERE x.id <= w.id AND t IS NOT NULL ORDER BY t DESC LIMIT 1) OR
		   slide IS DISTINCT FROM
		   (SELECT txt FROM first_last_few AS x
			WHERE x.id BETWEEN w.id - 3 AND w.id + 2 AND t IS NOT NULL
			ORDER BY t LIMIT 1) OR
		   shrink IS DISTINCT FROM
		   (SELECT num FROM first_last_few AS x
			WHERE x.id >= w.id AND t IS NOT NULL
			ORDER BY t LIMIT 1) OR
		   exclude IS DISTINCT FROM
		   (SELECT arr FROM first_last_few AS x
			WHERE x.id BETWEEN w.id - 5 AND w.id + 5 AND
				  x.id <> w.id AND t IS NOT NULL
			ORDER BY t DESC LIMIT 1)) AS differ
FROM (SELECT id, last(txt, t) OVER (ORDER BY id) AS grow,
			 first(txt, t) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND
								 2 FOLLOWING) AS slide,
			 first(num, t) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND
								 UNBOUNDED FOLLOWING) AS shrink,
			 last(arr, t) OVER (ORDER BY id ROWS BETWEEN 5 PRECEDING AND
								5 FOLLOWING EXCLUDE CURRENT ROW) AS exclude
	  FROM first_last_few) AS w;

-- arrays as PL/pgSQL keeps them while it works on them
CREATE FUNCTION first_last_expanded(n int) RETURNS int[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	a int[] := '{}';
BEGIN
	FOR i IN 1..n LOOP
		a := a || i;
	END LOOP;
	a[1] := -n;
	RETURN a;
END $$;
SELECT last(first_last_expanded(n), n), first(n, first_last_expanded(n)),
	   first(first_last_expanded(n), -n), last(n, first_last_expanded(n))
FROM generate_series(1, 12) AS n;

--
-- In parallel: partial states sent by workers, and one process that pretends
--
ALTER TABLE first_last_data SET (parallel_workers = 2);
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT first_last_plan_has('SELECT grp, first(txt, t), last(d, t)
							FROM first_last_data AS d GROUP BY grp',
						   'strict $.**.Plans[*] ? (@."Partial Mode" == "Partial").Plans[*]."Parallel Aware" ? (@ == true)') AS parallel;
SELECT * FROM first_last_difference ORDER BY 1;
SELECT grp
FROM (SELECT grp, first(ROW(id, txt), t) AS f, last(ROW(id, txt), t) AS l
	  FROM first_last_data GROUP BY grp) AS a
JOIN first_last_wanted AS w USING (grp)
WHERE a.f IS DISTINCT FROM ROW((w.f).id, (w.f).txt)
   OR a.l IS DISTINCT FROM ROW((w.l).id, (w.l).txt)
ORDER BY 1;
-- groups in which some processes, or all, see no row with a time
SELECT id
FROM (SELECT id, first(txt, t) AS f, last(num, t) AS l
	  FROM first_last_data GROUP BY id) AS a
JOIN first_last_data AS d USING (id)
WHERE f IS DISTINCT FROM CASE WHEN t IS NOT NULL THEN txt END
   OR l IS DISTINCT FROM CASE WHEN t IS NOT NULL THEN num END
ORDER BY 1;
SELECT first(id, t), last(id, t) FROM first_last_data WHERE t IS NULL;
SELECT first(id, t) = (SELECT id FROM first_last_data WHERE t IS NOT NULL
					   ORDER BY t LIMIT 1) AS first,
	   last(id, txt COLLATE "C") = (SELECT id FROM first_last_data
									WHERE txt IS NOT NULL
									ORDER BY txt COLLATE "C" DESC LIMIT 1) AS last
FROM first_last_data;
-- the whole query in a worker
SELECT count(set_config(name, CASE WHEN vartype = 'bool' THEN 'on'
								   ELSE 'regress' END, false)) AS forced
FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT * FROM first_last_difference ORDER BY 1;
SELECT count(set_config(name, 'off', false)) AS unforced
FROM pg_settings
WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
-- partial aggregates of partitions
CREATE TABLE first_last_parted (LIKE first_last_data) PARTITION BY HASH (id);
CREATE TABLE first_last_part0 PARTITION OF first_last_parted
	FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE first_last_part1 PARTITION OF first_last_parted
	FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO first_last_parted TABLE first_last_data;
ANALYZE first_last_parted;
SET max_parallel_workers_per_gather = 0;
SET enable_partitionwise_aggregate = on;
SELECT first_last_plan_has('SELECT grp, first(long, t), last(d, t)
							FROM first_last_parted AS d GROUP BY grp',
						   '$.** ? (@."Node Type" == "Append").Plans[*]."Partial Mode" ? (@ == "Partial")') AS partial;
SELECT grp
FROM (SELECT grp, first(id, t) AS f, last(long, t) AS l
	  FROM first_last_parted GROUP BY grp) AS a
JOIN first_last_wanted AS w USING (grp)
WHERE a.f IS DISTINCT FROM (w.f).id OR a.l IS DISTINCT FROM (w.l).long
ORDER BY 1;

-- what the planner may do with them
SELECT p.proname, p.proparallel, a.aggcombinefn <> 0 AS combine,
	   a.aggserialfn <> 0 AS serialize, a.aggdeserialfn <> 0 AS deserialize
FROM pg_aggregate AS a JOIN pg_proc AS p ON p.oid = a.aggfnoid
WHERE p.proname IN ('first', 'last')
ORDER BY 1;

DROP VIEW first_last_difference, first_last_answer,
	first_last_sets, first_last_sets_wanted;
DROP TABLE first_last_wanted, first_last_data, first_last_few,
	first_last_parted;
DROP FUNCTION first_last_expanded, first_last_plan_has;
DROP TYPE first_last_mood, first_last_pair, first_last_positive,
	first_last_date;
