--
-- Transactions: savepoints, prepared ones, isolation, what a rollback brings
-- back
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';

-- one statement for both, at the top level
SELECT twice('CREATE TABLE t (k text, v int)');
SELECT twice('CREATE TABLE u (k text, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.t.k IS 'tag';

-- savepoints: kept, rolled back, nested, with reads in between or not
BEGIN;
INSERT INTO m.t VALUES ('top', 1);
INSERT INTO h.t VALUES ('top', 1);
SAVEPOINT a;
INSERT INTO m.t VALUES ('a', 2);
INSERT INTO h.t VALUES ('a', 2);
SAVEPOINT b;
INSERT INTO m.t SELECT 'b', count(*) FROM m.t;
INSERT INTO h.t SELECT 'b', count(*) FROM h.t;
SELECT same('SELECT * FROM t');
ROLLBACK TO b;
SELECT same('SELECT * FROM t');
INSERT INTO m.t VALUES ('b again', 3);
INSERT INTO h.t VALUES ('b again', 3);
SAVEPOINT c;
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
ROLLBACK TO c;
SELECT same('SELECT * FROM t');
SAVEPOINT d;
INSERT INTO m.t VALUES ('d', 4);
INSERT INTO h.t VALUES ('d', 4);
SELECT rusts_flush('m.t');
RELEASE d;
INSERT INTO m.t VALUES ('after d', 5);
INSERT INTO h.t VALUES ('after d', 5);
ROLLBACK TO b;
INSERT INTO m.t SELECT 'self', v FROM m.t;
INSERT INTO h.t SELECT 'self', v FROM h.t;
RELEASE a;
SELECT same('SELECT * FROM t');
COMMIT;
SELECT same('SELECT * FROM t');
BEGIN;
INSERT INTO m.t VALUES ('rolled back', 1);
SELECT rusts_flush('m.t');
SELECT count(*) FROM m.t;
ROLLBACK;
SELECT same('SELECT * FROM t');
SELECT tier, sum(rows) FROM rusts.segments WHERE measurement = 'm.t'::regclass GROUP BY tier;
-- an error in the middle of a statement
BEGIN;
INSERT INTO m.t VALUES ('kept', 1);
INSERT INTO h.t VALUES ('kept', 1);
SAVEPOINT a;
INSERT INTO m.t SELECT 'not kept', 100 / (i - 5000) FROM generate_series(1, 6000) AS i;
SELECT 1;
ROLLBACK TO a;
SELECT same('SELECT * FROM t');
COMMIT;
SELECT same('SELECT * FROM t');
-- random nesting
CREATE FUNCTION public.random_nest(depth int, seed int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			INSERT INTO t SELECT 'nest' || depth, seed * 10 + g FROM generate_series(1, 2) AS g;
			IF hashint4(seed * 7 + i) % 3 = 0 THEN
				INSERT INTO t SELECT 'count', count(*) FROM t;
			END IF;
			IF hashint4(seed * 11 + i) % 4 = 0 AND current_setting('search_path') LIKE 'm,%' THEN
				PERFORM rusts_flush('m.t');
			END IF;
			IF depth < 4 THEN
				PERFORM random_nest(depth + 1, hashint4(seed + i) & 65535);
			END IF;
			IF hashint4(seed * 13 + i) % 3 = 0 THEN
				RAISE EXCEPTION 'roll back';
			END IF;
			INSERT INTO u VALUES ('after', seed);
		EXCEPTION WHEN raise_exception THEN
			INSERT INTO u SELECT 'caught', count(*) FROM t;
		END;
	END LOOP;
END $$;
SELECT twice('SELECT random_nest(1, 17)');
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM u');
SELECT DISTINCT twice(format('SELECT random_nest(3, %s)', i)) FROM generate_series(1, 40) AS i;
SELECT same('SELECT * FROM t');
SELECT same('SELECT * FROM u');

-- procedures that commit
CREATE PROCEDURE public.commits(n int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..n LOOP
		INSERT INTO m.u VALUES ('proc', i);
		INSERT INTO h.u VALUES ('proc', i);
		IF i % 3 = 0 THEN
			ROLLBACK;
		ELSE
			COMMIT;
		END IF;
	END LOOP;
END $$;
CALL commits(20);
SELECT same('SELECT * FROM u');

-- prepared transactions
BEGIN;
INSERT INTO m.u VALUES ('prepared', 1);
INSERT INTO h.u VALUES ('prepared', 1);
SAVEPOINT a;
INSERT INTO m.u VALUES ('prepared', 2);
INSERT INTO h.u VALUES ('prepared', 2);
SELECT rusts_flush('m.u') > 0;
PREPARE TRANSACTION 'one';
SELECT count(*) FROM m.u WHERE k = 'prepared';
BEGIN;
INSERT INTO m.t SELECT 'prepared', i FROM generate_series(1, 20000) AS i;
PREPARE TRANSACTION 'two';
SELECT count(*) FROM m.t WHERE k = 'prepared';
COMMIT PREPARED 'one';
ROLLBACK PREPARED 'two';
SELECT same('SELECT * FROM u');
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.u') >= 0;
SELECT same('SELECT * FROM u');
BEGIN;
CREATE TABLE m.made (i int) USING rusts;
INSERT INTO m.made VALUES (1);
TRUNCATE m.u;
INSERT INTO m.u VALUES ('truncated', 1);
PREPARE TRANSACTION 'three';
ROLLBACK PREPARED 'three';
SELECT to_regclass('m.made');
SELECT same('SELECT * FROM u');
BEGIN;
CREATE TABLE m.made (i int) USING rusts;
INSERT INTO m.made VALUES (1);
PREPARE TRANSACTION 'four';
COMMIT PREPARED 'four';
SELECT * FROM m.made;
SELECT rusts_flush('m.made');
SELECT * FROM m.made;
BEGIN;
DROP TABLE m.made;
PREPARE TRANSACTION 'five';
COMMIT PREPARED 'five';
SELECT to_regclass('m.made');

-- isolation levels, alone
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) > 0 FROM m.u;
INSERT INTO m.u VALUES ('rr', 1);
SELECT count(*) FROM m.u WHERE k = 'rr';
SELECT rusts_flush('m.u');
SELECT count(*) FROM m.u WHERE k = 'rr';
INSERT INTO m.u VALUES ('rr', 2);
SELECT rusts_flush('m.u');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO m.u SELECT 'ser', v FROM m.u WHERE k = 'rr';
SELECT rusts_flush('m.u');
SELECT count(*) FROM m.u WHERE k = 'ser';
COMMIT;
SELECT k, count(*) FROM m.u WHERE k IN ('rr', 'ser') GROUP BY k ORDER BY k;
BEGIN READ ONLY;
SELECT count(*) > 0 FROM m.u;
INSERT INTO m.u VALUES ('ro', 1);
ROLLBACK;
BEGIN READ ONLY;
SELECT rusts_flush('m.u');
ROLLBACK;
DELETE FROM h.u WHERE k IN ('rr', 'ser');
INSERT INTO h.u SELECT * FROM m.u WHERE k IN ('rr', 'ser');
SELECT same('SELECT * FROM u');

--
-- What is rolled back comes back
--
CREATE FUNCTION public.directory_rows() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM rusts.segment';
SELECT directory_rows() AS before \gset
BEGIN;
TRUNCATE m.t;
SELECT count(*) FROM m.t;
INSERT INTO m.t VALUES ('new', 1);
SELECT rusts_flush('m.t');
SELECT * FROM m.t;
ROLLBACK;
SELECT same('SELECT * FROM t');
BEGIN;
SAVEPOINT a;
TRUNCATE m.t;
INSERT INTO m.t VALUES ('new', 1);
ROLLBACK TO a;
SELECT same('SELECT * FROM t');
INSERT INTO m.t VALUES ('x', 1);
INSERT INTO h.t VALUES ('x', 1);
SAVEPOINT b;
TRUNCATE m.t;
TRUNCATE m.t;
ROLLBACK TO b;
SELECT same('SELECT * FROM t');
COMMIT;
SELECT same('SELECT * FROM t');
BEGIN;
DROP TABLE m.t;
ROLLBACK;
SELECT same('SELECT * FROM t');
BEGIN;
ALTER TABLE m.t ALTER v TYPE text;
INSERT INTO m.t VALUES ('x', 'text');
SELECT count(*) FROM m.t WHERE v = 'text';
ROLLBACK;
SELECT same('SELECT * FROM t');
BEGIN;
ALTER TABLE m.t ADD w int DEFAULT 7;
INSERT INTO m.t VALUES ('x', 1, 2);
SELECT w, count(*) > 0 FROM m.t GROUP BY w ORDER BY w;
ALTER TABLE m.t DROP v;
SELECT rusts_flush('m.t') > 0;
SELECT w, count(*) > 0 FROM m.t GROUP BY w ORDER BY w;
ROLLBACK;
SELECT same('SELECT * FROM t');
BEGIN;
ALTER TABLE m.t RENAME TO renamed;
INSERT INTO m.renamed VALUES ('x', 1);
ALTER TABLE m.renamed SET ACCESS METHOD heap;
UPDATE m.renamed SET v = 0;
ROLLBACK;
SELECT same('SELECT * FROM t');
BEGIN;
ALTER TABLE m.t SET UNLOGGED;
INSERT INTO m.t VALUES ('unlogged', 1);
ROLLBACK;
SELECT same('SELECT * FROM t');
-- one batch more: the row that was kept
SELECT directory_rows() - :before;
SELECT directory_rows() AS before \gset

-- TRUNCATE and DROP of what the transaction has made
BEGIN;
CREATE TABLE m.n (i int) USING rusts;
INSERT INTO m.n SELECT generate_series(1, 30000);
SELECT rusts_flush('m.n');
TRUNCATE m.n;
SELECT count(*) FROM m.n;
INSERT INTO m.n VALUES (1);
SAVEPOINT a;
INSERT INTO m.n VALUES (2);
TRUNCATE m.n;
INSERT INTO m.n VALUES (3);
ROLLBACK TO a;
SELECT * FROM m.n;
TRUNCATE m.n;
INSERT INTO m.n VALUES (4);
COMMIT;
SELECT * FROM m.n;
BEGIN;
TRUNCATE m.n;
INSERT INTO m.n VALUES (5);
TRUNCATE m.n;
INSERT INTO m.n VALUES (6);
SAVEPOINT a;
DROP TABLE m.n;
ROLLBACK TO a;
SELECT * FROM m.n;
COMMIT;
SELECT * FROM m.n;
BEGIN;
CREATE TABLE m.gone (i int) USING rusts;
INSERT INTO m.gone SELECT generate_series(1, 30000);
ROLLBACK;
BEGIN;
CREATE TABLE m.gone (i int) USING rusts;
INSERT INTO m.gone SELECT generate_series(1, 30000);
DROP TABLE m.gone;
COMMIT;
DROP TABLE m.n;
SELECT directory_rows() - :before;

-- temporary measurements
CREATE TEMP TABLE tmp (i int) USING rusts;
INSERT INTO tmp SELECT generate_series(1, 1000);
SELECT count(*) FROM tmp;
SELECT rusts_flush('tmp');
SELECT count(*), sum(i) FROM tmp;
TRUNCATE tmp;
SELECT count(*) FROM tmp;
CREATE TEMP TABLE tmp_rows (i int) USING rusts ON COMMIT DELETE ROWS;
INSERT INTO tmp_rows VALUES (1);
SELECT count(*) FROM tmp_rows;
BEGIN;
INSERT INTO tmp_rows SELECT generate_series(1, 1000);
SELECT rusts_flush('tmp_rows');
SELECT count(*) FROM tmp_rows;
SAVEPOINT a;
INSERT INTO tmp_rows SELECT generate_series(1, 1000);
ROLLBACK TO a;
SELECT count(*) FROM tmp_rows;
COMMIT;
SELECT count(*) FROM tmp_rows;
INSERT INTO tmp_rows SELECT generate_series(1, 1000);
SELECT count(*) FROM tmp_rows;
BEGIN;
CREATE TEMP TABLE tmp_drop ON COMMIT DROP AS SELECT 1 AS i;
CREATE TEMP TABLE tmp_drop2 (i int) USING rusts ON COMMIT DROP;
INSERT INTO tmp_drop2 VALUES (1);
SELECT * FROM tmp_drop2;
COMMIT;
SELECT to_regclass('tmp_drop2');
BEGIN;
INSERT INTO tmp VALUES (1);
PREPARE TRANSACTION 'temp';
SET default_table_access_method = rusts;
CREATE TEMP TABLE tmp_ctas AS SELECT i FROM generate_series(1, 10) AS i;
RESET default_table_access_method;
SELECT amname FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam WHERE c.oid = 'tmp_ctas'::regclass;
SELECT sum(i) FROM tmp_ctas;
SELECT directory_rows() - :before;
DISCARD TEMP;
SELECT directory_rows() - :before;

-- unlogged
CREATE UNLOGGED TABLE m.un (i int, s text) USING rusts;
INSERT INTO m.un SELECT i, md5(i::text) FROM generate_series(1, 1000) AS i;
SELECT rusts_flush('m.un');
INSERT INTO m.un SELECT i, md5(i::text) FROM generate_series(1001, 2000) AS i;
SELECT count(*), sum(i), count(DISTINCT s) FROM m.un;
ALTER TABLE m.un SET LOGGED;
SELECT count(*), sum(i), count(DISTINCT s) FROM m.un;
ALTER TABLE m.un SET UNLOGGED;
SELECT count(*), sum(i), count(DISTINCT s) FROM m.un;
INSERT INTO m.un VALUES (1, '');
TRUNCATE m.un;
INSERT INTO m.un VALUES (1, '');
SELECT * FROM m.un;
DROP TABLE m.un;
SELECT directory_rows() - :before;

-- two-phase DDL in one session: nothing leaks
DROP TABLE m.t, m.u;
SELECT count(*) FROM rusts.segment AS s
WHERE NOT EXISTS (SELECT FROM pg_class AS c JOIN pg_am AS a ON a.oid = relam AND amname = 'rusts'
 WHERE relkind IN ('r', 'm') AND rusts.storage_id(c.oid) = s.storage_id);

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP FUNCTION random_nest, directory_rows;
DROP PROCEDURE commits;

-- TRUNCATE again and again in one transaction: it is the same file, and what
-- was in it before is not in the way
CREATE TABLE again (time timestamptz NOT NULL, s text) USING rusts;
CREATE FUNCTION again() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE again;
	INSERT INTO again SELECT '2024-01-01'::timestamptz + i * interval '1 s', md5(i::text)
	FROM generate_series(1, 2000) AS i;
	PERFORM rusts_flush('again');
END $$;
BEGIN;
SELECT again(), again(), again();
COMMIT;
SELECT rusts_compact('again');
SELECT count(*) FROM again;
DROP TABLE again;
DROP FUNCTION again();
