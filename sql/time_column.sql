--
-- The column that is called time: segments are sorted by it and left out by
-- it, so what is the time of stored rows stays it, unless they are rewritten
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET datestyle = ISO;
CREATE DOMAIN public.stamp AS timestamptz;
CREATE CAST (timestamptz AS bigint) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (bigint AS timestamptz) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE FUNCTION public.far() RETURNS timestamptz VOLATILE LANGUAGE plpgsql AS $$BEGIN RETURN '2031-06-01'; END $$;

-- Queries on t that would notice a wrong time: how many the same, which not.
CREATE FUNCTION public.compared() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	queries text[] := ARRAY['SELECT * FROM t', 'SELECT count(*) FROM t'];
	query text;
	n int := 0;
	wrong text := '';
BEGIN
	IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('m.t') AND attname = 'time'
			   AND atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype)) THEN
		queries := queries || ARRAY[
			$q$SELECT count(*) FROM t WHERE time >= '2030-01-01'$q$,
			$q$SELECT count(*) FROM t WHERE time < '2030-01-01'$q$,
			$q$SELECT * FROM t WHERE time BETWEEN '2030-12-31 01:00' AND '2030-12-31 02:00'$q$,
			$q$SELECT * FROM t WHERE time BETWEEN '2021-01-02 01:00' AND '2021-01-02 02:00'$q$,
			$q$SELECT * FROM t WHERE time IS NULL$q$,
			$q$SELECT min(time), max(time), count(time) FROM t$q$,
			$q$SELECT first(time, time), last(time, time) FROM t$q$,
			$q$SELECT time_bucket('1 hour', time) AS b, count(*), sum(v) FROM t GROUP BY b$q$,
			$q$SELECT array_agg(time) FROM (SELECT time FROM t ORDER BY time LIMIT 10) AS x$q$,
			$q$SELECT array_agg(time) FROM (SELECT time FROM t ORDER BY time DESC LIMIT 10) AS x$q$];
	END IF;
	IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('m.t') AND attname = 'k') AND cardinality(queries) > 2 THEN
		queries := queries || ARRAY[
			$q$SELECT k, count(*), first(time, time), last(time, time), max(time) FROM t WHERE time >= '2021-01-03' GROUP BY k$q$,
			$q$SELECT DISTINCT ON (k) k, time FROM t ORDER BY k, time DESC$q$,
			$q$SELECT time FROM t WHERE k = 'k1' AND time < '2021-01-02'$q$];
	END IF;
	FOREACH query IN ARRAY queries LOOP
		IF same(query) ~ '^\d+ same$' THEN
			n := n + 1;
		ELSE
			wrong := wrong || E'\n' || query || ': ' || same(query);
		END IF;
	END LOOP;
	RETURN n || ' same' || wrong;
END $$;

SET client_min_messages = warning;
-- Make t, in m and h, without rows, with an active batch, with hot segments;
-- see how commands fare, until one is refused, and whether answers are right.
CREATE FUNCTION public.attempt(columns text, filler text, VARIADIC commands text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	state text;
	command text;
	result text;
BEGIN
	FOREACH state IN ARRAY ARRAY['empty', 'active', 'hot'] LOOP
		PERFORM twice('DROP TABLE IF EXISTS t');
		PERFORM twice(format('CREATE TABLE t (%s)', columns));
		IF columns ~ '\mk text' THEN
			SECURITY LABEL FOR rusts ON COLUMN m.t.k IS 'tag';
		END IF;
		IF state <> 'empty' THEN
			PERFORM twice(format('INSERT INTO t SELECT %s FROM generate_series(1, 2000) AS i', filler));
		END IF;
		IF state = 'hot' THEN
			PERFORM rusts_flush('m.t');
		END IF;
		FOREACH command IN ARRAY commands LOOP
			result := run_in('m', 'rusts', command);
			EXIT WHEN result !~ '^\d+ rows$';
			PERFORM run_in('h', 'heap', command);
			result := 'accepted';
		END LOOP;
		RETURN NEXT format('%s: %s; %s', state, result, compared());
		-- new segments beside the old ones
		PERFORM twice('INSERT INTO t SELECT * FROM t');
		IF compared() ~ 'DIFFERENT' THEN
			RETURN NEXT 'more rows: ' || compared();
		END IF;
	END LOOP;
END $$;
\set columns 'time timestamptz, k text, x timestamptz, v int'
\set filler '\'2021-01-01\'::timestamptz + i * interval \'1 min\', \'k\' || i % 3, \'2031-01-01\'::timestamptz - i * interval \'1 min\', i'
\set others 'k text, x timestamptz, v int'
\set fill_others '\'k\' || i % 3, \'2031-01-01\'::timestamptz - i * interval \'1 min\', i'

-- the error in full
CREATE TABLE m.t (time timestamptz, x timestamptz) USING rusts;
INSERT INTO m.t VALUES ('2021-01-01', '2022-01-01');
\set VERBOSITY default
ALTER TABLE m.t RENAME time TO "then";
\set VERBOSITY terse
DROP TABLE m.t;

--
-- Renamed
--
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t RENAME time TO old');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t RENAME time TO old', 'ALTER TABLE t RENAME x TO time');
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t RENAME x TO time');
-- what is not the time, before or after
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t RENAME x TO "Time"');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t RENAME v TO w', 'ALTER TABLE t RENAME k TO tag', 'ALTER TABLE t RENAME w TO v');
SELECT attempt('time text, v int', '$$t$$ || i, i', 'ALTER TABLE t RENAME time TO old');
SELECT attempt('v int, x date', 'i, $$2021-01-01$$::date + i', 'ALTER TABLE t RENAME x TO time');

--
-- Dropped, added
--
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t DROP time');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t DROP time, ADD time timestamptz DEFAULT $$2031-06-01$$');
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD time timestamptz');
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD time timestamp DEFAULT $$2031-06-01$$');
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD y timestamptz DEFAULT $$2031-06-01$$', 'ALTER TABLE t RENAME y TO time');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ADD IF NOT EXISTS time timestamptz DEFAULT $$2031-06-01$$');
-- with a column that is not the time
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD time date DEFAULT $$2031-06-01$$', 'ALTER TABLE t DROP time', 'ALTER TABLE t ADD time bigint', 'ALTER TABLE t DROP x');
-- rows that are written anew are sorted anew
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD time timestamptz DEFAULT far()');
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD time timestamptz GENERATED ALWAYS AS (x) STORED', 'ALTER TABLE t ALTER time DROP EXPRESSION');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t DROP time, ADD time timestamptz DEFAULT far()');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t DROP time, ALTER v TYPE bigint');
SELECT attempt(:'others', :'fill_others', 'ALTER TABLE t ADD time timestamptz DEFAULT $$2031-06-01$$, ALTER v TYPE bigint');
-- as a generated column goes with what it is made of
SELECT attempt('t0 timestamptz, v int, time timestamptz GENERATED ALWAYS AS (t0) STORED', '$$2021-01-01$$::timestamptz + i * interval $$1 min$$, i', 'ALTER TABLE t DROP t0 CASCADE');

--
-- Another type
--
-- the same values in the same order
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE timestamp');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE timestamp', 'ALTER TABLE t ALTER time TYPE timestamptz');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE timestamptz(0)', 'ALTER TABLE t ALTER time TYPE timestamptz');
SET timezone = 'Europe/Berlin';
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE timestamp');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE timestamp', 'ALTER TABLE t ALTER time TYPE timestamptz');
SET timezone = 'UTC';
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE timestamptz USING $$2052-01-01$$::timestamptz - (time - $$2021-01-01$$)');
-- to another and back, rewritten
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE text');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE text', 'ALTER TABLE t ALTER time TYPE timestamptz USING time::timestamptz');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE date', 'ALTER TABLE t ALTER time TYPE timestamp USING time + v * interval $$1 min$$');
SELECT attempt('time text, v int', '$$2021-01-01$$::timestamptz + (i * 7919 % 2000) * interval $$1 min$$, i', 'ALTER TABLE t ALTER time TYPE timestamptz USING time::timestamptz');
SELECT attempt('time float8, v int', '1600000000 + i * 7919 % 2000 * 60, i', 'ALTER TABLE t ALTER time TYPE timestamptz USING to_timestamp(time)');
SELECT attempt('time stamp, v int', '$$2021-01-01$$::timestamptz - i * interval $$1 min$$, i', 'ALTER TABLE t ALTER time TYPE timestamptz USING time + interval $$10 years$$');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE stamp, ALTER v TYPE bigint', 'ALTER TABLE t ALTER time TYPE timestamptz, ALTER v TYPE int');
-- to another and back, not rewritten
SELECT attempt('time stamp, v int', '$$2021-01-01$$::timestamptz - i * interval $$1 min$$, i', 'ALTER TABLE t ALTER time TYPE timestamptz');
SELECT attempt('time stamp, v int', '$$2021-01-01$$::timestamptz - i * interval $$1 min$$, i', 'ALTER TABLE t ALTER time TYPE timestamp');
SELECT attempt('time bigint, v int', '700000000000000 - i * 60000000::bigint, i', 'ALTER TABLE t ALTER time TYPE timestamptz');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE stamp');
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE bigint');
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE regress_rusts_time LOCATION '';
SELECT attempt(:'columns', :'filler', 'ALTER TABLE t ALTER time TYPE stamp, SET TABLESPACE regress_rusts_time');
SELECT twice('DROP TABLE t');
DROP TABLESPACE regress_rusts_time;

--
-- Ways around
--
-- partitions and children, by way of their parents
CREATE TABLE m.p (time timestamptz, x timestamptz, k text) PARTITION BY LIST (k);
CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES IN ('1') USING rusts;
CREATE TABLE m.p2 (k text, x timestamptz, time timestamptz) USING rusts;
ALTER TABLE m.p ATTACH PARTITION m.p2 FOR VALUES IN ('2');
CREATE TABLE m.p3 PARTITION OF m.p FOR VALUES IN ('3');
INSERT INTO m.p VALUES ('2021-01-01', '2022-01-01', '3');
ALTER TABLE m.p RENAME time TO "then";
ALTER TABLE m.p RENAME x TO time;
ALTER TABLE m.p RENAME time TO x;
ALTER TABLE m.p RENAME "then" TO time;
INSERT INTO m.p VALUES ('2021-01-01', '2022-01-01', '2');
ALTER TABLE m.p RENAME time TO "then";
ALTER TABLE m.p DROP time;
ALTER TABLE m.p RENAME x TO y;
ALTER TABLE m.p DETACH PARTITION m.p2;
ALTER TABLE m.p RENAME time TO "then";
ALTER TABLE m.p ATTACH PARTITION m.p2 FOR VALUES IN ('2');
SELECT time, y FROM m.p2 WHERE time >= '2021-01-01';
CREATE TABLE m.parent (v int);
CREATE TABLE m.child (v int) USING rusts;
INSERT INTO m.child VALUES (1);
ALTER TABLE m.child INHERIT m.parent;
ALTER TABLE m.parent ADD time timestamptz;
ALTER TABLE ONLY m.parent ADD time timestamptz;
ALTER TABLE m.parent ADD time date;
ALTER TABLE m.parent DROP time;
TRUNCATE m.child;
ALTER TABLE m.parent ADD time timestamptz;
INSERT INTO m.child VALUES (2, '2021-01-01');
ALTER TABLE m.parent DROP time;
ALTER TABLE m.parent RENAME time TO "then";
ALTER TABLE m.child NO INHERIT m.parent;
ALTER TABLE m.parent DROP time;
SELECT v, time FROM m.child;
-- a child that has the column already
ALTER TABLE m.child INHERIT m.parent;
ALTER TABLE m.parent ADD time timestamptz;
SELECT v, time FROM m.parent WHERE time = '2021-01-01';
-- typed tables
CREATE TYPE public.reading AS (time timestamptz, x timestamptz);
CREATE TABLE m.typed OF public.reading USING rusts;
INSERT INTO m.typed VALUES ('2021-01-01', '2022-01-01');
ALTER TYPE public.reading RENAME ATTRIBUTE time TO "then" CASCADE;
ALTER TYPE public.reading DROP ATTRIBUTE time CASCADE;
ALTER TYPE public.reading ALTER ATTRIBUTE time TYPE stamp CASCADE;
ALTER TYPE public.reading RENAME ATTRIBUTE x TO y CASCADE;
SELECT * FROM m.typed;
DROP TYPE public.reading CASCADE;
-- a domain's columns go with it
CREATE DOMAIN public.other_stamp AS timestamptz;
CREATE TABLE m.d (time other_stamp, x timestamptz) USING rusts;
INSERT INTO m.d VALUES ('2021-01-01', '2022-01-01');
\set VERBOSITY default
DROP DOMAIN public.other_stamp CASCADE;
\set VERBOSITY terse
SELECT * FROM m.d;
ALTER TABLE m.d RENAME x TO time;
-- materialized views
CREATE MATERIALIZED VIEW m.mv USING rusts AS SELECT '2021-01-01'::timestamptz AS time, '2022-01-01'::timestamptz AS x;
ALTER MATERIALIZED VIEW m.mv RENAME time TO "then";
REFRESH MATERIALIZED VIEW m.mv WITH NO DATA;
ALTER MATERIALIZED VIEW m.mv RENAME time TO "then";
ALTER MATERIALIZED VIEW m.mv RENAME x TO time;
REFRESH MATERIALIZED VIEW m.mv;
SELECT count(*) FROM m.mv WHERE time >= '2022-01-01';

--
-- In transactions
--
CREATE TABLE m.tx (time timestamptz, x timestamptz) USING rusts;
BEGIN;
INSERT INTO m.tx VALUES ('2021-01-01', '2022-01-01');
SAVEPOINT s;
ALTER TABLE m.tx RENAME time TO "then";
ROLLBACK TO s;
TRUNCATE m.tx;
ALTER TABLE m.tx RENAME time TO "then";
ALTER TABLE m.tx RENAME x TO time;
INSERT INTO m.tx VALUES ('2021-01-01', '2022-01-01');
SELECT "then" FROM m.tx WHERE time >= '2022-01-01';
ROLLBACK;
-- rows that were rolled back do not count; those of a table that is new do
BEGIN;
INSERT INTO m.tx VALUES ('2021-01-01', '2022-01-01');
ROLLBACK;
ALTER TABLE m.tx RENAME time TO "then";
ALTER TABLE m.tx RENAME "then" TO time;
BEGIN;
CREATE TABLE m.new (time timestamptz, x timestamptz) USING rusts;
INSERT INTO m.new VALUES ('2021-01-01', '2022-01-01');
SAVEPOINT s;
ALTER TABLE m.new DROP time;
ROLLBACK TO s;
TRUNCATE m.new;
ALTER TABLE m.new DROP time;
COMMIT;
-- in a function, while its caller writes
CREATE FUNCTION public.rename() RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE m.tx RENAME time TO "then";
	RETURN NULL;
END $$;
INSERT INTO m.tx SELECT '2021-01-01', CASE WHEN i = 3 THEN rename() END FROM generate_series(1, 4) AS i;
INSERT INTO m.tx VALUES ('2021-01-01', '2022-01-01');
SELECT rename();
SELECT * FROM m.tx;
-- in a statement that runs in another
CREATE TABLE m.other (time timestamptz, x timestamptz) USING rusts;
CREATE FUNCTION public.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'm.other'::regclass AND attname = 'then')
		AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'm.tx'::regclass AND attname = 'time') THEN
		ALTER TABLE m.tx RENAME time TO "then";
	END IF;
END $$;
CREATE EVENT TRIGGER on_ddl ON ddl_command_end WHEN tag IN ('ALTER TABLE') EXECUTE FUNCTION on_ddl();
ALTER TABLE m.other RENAME time TO "then";
TRUNCATE m.tx;
ALTER TABLE m.tx RENAME x TO y;
ALTER TABLE m.other RENAME time TO "then";
DROP EVENT TRIGGER on_ddl;
SELECT * FROM m.other;

--
-- What line protocol makes
--
SET search_path = m, public, same;
SELECT rusts_write('made,k=a f=1 1000000000000000000');
SELECT rusts_write('made,k=a,l=b f=1,g=2i 1000000000000000001');
ALTER TABLE made RENAME time TO "then";
ALTER TABLE made DROP time;
ALTER TABLE made RENAME g TO h;
ALTER TABLE made DROP h;
SELECT rusts_write('made,k=a,m=c f=1,g=2i 1000000000000000002');
SELECT * FROM made WHERE time >= '2001-01-01' ORDER BY time_ns;
-- nothing depends on the nanoseconds but the order of rows
ALTER TABLE made RENAME time_ns TO ns;
SELECT rusts_write('made,k=a f=2 1000000000000000004');
SELECT rusts_flush('made');
SELECT time, f, ns, time_ns FROM made WHERE time >= '2001-01-01' ORDER BY ns, time_ns;
ALTER TABLE made DROP time_ns;
ALTER TABLE made RENAME ns TO time_ns;
SELECT rusts_write('made,k=a f=3 1000000000000000001');
SELECT time, f, time_ns FROM made WHERE time_ns >= 1 ORDER BY time_ns, f;
SELECT rusts_flush('made');
SELECT time, f, time_ns FROM made WHERE time_ns >= 1 ORDER BY time_ns, f;
-- an old measurement without time
CREATE TABLE timeless (f float8) USING rusts;
INSERT INTO timeless VALUES (1);
SELECT rusts_write('timeless f=1 1');
RESET search_path;

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP FUNCTION public.attempt, public.compared, public.far, public.rename, public.on_ddl;
DROP CAST (timestamptz AS bigint);
DROP CAST (bigint AS timestamptz);
DROP DOMAIN public.stamp;
