--
-- Queries over a measurement of a cluster: groups of shards that cannot have
-- the rows are left out, aggregates and ORDER BY ... LIMIT are done where the
-- rows are; the same answers as a heap table gives. The other nodes are this
-- server, by way of postgres_fdw.
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
DROP SCHEMA IF EXISTS far, parts CASCADE;
CREATE SCHEMA far;
CREATE SCHEMA parts;
DO $$
BEGIN
	EXECUTE format('CREATE SERVER loop FOREIGN DATA WRAPPER postgres_fdw '
		'OPTIONS (host %L, port %L, dbname %L, async_capable ''true'', '
		'extensions ''rusts'', fetch_size ''10000'')',
		split_part(current_setting('unix_socket_directories'), ',', 1),
		current_setting('port'), current_database());
END $$;
CREATE USER MAPPING FOR CURRENT_USER SERVER loop;
RESET client_min_messages;

-- 8 shards, by series; columns come in different orders
CREATE TABLE m.cpu (time timestamptz NOT NULL, gone int, host text, region text, f float8, i int8, k int4, s int2, n numeric, x text, b bool)
	PARTITION BY LIST (rusts_shard_of(8, 'cpu', '{host,region}', ARRAY[host, region]));
ALTER TABLE m.cpu DROP COLUMN gone;
CREATE TABLE h.cpu (LIKE m.cpu);
CREATE TABLE parts.a PARTITION OF m.cpu FOR VALUES IN (0, 3, 6) USING rusts;
CREATE TABLE far.b (host text, region text, time timestamptz NOT NULL, f float8, k int4, i int8, s int2, n numeric, b bool, x text) USING rusts;
CREATE TABLE far.c (LIKE h.cpu) USING rusts;
CREATE FOREIGN TABLE parts.b (host text, region text, time timestamptz NOT NULL, f float8, k int4, i int8, s int2, n numeric, b bool, x text)
	SERVER loop OPTIONS (schema_name 'far', table_name 'b');
ALTER TABLE m.cpu ATTACH PARTITION parts.b FOR VALUES IN (1, 4, 7);
CREATE FOREIGN TABLE parts.c PARTITION OF m.cpu FOR VALUES IN (2, 5)
	SERVER loop OPTIONS (schema_name 'far', table_name 'c');
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY '{m.cpu,parts.a,far.b,far.c}'::text[] LOOP
		EXECUTE format('SECURITY LABEL FOR rusts ON COLUMN %s.host IS ''tag''', t);
		EXECUTE format('SECURITY LABEL FOR rusts ON COLUMN %s.region IS ''tag''', t);
	END LOOP;
END $$;
INSERT INTO h.cpu SELECT '2026-01-01'::timestamptz + j * '97 s'::interval,
	CASE WHEN j % 23 > 0 THEN 'h' || j % 23 END,
	CASE WHEN j % 7 > 0 THEN 'r' || j % 7 % 3 END,
	CASE WHEN j % 11 > 0 THEN (j % 400) / 4.0 END,
	CASE WHEN j % 13 > 0 THEN j % 1001 - 500 END,
	j * 7919 % 317, j % 29, (j % 77) / 10.0, 't' || j % 55, j % 3 = 0
FROM generate_series(1, 3000) AS j;
INSERT INTO h.cpu (time, host) VALUES ('2026-02-01', 'nothing');
INSERT INTO m.cpu SELECT * FROM h.cpu;
SELECT tableoid::regclass, count(*) > 500 FROM m.cpu GROUP BY 1 ORDER BY 1;

-- the nodes of a plan and what goes to other nodes, the same on all versions
CREATE FUNCTION same.nodes(q text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	line text;
	in_plan bool := false;
BEGIN
	PERFORM set_config('search_path', 'm, public', true);
	RETURN NEXT '-- ' || q;
	FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS OFF) ' || q LOOP
		IF line ~ '^ *(InitPlan|SubPlan) ' THEN
			in_plan := true;
		ELSIF in_plan AND line ~ '->' THEN
			in_plan := false;
		ELSIF line ~ 'Remote SQL|->|^[A-Z]|Scan Cond|Filter:|One-Time' AND line !~ '^Query Identifier' THEN
			RETURN NEXT regexp_replace(line, '\$\d+|\(InitPlan \d+\).col1', 'parameter', 'g');
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;

-- the answer with and without, against the heap table
CREATE FUNCTION same.thrice(q text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	with_it text := same.same(q);
	without text;
BEGIN
	SET LOCAL rusts.enable_cluster_pushdown = off;
	without := same.same(q);
	RESET rusts.enable_cluster_pushdown;
	IF with_it ~ 'DIFFERENT' OR without ~ 'DIFFERENT' THEN
		RETURN concat_ws(E'\n', q, with_it, without);
	END IF;
	RETURN with_it;
END $$;

-- which groups are read
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT time, f FROM cpu WHERE host = $$h5$$ AND region = $$r1$$',
 'SELECT time, f FROM cpu WHERE host = $$h5$$ AND region IS NULL',
 'SELECT time, f FROM cpu WHERE host = $$h5$$',
 'SELECT time, f FROM cpu WHERE host IN ($$h5$$, $$h6$$, NULL) AND ($$r1$$ = region OR region = $$r1$$)',
 'SELECT time, f FROM cpu WHERE host = ANY (ARRAY[$$h5$$, lower($$H5$$)]) AND region = $$r1$$ AND f > 3',
 'SELECT count(*) FROM cpu WHERE host = $$h5$$ AND region = $$r1$$',
 'SELECT cpu.f, o.f FROM cpu JOIN h.cpu AS o ON cpu.time = o.time AND cpu.region = $$r0$$ WHERE cpu.host = $$h5$$',
 'SELECT o.f, cpu.f FROM h.cpu AS o LEFT JOIN cpu ON cpu.time = o.time AND cpu.region = $$r0$$ AND cpu.host IN ($$h5$$, $$h7$$)',
 'UPDATE cpu SET f = 1 WHERE host = $$h5$$ AND region = $$r1$$',
 'DELETE FROM cpu WHERE host IN ($$h5$$, $$h6$$) AND region = $$r1$$']) AS q;
SET rusts.enable_cluster_pushdown = off;
SELECT nodes('SELECT count(*) FROM cpu WHERE host = $$h5$$ AND region = $$r1$$');
RESET rusts.enable_cluster_pushdown;

-- parameters: with their values, and without
PREPARE by_host(text, text) AS SELECT count(*), sum(k) FROM m.cpu WHERE host = $1 AND region = $2;
SELECT nodes('EXECUTE by_host(''h5'', ''r1'')');
SET plan_cache_mode = force_generic_plan;
CREATE FUNCTION same.groups_read(q text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	line text;
	result text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) ' || q LOOP
		IF line ~ 'Scan.* on [abc] |Subplans Removed' AND line !~ 'never executed' THEN
			result := concat_ws(', ', result, substring(line from 'on ([abc]) |$'), substring(line from 'Subplans.*'));
		END IF;
	END LOOP;
	RETURN result;
END $$;
SELECT groups_read('EXECUTE by_host(''h5'', ''r1'')');
EXECUTE by_host('h5', 'r1');
EXECUTE by_host('h5', NULL);
RESET plan_cache_mode;
EXECUTE by_host('h5', 'r1');
SELECT count(*), sum(k) FROM h.cpu WHERE host = 'h5' AND region = 'r1';

-- aggregates, where the rows are
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT count(*) FROM cpu',
 'SELECT host, avg(f), max(x) FROM cpu WHERE region = $$r1$$ GROUP BY host HAVING count(*) > 3 ORDER BY host',
 'SELECT time_bucket($$6 h$$, time), host, sum(i), avg(n), stddev(k), var_pop(f) FILTER (WHERE s > 3) FROM cpu GROUP BY 1, 2',
 'SELECT first(f, time), last(x, time) FROM cpu',
 'SELECT host FROM cpu GROUP BY host',
 'SELECT count(*) FROM cpu WHERE time > now() - $$1 h$$::interval',
 'SELECT host, region, avg(f), count(DISTINCT x) FROM cpu WHERE k > 3 GROUP BY region, host HAVING count(*) > 5 ORDER BY 3 DESC LIMIT 2',
 'SELECT max(f) FROM cpu WHERE time > (SELECT max(time) FROM cpu) - $$1 h$$::interval',
 'SELECT max(f) FROM cpu WHERE time >= $$2026-01-02$$::date AND $$2026-01-03 12:00$$::timestamp > time',
 'SELECT DISTINCT host FROM cpu ORDER BY host',
 'SELECT host, count(*) FROM cpu WHERE host IN ($$h4$$, $$h5$$) AND region = $$r1$$ GROUP BY host',
 'SELECT h, max(f) FROM (SELECT upper(host) AS h, f FROM cpu WHERE k > 3) AS s WHERE f > 1 GROUP BY h',
 'WITH c AS (SELECT * FROM cpu) SELECT max(f) FROM c',
 'SELECT time, f FROM cpu WHERE f > 90 ORDER BY time DESC LIMIT 5',
 'SELECT time, f FROM cpu WHERE host = $$h5$$ AND region = $$r1$$ ORDER BY time DESC LIMIT 1',
 'SELECT time, f FROM cpu ORDER BY time LIMIT 1000000',
 'SELECT time, f * 2 FROM cpu ORDER BY f DESC, x OFFSET 3 LIMIT 5']) AS q;

-- what is left to PostgreSQL
SELECT nodes(q) FROM unnest(ARRAY[
 'SELECT host, count(*) FROM cpu GROUP BY ROLLUP (host)',
 'SELECT string_agg(x, x) FROM cpu',
 'SELECT count(*) FROM cpu WHERE random() < 2',
 'SELECT max(tableoid) FROM cpu',
 'SELECT count(cpu) FROM cpu',
 'SELECT f FROM cpu ORDER BY time LIMIT 5 FOR UPDATE']) AS q;

-- the same answers
CREATE TABLE same.terms (kind text, term text);
INSERT INTO same.terms VALUES
 ('agg', 'count(*)'), ('agg', 'count(f)'), ('agg', 'count(x) FILTER (WHERE b)'),
 ('agg', 'sum(f), avg(f)'), ('agg', 'sum(i), avg(i)'), ('agg', 'sum(k), avg(k)'), ('agg', 'sum(s), avg(s)'), ('agg', 'sum(n), avg(n)'),
 ('agg', 'avg(f::float4), sum((f / 4)::float4)'),
 ('agg', 'min(f), max(f)'), ('agg', 'min(n), max(i)'), ('agg', 'min(x), max(host)'), ('agg', 'min(time), max(time)'), ('agg', 'bool_and(b), bool_or(b)'),
 ('agg', 'first(f, time), last(f, time)'), ('agg', 'first(x, time) FILTER (WHERE f > 20), last(n, time)'), ('agg', 'last(time, i * 10000 + s * 100 + k)'),
 ('agg', 'round(stddev(f)::numeric, 9), round(var_pop(f)::numeric, 9)'), ('agg', 'round(stddev_pop(f)::numeric, 9), round(variance(f) FILTER (WHERE s < 9)::numeric, 9)'),
 ('agg', 'stddev(i), stddev_pop(i)'), ('agg', 'variance(i), var_pop(i), var_samp(i)'), ('agg', 'stddev(k), var_pop(k)'), ('agg', 'stddev_samp(s), variance(s)'),
 ('agg', 'stddev(n), stddev_pop(n)'), ('agg', 'variance(n), var_pop(n)'), ('agg', 'round(stddev(f::float4)::numeric, 9)'),
 ('agg', 'bit_xor(i), bit_or(k)'), ('agg', 'sum(f) / count(*) + 1, max(i) - min(i)'), ('agg', 'sum(i) OVER () FROM (SELECT sum(i) AS i FROM cpu'),
 ('agg', 'max(ARRAY[x, host])'), ('agg', 'sum(time - $$2026-01-01$$), avg(time - $$2026-01-01$$)'), ('agg', 'count(DISTINCT x)'),
 ('key', ''), ('key', 'host'), ('key', 'region'), ('key', 'host, region'), ('key', 'time_bucket($$8 h$$, time)'), ('key', 'host, time_bucket($$1 d$$, time)'),
 ('key', 'k % 5'), ('key', 'b, s % 3'), ('key', 'time_bucket($$1 d$$, time, $$Europe/Berlin$$)'), ('key', 'date_trunc($$day$$, time)'),
 ('where', 'true'), ('where', 'f > 50'), ('where', 'host = $$h3$$ AND region IS NULL'), ('where', 'host IN ($$h3$$, $$h4$$) AND region IN ($$r1$$, $$r2$$)'),
 ('where', 'time > $$2026-01-02$$ AND host LIKE $$h1%$$'), ('where', 'time < now() AND (host IS NULL OR host = $$h9$$)'), ('where', 'host = $$nowhere$$'), ('where', 'false');
DELETE FROM same.terms WHERE term ~ 'OVER';
SELECT result, count(*) FROM (
	SELECT regexp_replace(thrice(format('SELECT %s%s FROM cpu WHERE %s%s%s', nullif(k.term, '') || ', ', a.term, w.term,
			' GROUP BY ' || nullif(k.term, ''), CASE k.term WHEN 'host' THEN ' HAVING count(*) > 1 AND max(f) > 3' END)),
		'^\d+ same$', 'same') AS result
	FROM same.terms AS k, same.terms AS a, same.terms AS w
	WHERE k.kind = 'key' AND a.kind = 'agg' AND w.kind = 'where'
	AND (hashtext(k.term || a.term || w.term) % 9 = 0 OR (w.term = 'true' AND k.term IN ('', 'host')))) AS r
GROUP BY 1 ORDER BY 1;

-- in other places
CREATE VIEW m.by_host AS SELECT host, avg(f) AS a, count(*) AS n FROM m.cpu GROUP BY host;
CREATE VIEW h.by_host AS SELECT host, avg(f) AS a, count(*) AS n FROM h.cpu GROUP BY host;
CREATE VIEW m.late AS SELECT * FROM m.cpu WHERE time > '2026-01-02';
CREATE VIEW h.late AS SELECT * FROM h.cpu WHERE time > '2026-01-02';
SELECT thrice(q) FROM unnest(ARRAY[
 'SELECT host FROM cpu GROUP BY host',
 'SELECT host, host || $$!$$, count(*) + 1 FROM cpu GROUP BY host ORDER BY 3 DESC, 1 LIMIT 4',
 'SELECT DISTINCT count(*) FROM cpu GROUP BY host',
 'SELECT host, sum(count(*)) OVER (ORDER BY host), rank() OVER (ORDER BY max(i)) FROM cpu GROUP BY host',
 'SELECT 1 AS one, $$a$$ AS c, count(*) FROM cpu GROUP BY 2, 1',
 'SELECT count(*) FROM cpu HAVING count(*) < 5',
 'SELECT DISTINCT host, region FROM cpu',
 'SELECT DISTINCT count(*) FROM cpu GROUP BY host, region',
 'SELECT host, region, avg(n), string_agg(x, $$,$$ ORDER BY time, x), count(DISTINCT k) FROM cpu GROUP BY host, region HAVING max(k) > 300',
 'SELECT region, host, count(*) FROM cpu GROUP BY region, host ORDER BY count(*) DESC, region, host LIMIT 7 OFFSET 2',
 'SELECT host, region, sum(count(*)) OVER (PARTITION BY host) FROM cpu GROUP BY region, host',
 'SELECT host, region, time_bucket($$1 d$$, time) AS d, max(f) - min(f) FROM cpu GROUP BY ROLLUP (region, host, d)',
 'SELECT g, l.* FROM generate_series(1, 300, 60) AS g, LATERAL (SELECT host, region, sum(g + k) FROM cpu WHERE k < g GROUP BY host, region HAVING count(*) > g / 60) AS l',
 'SELECT DISTINCT upper(host) AS h FROM cpu WHERE f > 3 ORDER BY h DESC LIMIT 7',
 'SELECT host, count(*), array_agg(f ORDER BY time) FROM cpu WHERE host = $$h5$$ AND region = $$r1$$ GROUP BY host',
 'SELECT cpu::text, tableoid > 0 FROM cpu WHERE host = $$h1$$ AND region = $$r1$$',
 'SELECT cpu::text, (SELECT count(*) FROM h.cpu AS o WHERE o.k = cpu.k) FROM cpu WHERE host = $$h2$$ AND region = $$r1$$',
 'SELECT cpu::text, l.* FROM cpu, LATERAL (SELECT cpu.f + 1, max(o.f) FROM cpu AS o WHERE o.k = cpu.k) AS l WHERE host = $$h3$$ AND region IS NULL',
 'SELECT * FROM cpu LEFT JOIN h.cpu AS o USING (host, time, region) WHERE host = $$h4$$ AND region = $$r1$$',
 'SELECT * FROM h.cpu AS o RIGHT JOIN cpu USING (time, region, host) WHERE host = $$h6$$ AND region = $$r1$$ AND o.k > 9',
 'SELECT count(*), count(o.f) FROM cpu FULL JOIN h.cpu AS o USING (host, time, region) WHERE host = $$h7$$ AND region = $$r1$$',
 'SELECT DISTINCT ON (host) host, time, f FROM cpu ORDER BY host, time DESC',
 'SELECT count(*) FROM cpu WHERE time > $$2026-01-02$$::date AND time <= $$2026-01-03 01:02:03$$::timestamp',
 'SELECT time FROM cpu WHERE $$2026-01-02$$::date > time AND time <> $$2026-01-01$$::date AND time < current_date',
 'SELECT count(*) FROM cpu WHERE time < $$infinity$$::date AND time > $$-infinity$$::timestamp',
 'SELECT * FROM by_host',
 'SELECT * FROM by_host WHERE host = $$h3$$ AND n > 1',
 'SELECT region, max(f) FROM late GROUP BY region',
 'SELECT late::text FROM late WHERE host = $$h5$$ AND region = $$r1$$',
 'SELECT r, count(*), sum(v) FROM (SELECT upper(region) AS r, f + 1 AS v FROM late WHERE k > 7) AS s WHERE v > 3 GROUP BY r HAVING max(v) > 2',
 'WITH c AS (SELECT host AS x, f FROM late) SELECT x, avg(f) FROM c WHERE x > $$h3$$ GROUP BY x',
 'WITH c AS MATERIALIZED (SELECT host AS x, f FROM late) SELECT x, avg(f) FROM c GROUP BY x',
 'WITH c AS (SELECT host AS x, f FROM cpu), d AS (SELECT x, max(f) AS m FROM c GROUP BY x) SELECT d.* FROM d JOIN d AS e ON d.m = e.m + 1',
 'SELECT t, u FROM (SELECT time AS t, host || region AS u FROM late) AS s ORDER BY t DESC LIMIT 4',
 'SELECT g, n FROM generate_series(1, 300, 60) AS g, LATERAL (SELECT host, max(g + k) AS n FROM (SELECT host, k FROM late WHERE k < g) AS s GROUP BY host) AS l',
 'WITH t AS (SELECT host, max(time) AS time FROM cpu GROUP BY host) SELECT cpu.* FROM cpu JOIN t USING (host, time)',
 'SELECT g, (SELECT count(*) FROM cpu WHERE k > g) FROM generate_series(1, 300, 60) AS g',
 'SELECT g, n FROM generate_series(1, 300, 60) AS g, LATERAL (SELECT host, max(g + k) AS n FROM cpu WHERE k < g GROUP BY host HAVING count(*) > g / 60) AS l',
 'SELECT g, n, t FROM generate_series(1, 300, 60) AS g, LATERAL (SELECT k AS n, time AS t FROM cpu WHERE k < g ORDER BY time DESC LIMIT 2) AS l',
 'SELECT g, (SELECT max(f) FROM cpu WHERE host = $$h$$ || g AND region = $$r1$$) FROM generate_series(1, 9) AS g',
 'SELECT count(*) FROM cpu WHERE time > (SELECT max(time) - $$1 d$$::interval FROM cpu WHERE host = $$h3$$ AND region = $$r1$$)',
 'SELECT host, avg(f) FROM cpu WHERE time > (SELECT max(time) FROM cpu WHERE f > 3) - $$1 d$$::interval AND k < (SELECT 200) GROUP BY host',
 'SELECT time, f FROM cpu WHERE f < (SELECT avg(f) FROM cpu) AND time <= (SELECT time FROM cpu ORDER BY f DESC NULLS LAST, time LIMIT 1) ORDER BY time DESC LIMIT 5',
 'SELECT max(f) FROM cpu WHERE k = (SELECT max(k) FROM cpu WHERE k < (SELECT max(k) FROM cpu))',
 'SELECT max(f) FROM cpu WHERE k = (SELECT k FROM cpu WHERE false)',
 'SELECT max(f), (SELECT max(k) FROM cpu) FROM cpu WHERE k > (SELECT min(k) FROM cpu)',
 'SELECT max(f) FROM cpu WHERE k > ANY (SELECT k FROM cpu) AND EXISTS (SELECT FROM cpu WHERE k = 4)',
 'SELECT max(f) FROM cpu WHERE k > (SELECT avg(k) FROM cpu AS o WHERE o.host = cpu.host AND o.time < $$2026-01-01 04:00$$)',
 'SELECT g, l.* FROM generate_series(1, 300, 60) AS g, LATERAL (SELECT host, sum(g + k) FROM cpu WHERE k < (SELECT g + max(s) FROM cpu WHERE k > g) GROUP BY host) AS l',
 'SELECT time, f FROM cpu WHERE time > (SELECT max(time) FROM cpu) - $$30 d$$::interval',
 'WITH w AS (SELECT max(time) AS t FROM cpu WHERE f > 3) SELECT region, count(*) FROM cpu WHERE time > (SELECT t FROM w) - $$1 d$$::interval GROUP BY region',
 'SELECT max(f) FROM cpu UNION ALL SELECT min(f) FROM cpu UNION SELECT avg(f) FROM cpu WHERE host = $$h1$$ AND region = $$r1$$',
 'SELECT time, host, f FROM cpu ORDER BY time LIMIT 7',
 'SELECT time, host, f FROM cpu ORDER BY time DESC LIMIT 7 OFFSET 1000',
 'SELECT host || $$x$$, k FROM cpu WHERE f > 20 ORDER BY k DESC NULLS LAST, time LIMIT 9',
 'SELECT f FROM cpu ORDER BY time + i * $$1 h$$::interval, time LIMIT 30',
 'SELECT * FROM cpu ORDER BY time DESC LIMIT 1',
 'SELECT count(*) FROM (SELECT 1 FROM cpu LIMIT 40) AS x',
 'SELECT time FROM cpu ORDER BY time LIMIT NULL',
 'SELECT time FROM cpu ORDER BY time LIMIT ALL OFFSET 2990',
 'SELECT time FROM cpu ORDER BY time LIMIT 5 OFFSET NULL',
 'SELECT time FROM cpu ORDER BY time FETCH FIRST 3 ROWS WITH TIES',
 'SELECT time FROM cpu ORDER BY time LIMIT 9223372036854775807 OFFSET 2999',
 'SELECT a.time, a.f, b.f FROM cpu AS a JOIN cpu AS b ON a.time = b.time AND a.host = $$h5$$ AND b.region = a.region WHERE a.region = $$r1$$ AND b.host = $$h5$$',
 'SELECT o.time, cpu.f FROM (SELECT * FROM h.cpu WHERE k < 20) AS o LEFT JOIN cpu ON cpu.time = o.time AND cpu.region = $$r1$$ AND cpu.host = $$h5$$',
 'SELECT o.time, cpu.f FROM (SELECT * FROM h.cpu WHERE k < 20) AS o LEFT JOIN cpu ON cpu.time = o.time WHERE cpu.region IS NULL AND cpu.host IS NULL',
 'SELECT max(cpu.f) FROM h.cpu AS o FULL JOIN cpu ON cpu.time = o.time AND cpu.region = $$r1$$ AND cpu.host = $$h5$$']) AS q;
SELECT f FROM m.cpu LIMIT -1;

-- the other strategies
CREATE FUNCTION same.sharded(name text, key text, shards int) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE h.%I (time timestamptz NOT NULL, host text, f float8)', name);
	EXECUTE format('CREATE TABLE m.%I (LIKE h.%1$I) PARTITION BY LIST (%s)', name, key);
	FOR i IN 0 .. shards - 1 LOOP
		EXECUTE format('CREATE TABLE parts.%I PARTITION OF m.%I FOR VALUES IN (%s) USING rusts', name || '_' || i, name, i);
	END LOOP;
	EXECUTE format('INSERT INTO h.%I SELECT ''2026-01-01''::timestamptz + j * ''1 h''::interval, ''h'' || j %% 5, j FROM generate_series(0, 200) AS j', name);
	EXECUTE format('INSERT INTO m.%I SELECT * FROM h.%1$I', name);
END $$;
SELECT sharded('by_time', 'rusts_shard_of(5, time, 86400)', 5), sharded('one', 'rusts_shard_of(3, ''one'', time)', 3),
	sharded('mixed', 'rusts_shard_of(7, ''mixed'', ''{host}'', ARRAY[host], time, 86400)', 7);
CREATE FUNCTION same.parts_of(q text) RETURNS text
LANGUAGE sql AS $$
	SELECT q || ': ' || coalesce(string_agg(m[1], ' '), 'none') || ', ' || same.thrice(q)
	FROM same.nodes(q) AS n, regexp_matches(n, '\mparts\.(\w+)') AS m
$$;
SELECT parts_of(q) FROM unnest(ARRAY[
 'SELECT * FROM one',
 'SELECT max(f) FROM one WHERE f < 9',
 'SELECT h.one.f, x.f FROM h.one LEFT JOIN one AS x USING (time)',
 'SELECT * FROM by_time WHERE time = $$2026-01-03 05:00$$',
 'SELECT * FROM by_time WHERE time IN ($$2026-01-03 05:00$$, $$2026-01-05 05:00$$)',
 'SELECT * FROM by_time WHERE time >= $$2026-01-02$$ AND time < $$2026-01-03$$',
 'SELECT * FROM by_time WHERE time > $$2026-01-01 23:59:59.999999$$ AND $$2026-01-03$$ >= time',
 'SELECT max(f) FROM by_time WHERE time BETWEEN $$2026-01-02$$ AND $$2026-01-04 12:00$$',
 'SELECT max(f) FROM by_time WHERE time BETWEEN $$2026-01-02$$ AND $$2026-01-09$$',
 'SELECT max(f) FROM by_time WHERE time > $$2026-01-02$$',
 'SELECT host, count(*) FROM by_time GROUP BY host',
 'SELECT host, count(*) FROM mixed GROUP BY host',
 'SELECT max(f) FROM by_time WHERE time > $$2026-01-02$$ AND time < $$infinity$$',
 'SELECT max(f) FROM by_time WHERE time > $$2026-01-05$$ AND time < $$2026-01-03$$',
 'SELECT max(f) FROM by_time WHERE time > $$2026-01-02$$::date AND time < $$2026-01-03$$::date',
 'SELECT * FROM mixed WHERE host = $$h1$$ AND time >= $$2026-01-02$$ AND time < $$2026-01-03$$',
 'SELECT * FROM mixed WHERE host = $$h1$$ AND time = $$2026-01-02 02:00$$',
 'SELECT count(*) FROM mixed WHERE host IN ($$h1$$, $$h2$$) AND time >= $$2026-01-02$$ AND time < $$2026-01-03$$',
 'SELECT count(*) FROM mixed WHERE host = $$h1$$',
 'SELECT count(*) FROM mixed WHERE time >= $$2026-01-02$$ AND time < $$2026-01-03$$']) AS q;

-- privileges are those of the measurement
CREATE ROLE regress_reader;
SELECT format('CREATE USER MAPPING FOR regress_reader SERVER loop OPTIONS (user %L, password_required ''false'')', current_user) \gexec
GRANT USAGE ON SCHEMA m TO regress_reader;
CREATE VIEW m.open AS SELECT host, max(f) AS f FROM m.cpu GROUP BY host;
CREATE VIEW m.everything AS SELECT * FROM m.cpu;
GRANT SELECT ON m.open TO regress_reader;
SET ROLE regress_reader;
SELECT count(*) FROM m.cpu;
SELECT f FROM m.cpu ORDER BY time LIMIT 1;
SELECT f FROM m.cpu WHERE host = 'h5' AND region = 'r1';
SELECT count(*) FROM parts.a;
SELECT count(*) FROM m.open;
SELECT count(*) FROM m.everything;
RESET ROLE;
GRANT SELECT (host, region) ON m.cpu TO regress_reader;
GRANT SELECT ON m.everything TO regress_reader;
SET ROLE regress_reader;
SELECT count(*), max(region) FROM m.cpu;
SELECT host FROM m.cpu WHERE host = 'h5' AND region = 'r1' LIMIT 1;
SELECT max(f) FROM m.cpu;
SELECT max(f) FROM m.everything;
SELECT host FROM m.cpu ORDER BY f LIMIT 1;
RESET ROLE;
GRANT SELECT ON m.cpu TO regress_reader;
CREATE POLICY few ON m.cpu TO regress_reader USING (host = 'h5');
ALTER TABLE m.cpu ENABLE ROW LEVEL SECURITY;
SET ROLE regress_reader;
SELECT min(host), max(host), count(*) FROM m.cpu;
SELECT DISTINCT host FROM (SELECT host FROM m.cpu LIMIT 1000) AS x;
SELECT count(*) FROM m.cpu WHERE host = 'h4' AND region = 'r1';
RESET ROLE;
ALTER TABLE m.cpu DISABLE ROW LEVEL SECURITY;

-- cached plans know of new partitions, and of those that are gone
CREATE TABLE m.grows (time timestamptz NOT NULL, host text) PARTITION BY LIST (rusts_shard_of(4, 'grows', '{host}', ARRAY[host]));
CREATE TABLE parts.grows_a PARTITION OF m.grows FOR VALUES IN (0, 1) USING rusts;
CREATE TABLE parts.grows_b PARTITION OF m.grows FOR VALUES IN (2) USING rusts;
INSERT INTO m.grows SELECT now(), 'h' || i FROM generate_series(1, 99) AS i WHERE rusts_shard_of(4, 'grows', '{host}', ARRAY['h' || i]) < 3;
PREPARE n AS SELECT count(*) = (SELECT count(*) FROM generate_series(1, 99) AS i WHERE rusts_shard_of(4, 'grows', '{host}', ARRAY['h' || i]) < 3) FROM m.grows;
PREPARE few AS SELECT count(*) FROM (SELECT FROM m.grows LIMIT 1000) AS x;
EXECUTE n;
CREATE TABLE parts.grows_c PARTITION OF m.grows FOR VALUES IN (3) USING rusts;
INSERT INTO m.grows SELECT now(), 'h' || i FROM generate_series(1, 99) AS i WHERE rusts_shard_of(4, 'grows', '{host}', ARRAY['h' || i]) = 3;
EXECUTE n;
EXECUTE few;
ALTER TABLE m.grows DETACH PARTITION parts.grows_c;
EXECUTE n;
DROP TABLE parts.grows_a, parts.grows_b;
EXECUTE n;
EXECUTE few;

-- numbers that are none, and sums that are large
SELECT twice('CREATE TABLE odd (time timestamptz NOT NULL, host text, f float8, n numeric, i int8)');
DROP TABLE m.odd;
CREATE TABLE m.odd (LIKE h.odd) PARTITION BY LIST (rusts_shard_of(3, 'odd', '{host}', ARRAY[host]));
CREATE TABLE parts.odd_a PARTITION OF m.odd FOR VALUES IN (0, 2) USING rusts;
CREATE TABLE far.odd_b (LIKE h.odd) USING rusts;
CREATE FOREIGN TABLE parts.odd_b PARTITION OF m.odd FOR VALUES IN (1) SERVER loop OPTIONS (schema_name 'far', table_name 'odd_b');
SELECT twice($$INSERT INTO odd SELECT '2026-01-01'::timestamptz + j * '1 s'::interval, 'h' || j % 12,
	CASE j % 12 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN 1e300 ELSE j END,
	CASE j % 12 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN 1e30 WHEN 4 THEN j / 7.0 ELSE 10::numeric ^ -(j % 12) END,
	CASE j % 3 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775807 ELSE j END FROM generate_series(1, 60) AS j$$);
SELECT thrice(format('SELECT %s FROM odd WHERE %s%s', a, w, g)) AS r, count(*) FROM unnest(ARRAY[
 ' GROUP BY host', '']) AS g, unnest(ARRAY['true', 'host <> $$h0$$', 'host NOT IN ($$h0$$, $$h1$$)', 'host NOT IN ($$h0$$, $$h1$$, $$h2$$)', 'host > $$h3$$']) AS w,
 unnest(ARRAY['min(host), min(f), max(f), avg(n), sum(n), min(n), max(n)', 'stddev(n), variance(n), var_pop(n), stddev_pop(n), avg(i), sum(i), stddev(i), var_pop(i)',
 'avg(f)::text, variance(CASE WHEN f < 1e100 THEN f END)::float4, var_pop(f)::float4::text']) AS a
WHERE NOT (a ~ 'float4' AND w !~ '> ') GROUP BY 1 ORDER BY 1;

-- dates beyond all times, east and west
SET timezone = 'Asia/Kolkata';
SELECT thrice(format('SELECT count(*), max(time), count(*) FILTER (WHERE time %s) FROM cpu WHERE time %s', w, w)) AS r, count(*) FROM unnest(ARRAY[
 '< date $$5000000-01-01$$', '>= date $$5000000-01-01$$', '> date $$4714-11-24 BC$$', '< date $$294276-12-31$$', '<= date $$infinity$$',
 '< timestamp $$294276-12-31 23:59:59$$', '> timestamp $$4714-11-24 00:00 BC$$', '<> timestamp $$-infinity$$']) AS w GROUP BY 1 ORDER BY 1;
SET timezone = 'America/New_York';
SELECT thrice(format('SELECT count(*), max(time), count(*) FILTER (WHERE time %s) FROM cpu WHERE time %s', w, w)) AS r, count(*) FROM unnest(ARRAY[
 '< date $$5000000-01-01$$', '>= date $$5000000-01-01$$', '> date $$4714-11-24 BC$$', '< date $$294276-12-31$$', '<= date $$infinity$$',
 '< timestamp $$294276-12-31 23:59:59$$', '> timestamp $$4714-11-24 00:00 BC$$', '<> timestamp $$-infinity$$']) AS w GROUP BY 1 ORDER BY 1;
SET timezone = 'UTC';

-- what CASE does not compute cannot fail
SET plan_cache_mode = force_generic_plan;
PREPARE guarded(int) AS SELECT count(*), count(*) FILTER (WHERE coalesce($1 = 0, time > now() - (10 / $1) * '1 h'::interval)) FROM m.cpu
WHERE CASE WHEN $1 = 0 THEN true ELSE time < now() + (10 / $1) * '1000 days'::interval END;
EXECUTE guarded(0);
RESET plan_cache_mode;

-- no rows by chance from other nodes
SELECT count(*) FROM m.cpu TABLESAMPLE BERNOULLI (0);
SELECT count(*) FROM parts.a TABLESAMPLE BERNOULLI (0);

SET client_min_messages = warning;
DROP SERVER loop CASCADE;
DROP SCHEMA far, parts CASCADE;
DROP OWNED BY regress_reader;
DROP ROLE regress_reader;
DROP EXTENSION postgres_fdw;
