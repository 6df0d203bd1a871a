-- When commits are flushed: rusts.wal_mode, rusts_set_wal_mode.  What a crash
-- costs is in TAP test 031.
CREATE TABLE m (time timestamptz NOT NULL, v int8) USING rusts;
CREATE TABLE other (time timestamptz NOT NULL, v int8) USING rusts;
CREATE TABLE plain (v int8);
CREATE SEQUENCE counter CACHE 100;
CREATE UNLOGGED TABLE plain_unlogged (v int8);
INSERT INTO plain VALUES (0);

-- The modes.
SHOW rusts.wal_mode;
SHOW rusts.wal_sync_interval;
SELECT rusts_wal_mode('m'), rusts_wal_mode('plain') IS NULL AS none_of_it;
SET rusts.wal_mode = 'sometimes';
SET rusts.wal_sync_interval = '1s';
SELECT mode, rusts_set_wal_mode('m', mode), rusts_wal_mode('m'),
	   (SELECT relpersistence FROM pg_class WHERE oid = 'm'::regclass)
  FROM (VALUES ('periodic'), ('os-default'), ('every-write'), ('default')) v (mode);
SELECT rusts_set_wal_mode('m', 'periodic');
SELECT label FROM pg_seclabel WHERE objoid = 'm'::regclass AND objsubid = 0;
SET rusts.wal_mode = 'os-default';
SELECT rusts_wal_mode('m'), rusts_wal_mode('other');
SET rusts.wal_mode = 'none';
SELECT rusts_wal_mode('m'), rusts_wal_mode('other');
RESET rusts.wal_mode;
SELECT rusts_set_wal_mode('m', 'default');
SELECT count(*) FROM pg_seclabel WHERE objoid = 'm'::regclass;

-- none is UNLOGGED, and back.
INSERT INTO m SELECT to_timestamp(i), i FROM generate_series(1, 1000) i;
SELECT rusts_set_wal_mode('m', 'periodic');
SELECT rusts_set_wal_mode('m', 'none');
SELECT relpersistence, rusts_wal_mode(oid),
	   (SELECT count(*) FROM pg_seclabel WHERE objoid = oid) AS labels
  FROM pg_class WHERE oid = 'm'::regclass;
INSERT INTO m VALUES (to_timestamp(1001), 1001);
SELECT count(*), sum(v) FROM m;
SELECT rusts_set_wal_mode('m', 'none');
SELECT rusts_set_wal_mode('m', 'os-default');
SELECT relpersistence, rusts_wal_mode(oid) FROM pg_class WHERE oid = 'm'::regclass;
SELECT count(*), sum(v) FROM m;
SET rusts.wal_mode = 'none';
SELECT rusts_write('made v=1 1');
SET search_path = pg_temp, public;
SELECT rusts_write('passing v=1 1');
RESET search_path;
SELECT relname, relpersistence FROM pg_class WHERE relname IN ('made', 'passing') ORDER BY 1;
RESET rusts.wal_mode;
SELECT rusts_set_wal_mode('made', 'default');
SELECT relpersistence, rusts_wal_mode(oid) FROM pg_class WHERE oid = 'made'::regclass;
SELECT * FROM made;

-- Bad input.
SELECT rusts_set_wal_mode('m', 'sometimes');
SELECT rusts_set_wal_mode('m', NULL) IS NULL AS nothing;
SELECT rusts_set_wal_mode('plain', 'periodic');
SELECT rusts_set_wal_mode(0, 'periodic');
CREATE TEMPORARY TABLE t (time timestamptz NOT NULL, v int8) USING rusts;
SELECT rusts_set_wal_mode('t', 'periodic');
SELECT rusts_wal_mode('t');
SECURITY LABEL FOR rusts ON TABLE m IS 'tag';
SECURITY LABEL FOR rusts ON TABLE m IS 'wal_mode=none';
SECURITY LABEL FOR rusts ON TABLE m IS 'wal_mode=periodic, ';
SECURITY LABEL FOR rusts ON TABLE m IS 'wal_mode=periodic, wal_mode=periodic';
SECURITY LABEL FOR rusts ON TABLE m IS '';
SECURITY LABEL FOR rusts ON TABLE plain IS 'wal_mode=periodic';
SECURITY LABEL FOR rusts ON SCHEMA public IS 'wal_mode=periodic';
SECURITY LABEL FOR rusts ON TABLE m IS 'wal_mode=every-write';
SELECT rusts_wal_mode('m');
SECURITY LABEL FOR rusts ON TABLE m IS NULL;
SELECT rusts_wal_mode('m');
CREATE ROLE stranger;
GRANT SELECT, INSERT ON m TO stranger;
SET ROLE stranger;
SELECT rusts_set_wal_mode('m', 'none');
SELECT rusts_wal_mode('m');
RESET ROLE;
REVOKE ALL ON m FROM stranger;
DROP ROLE stranger;

-- Partitions.
CREATE TABLE p (time timestamptz NOT NULL, v int8) PARTITION BY RANGE (time);
SELECT rusts_set_wal_mode('p', 'periodic');
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') USING rusts;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
SELECT rusts_set_wal_mode('p', 'periodic');
SELECT rusts_wal_mode('p'), rusts_wal_mode('p1'), rusts_wal_mode('p2');
DROP TABLE p;

-- A rewrite keeps the mode, another name too.
SELECT rusts_set_wal_mode('m', 'os-default');
VACUUM FULL m;
ALTER TABLE m ALTER COLUMN v TYPE numeric;
ALTER TABLE m RENAME TO m2;
SELECT rusts_wal_mode('m2');
ALTER TABLE m2 RENAME TO m;
SELECT rusts_set_wal_mode('m', 'default');

-- Which commits are asynchronous although synchronous_commit is on.
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN INSERT INTO plain VALUES (1); RETURN NULL; END$$;
SELECT rusts_set_wal_mode('made', 'os-default');
SHOW synchronous_commit;

-- Catalogs that are read again after DDL may be pruned, and that is logged.
\set warm 'SET client_min_messages = notice; INSERT INTO made VALUES (now(), 1); INSERT INTO m VALUES (now(), 1); SELECT count(*) > 0 AS warm FROM plain; SET client_min_messages = debug1;'
:warm
INSERT INTO m VALUES (to_timestamp(2), 1);	-- as every-write
INSERT INTO made VALUES (to_timestamp(2), 1);
SELECT rusts_write('made v=1 2');
COPY made (time, v) FROM stdin;
2024-01-01	1
\.
INSERT INTO made VALUES (to_timestamp(3), 1), (to_timestamp(4), 2) RETURNING v;
INSERT INTO made SELECT to_timestamp(i), i FROM (SELECT generate_series(1, 700000) AS i) x;
SHOW synchronous_commit;
BEGIN; INSERT INTO made VALUES (to_timestamp(5), 1); INSERT INTO made VALUES (to_timestamp(6), 1); COMMIT;
-- savepoints, kept and not
BEGIN; SAVEPOINT a; INSERT INTO made VALUES (to_timestamp(5), 1); RELEASE a; COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(5), 1); SAVEPOINT a;
INSERT INTO made VALUES (to_timestamp(5), 1); ROLLBACK TO a; COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(5), 1); ROLLBACK;
INSERT INTO m VALUES (to_timestamp(2), 1);
-- two measurements: the stricter one decides
BEGIN; INSERT INTO made VALUES (to_timestamp(7), 1); INSERT INTO m VALUES (to_timestamp(7), 1); COMMIT;
BEGIN; INSERT INTO m VALUES (to_timestamp(7), 1); INSERT INTO made VALUES (to_timestamp(7), 1); COMMIT;
-- a heap table: before, between, after, in a trigger, deferred
BEGIN; INSERT INTO plain VALUES (1); INSERT INTO made VALUES (to_timestamp(8), 1); COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(8), 1); INSERT INTO plain VALUES (1); COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(8), 1); INSERT INTO plain VALUES (1);
INSERT INTO made VALUES (to_timestamp(8), 1); COMMIT;
WITH w AS (INSERT INTO plain VALUES (1) RETURNING v) INSERT INTO made SELECT to_timestamp(9), v FROM w;
SET client_min_messages = notice;
CREATE TRIGGER log_row AFTER INSERT ON made FOR EACH STATEMENT EXECUTE FUNCTION log_row();
SET client_min_messages = debug1;
INSERT INTO made VALUES (to_timestamp(9), 1);
SET client_min_messages = notice;
DROP TRIGGER log_row ON made;
CREATE CONSTRAINT TRIGGER log_row AFTER INSERT ON made DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION log_row();
SET client_min_messages = debug1;
INSERT INTO made VALUES (to_timestamp(9), 1);
SET client_min_messages = notice;
DROP TRIGGER log_row ON made;
SET client_min_messages = debug1;
-- other things that are logged: a row lock, a sequence, a message, DDL
BEGIN; INSERT INTO made VALUES (to_timestamp(9), 1); SELECT count(*) FROM (SELECT FROM plain LIMIT 1 FOR UPDATE) x; COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(9), 1); SELECT nextval('counter'); COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(9), 1); SELECT pg_logical_emit_message(true, '', '') IS NULL AS lsn; COMMIT;
BEGIN; INSERT INTO made VALUES (to_timestamp(9), 1); COMMENT ON TABLE plain IS 'x'; COMMIT;
-- what is not logged: reading, an unlogged table
:warm
BEGIN; INSERT INTO made VALUES (to_timestamp(9), 1); SELECT count(*) > 0 AS some FROM plain; INSERT INTO plain_unlogged VALUES (1); COMMIT;
-- two-phase commit is always synchronous
BEGIN; INSERT INTO made VALUES (to_timestamp(9), 1); PREPARE TRANSACTION 'durability';
COMMIT PREPARED 'durability';
INSERT INTO m VALUES (to_timestamp(9), 1);
-- procedures commit as well
DO $$BEGIN
	INSERT INTO made VALUES (to_timestamp(9), 1);
	COMMIT;
	INSERT INTO m VALUES (to_timestamp(9), 1);
	COMMIT;
	INSERT INTO made VALUES (to_timestamp(9), 1);
END$$;
-- the session's mode, the measurement's own, synchronous_commit
SET rusts.wal_mode = 'os-default';
INSERT INTO m VALUES (to_timestamp(10), 1);
SET LOCAL rusts.wal_mode = 'every-write';
BEGIN; SET LOCAL rusts.wal_mode = 'every-write'; INSERT INTO m VALUES (to_timestamp(10), 1); COMMIT;
SELECT rusts_set_wal_mode('m', 'every-write');
INSERT INTO m VALUES (to_timestamp(11), 1);
BEGIN; INSERT INTO made VALUES (to_timestamp(11), 1); INSERT INTO m VALUES (to_timestamp(11), 1); COMMIT;
SET synchronous_commit = off;
INSERT INTO made VALUES (to_timestamp(12), 1);
INSERT INTO m VALUES (to_timestamp(12), 1);
SHOW synchronous_commit;
BEGIN; INSERT INTO m VALUES (to_timestamp(12), 1); INSERT INTO plain VALUES (1); COMMIT;
SELECT rusts_set_wal_mode('m', 'default');
:warm
INSERT INTO m VALUES (to_timestamp(12), 1);
RESET rusts.wal_mode;
INSERT INTO m VALUES (to_timestamp(13), 1);
BEGIN; SET LOCAL synchronous_commit = local; INSERT INTO made VALUES (to_timestamp(13), 1); COMMIT;
SHOW synchronous_commit;
BEGIN; INSERT INTO made VALUES (to_timestamp(13), 1); SET synchronous_commit = remote_write; COMMIT;
SHOW synchronous_commit;
RESET synchronous_commit;
SET rusts.wal_mode = 'none';
INSERT INTO m VALUES (to_timestamp(14), 1);
RESET rusts.wal_mode;
SET client_min_messages = notice;
SELECT rusts_set_wal_mode('made', 'none');
INSERT INTO t VALUES (to_timestamp(15), 1);
:warm
INSERT INTO made VALUES (to_timestamp(15), 1);
INSERT INTO t VALUES (to_timestamp(15), 1);
BEGIN; INSERT INTO made VALUES (to_timestamp(15), 1); INSERT INTO m VALUES (to_timestamp(15), 1); COMMIT;
-- a flush is not hurried, nor does it matter
SELECT rusts_flush() > 0 AS flushed;
RESET client_min_messages;
DROP TABLE m, other, made, t, passing, plain, plain_unlogged;
DROP FUNCTION log_row;
DROP SEQUENCE counter;
