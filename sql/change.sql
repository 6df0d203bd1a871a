--
-- UPDATE, DELETE, MERGE and row locks: as on a heap table
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';

-- a command's own rows, compared
CREATE FUNCTION same.returned_in(schema text, command text) RETURNS text[]
LANGUAGE plpgsql AS $$
DECLARE
	path text := current_setting('search_path');
	result text[] := '{}';
	r record;
BEGIN
	PERFORM set_config('search_path', schema || ', public', true);
	FOR r IN EXECUTE command LOOP
		result := result || r::text;
	END LOOP;
	PERFORM set_config('search_path', path, true);
	RETURN (SELECT coalesce(array_agg(x ORDER BY x), '{}') FROM unnest(result) AS x);
END $$;
CREATE FUNCTION same.returned(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	heap text[] := same.returned_in('h', command);
	rusts text[] := same.returned_in('m', command);
BEGIN
	IF heap = rusts THEN
		RETURN cardinality(heap) || ' same';
	END IF;
	RETURN format('DIFFERENT: %s in heap, %s in rusts', heap[1:5], rusts[1:5]);
END $$;
SET search_path = same, public;

-- several segments, hot ones of several partitions and active ones
SELECT twice($$CREATE TABLE t (time timestamptz NOT NULL, host text, i int8, f float8, s text, b bool)$$);
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
CREATE FUNCTION fill(first int, last int) RETURNS SETOF text LANGUAGE sql AS $$
SELECT same.twice(format($q$INSERT INTO t SELECT '2024-01-01'::timestamptz + i * interval '10 min', CASE WHEN i %% 7 > 0 THEN 'h' || i %% 7 END,
	CASE WHEN i %% 11 > 0 THEN i END, i / 3.0, CASE WHEN i %% 5 > 0 THEN 's' || i %% 100 END, i %% 3 = 0 FROM generate_series(%s, %s) AS i$q$, first, last))
$$;
SELECT fill(1, 3000);
SELECT rusts_flush('m.t') > 0;
SELECT fill(3001, 4000);
SELECT fill(4001, 4010);

CREATE FUNCTION compare() RETURNS SETOF text LANGUAGE sql AS $$
SELECT same.same(q) FROM unnest(ARRAY[
	'SELECT * FROM t',
	'SELECT count(*), count(i), sum(i), min(i), max(i), min(time), max(time), min(f), max(f), count(DISTINCT host), bool_or(b) FROM t',
	'SELECT host, count(*), sum(i), first(i, time), last(i, time), last(s, time) FROM t GROUP BY host',
	'SELECT DISTINCT host FROM t',
	'SELECT time_bucket(''1 day'', time), host, count(*), avg(i), max(s) FROM t GROUP BY 1, 2',
	'SELECT time_bucket(''1 hour'', time), sum(i) FROM t GROUP BY 1 ORDER BY 1 DESC LIMIT 5',
	'SELECT DISTINCT ON (host) host, time, i FROM t ORDER BY host, time DESC',
	'SELECT * FROM t ORDER BY time DESC LIMIT 7',
	'SELECT min(time), max(time) FROM t',
	'SELECT count(*) FROM t WHERE time < ''2024-01-10''',
	'SELECT i, s FROM t WHERE host = ''h3'' AND i BETWEEN 100 AND 500']) AS q
UNION ALL
SELECT same.same('SELECT count(*), sum(i) FROM t') FROM set_config('rusts.enable_scan', 'off', true)
UNION ALL
SELECT 'counted: ' || (SELECT rows = (SELECT count(*) FROM m.t) FROM rusts.measurements WHERE measurement = 'm.t'::regclass)
$$;
SELECT * FROM compare();
RESET rusts.enable_scan;

SELECT twice('DELETE FROM t WHERE false');
SELECT twice('DELETE FROM t WHERE i = 17');
SELECT twice('DELETE FROM t WHERE i % 10 = 3');
SELECT * FROM compare();
SELECT twice($$DELETE FROM t WHERE host = 'h5'$$);
SELECT twice($$DELETE FROM t WHERE host IS NULL AND time > '2024-01-20'$$);
SELECT twice($$DELETE FROM t WHERE time >= '2024-01-05' AND time < '2024-01-08 12:00'$$);
SELECT * FROM compare();
-- the newest and the oldest rows, whole blocks, whole segments
SELECT twice('DELETE FROM t WHERE time = (SELECT max(time) FROM t)');
SELECT twice('DELETE FROM t WHERE time = (SELECT min(time) FROM t)');
SELECT twice($$DELETE FROM t WHERE time > '2024-01-28'$$);
SELECT * FROM compare();
-- UPDATE of fields, tags and times
SELECT twice('UPDATE t SET f = -1 WHERE i = 100');
SELECT twice('UPDATE t SET f = f * 2, s = NULL WHERE i % 9 = 1');
SELECT twice($$UPDATE t SET host = 'renamed' WHERE host = 'h2'$$);
SELECT twice($$UPDATE t SET host = NULL, time = time + interval '40 days' WHERE i % 50 = 7$$);
SELECT twice('UPDATE t SET i = i');
SELECT * FROM compare();
SELECT rusts_flush('m.t') > 0;
SELECT * FROM compare();
SELECT twice('UPDATE t SET i = i + 1 WHERE i < 300');
SELECT twice('UPDATE t SET i = i + 1 WHERE i < 300');
SELECT twice('UPDATE t SET (f, s) = (SELECT count(*), max(s) FROM t AS o WHERE o.i = t.i) WHERE i BETWEEN 310 AND 320');
SELECT * FROM compare();

-- RETURNING, USING, FROM, CTEs
SELECT returned('DELETE FROM t WHERE i BETWEEN 330 AND 340 RETURNING *');
SELECT returned('UPDATE t SET f = i + 0.5 WHERE i BETWEEN 340 AND 350 RETURNING i, f, t');
SELECT twice('CREATE TABLE other AS SELECT i, s FROM t WHERE i BETWEEN 350 AND 360 OR i % 200 = 0');
SELECT returned('DELETE FROM t USING other WHERE other.i = t.i AND t.i < 355 RETURNING t.i, other.s');
SELECT returned('UPDATE t SET s = other.s || ''!'' FROM other WHERE other.i = t.i RETURNING t.i, t.s');
SELECT returned('WITH d AS (DELETE FROM t WHERE i BETWEEN 400 AND 410 RETURNING *) INSERT INTO t SELECT time, host, i + 100000, f, s, b FROM d RETURNING i');
SELECT returned('WITH u AS (UPDATE t SET i = -i WHERE i BETWEEN 420 AND 430 RETURNING i) SELECT sum(i) FROM u');
SELECT returned('WITH d AS (DELETE FROM t WHERE i BETWEEN 440 AND 450 RETURNING i), e AS (DELETE FROM t WHERE i BETWEEN 445 AND 455 RETURNING i) SELECT count(*) FROM (SELECT i FROM d UNION ALL SELECT i FROM e) AS x');
SELECT twice('DELETE FROM t WHERE i IN (SELECT i + 1 FROM t WHERE i < 470)');
SELECT twice('UPDATE t SET f = o.i FROM t AS o WHERE o.i = t.i + 1 AND t.i < 600');
SELECT * FROM compare();

-- MERGE
SELECT twice($$MERGE INTO t USING (SELECT 500 + g AS i FROM generate_series(1, 20) AS g) AS x ON t.i = x.i
	WHEN MATCHED AND x.i % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET s = 'merged'
	WHEN NOT MATCHED THEN INSERT VALUES (timestamptz '2024-02-01' + x.i * interval '1 s', 'merge', x.i, 0, 'new', true)$$);
SELECT twice('MERGE INTO t USING t AS o ON t.i = o.i + 1 WHEN MATCHED AND t.i < 700 THEN DO NOTHING WHEN MATCHED AND t.i < 710 THEN DELETE');
SELECT twice('MERGE INTO t USING (VALUES (800), (800)) AS x(i) ON t.i = x.i WHEN MATCHED THEN UPDATE SET f = 0');
SELECT * FROM compare();

-- subtransactions, aborts, several changes of one transaction
BEGIN;
SELECT twice('DELETE FROM t WHERE i BETWEEN 810 AND 819');
SAVEPOINT a;
SELECT twice('DELETE FROM t WHERE i BETWEEN 815 AND 829');
SELECT same('SELECT i FROM t WHERE i BETWEEN 800 AND 840');
SAVEPOINT b;
SELECT twice('UPDATE t SET f = 0 WHERE i BETWEEN 830 AND 839');
RELEASE b;
ROLLBACK TO a;
SELECT same('SELECT i, f FROM t WHERE i BETWEEN 800 AND 840');
SELECT twice('UPDATE t SET f = 1 WHERE i BETWEEN 815 AND 829');
SELECT twice('UPDATE t SET f = f + 1 WHERE i BETWEEN 815 AND 835');
SELECT twice('DELETE FROM t WHERE f = 2');
SELECT twice('INSERT INTO t SELECT timestamptz ''2024-03-01'' + g * interval ''1 s'', NULL, 1000000 + g FROM generate_series(1, 10) AS g');
SELECT twice('UPDATE t SET s = ''own'' WHERE i > 1000000');
SELECT twice('DELETE FROM t WHERE i > 1000005 AND s = ''own''');
SELECT * FROM compare();
COMMIT;
SELECT * FROM compare();
BEGIN;
SELECT twice('DELETE FROM t');
SELECT same('SELECT * FROM t');
SELECT same('SELECT DISTINCT host FROM t');
SELECT same('SELECT host, last(i, time) FROM t GROUP BY 1');
-- rows that were changed stay where they are until the transaction ends
SELECT rusts_flush('m.t');
ROLLBACK;
SELECT * FROM compare();
CREATE FUNCTION public.guarded() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM t WHERE i BETWEEN 900 AND 910;
	BEGIN
		DELETE FROM t WHERE i BETWEEN 905 AND 920;
		PERFORM 1 / 0;
	EXCEPTION WHEN division_by_zero THEN
		UPDATE t SET s = 'kept' WHERE i BETWEEN 905 AND 920;
	END;
END $$;
SELECT twice('SELECT public.guarded()') FROM (SELECT 1) AS x;
SELECT * FROM compare();

-- cursors
SELECT twice($twice$DO $$
DECLARE
	c CURSOR FOR SELECT * FROM t WHERE i BETWEEN 930 AND 950 ORDER BY i FOR UPDATE;
	d CURSOR FOR SELECT * FROM t WHERE i BETWEEN 951 AND 970;
BEGIN
	FOR r IN c LOOP
		IF r.i % 2 = 0 THEN
			DELETE FROM t WHERE CURRENT OF c;
		ELSE
			UPDATE t SET s = 'cursor' WHERE CURRENT OF c;
		END IF;
	END LOOP;
	FOR r IN d LOOP
		UPDATE t SET f = -r.i WHERE CURRENT OF d;
	END LOOP;
END $$$twice$);
SELECT * FROM compare();
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT i FROM m.t WHERE i BETWEEN 1000 AND 1100;
FETCH 2 FROM c;
DELETE FROM m.t WHERE CURRENT OF c;
FETCH 1 FROM c;
FETCH BACKWARD 3 FROM c;
DELETE FROM m.t;
FETCH ALL FROM c;
ROLLBACK;

-- triggers
SELECT twice('CREATE TABLE log (n serial, what text)');
CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I.log (what) VALUES ($1)', TG_TABLE_SCHEMA)
		USING concat_ws(' ', TG_WHEN, TG_OP, TG_LEVEL, CASE WHEN TG_OP <> 'INSERT' AND TG_LEVEL = 'ROW' THEN OLD END, '->', CASE WHEN TG_OP <> 'DELETE' AND TG_LEVEL = 'ROW' THEN NEW END);
	IF TG_OP = 'DELETE' THEN
		RETURN OLD;
	END IF;
	RETURN NEW;
END $$;
CREATE FUNCTION public.with_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I.log (what) SELECT ''old '' || count(*) || coalesce(sum(i), 0) FROM old_rows', TG_TABLE_SCHEMA);
	RETURN NULL;
END $$;
SELECT twice($$CREATE TABLE g (time timestamptz, k text, i int, twice int GENERATED ALWAYS AS (i * 2) STORED, CHECK (i < 1000))$$);
SECURITY LABEL FOR rusts ON COLUMN m.g.k IS 'tag';
SELECT twice($$INSERT INTO g SELECT '2024-01-01'::timestamptz + g * interval '1 min', 'k' || g % 3, g FROM generate_series(1, 200) AS g$$);
SELECT twice('CREATE TRIGGER b BEFORE UPDATE OR DELETE ON g FOR EACH ROW EXECUTE FUNCTION public.noted()');
SELECT twice('CREATE TRIGGER a AFTER UPDATE OR DELETE ON g FOR EACH ROW EXECUTE FUNCTION public.noted()');
SELECT twice('CREATE TRIGGER s AFTER UPDATE OR DELETE ON g FOR EACH STATEMENT EXECUTE FUNCTION public.noted()');
SELECT twice('CREATE TRIGGER tt AFTER DELETE ON g REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.with_transition()');
SELECT twice('CREATE CONSTRAINT TRIGGER late AFTER UPDATE OR DELETE ON g DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.noted()');
SELECT twice('UPDATE g SET i = i + 100 WHERE i BETWEEN 10 AND 14');
SELECT twice('DELETE FROM g WHERE i BETWEEN 20 AND 24');
SELECT twice('UPDATE g SET i = 1000 WHERE i = 30');
SELECT same('SELECT * FROM g');
SELECT same('SELECT what FROM log');
-- a trigger that changes the row first; a trigger that keeps it
CREATE FUNCTION public.meddles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('DELETE FROM %I.g WHERE i = %s', TG_TABLE_SCHEMA, OLD.i + 1);
	IF OLD.i % 2 = 0 THEN
		RETURN NULL;
	END IF;
	RETURN OLD;
END $$;
SELECT twice('CREATE TRIGGER c BEFORE DELETE ON g FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION public.meddles()');
SELECT twice('DELETE FROM g WHERE i BETWEEN 41 AND 41');
SELECT twice('DELETE FROM g WHERE i BETWEEN 50 AND 60');
SELECT same('SELECT * FROM g');
SELECT twice('DROP TRIGGER c ON g');

-- foreign keys of the measurement
CREATE TABLE m.hosts (host text PRIMARY KEY, other text UNIQUE) USING heap;
CREATE TABLE h.hosts (host text PRIMARY KEY, other text UNIQUE) USING heap;
SELECT twice($$INSERT INTO hosts SELECT 'k' || g, 'o' || g FROM generate_series(0, 3) AS g$$);
SELECT twice('CREATE TABLE host_data (time timestamptz, host text REFERENCES hosts ON DELETE CASCADE ON UPDATE CASCADE, other text REFERENCES hosts (other) ON DELETE SET NULL ON UPDATE SET DEFAULT)');
SELECT twice($$INSERT INTO host_data SELECT NULL, 'k' || g % 4, 'o' || (g + 1) % 4 FROM generate_series(1, 40) AS g$$);
SELECT twice($$DELETE FROM hosts WHERE host = 'k1'$$);
SELECT same('SELECT * FROM host_data');
SELECT twice($$UPDATE hosts SET host = 'new' WHERE host = 'k2'$$);
SELECT twice($$UPDATE hosts SET other = 'changed' WHERE host = 'k3'$$);
SELECT same('SELECT * FROM host_data');
SELECT twice($$UPDATE host_data SET host = 'nobody'$$);

-- partitions: rows move between measurements and heap tables
SELECT twice('CREATE TABLE p (time timestamptz, v int) PARTITION BY RANGE (v)');
CREATE TABLE m.p1 PARTITION OF m.p FOR VALUES FROM (0) TO (100) USING rusts;
CREATE TABLE m.p2 PARTITION OF m.p FOR VALUES FROM (100) TO (200) USING rusts;
CREATE TABLE m.p3 PARTITION OF m.p FOR VALUES FROM (200) TO (300) USING heap;
CREATE TABLE h.p1 PARTITION OF h.p FOR VALUES FROM (0) TO (100);
CREATE TABLE h.p2 PARTITION OF h.p FOR VALUES FROM (100) TO (200);
CREATE TABLE h.p3 PARTITION OF h.p FOR VALUES FROM (200) TO (300);
SELECT twice('INSERT INTO p SELECT NULL, g FROM generate_series(0, 299) AS g');
SELECT twice('UPDATE p SET v = v + 50 WHERE v BETWEEN 40 AND 70');
SELECT twice('UPDATE p SET v = v + 100 WHERE v BETWEEN 150 AND 180');
SELECT twice('UPDATE p SET v = v - 150 WHERE v > 240');
SELECT twice('UPDATE p SET v = 1000 WHERE v = 5');
SELECT returned('DELETE FROM p WHERE v % 7 = 0 RETURNING v');
SELECT twice('UPDATE p1 SET v = v + 1 WHERE v < 20');
SELECT same('SELECT tableoid::regclass::text, v FROM p');
SELECT same('SELECT count(*), sum(v) FROM p');

-- inheritance, views, rules
SELECT twice('CREATE TABLE child () INHERITS (p2)');
SELECT twice('CREATE TABLE base (time timestamptz, v int)');
CREATE TABLE m.derived (w int) INHERITS (m.base) USING rusts;
CREATE TABLE h.derived (w int) INHERITS (h.base);
SELECT twice('INSERT INTO derived SELECT NULL, g, g FROM generate_series(1, 20) AS g');
SELECT twice('INSERT INTO base SELECT NULL, g FROM generate_series(1, 20) AS g');
SELECT twice('UPDATE base SET v = v + 1 WHERE v % 2 = 0');
SELECT twice('DELETE FROM ONLY base WHERE v < 5');
SELECT twice('DELETE FROM base WHERE v > 15');
SELECT twice('CREATE VIEW some AS SELECT * FROM base WHERE v > 7 WITH CHECK OPTION');
SELECT twice('UPDATE some SET v = v + 1');
SELECT twice('UPDATE some SET v = 1 WHERE v = 10');
SELECT twice('DELETE FROM some WHERE v = 12');
SELECT same('SELECT * FROM base');

-- row-level security
SELECT twice('CREATE TABLE secret (time timestamptz, owner text, v int)');
SELECT twice($$INSERT INTO secret SELECT NULL, CASE WHEN g % 2 = 0 THEN 'regress_change' ELSE 'other' END, g FROM generate_series(1, 50) AS g$$);
CREATE ROLE regress_change;
GRANT USAGE ON SCHEMA m, h, same TO regress_change;
SELECT twice('GRANT ALL ON secret TO regress_change');
SELECT twice('ALTER TABLE secret ENABLE ROW LEVEL SECURITY');
SELECT twice('CREATE POLICY own ON secret USING (owner = current_user AND v < 40)');
SET ROLE regress_change;
UPDATE m.secret SET v = v + 1 WHERE v < 20;
DELETE FROM m.secret WHERE v > 30;
UPDATE m.secret SET owner = 'other';
RESET ROLE;
SET ROLE regress_change;
UPDATE h.secret SET v = v + 1 WHERE v < 20;
DELETE FROM h.secret WHERE v > 30;
UPDATE h.secret SET owner = 'other';
RESET ROLE;
SELECT same('SELECT * FROM secret');
REVOKE ALL ON SCHEMA m, h, same FROM regress_change;
SELECT twice('REVOKE ALL ON secret FROM regress_change');
SELECT twice('DROP POLICY own ON secret');
DROP ROLE regress_change;

-- columns that came and went; types of all kinds; large values
SELECT twice('CREATE TABLE c (a int, time timestamptz, n numeric, s text, j jsonb, z text)');
SELECT twice($$INSERT INTO c SELECT g, NULL, g / 7.0, repeat('x', g * 100), jsonb_build_object('g', g), 'z' FROM generate_series(1, 100) AS g$$);
SELECT twice('ALTER TABLE c DROP COLUMN z');
SELECT twice('ALTER TABLE c ADD COLUMN y int DEFAULT 7');
SELECT twice('UPDATE c SET n = n + 1 WHERE a % 3 = 0');
SELECT twice('DELETE FROM c WHERE y = 7 AND a % 5 = 0');
SELECT same('SELECT * FROM c');
SELECT rusts_flush('m.c') > 0;
SELECT twice('UPDATE c SET y = a, s = s || s WHERE a > 50');
SELECT same('SELECT * FROM c');
VACUUM FULL m.c;
SELECT same('SELECT * FROM c');
SELECT count(*) FROM rusts.deletion WHERE storage_id = rusts.storage_id('m.c'::regclass);
SELECT twice('DELETE FROM c WHERE a < 50');
VACUUM ANALYZE m.c;
SELECT reltuples = (SELECT count(*) FROM m.c) FROM pg_class WHERE oid = 'm.c'::regclass;
SELECT twice('ALTER TABLE c ALTER a TYPE int8');
SELECT same('SELECT * FROM c');
SELECT count(*) FROM rusts.deletion WHERE storage_id = rusts.storage_id('m.c'::regclass);
SELECT twice('DELETE FROM c WHERE a % 2 = 0');
SELECT rows, deleted_rows, bytes_after < bytes_before, deleted_rows_left FROM rusts_purge('m.c');
SELECT deleted_rows, deleted_rows_left FROM rusts_purge('m.c');
SELECT same('SELECT * FROM c');
SELECT twice('DELETE FROM c WHERE a % 3 = 0');
SELECT rusts_compact('m.c') > 0;
SELECT same('SELECT * FROM c');
SELECT count(*) FROM rusts.deletion WHERE storage_id = rusts.storage_id('m.c'::regclass);
SELECT rusts_purge('h.c');
SELECT twice('TRUNCATE c');
SELECT twice('SELECT * FROM c');

-- temporary and unlogged measurements
CREATE TEMP TABLE tmp (time timestamptz, v int) USING rusts;
INSERT INTO tmp SELECT NULL, g FROM generate_series(1, 100) AS g;
UPDATE tmp SET v = v + 100 WHERE v > 90;
DELETE FROM tmp WHERE v < 50;
SELECT count(*), sum(v) FROM tmp;
DROP TABLE tmp;

-- row locks
SELECT twice('CREATE TABLE l AS SELECT NULL::timestamptz AS time, g AS v FROM generate_series(1, 3000) AS g');
BEGIN;
SELECT * FROM m.l WHERE v < 4 FOR UPDATE;
SELECT * FROM m.l WHERE v < 4 FOR NO KEY UPDATE NOWAIT;
SELECT * FROM m.l WHERE v < 4 FOR SHARE SKIP LOCKED;
SELECT * FROM m.l WHERE v < 4 FOR KEY SHARE;
SELECT count(*) FROM (SELECT * FROM m.l FOR UPDATE) AS x;
DELETE FROM m.l WHERE v = 3;
SELECT * FROM m.l WHERE v < 4 FOR UPDATE;
COMMIT;
PREPARE d(int) AS DELETE FROM m.l WHERE v = $1 RETURNING v;
EXECUTE d(10);
EXECUTE d(10);
EXECUTE d(11);
SET plan_cache_mode = force_generic_plan;
EXECUTE d(12);
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) DELETE FROM m.l WHERE v = 1;
EXPLAIN (COSTS OFF) SELECT * FROM m.l FOR UPDATE;
BEGIN READ ONLY;
DELETE FROM m.l;
ROLLBACK;
SELECT count(*) FROM m.l;
-- where temporary relations may be changed
CREATE TEMP TABLE mine (time timestamptz NOT NULL, v int) USING rusts;
INSERT INTO mine SELECT to_timestamp(i), i FROM generate_series(1, 10) i;
BEGIN READ ONLY;
DELETE FROM mine WHERE v > 8;
UPDATE mine SET v = -v WHERE v < 3;
SELECT v FROM mine WHERE v < 4 ORDER BY v FOR UPDATE;
INSERT INTO mine VALUES (now(), 100);
COMMIT;
SELECT count(*), sum(v) FROM mine;
BEGIN READ ONLY;
DELETE FROM mine RETURNING xmin;
ROLLBACK;
DROP TABLE mine;

-- a prepared transaction keeps its changes and its locks
SELECT count(*) FROM rusts.deletion WHERE storage_id = rusts.storage_id('m.l'::regclass);
SELECT ctid FROM m.l WHERE v = 20;
SELECT v FROM m.l WHERE ctid = '(0,20)';
DELETE FROM m.l WHERE ctid = '(0,20)';
SELECT v FROM m.l WHERE ctid = '(0,20)';
SELECT v FROM m.l WHERE ctid = ANY ('{"(0,19)","(0,20)","(0,21)"}');

-- a statement reads the notes twice; that others need not be counted is known
CREATE TABLE m.often (time timestamptz NOT NULL, v int) USING rusts;
INSERT INTO m.often SELECT to_timestamp(i), i FROM generate_series(1, 200) i;
BEGIN;
SELECT pg_stat_get_xact_numscans('rusts.deletion_segment'::regclass) AS before \gset
DO $$
BEGIN
	FOR i IN 1..64 LOOP
		DELETE FROM m.often WHERE v = i;
	END LOOP;
END $$;
SELECT (pg_stat_get_xact_numscans('rusts.deletion_segment'::regclass) - :before) / 64 AS scans;
COMMIT;
SELECT count(*), sum(v) FROM m.often;
SELECT count(*) BETWEEN 2 AND 16, sum(nrows) FROM rusts.deletion WHERE storage_id = rusts.storage_id('m.often'::regclass);

-- what is noted of deleted rows is nobody's business
SELECT has_table_privilege('pg_read_all_data', 'rusts.deletion', 'UPDATE'), has_table_privilege('public', 'rusts.deletion', 'SELECT');
DROP FUNCTION fill, compare;
RESET search_path;
DROP SCHEMA m, h, same CASCADE;
DROP FUNCTION public.guarded, public.noted, public.with_transition, public.meddles;
