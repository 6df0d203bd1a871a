-- Points written more than once: one row each, whatever lies where.

SET timezone = 'UTC';
CREATE SCHEMA duplicates;
SET search_path = duplicates, public;

-- One batch, several batches, after a flush, in the transaction itself.
SELECT rusts_write(E'cpu,host=a u=1,v=1 1000000000\ncpu,host=b u=5 1000000000\ncpu,host=a w=3,u=9 1000000000\ncpu,host=a u=7 2000000000');
SELECT * FROM cpu ORDER BY time, host;
SELECT rusts_write(E'cpu,host=a x="s",u=10 1000000000');
SELECT rusts_write(E'cpu,host=b x="s",v=10 1000000000');
SELECT * FROM cpu ORDER BY time, host;
SELECT count(*), sum(u), max(v), min(time), max(time) FROM cpu;
SELECT count(*), sum(u), max(v) FROM cpu WHERE time <= '1970-01-01 00:00:01Z';
SELECT count(*), sum(u), max(v) FROM cpu WHERE time > '1970-01-01 00:00:01Z';
SELECT host, count(*), last(u, time), last(x, time), first(v, time)
FROM cpu GROUP BY host ORDER BY host;
SELECT time, host, x FROM cpu WHERE x IS NOT NULL ORDER BY time DESC, host;
SELECT time, u FROM cpu WHERE host = 'b';
BEGIN;
SELECT rusts_write(E'cpu,host=a x="t" 1000000000');
SELECT * FROM cpu ORDER BY time, host;
SAVEPOINT s;
SELECT rusts_write(E'cpu,host=a x="u" 1000000000');
SELECT x FROM cpu WHERE host = 'a' ORDER BY time;
ROLLBACK TO s;
SELECT x FROM cpu WHERE host = 'a' ORDER BY time;
ROLLBACK;
SELECT * FROM cpu ORDER BY time, host;
SELECT rusts_flush('cpu');
SELECT * FROM cpu ORDER BY time, host;

-- Late data that overlap the flushed ones; a flush leaves both segments.
SELECT rusts_write(E'cpu,host=a u=11 1000000000\ncpu,host=c u=1 1500000000');
SELECT rusts_flush('cpu');
SELECT tier, rows FROM rusts.segments WHERE measurement = 'cpu'::regclass
ORDER BY segment_id;
SELECT * FROM cpu ORDER BY time, host;
SELECT count(*), count(w), sum(u) FROM cpu;
VACUUM FULL cpu;
SELECT tier, rows FROM rusts.segments WHERE measurement = 'cpu'::regclass
ORDER BY segment_id;
SELECT * FROM cpu ORDER BY time, host;

-- The rule, its changes, and who may make them.
SELECT objsubid, label FROM pg_seclabel
WHERE objoid = 'cpu'::regclass AND provider = 'rusts' ORDER BY 1;
SELECT rusts_set_duplicates('cpu', 'keep');
SELECT rusts_write(E'cpu,host=a u=12 1000000000\ncpu,host=a u=13 1000000000');
SELECT rusts_write(E'cpu,host=a u=14 1000000000');
SELECT u FROM cpu WHERE host = 'a' AND time = '1970-01-01 00:00:01Z' ORDER BY u;
SELECT rusts_set_duplicates('cpu', 'merge');
SELECT u FROM cpu WHERE host = 'a' AND time = '1970-01-01 00:00:01Z' ORDER BY u;
SELECT rusts_set_duplicates('cpu', 'sum');
SELECT rusts_set_duplicates('pg_class', 'merge');
SELECT rusts_set_duplicates(0, 'merge');
CREATE TABLE timeless (a int) USING rusts;
SELECT rusts_set_duplicates('timeless', 'merge');
SECURITY LABEL FOR rusts ON TABLE timeless IS 'duplicates=merge';
INSERT INTO timeless VALUES (1), (1);
SELECT * FROM timeless;
SECURITY LABEL FOR rusts ON TABLE timeless IS 'tag';
CREATE TABLE heap (time timestamptz, a int);
SECURITY LABEL FOR rusts ON TABLE heap IS 'duplicates=merge';
CREATE ROLE rusts_duplicates_user;
GRANT USAGE ON SCHEMA duplicates TO rusts_duplicates_user;
GRANT SELECT ON cpu TO rusts_duplicates_user;
SET ROLE rusts_duplicates_user;
SELECT rusts_set_duplicates('cpu', 'keep');
RESET ROLE;
REVOKE ALL ON cpu FROM rusts_duplicates_user;
REVOKE ALL ON SCHEMA duplicates FROM rusts_duplicates_user;
DROP ROLE rusts_duplicates_user;
SELECT rusts_set_wal_mode('cpu', 'periodic');
ALTER TABLE cpu RENAME TO processor;
SELECT label FROM pg_seclabel WHERE objoid = 'processor'::regclass AND objsubid = 0;
SELECT count(*) FROM processor;

-- SQL's own rule for tables made by SQL, until told otherwise; rows with
-- TIDs given out, which no batch can unite, and rows without a time.
CREATE TABLE m (time timestamptz, host text, a int, b text) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.host IS 'tag';
INSERT INTO m VALUES ('2020-01-01', 'x', 1, NULL), ('2020-01-01', 'x', NULL, 'b'),
	(NULL, 'x', 1, 'b'), (NULL, 'x', 2, 'c') RETURNING a;
INSERT INTO m VALUES ('2020-01-01', 'x', 2, NULL), ('2020-01-01', NULL, 2, NULL);
SELECT * FROM m ORDER BY a, b;
SELECT rusts_set_duplicates('m', 'merge');
SELECT * FROM m ORDER BY a, b;
INSERT INTO m VALUES ('2020-01-01', 'x', 3, NULL), ('2020-01-01', 'x', NULL, 'bb') RETURNING a;
SELECT * FROM m ORDER BY a, b;
SELECT rusts_flush('m');
SELECT * FROM m ORDER BY a, b;

-- What a series is today decides.
SECURITY LABEL FOR rusts ON COLUMN m.b IS 'tag';
INSERT INTO m VALUES ('2020-01-01', 'x', 4, 'bb'), ('2020-01-01', 'x', 5, 'z');
SELECT * FROM m ORDER BY a, b;
SECURITY LABEL FOR rusts ON COLUMN m.b IS NULL;
SELECT * FROM m ORDER BY a, b;
ALTER TABLE m ADD COLUMN c int DEFAULT 7, ADD COLUMN dc text DEFAULT 'd';
SECURITY LABEL FOR rusts ON COLUMN m.dc IS 'tag';
INSERT INTO m VALUES ('2020-01-01', 'x', 6, NULL, NULL, 'd'), ('2020-01-01', 'x', 7, NULL, NULL, NULL);
SELECT * FROM m ORDER BY a, b;
ALTER TABLE m ALTER COLUMN a TYPE text USING 'text ' || a;
SELECT * FROM m ORDER BY a, b;
SELECT sum(rows) FROM rusts.segments WHERE measurement = 'm'::regclass;

-- Nanoseconds tell points apart, also from those before there were any.
SELECT rusts_write(E'ns v=1 1000000000000\nns v=2 1000000001000');
SELECT rusts_write(E'ns v=3,w=1 1000000000001\nns w=4 1000000000000\nns v=5 1000000000001');
SELECT * FROM ns ORDER BY time, time_ns;
SELECT rusts_flush('ns');
SELECT rusts_write(E'ns v=6 1000000000001\nns w=7 1000000001000');
SELECT * FROM ns ORDER BY time, time_ns;

-- Infinite times are times.
CREATE TABLE inf (time timestamptz NOT NULL, a int, b int) USING rusts;
SELECT rusts_set_duplicates('inf', 'merge');
INSERT INTO inf VALUES ('infinity', 1, 1), ('-infinity', 1, 1), ('2020-01-01', 1, 1);
INSERT INTO inf VALUES ('infinity', 2, NULL), ('-infinity', NULL, 2), ('2020-01-01', 2, 2);
SELECT * FROM inf ORDER BY time;
SELECT count(*), min(time), max(time), sum(a), sum(b) FROM inf;

-- The same as a heap table that keeps the last write of each field.
CREATE TABLE twin (time timestamptz, host text, a float8, b float8, s text,
				   UNIQUE (time, host));
CREATE FUNCTION write_both(npoints int, times int) RETURNS void AS $$
DECLARE
	line text := '';
	h text; t int; va float8; vb float8; vs text;
BEGIN
	FOR i IN 1 .. npoints LOOP
		h := 'h' || floor(random() * 4);
		t := floor(random() * times);
		va := CASE WHEN random() < 0.5 THEN floor(random() * 1000) END;
		vb := CASE WHEN random() < 0.3 OR va IS NULL THEN floor(random() * 1000) END;
		vs := CASE WHEN random() < 0.3 THEN 's' || floor(random() * 10) END;
		line := line || 'points,host=' || h || ' ' ||
			concat_ws(',', 'a=' || va, 'b=' || vb, 's="' || vs || '"') ||
			' ' || t::text || E'000000000\n';
		INSERT INTO duplicates.twin VALUES (to_timestamp(t), h, va, vb, vs)
		ON CONFLICT (time, host) DO UPDATE SET
			a = coalesce(excluded.a, twin.a), b = coalesce(excluded.b, twin.b),
			s = coalesce(excluded.s, twin.s);
	END LOOP;
	PERFORM rusts_write(line);
END $$ LANGUAGE plpgsql;
SELECT setseed(0.5);
SELECT write_both(20, 6000);
CREATE FUNCTION differences() RETURNS TABLE (what text, n bigint) AS $$
	SELECT 'rows', count(*) FROM
	((SELECT time, host, a, b, s FROM points EXCEPT ALL TABLE twin) UNION ALL
	 (TABLE twin EXCEPT ALL SELECT time, host, a, b, s FROM points)) d HAVING count(*) > 0
	UNION ALL SELECT 'hours', count(*) FROM
	((SELECT time_bucket('10 minutes', time), host, count(*), sum(a), min(b), max(s), last(a, time), first(b, time) FROM points GROUP BY 1, 2
	  EXCEPT ALL SELECT time_bucket('10 minutes', time), host, count(*), sum(a), min(b), max(s), last(a, time), first(b, time) FROM twin GROUP BY 1, 2)) d HAVING count(*) > 0
	UNION ALL SELECT 'all', count(*) FROM
	((SELECT count(*), count(a), sum(b), min(time), max(time) FROM points
	  EXCEPT ALL SELECT count(*), count(a), sum(b), min(time), max(time) FROM twin)) d HAVING count(*) > 0
	UNION ALL SELECT 'range', count(*) FROM
	((SELECT host, count(*), sum(a), min(time) FROM points WHERE time >= '1970-01-01 00:20Z' AND time < '1970-01-01 01:20Z' GROUP BY 1
	  EXCEPT ALL SELECT host, count(*), sum(a), min(time) FROM twin WHERE time >= '1970-01-01 00:20Z' AND time < '1970-01-01 01:20Z' GROUP BY 1)) d HAVING count(*) > 0
	UNION ALL SELECT 'last', count(*) FROM
	((SELECT host, max(time), last(time, time) FROM points GROUP BY 1
	  EXCEPT ALL SELECT host, max(time), last(time, time) FROM twin GROUP BY 1)) d HAVING count(*) > 0
$$ LANGUAGE sql;
DO $$
BEGIN
	FOR i IN 1 .. 120 LOOP
		PERFORM duplicates.write_both(CASE WHEN random() < 0.1 THEN 400 ELSE ceil(random() * 10)::int END,
									  CASE WHEN random() < 0.5 THEN 6000 ELSE 300 END);
		IF random() < 0.1 THEN
			PERFORM rusts_flush('duplicates.points');
		END IF;
		IF random() < 0.05 THEN
			PERFORM rusts_compact('duplicates.points');
		END IF;
		IF random() < 0.03 THEN
			PERFORM rusts_tier('duplicates.points', '1970-01-01 00:10Z');
		END IF;
		IF random() < 0.2 THEN
			BEGIN
				PERFORM rusts_write('points,host=h1 a=-1,b=-1,s="aborted" 1000000000');
				PERFORM count(*), sum(a) FROM duplicates.points;
				RAISE division_by_zero;
			EXCEPTION WHEN division_by_zero THEN
			END;
		END IF;
		IF EXISTS (SELECT FROM duplicates.differences()) THEN
			RAISE EXCEPTION 'round %: %', i, (SELECT string_agg(what || n, ' ') FROM duplicates.differences());
		END IF;
		IF i % 40 = 0 THEN
			SET LOCAL rusts.enable_scan = off;
			IF EXISTS (SELECT FROM duplicates.differences()) THEN
				RAISE EXCEPTION 'round % without RustsScan', i;
			END IF;
			RESET rusts.enable_scan;
		END IF;
	END LOOP;
END $$;
SELECT * FROM differences();
SELECT count(*) = (SELECT count(*) FROM twin) AS same, count(*) > 1000 AS many,
	   (SELECT sum(rows) FROM rusts.segments WHERE measurement = 'points'::regclass) > count(*) AS duplicates_left
FROM points;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT * FROM differences();
RESET ALL;
SET timezone = 'UTC';
SET search_path = duplicates, public;
SELECT rusts_set_duplicates('points', 'keep');
SELECT what FROM differences();
SELECT rusts_set_duplicates('points', 'merge');
ANALYZE points;
SELECT reltuples = (SELECT count(*) FROM twin) AS counted FROM pg_class WHERE oid = 'points'::regclass;
VACUUM FULL points;
SELECT * FROM differences();
SELECT sum(rows) - (SELECT count(*) FROM twin) AS left_over
FROM rusts.segments WHERE measurement = 'points'::regclass;

-- a flush leaves segments of one order in several partitions; what was written
-- before and moves with one of them stays older than the others
SELECT rusts_write(E'tie,host=a x=1 1000000000');
SELECT rusts_flush('tie');
SELECT rusts_write(E'tie,host=a x=2 1000000000\ntie,host=b x=5 7200000000000\ntie,host=b x=4 -172800000000000');
SELECT rusts_flush('tie');
SELECT rusts_tier('tie', '1970-01-01 00:30Z');
SELECT * FROM tie ORDER BY time;
SELECT rusts_compact('tie') >= 0 AS compacted;
SELECT * FROM tie ORDER BY time;
VACUUM FULL tie;
SELECT * FROM tie ORDER BY time;

SET client_min_messages = warning;
DROP SCHEMA duplicates CASCADE;

-- one point more often than keys are taken at once
CREATE TABLE dup_often (time timestamptz NOT NULL, v int) USING rusts;
INSERT INTO dup_often SELECT '2024-01-01', g FROM generate_series(1, 2100000) g;
SELECT rusts_set_duplicates('dup_often', 'merge');
SET statement_timeout = '2min';
SELECT count(*), sum(v) FROM dup_often;
RESET statement_timeout;
DROP TABLE dup_often;

-- what is known of segments that are gone is forgotten when memory is short
CREATE TABLE dup_memory (time timestamptz NOT NULL, a int, b int) USING rusts;
SELECT rusts_set_duplicates('dup_memory', 'merge');
SET rusts.segment_cache_size = '1MB';
DO $$
BEGIN
	FOR i IN 1..20 LOOP
		INSERT INTO dup_memory SELECT to_timestamp(i * 10000 + g), i, NULL FROM generate_series(1, 5000) g;
		INSERT INTO dup_memory SELECT to_timestamp(i * 10000 + g), NULL, i FROM generate_series(1, 5000) g;
		PERFORM count(*) FROM dup_memory;
		PERFORM rusts_flush('dup_memory');
	END LOOP;
END $$;
SELECT sum(total_bytes) < 4 * 1024 * 1024 AS little
FROM pg_backend_memory_contexts WHERE name = 'rusts duplicates of a storage';
SELECT count(*), sum(a) = sum(b) AS united FROM dup_memory;
RESET rusts.segment_cache_size;
DROP TABLE dup_memory;
