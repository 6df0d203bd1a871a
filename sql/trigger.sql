--
-- Triggers on measurements, and functions that look at one in the middle of
-- a statement that writes it
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';

CREATE FUNCTION public.log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_LEVEL = 'ROW' THEN
		EXECUTE format('INSERT INTO %I.log VALUES (%L, ($1).k, ($1).v)', TG_TABLE_SCHEMA,
			concat_ws(' ', TG_NAME, TG_WHEN, TG_OP)) USING NEW;
		RETURN NEW;
	END IF;
	EXECUTE format('INSERT INTO %I.log VALUES (%L, NULL, (SELECT count(*) FROM %I.%I))',
		TG_TABLE_SCHEMA, concat_ws(' ', TG_NAME, TG_WHEN, TG_OP), TG_TABLE_SCHEMA, TG_TABLE_NAME);
	RETURN NULL;
END $$;
SELECT twice('CREATE TABLE t (k text, time timestamptz, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.t.k IS 'tag';
SELECT twice('CREATE TABLE log (what text, k text, v int)');
SELECT twice('CREATE TRIGGER a BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION log_change()');
SELECT twice('CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW WHEN (NEW.v % 2 = 0) EXECUTE FUNCTION log_change()');
SELECT twice('CREATE TRIGGER c AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION log_change()');
SELECT twice('CREATE TRIGGER d AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION log_change()');
SELECT twice('CREATE TRIGGER e AFTER TRUNCATE ON t FOR EACH STATEMENT EXECUTE FUNCTION log_change()');
SELECT twice($$INSERT INTO t VALUES ('b', '2021-01-02', 1), ('a', '2021-01-01', 2)$$);
SELECT twice($$INSERT INTO t SELECT chr(97 + i % 5), '2021-01-01'::timestamptz - i * '1 min'::interval, i FROM generate_series(1, 2000) AS i$$);
SELECT twice('INSERT INTO t SELECT * FROM t');
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM log');
\set copy :srcdir '/trigger.copy'
COPY (SELECT chr(97 + i % 3), NULL, i FROM generate_series(1, 1000) AS i) TO :'copy';
COPY m.t FROM :'copy';
COPY h.t FROM :'copy';
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM log');
SELECT rusts_flush('m.t') > 0;
SELECT same('SELECT * FROM t');
SELECT twice('TRUNCATE t');
SELECT same('SELECT * FROM log');
DROP TRIGGER a ON m.t;
DROP TRIGGER a ON h.t;
DROP TRIGGER d ON m.t;
DROP TRIGGER d ON h.t;
DROP TRIGGER e ON m.t;
DROP TRIGGER e ON h.t;
SELECT twice('TRUNCATE log');

-- a trigger that changes or suppresses the row
CREATE FUNCTION public.change_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.v % 3 = 0 THEN
		RETURN NULL;
	END IF;
	NEW.v := NEW.v * 10;
	NEW.k := NEW.k || '!';
	RETURN NEW;
END $$;
SELECT twice('CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION change_row()');
SELECT twice($$INSERT INTO t SELECT 'x', NULL, i FROM generate_series(1, 100) AS i$$);
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM log');
DROP TRIGGER x ON m.t;
DROP TRIGGER x ON h.t;

-- transition tables
CREATE FUNCTION public.log_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I.log SELECT ''transition'', k, v FROM inserted', TG_TABLE_SCHEMA);
	RETURN NULL;
END $$;
SELECT twice('TRUNCATE log');
SELECT twice('CREATE TRIGGER y AFTER INSERT ON t REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION log_transition()');
SELECT twice($$INSERT INTO t SELECT 'y', NULL, i FROM generate_series(1, 3000) AS i$$);
COPY m.t FROM :'copy';
COPY h.t FROM :'copy';
SELECT same('SELECT * FROM log');
DROP TRIGGER y ON m.t;
DROP TRIGGER y ON h.t;

-- deferred constraint triggers: the rows are fetched at COMMIT
SELECT twice('TRUNCATE log');
SELECT twice('CREATE CONSTRAINT TRIGGER z AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION log_change()');
BEGIN;
INSERT INTO m.t SELECT 'z' || i % 3, NULL, i FROM generate_series(1, 1000) AS i;
INSERT INTO h.t SELECT 'z' || i % 3, NULL, i FROM generate_series(1, 1000) AS i;
SAVEPOINT s;
INSERT INTO m.t SELECT 'zz' || i % 3, NULL, i FROM generate_series(1, 100) AS i;
INSERT INTO h.t SELECT 'zz' || i % 3, NULL, i FROM generate_series(1, 100) AS i;
ROLLBACK TO s;
INSERT INTO m.t SELECT 'zzz' || i % 3, NULL, i FROM generate_series(1, 100) AS i;
INSERT INTO h.t SELECT 'zzz' || i % 3, NULL, i FROM generate_series(1, 100) AS i;
RELEASE s;
-- rows that triggers will ask for stay where they are
SELECT rusts_flush('m.t') > 0;
SELECT same('SELECT * FROM log');
COMMIT;
SELECT same('SELECT * FROM log');
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
DROP TRIGGER z ON m.t;
DROP TRIGGER z ON h.t;
DROP TRIGGER b ON m.t;
DROP TRIGGER b ON h.t;
DROP TRIGGER c ON m.t;
DROP TRIGGER c ON h.t;

--
-- What happens in the middle of a statement: what, per row, with the same
-- table.  Each function returns the number of rows that it sees.
--
CREATE FUNCTION public.see(n int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) FROM t);
END $$;
-- reads in a subtransaction that commits, or aborts
CREATE FUNCTION public.see_sub(n int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	seen bigint := -1;
BEGIN
	BEGIN
		SELECT count(*) INTO seen FROM t;
		IF n % 3 = 0 THEN
			RAISE EXCEPTION 'roll back';
		END IF;
	EXCEPTION WHEN raise_exception THEN
		seen := seen + 1000000;
	END;
	RETURN seen;
END $$;
-- writes, and reads, in one that commits or aborts, nested
CREATE FUNCTION public.write_sub(n int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	seen bigint := -1;
BEGIN
	INSERT INTO t VALUES ('inner', NULL, n);
	BEGIN
		INSERT INTO t VALUES ('sub', NULL, n);
		SELECT count(*) INTO seen FROM t;
		BEGIN
			INSERT INTO t VALUES ('subsub', NULL, n);
			IF n % 2 = 0 THEN
				SELECT count(*) INTO seen FROM t;
			END IF;
			IF n % 3 = 0 THEN
				RAISE EXCEPTION 'roll back';
			END IF;
		EXCEPTION WHEN raise_exception THEN
			INSERT INTO t VALUES ('handler', NULL, n);
		END;
		IF n % 5 = 0 THEN
			RAISE EXCEPTION 'roll back';
		END IF;
	EXCEPTION WHEN raise_exception THEN
		seen := seen + 1000000;
	END;
	IF n % 7 = 0 THEN
		seen := seen * 100 + (SELECT count(*) FROM t);
	END IF;
	RETURN seen;
END $$;
-- an error in the middle of an inner statement
CREATE FUNCTION public.fail_sub(n int) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		INSERT INTO t SELECT 'failed', NULL, i / (5 - i) FROM generate_series(1, 10) AS i;
	EXCEPTION WHEN division_by_zero THEN
		NULL;
	END;
	RETURN (SELECT count(*) FROM t);
END $$;
SELECT twice('TRUNCATE t');
SELECT twice($$INSERT INTO t SELECT 'see', NULL, see(i) FROM generate_series(1, 50) AS i$$);
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t SELECT 'see_sub', NULL, see_sub(i) FROM generate_series(1, 50) AS i$$);
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t SELECT 'write_sub', NULL, write_sub(i) FROM generate_series(1, 50) AS i$$);
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t SELECT 'fail_sub', NULL, fail_sub(i) FROM generate_series(1, 50) AS i$$);
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t SELECT 'all', NULL, CASE i % 5 WHEN 0 THEN see(i) WHEN 1 THEN see_sub(i) WHEN 2 THEN write_sub(i) WHEN 3 THEN fail_sub(i) ELSE i END FROM generate_series(1, 200) AS i$$);
SELECT same('SELECT * FROM t');
SELECT twice($$INSERT INTO t SELECT 'error', NULL, write_sub(i) / (30 - i) FROM generate_series(1, 50) AS i$$);
SELECT same('SELECT * FROM t');
SELECT same($$SELECT k, v, see(v % 10), see_sub(v % 10) FROM t WHERE k = 'inner'$$);
SELECT rusts_flush('m.t') > 0;
SELECT same('SELECT * FROM t');

-- the same by triggers, with rows that have been given TIDs
CREATE FUNCTION public.call_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.k <> 'outer' THEN
		RETURN NEW;
	END IF;
	PERFORM set_config('search_path', TG_TABLE_SCHEMA || ', public', true);
	EXECUTE format('INSERT INTO log SELECT %L, NULL, %I($1)', TG_ARGV[0], TG_ARGV[0]) USING NEW.v;
	RETURN NEW;
END $$;
SELECT twice('TRUNCATE t, log');
SELECT twice('CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION call_it(''see_sub'')');
SELECT twice('CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION call_it(''write_sub'')');
SELECT twice($$INSERT INTO t SELECT 'outer', NULL, i FROM generate_series(1, 60) AS i$$);
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM log');
SELECT twice('CREATE TRIGGER c AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION call_it(''write_sub'')');
SELECT twice('CREATE TRIGGER d AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION call_it(''see_sub'')');
SELECT twice('CREATE TRIGGER e AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION call_it(''fail_sub'')');
SELECT twice('TRUNCATE t, log');
SELECT twice($$INSERT INTO t SELECT 'outer', NULL, i FROM generate_series(1, 60) AS i$$);
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM log');
COPY (SELECT 'outer', NULL, i FROM generate_series(1, 100) AS i) TO :'copy';
COPY m.t FROM :'copy';
COPY h.t FROM :'copy';
SELECT same('SELECT k, v, count(*) FROM t GROUP BY k, v');
SELECT same('SELECT what, count(*) FROM log GROUP BY what');
SELECT rusts_flush('m.t') > 0;
SELECT same('SELECT * FROM t');

-- triggers that write to another measurement, which has one, too
CREATE FUNCTION public.pass_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I.%I VALUES ($1.k, $1.time, $1.v + 1)', TG_TABLE_SCHEMA, TG_ARGV[0]) USING NEW;
	RETURN NEW;
END $$;
SELECT twice('CREATE TABLE t1 (k text, time timestamptz, v int)');
SELECT twice('CREATE TABLE t2 (k text, time timestamptz, v int)');
SELECT twice('CREATE TABLE t3 (k text, time timestamptz, v int)');
SELECT twice('CREATE TRIGGER a BEFORE INSERT ON t1 FOR EACH ROW EXECUTE FUNCTION pass_on(''t2'')');
SELECT twice('CREATE TRIGGER b AFTER INSERT ON t1 FOR EACH ROW EXECUTE FUNCTION pass_on(''t3'')');
SELECT twice('CREATE TRIGGER c AFTER INSERT ON t2 FOR EACH ROW EXECUTE FUNCTION pass_on(''t3'')');
SELECT twice($$INSERT INTO t1 SELECT 'k', NULL, i FROM generate_series(1, 500) AS i$$);
SELECT same('SELECT 1, * FROM t1 UNION ALL SELECT 2, * FROM t2 UNION ALL SELECT 3, * FROM t3');
-- one function writes to many, by turns
SELECT twice($outer$DO $$
BEGIN
	FOR i IN 1..300 LOOP
		EXECUTE format('INSERT INTO t%s SELECT ''turn'', NULL, g FROM generate_series(1, 3) AS g', i % 3 + 1);
		IF i % 7 = 0 THEN
			BEGIN
				INSERT INTO t1 SELECT 'lost', NULL, 1 FROM t3 LIMIT 5;
				RAISE EXCEPTION 'roll back';
			EXCEPTION WHEN raise_exception THEN
				INSERT INTO t3 VALUES ('caught', NULL, (SELECT count(*) FROM t1));
			END;
		END IF;
	END LOOP;
END $$$outer$);
SELECT same('SELECT 1, * FROM t1 UNION ALL SELECT 2, * FROM t2 UNION ALL SELECT 3, * FROM t3');

-- a function that flushes in the middle of a statement that writes
CREATE FUNCTION public.flush_in(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('search_path') LIKE 'm,%' THEN
		PERFORM rusts_flush('m.t1');
	END IF;
	RETURN n;
END $$;
SELECT twice($$INSERT INTO t1 SELECT 'flush', NULL, flush_in(i) FROM generate_series(1, 20) AS i$$);
SELECT same('SELECT 1, * FROM t1 UNION ALL SELECT 2, * FROM t2 UNION ALL SELECT 3, * FROM t3');
SELECT twice('DROP TRIGGER a ON t1');
SELECT twice('DROP TRIGGER b ON t1');
SELECT twice($$INSERT INTO t1 SELECT 'flush', NULL, flush_in(i) FROM generate_series(1, 20) AS i$$);
SELECT twice($$INSERT INTO t1 SELECT 'flush self', NULL, flush_in(v) FROM t1$$);
SELECT same('SELECT * FROM t1');
-- or adds a column, which the statement's lock must keep it from
CREATE FUNCTION public.alter_in(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE t1 ADD surprise int;
	RETURN n;
END $$;
SELECT twice($$INSERT INTO t1 SELECT 'alter', NULL, alter_in(i) FROM generate_series(1, 20) AS i$$);
CREATE FUNCTION public.truncate_in(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE t1;
	RETURN n;
END $$;
SELECT twice($$INSERT INTO t1 SELECT 'truncate', NULL, truncate_in(i) FROM generate_series(1, 20) AS i$$);
SELECT same('SELECT * FROM t1');

-- cursors held open while rows are written
SELECT twice($outer$DO $$
DECLARE
	c CURSOR FOR SELECT * FROM t2 ORDER BY v;
	r record;
	n int := 0;
BEGIN
	FOR r IN c LOOP
		INSERT INTO t2 VALUES (r.k, r.time, r.v);
		n := n + 1;
	END LOOP;
	FOR r IN SELECT * FROM t2 LOOP
		INSERT INTO t2 VALUES ('again', r.time, r.v);
		EXIT WHEN n > 2000;
		n := n + 1;
	END LOOP;
	ASSERT n > 500;
END $$$outer$);
SELECT same('SELECT k, count(*) FROM t2 GROUP BY k');

-- the memory that a hundred thousand deferred triggers take does not grow with
-- the batches that their rows are in
CREATE FUNCTION public.peak_kb() RETURNS bigint LANGUAGE sql AS $$
SELECT substring(pg_read_file('/proc/' || pg_backend_pid() || '/status') FROM 'VmHWM:\s+(\d+)')::bigint $$;
CREATE TABLE m.keys (k text PRIMARY KEY);
INSERT INTO m.keys SELECT 'k' || i FROM generate_series(0, 9) AS i;
CREATE TABLE m.deferred (k text REFERENCES m.keys DEFERRABLE INITIALLY DEFERRED, v float8) USING rusts;
BEGIN;
DO $$
BEGIN
	FOR i IN 1..1000 LOOP
		INSERT INTO m.deferred SELECT 'k' || g % 10, sqrt(i * 100 + g) FROM generate_series(1, 100) AS g;
	END LOOP;
END $$;
SELECT peak_kb() AS before \gset
COMMIT;
SELECT peak_kb() - :before < 64 * 1024;
DROP FUNCTION peak_kb;

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP FUNCTION log_change, change_row, log_transition, see, see_sub, write_sub, fail_sub, call_it, pass_on, flush_in, alter_in, truncate_in;
