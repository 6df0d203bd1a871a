--
-- What measurements do not support yet is refused: early, with
-- feature_not_supported, with a hint, and without a trace
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on

-- the outcome of a command: SQLSTATE, message, hint
CREATE FUNCTION public.outcome(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	hint text;
BEGIN
	EXECUTE command;
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN format(E'%s: %s\n%s', SQLSTATE, message, hint);
END $$;
CREATE TABLE m.t (time timestamptz, k text, v int) USING rusts;
INSERT INTO m.t SELECT NULL, 'k' || i, i FROM generate_series(1, 100) AS i;
CREATE TABLE m.h (k text PRIMARY KEY, v int);
INSERT INTO m.h SELECT 'k' || i, i FROM generate_series(1, 10) AS i;
CREATE VIEW m.v AS SELECT * FROM m.t;
CREATE TABLE m.p (time timestamptz, k text, v int) PARTITION BY LIST (k);
CREATE TABLE m.p_rusts PARTITION OF m.p FOR VALUES IN ('r') USING rusts;
CREATE TABLE m.p_heap PARTITION OF m.p FOR VALUES IN ('h') USING heap;
INSERT INTO m.p VALUES (NULL, 'r', 1), (NULL, 'h', 2);
CREATE TABLE m.parent (v int) USING heap;
CREATE TABLE m.child () INHERITS (m.parent) USING rusts;
INSERT INTO m.child VALUES (1);
SET search_path = m, public, same;

-- ON CONFLICT
SELECT outcome('INSERT INTO t VALUES (NULL, NULL, 1) ON CONFLICT DO NOTHING');
SELECT outcome('INSERT INTO t VALUES (NULL, NULL, 1) ON CONFLICT (v) DO NOTHING');
SELECT outcome('INSERT INTO t VALUES (NULL, NULL, 1) ON CONFLICT (v) DO UPDATE SET v = 2');
SELECT outcome('INSERT INTO h SELECT k, v FROM t ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v');

-- indexes and what needs them
SELECT outcome('CREATE INDEX ON t (v)');
SELECT outcome('CREATE INDEX IF NOT EXISTS i ON t (v)');
SELECT outcome('CREATE UNIQUE INDEX ON t (v)');
SELECT outcome(format('CREATE INDEX ON t USING %s (%s)', am, col))
FROM (VALUES ('btree', 'v'), ('hash', 'v'), ('gist', 'box(point(v, v), point(v, v))'), ('gin', '(ARRAY[v])'), ('spgist', 'point(v, v)'), ('brin', 'v')) AS x(am, col);
SELECT outcome('CREATE INDEX ON t (lower(k)) WHERE v > 1');
CREATE INDEX CONCURRENTLY i ON t (v);
SELECT outcome('CREATE TABLE x (v int PRIMARY KEY) USING rusts');
SELECT outcome('CREATE TABLE x (v int UNIQUE) USING rusts');
SELECT outcome('CREATE TABLE x (v int, UNIQUE (v)) USING rusts');
SELECT outcome('CREATE TABLE x (v int, EXCLUDE USING btree (v WITH =)) USING rusts');
SELECT outcome('CREATE TEMP TABLE x (v int PRIMARY KEY) USING rusts');
SELECT outcome('CREATE TABLE x (LIKE h INCLUDING ALL) USING rusts');
SELECT outcome('ALTER TABLE t ADD PRIMARY KEY (v)');
SELECT outcome('ALTER TABLE t ADD UNIQUE (v)');
SELECT outcome('ALTER TABLE t ADD CONSTRAINT u UNIQUE (v) DEFERRABLE');
SELECT outcome('ALTER TABLE t ADD EXCLUDE USING btree (v WITH =)');
SELECT outcome('ALTER TABLE t ADD w int UNIQUE');
SELECT outcome('ALTER TABLE t ADD w int PRIMARY KEY');
SELECT outcome('CREATE INDEX ON p (v)');
SELECT outcome('CREATE INDEX ON ONLY p (v)');
SELECT outcome('ALTER TABLE p ADD PRIMARY KEY (k)');
SELECT outcome('CREATE TABLE q (k text PRIMARY KEY) PARTITION BY LIST (k)');
SELECT outcome($$CREATE TABLE q1 PARTITION OF q FOR VALUES IN ('a') USING rusts$$);
SELECT outcome('CREATE TABLE q1 (k text NOT NULL) USING rusts');
SELECT outcome($$ALTER TABLE q ATTACH PARTITION q1 FOR VALUES IN ('a')$$);
SET client_min_messages = warning;
SELECT outcome('REINDEX TABLE t');
RESET client_min_messages;
SELECT outcome('CLUSTER t');
SELECT outcome('ALTER TABLE h SET ACCESS METHOD rusts');
SELECT outcome('ALTER TABLE t REPLICA IDENTITY FULL');
SELECT count(*) FROM pg_index JOIN pg_class AS c ON c.oid = indrelid WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'rusts');
SELECT count(*) FROM pg_constraint WHERE conrelid = 't'::regclass;
SELECT to_regclass('x');

-- foreign keys to a measurement
SELECT outcome('CREATE TABLE x (k text REFERENCES t)');
SELECT outcome('CREATE TABLE x (k text REFERENCES t (k))');
SELECT outcome('CREATE TABLE x (k text, FOREIGN KEY (k) REFERENCES t (k))');
SELECT outcome('CREATE TABLE x (k text REFERENCES t (k)) USING rusts');
SELECT outcome('ALTER TABLE h ADD FOREIGN KEY (k) REFERENCES t (k)');
SELECT outcome('ALTER TABLE h ADD w text REFERENCES t (k)');
SELECT outcome('CREATE TABLE x (k text REFERENCES p_rusts (k))');

-- publications
SET client_min_messages = error;
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE t');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE h, t');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE m.t (k, v) WHERE (v > 1)');
SELECT outcome('CREATE PUBLICATION regress_pub FOR ALL TABLES');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLES IN SCHEMA m');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLES IN SCHEMA CURRENT_SCHEMA');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLES IN SCHEMA rusts');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE rusts.segment');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE p');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE parent');
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE ONLY parent');
DROP PUBLICATION IF EXISTS regress_pub;
SELECT outcome('CREATE PUBLICATION regress_pub FOR TABLE h, TABLES IN SCHEMA h');
SELECT outcome('ALTER PUBLICATION regress_pub ADD TABLE t');
SELECT outcome('ALTER PUBLICATION regress_pub SET TABLE t');
SELECT outcome('ALTER PUBLICATION regress_pub ADD TABLES IN SCHEMA m');
SELECT outcome('ALTER PUBLICATION regress_pub SET TABLES IN SCHEMA m, h');
SELECT outcome('ALTER PUBLICATION regress_pub DROP TABLE h');
SELECT outcome('CREATE PUBLICATION regress_drop');
SELECT outcome('ALTER PUBLICATION regress_drop DROP TABLE t');
DROP PUBLICATION IF EXISTS regress_drop;
SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = 'regress_pub' ORDER BY 1, 2;
-- new measurements where everything is published
SELECT outcome('CREATE TABLE h.t (v int) USING rusts');
SELECT outcome('CREATE TABLE h.t (v int) USING heap');
SELECT outcome('ALTER TABLE h.t SET ACCESS METHOD rusts');
SELECT outcome('CREATE UNLOGGED TABLE h.u (v int) USING rusts');
SET search_path = h, public, same;
SELECT outcome($$SELECT rusts_write('written f=1')$$);
SET search_path = m, public, same;
DROP PUBLICATION regress_pub;
CREATE PUBLICATION regress_pub FOR TABLE h.t;
SELECT outcome('ALTER TABLE h.t SET ACCESS METHOD rusts');
DROP PUBLICATION regress_pub;
SELECT outcome('ALTER TABLE h.t SET ACCESS METHOD rusts');
RESET client_min_messages;

-- columns that no measurement can have
SELECT outcome('CREATE TABLE x (v cstring) USING rusts');
SELECT outcome('CREATE TABLE x (v anyarray) USING rusts');

-- nothing has changed
SELECT count(*), sum(v) FROM t;
SELECT k, v FROM p ORDER BY k;
SELECT * FROM parent;

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP FUNCTION outcome;
