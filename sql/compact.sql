--
-- Compaction: small segments into large ones, with the same rows as before;
-- the space of removed ones is used again and given back
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';

-- the segments of a measurement, as tier, partition, rows
CREATE FUNCTION same.segments(measurement regclass) RETURNS SETOF text
LANGUAGE sql AS $$
	SELECT concat_ws(' ', tier, time_partition::date, rows)
	  FROM rusts.segments s WHERE s.measurement = $1
	 ORDER BY tier, s.time_partition, rows, segment_id
$$;
-- the blocks of the file, and those that segments take
CREATE FUNCTION same.blocks(measurement regclass)
RETURNS TABLE (file bigint, used bigint)
LANGUAGE sql AS $$
	SELECT pg_relation_size($1) / current_setting('block_size')::int,
		   (SELECT coalesce(sum(nblocks), 0) + 1 FROM rusts.segment
			 WHERE storage_id = rusts.storage_id($1))
$$;
-- until the file is about as long as it must be: others' snapshots, such as
-- autovacuum's, keep what was removed for a while
CREATE PROCEDURE same.shrink(measurement regclass) LANGUAGE plpgsql AS $$
DECLARE
	n int := 0;
BEGIN
	WHILE (SELECT file >= used * 1.15 FROM same.blocks(measurement)) LOOP
		n := n + 1;
		IF n > 100000 THEN
			RAISE 'still % blocks of %', (SELECT file FROM same.blocks(measurement)),
				(SELECT used FROM same.blocks(measurement));
		END IF;
		PERFORM rusts_compact(measurement);
		COMMIT;
	END LOOP;
END $$;
CREATE FUNCTION same.fill(days int, n int) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	insert text := format('INSERT INTO t SELECT ''2024-01-01''::timestamptz + ((i %% %s) * 86400 + (i * 7919) %% 86400) * interval ''1 s'',
		''h'' || i %% 5, hashint8(i) / 1e9, CASE WHEN i %% 3 = 0 THEN md5(i::text) END, i
		FROM generate_series((SELECT count(*) FROM t) + 1, (SELECT count(*) FROM t) + %s) AS i', days, n);
BEGIN
	RETURN twice(insert);
END $$;
ALTER FUNCTION same.fill(int, int) SET search_path = same, public;

SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, v float8, s text, i int8)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';

-- nothing to do
SELECT rusts_compact('m.t');
SELECT same.fill(3, 3000);
SELECT rusts_compact('m.t');
SELECT rusts_flush('m.t');
SELECT rusts_compact('m.t');
SELECT same.segments('m.t');

-- two segments in each partition, one of them a crumb; and one partition with
-- only one
SELECT same.fill(4, 5);
SELECT rusts_flush('m.t');
SELECT same.segments('m.t');
SELECT rusts_compact('m.t');
SELECT same.segments('m.t');
SELECT same('SELECT * FROM t');
SELECT same('SELECT host, count(*), sum(i), min(time), max(s) FROM t GROUP BY 1');
SELECT same('SELECT * FROM t WHERE time >= ''2024-01-02'' AND host = ''h3''');
SELECT rusts_compact('m.t');

-- a column that is younger than the segments, one that is gone, another tag
SELECT twice('ALTER TABLE t ADD COLUMN w int DEFAULT 7');
SELECT twice('ALTER TABLE t DROP COLUMN s');
SELECT twice('INSERT INTO t VALUES (''2024-01-02'', ''h1'', 1, 2, 3), (''2024-01-01'', NULL, NULL, NULL, NULL)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS NULL;
SELECT rusts_flush('m.t');
SELECT rusts_compact('m.t');
SELECT same.segments('m.t');
SELECT same('SELECT * FROM t');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';

-- deleted rows are left out; a segment with many is rewritten for their sake
SELECT twice('DELETE FROM t WHERE i % 5 = 0');
SELECT twice('DELETE FROM t WHERE time >= ''2024-01-03''');
SELECT rusts_compact('m.t');
SELECT same.segments('m.t');
SELECT same('SELECT * FROM t');
SELECT count(*) FROM rusts.deletion WHERE storage_id = rusts.storage_id('m.t'::regclass);
SELECT twice('DELETE FROM t WHERE i % 50 = 1');
SELECT rusts_compact('m.t');
SELECT same('SELECT * FROM t');

-- rolled back, in a savepoint, and with what the transaction has written itself
BEGIN;
SELECT twice('INSERT INTO t VALUES (''2024-01-01 12:00'', ''h9'', 1, 2, 3)');
SELECT rusts_flush('m.t');
SAVEPOINT a;
SELECT rusts_compact('m.t') > 0;
SELECT same('SELECT * FROM t');
ROLLBACK TO a;
SELECT same('SELECT * FROM t');
SELECT rusts_compact('m.t') > 0;
SELECT same('SELECT * FROM t');
ROLLBACK;
SELECT same('SELECT * FROM t');
SELECT same.segments('m.t');

-- triggers that fire at the end find their rows
CREATE TABLE m.g (time timestamptz NOT NULL, i int) USING rusts;
INSERT INTO m.g SELECT 'epoch', i FROM generate_series(1, 10) AS i;
SELECT rusts_flush('m.g');
CREATE TABLE m.seen (i int);
CREATE FUNCTION m.see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO m.seen VALUES (NEW.i);
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER see AFTER INSERT ON m.g DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION m.see();
BEGIN;
INSERT INTO m.g VALUES ('epoch', 11);
SELECT rusts_flush('m.g');
SELECT rusts_compact('m.g');
COMMIT;
SELECT * FROM m.seen;
SELECT rusts_flush('m.g');
SELECT rusts_compact('m.g');
SELECT count(*), sum(i) FROM m.g;

-- large ones are left alone, but for one with deleted rows
CREATE TABLE m.l (time timestamptz NOT NULL, i int) USING rusts;
INSERT INTO m.l SELECT '2024-01-01'::timestamptz + i * interval '0.1 s', i FROM generate_series(1, 600000) AS i;
SELECT rusts_flush('m.l');
INSERT INTO m.l VALUES ('2024-01-01', 0);
SELECT rusts_flush('m.l');
SELECT rusts_compact('m.l');
DELETE FROM m.l WHERE i BETWEEN 1 AND 200000;
SELECT rusts_compact('m.l');
SELECT same.segments('m.l');
SELECT count(*), sum(i::int8) FROM m.l;

-- without a time, and with times that are none
SELECT twice('CREATE TABLE n (k text, v int)');
SELECT twice('CREATE TABLE o (time timestamptz, v int)');
SELECT twice('INSERT INTO n VALUES (''a'', 1)');
SELECT twice('INSERT INTO o VALUES (NULL, 1), (''infinity'', 2), (''-infinity'', 3), (''4713-01-01 BC'', 4)');
SELECT rusts_flush('m.n'), rusts_flush('m.o');
SELECT twice('INSERT INTO n VALUES (''b'', 2)');
SELECT twice('INSERT INTO o VALUES (NULL, 5), (''infinity'', 6), (''-infinity'', 7), (''4713-01-01 BC'', 8)');
SELECT rusts_flush('m.n'), rusts_flush('m.o');
SELECT rusts_compact('m.n'), rusts_compact('m.o');
SELECT same('SELECT * FROM n'), same('SELECT * FROM o');
SELECT count(*), sum(rows) FROM rusts.segments WHERE measurement IN ('m.n'::regclass, 'm.o'::regclass);

-- space: what is removed is used again, once nobody can see it; what is left
-- at the end is given back.  All in one partition, so that sizes are alike.
CREATE TABLE m.s (time timestamptz NOT NULL, host text, v float8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN m.s.host IS 'tag';
CREATE PROCEDURE same.random_flushes(n int, rows int) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..n LOOP
		INSERT INTO m.s SELECT '2024-01-01'::timestamptz + j * interval '1 s', 'h' || j % 5, hashint8(i * 100000 + j) / 1e9
		  FROM generate_series(1, rows) AS j;
		PERFORM rusts_flush('m.s');
		COMMIT;
	END LOOP;
END $$;
CALL same.random_flushes(10, 5000);
SELECT file = used AS full_file FROM same.blocks('m.s');
SELECT rusts_compact('m.s');
SELECT file > used * 1.8 AS half_is_free FROM same.blocks('m.s');
SELECT file AS blocks_before FROM same.blocks('m.s') \gset
CALL same.random_flushes(10, 5000);
SELECT file < :blocks_before * 1.3 AS hardly_longer FROM same.blocks('m.s');
SELECT rusts_compact('m.s') > 0 AS merged;
-- moved to the front, and the tail cut off
CALL same.shrink('m.s');
SELECT count(*), count(DISTINCT v) FROM m.s;
-- VACUUM gives the tail back as well
BEGIN;
SAVEPOINT a;
INSERT INTO m.s SELECT '2024-01-01', 'x', random() FROM generate_series(1, 500000);
ROLLBACK;
SELECT file > used * 2 AS long FROM same.blocks('m.s');
VACUUM (TRUNCATE false) m.s;
SELECT file > used * 2 AS long FROM same.blocks('m.s');
VACUUM m.s;
SELECT file < used * 1.15 AS short FROM same.blocks('m.s');
DELETE FROM m.s;
SELECT rusts_compact('m.s');
CALL same.shrink('m.s');
SELECT * FROM same.blocks('m.s');
SELECT count(*) FROM m.s;

-- temporary, unlogged
CREATE TEMP TABLE temporary (time timestamptz, v float8) USING rusts;
CREATE UNLOGGED TABLE m.unlogged (time timestamptz, v float8) USING rusts;
INSERT INTO temporary SELECT 'epoch', random() FROM generate_series(1, 10000);
INSERT INTO m.unlogged SELECT 'epoch', random() FROM generate_series(1, 10000);
SELECT rusts_flush('temporary'), rusts_flush('m.unlogged');
INSERT INTO temporary SELECT 'epoch', random() FROM generate_series(1, 10000);
INSERT INTO m.unlogged SELECT 'epoch', random() FROM generate_series(1, 10000);
SELECT rusts_flush('temporary'), rusts_flush('m.unlogged');
SELECT rusts_compact('temporary'), rusts_compact('m.unlogged');
SELECT count(DISTINCT v) FROM temporary;
SELECT count(DISTINCT v) FROM m.unlogged;
CALL same.shrink('temporary');
CALL same.shrink('m.unlogged');
SELECT count(DISTINCT v) FROM temporary;
SELECT count(DISTINCT v) FROM m.unlogged;

-- whose, and what
\set VERBOSITY sqlstate
CREATE ROLE regress_compact;
GRANT USAGE ON SCHEMA m, same TO regress_compact;
GRANT ALL ON m.t TO regress_compact;
SET ROLE regress_compact;
SELECT rusts_compact('m.t');
SELECT rusts_compact();
RESET ROLE;
SELECT rusts_compact('h.t');
SELECT rusts_compact(0);
SELECT rusts_compact('same.heap_that_is_not');
BEGIN READ ONLY;
SELECT rusts_compact('m.t');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT rusts_compact('m.t') >= 0;
COMMIT;
SELECT rusts_compact() >= 0;
SELECT same('SELECT * FROM t');
SET client_min_messages = warning;
DROP SCHEMA h, m, same CASCADE;
DROP ROLE regress_compact;
