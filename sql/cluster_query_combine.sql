--
-- RustsCombine: partial results of several nodes become groups; the answers
-- are those of a heap table, also where groups take more than hash_mem. The
-- other nodes are this server, by way of postgres_fdw.
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
DROP SCHEMA IF EXISTS combine_far, combine_parts CASCADE;
CREATE SCHEMA combine_far;
CREATE SCHEMA combine_parts;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER combine FOREIGN DATA WRAPPER postgres_fdw '
		'OPTIONS (host %L, port %L, dbname %L, async_capable ''true'', '
		'extensions ''rusts'')',
		split_part(current_setting('unix_socket_directories'), ',', 1),
		current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER combine;
RESET client_min_messages;

CREATE TABLE h.cpu (time timestamptz NOT NULL, host text, region text,
	f float8, i int8, k int4, n numeric, x text, b bool, d date, t timestamp);
CREATE TABLE m.cpu (LIKE h.cpu)
	PARTITION BY LIST (rusts_shard_of(4, 'cpu', '{host,region}', ARRAY[host, region]));
CREATE TABLE combine_parts.a PARTITION OF m.cpu FOR VALUES IN (0, 2) USING rusts;
CREATE TABLE combine_far.b (LIKE h.cpu) USING rusts;
CREATE FOREIGN TABLE combine_parts.b PARTITION OF m.cpu FOR VALUES IN (1, 3)
	SERVER combine OPTIONS (schema_name 'combine_far', table_name 'b');
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY '{m.cpu,combine_parts.a,combine_far.b}'::text[] LOOP
		EXECUTE format('SECURITY LABEL FOR rusts ON COLUMN %s.host IS ''tag''', t);
		EXECUTE format('SECURITY LABEL FOR rusts ON COLUMN %s.region IS ''tag''', t);
	END LOOP;
END $$;
INSERT INTO h.cpu SELECT '2026-01-01'::timestamptz + j * '97 s'::interval,
	CASE WHEN j % 23 > 0 THEN 'h' || j % 23 END,
	CASE WHEN j % 7 > 0 THEN 'r' || j % 7 % 3 END,
	CASE j % 11 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN -0.0 ELSE (j % 400) / 4.0 END,
	CASE j % 13 WHEN 0 THEN NULL WHEN 1 THEN 9223372036854775807 WHEN 2 THEN -9223372036854775808 ELSE j % 1001 - 500 END,
	j * 7919 % 317,
	CASE j % 17 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 1e30 WHEN 3 THEN 5.00 WHEN 4 THEN -12345678901234567890123 ELSE (j % 77) / 10.0 END,
	't' || j % 55, j % 3 = 0, '2026-01-01'::date + j % 9,
	CASE WHEN j % 5 > 0 THEN '2026-01-01'::timestamp + j % 3 * '1 h'::interval END
FROM generate_series(1, 4000) AS j;
INSERT INTO m.cpu SELECT * FROM h.cpu;

-- the answer, with little memory and from PostgreSQL's own Agg
CREATE FUNCTION same.four(q text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	answers text[] := ARRAY[same.same(q)];
BEGIN
	SET LOCAL work_mem = '64kB';
	SET LOCAL hash_mem_multiplier = 1;
	answers := answers || same.same(q);
	RESET work_mem;
	RESET hash_mem_multiplier;
	SET LOCAL rusts.enable_agg = off;
	answers := answers || same.same(q);
	SET LOCAL enable_hashagg = off;
	answers := answers || same.same(q);
	RESET rusts.enable_agg;
	RESET enable_hashagg;
	RETURN (SELECT CASE WHEN count(DISTINCT a) = 1 THEN min(a)
		ELSE q || E'\n' || string_agg(a, E'\n') END FROM unnest(answers) AS a);
END $$;
SELECT four(format('SELECT %s, count(*), count(f), sum(i), avg(i), sum(k), avg(k), sum(n), avg(n), min(f), max(f), min(i), max(k), min(d), max(t), bool_and(b), bool_or(b), min(time), first(x, time), last(f, time), first(b, time) FROM cpu WHERE f <> $$NaN$$ OR f IS NULL GROUP BY %1$s', k))
FROM unnest(ARRAY['host', 'time', 'host, time', 'region, host, d', 'b, k', 'x', 't', 't, time_bucket($$1 h$$, time), host', 'd, date_trunc($$hour$$, time, $$UTC$$)', 'k, i', 'time_bucket($$1 h$$, t), time_bucket($$2 h$$, time)', 'x::varchar, b']) AS k;
SELECT four(q) FROM unnest(ARRAY[
 'SELECT host, max(f), min(f) FROM cpu GROUP BY host',
 'SELECT host, sum(f), avg(f) FROM cpu WHERE f < 1e9 GROUP BY host',
 'SELECT time_bucket($$1 d$$, time) AS u, time_bucket($$1 d$$, time) + $$1 h$$, count(*) FROM cpu GROUP BY u HAVING min(time) > time_bucket($$1 d$$, time) ORDER BY u DESC',
 'SELECT count(*) FROM cpu GROUP BY time_bucket($$1 d$$, time), host HAVING avg(k) > 150 ORDER BY 1 LIMIT 20',
 'SELECT DISTINCT time_bucket($$1 d$$, time) FROM cpu',
 'SELECT DISTINCT count(*) FROM cpu GROUP BY time_bucket($$6 h$$, time), region',
 'SELECT time_bucket($$1 d$$, time) AS u, sum(count(*)) OVER (ORDER BY time_bucket($$1 d$$, time)) FROM cpu GROUP BY u',
 'SELECT d, d + 1, avg(k) FROM (SELECT time_bucket($$1 d$$, d) AS d, k FROM cpu) AS s GROUP BY 1',
 'SELECT g, l.* FROM generate_series(1, 3) AS g, LATERAL (SELECT host, time_bucket($$1 d$$, time), sum(k + g) FROM cpu GROUP BY 1, 2) AS l',
 'SELECT g, l.* FROM generate_series(1, 3) AS g LEFT JOIN LATERAL (SELECT host, time_bucket($$6 h$$, time), sum(k) FROM cpu GROUP BY 1, 2 OFFSET 0) AS l ON true',
 'SELECT host, n FROM (SELECT host, avg(n) AS n FROM cpu GROUP BY host) AS s WHERE n > 1']) AS q;

-- batches
CREATE FUNCTION same.batches(q text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || q INTO plan;
	RETURN format('%s %s: %s', plan->0->'Plan'->>'Custom Plan Provider',
		plan->0->'Plan'->'Group Key', CASE (plan->0->'Plan'->>'Batches')::int WHEN 1 THEN 'one batch' ELSE 'batches' END);
END $$;
SELECT batches('SELECT time, host, avg(k) FROM m.cpu GROUP BY time, host');
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT batches('SELECT time, host, avg(k) FROM m.cpu GROUP BY time, host');
SELECT batches('SELECT x, host, avg(k) FROM m.cpu GROUP BY x, host');
RESET work_mem;
RESET hash_mem_multiplier;

-- keys whose equality is not that of their bytes
CREATE FUNCTION same.node(q text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || q INTO plan;
	RETURN coalesce(plan->0->'Plan'->>'Custom Plan Provider', plan->0->'Plan'->>'Node Type');
END $$;
SET enable_sort = off;
SELECT node('SELECT n, count(*) FROM m.cpu GROUP BY n'), node('SELECT f, count(*) FROM m.cpu GROUP BY f'),
	node('SELECT host, stddev(f) FROM m.cpu GROUP BY host'), node('SELECT host, max(x) FROM m.cpu GROUP BY host'),
	node('SELECT host, count(*) FROM m.cpu GROUP BY host');
RESET enable_sort;
SELECT four(q) FROM unnest(ARRAY['SELECT n, count(*) FROM cpu GROUP BY n', 'SELECT abs(f), count(*) FROM cpu GROUP BY 1']) AS q;

-- errors are PostgreSQL's
INSERT INTO m.cpu (time, host, f) VALUES ('2026-03-01', 'big', 1e308), ('2026-03-01', 'big2', 1e308), ('2026-03-01', 'big3', 1e308);
SELECT time, sum(f) FROM m.cpu WHERE host LIKE 'big%' GROUP BY time;

SET client_min_messages = error;
DROP SCHEMA h, m, same, combine_far, combine_parts CASCADE;
DROP SERVER combine CASCADE;
