--
-- DML: every way to insert, and what happens around it
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';

-- one row, several, none, defaults, generated columns, identity
CREATE SEQUENCE h.s;
CREATE SEQUENCE m.s;
SELECT twice($$CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY, time timestamptz DEFAULT '2021-01-01',
 v float8 DEFAULT 1.5, n int DEFAULT nextval('s'), twice float8 GENERATED ALWAYS AS (v * 2) STORED,
 b text NOT NULL DEFAULT 'x' CHECK (b <> 'bad'), CHECK (v < 1000))$$);
SELECT twice('INSERT INTO t DEFAULT VALUES');
SELECT twice('INSERT INTO t (v) VALUES (2), (3), (NULL), (DEFAULT)');
SELECT twice($$INSERT INTO t (time, v) SELECT '2021-01-01'::timestamptz + i * '1 h'::interval, i FROM generate_series(1, 500) AS i$$);
SELECT twice('INSERT INTO t (v) SELECT 1 WHERE false');
SELECT twice('INSERT INTO t (v) SELECT v FROM t');
SELECT twice('INSERT INTO t (v) TABLE t LIMIT 0');
SELECT twice('INSERT INTO t (id) VALUES (1)');
SELECT twice('INSERT INTO t (twice) VALUES (1)');
SELECT twice('INSERT INTO t (id) OVERRIDING SYSTEM VALUE VALUES (-1)');
SELECT twice('INSERT INTO t (b) VALUES (NULL)');
SELECT twice($$INSERT INTO t (b) VALUES ('good'), ('bad')$$);
SELECT twice('INSERT INTO t (v) SELECT i FROM generate_series(900, 1100) AS i');
SELECT twice($$INSERT INTO t (v) VALUES ('x')$$);
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same('SELECT * FROM t');
SELECT twice('INSERT INTO t (v) SELECT v FROM t ORDER BY id');
SELECT same('SELECT * FROM t');

-- INSERT ... SELECT from itself does not see its own rows, however many
SELECT twice('CREATE TABLE self AS SELECT i, i::text AS s FROM generate_series(1, 1000) AS i');
SELECT twice('INSERT INTO self SELECT * FROM self');
SELECT twice('INSERT INTO self SELECT a.i, b.s FROM self AS a JOIN self AS b ON a.i = b.i');
SELECT twice('INSERT INTO self SELECT * FROM self UNION ALL SELECT * FROM self');
SELECT same('SELECT * FROM self');
-- more rows than a batch may have in memory
INSERT INTO m.self SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 150000) AS i;
INSERT INTO h.self SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 150000) AS i;
SELECT count(*) > 1 FROM rusts.segments WHERE measurement = 'm.self'::regclass AND tier = 'hot';
SELECT same('SELECT count(*), sum(i), sum(length(s)), sum(hashtext(s)) FROM self');
INSERT INTO m.self SELECT i, s FROM m.self;
SELECT count(*) FROM m.self;
DROP TABLE m.self, h.self;

-- CTAS, SELECT INTO, with parallel query
SET default_table_access_method = rusts;
CREATE TABLE m.ctas AS SELECT i, i * 2 AS j FROM generate_series(1, 1000) AS i;
SELECT i, j INTO m.into FROM m.ctas;
CREATE TABLE m.empty AS SELECT * FROM m.ctas WITH NO DATA;
SET min_parallel_table_scan_size = 0;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE TABLE m.parallel AS SELECT * FROM m.ctas UNION ALL SELECT * FROM m.into;
SELECT relname, amname FROM pg_class AS c JOIN pg_am AS a ON a.oid = relam
WHERE relnamespace = 'm'::regnamespace AND relname IN ('ctas', 'into', 'empty', 'parallel') ORDER BY 1;
SELECT count(*), sum(i), sum(j) FROM m.ctas;
SELECT count(*), sum(i), sum(j) FROM m.into;
SELECT count(*) FROM m.empty;
SELECT count(*), sum(i), sum(j) FROM m.parallel;
RESET min_parallel_table_scan_size;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET default_table_access_method;
DROP TABLE m.ctas, m.into, m.empty, m.parallel;

-- RETURNING: values, whole rows, where the row is
SELECT twice('CREATE TABLE r (k text, time timestamptz, v int)');
SECURITY LABEL FOR rusts ON COLUMN m.r.k IS 'tag';
INSERT INTO m.r VALUES ('b', '2021-01-02', 1), ('a', '2021-01-03', 2), ('a', '2021-01-01', 3)
RETURNING tableoid::regclass, k, v, v + 1 AS next, r;
-- the row is where its TID says it is, in each batch and after a COMMIT
CREATE TEMP TABLE tids (tid tid, v int);
WITH w AS (INSERT INTO m.r SELECT chr(97 + i % 7), '2021-01-01'::timestamptz - i * '1 s'::interval, i
 FROM generate_series(10, 2000) AS i RETURNING ctid, v)
INSERT INTO tids SELECT * FROM w;
SELECT count(*), count(DISTINCT tid), count(*) FILTER (WHERE r.v = tids.v)
FROM tids JOIN m.r ON r.ctid = tids.tid;
SELECT count(*) FROM tids WHERE NOT EXISTS (SELECT FROM m.r WHERE r.ctid = tids.tid AND r.v = tids.v);
DO $$
DECLARE
	t tid;
	w int;
BEGIN
	FOR i IN 1..20 LOOP
		INSERT INTO m.r VALUES ('c', now(), -i) RETURNING ctid INTO t;
		SELECT v INTO STRICT w FROM m.r WHERE ctid = t;
		ASSERT w = -i;
	END LOOP;
END $$;
TRUNCATE m.r, h.r;

-- writable CTEs
SELECT twice($$WITH a AS (INSERT INTO r VALUES ('a', '2021-01-01', 1) RETURNING *),
 b AS (INSERT INTO r SELECT k || 'b', time, v + 1 FROM a RETURNING *),
 c AS (INSERT INTO r SELECT 'never seen', time, v FROM r)
INSERT INTO r SELECT k || 'c', time, v + 1 FROM b$$);
SELECT same('SELECT * FROM r');
SELECT same($$WITH x AS (SELECT * FROM r) SELECT * FROM x, r$$);
WITH a AS (INSERT INTO m.r VALUES ('seen', NULL, 9) RETURNING v) SELECT (SELECT count(*) FROM m.r), v FROM a;
SELECT count(*) FROM m.r;

-- COPY: text, csv, binary, FREEZE, WHERE, errors, partial columns
TRUNCATE m.r, h.r;
COPY m.r FROM stdin;
a	2021-01-01	1
b	\N	2
\N	2021-01-01	\N
\.
COPY h.r FROM stdin;
a	2021-01-01	1
b	\N	2
\N	2021-01-01	\N
\.
COPY m.r (v, k) FROM stdin (FORMAT csv);
3,"c ""c"""
4,
,""
\.
COPY h.r (v, k) FROM stdin (FORMAT csv);
3,"c ""c"""
4,
,""
\.
SELECT same('SELECT * FROM r');
COPY m.r FROM stdin;
x	2021-01-01	1
x	2021-01-01	not a number
\.
COPY m.r (v) FROM stdin WHERE v > 2;
1
2
3
\.
COPY h.r (v) FROM stdin WHERE v > 2;
1
2
3
\.
SELECT v, count(*) FROM m.r GROUP BY v ORDER BY v;
COPY (SELECT * FROM m.r ORDER BY v, k) TO stdout;
COPY (SELECT * FROM m.r ORDER BY v, k) TO stdout (FORMAT csv, FORCE_QUOTE *);
BEGIN;
CREATE TABLE m.frozen (i int) USING rusts;
COPY m.frozen FROM stdin (FREEZE);
1
2
\.
SELECT * FROM m.frozen;
COMMIT;
SELECT * FROM m.frozen;
-- many rows through COPY, with a table that is wide enough to fill its buffer
SELECT twice('CREATE TABLE c (i int, s text, time timestamptz)');
\set copy :srcdir '/dml.copy'
COPY (SELECT i, md5(i::text), '2021-01-01'::timestamptz + i * '1 min'::interval FROM generate_series(1, 50000) AS i) TO :'copy';
COPY m.c FROM :'copy';
COPY h.c FROM :'copy';
COPY m.c FROM :'copy';
COPY h.c FROM :'copy';
SELECT same('SELECT * FROM c');
SELECT rusts_flush('m.c') >= 0, rusts_flush('m.c');
SELECT same('SELECT * FROM c');
DROP TABLE m.c, h.c, m.frozen;

-- foreign key from a measurement to a heap table
SELECT twice('CREATE TABLE fk (k text, v int)');
CREATE TABLE m.hosts (host text PRIMARY KEY);
INSERT INTO m.hosts VALUES ('a'), ('b');
CREATE TABLE m.host_data (time timestamptz, host text REFERENCES m.hosts, v int,
 later text REFERENCES m.hosts DEFERRABLE INITIALLY DEFERRED) USING rusts;
INSERT INTO m.host_data VALUES (NULL, 'a', 1, NULL), (NULL, 'b', 2, 'a'), (NULL, NULL, 3, NULL);
INSERT INTO m.host_data VALUES (NULL, 'a', 4), (NULL, 'c', 5);
INSERT INTO m.host_data VALUES (NULL, 'a', 4, 'd');
BEGIN;
INSERT INTO m.host_data VALUES (NULL, 'a', 6, 'd');
SELECT rusts_flush('m.host_data');
INSERT INTO m.hosts VALUES ('d');
COMMIT;
BEGIN;
INSERT INTO m.host_data VALUES (NULL, 'a', 7, 'e');
SAVEPOINT s;
INSERT INTO m.host_data VALUES (NULL, 'a', 8, 'f');
ROLLBACK TO s;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
DELETE FROM m.hosts WHERE host = 'b';
DELETE FROM m.hosts WHERE host = 'd';
UPDATE m.hosts SET host = 'z' WHERE host = 'a';
SELECT rusts_flush('m.host_data');
DELETE FROM m.hosts WHERE host = 'b';
INSERT INTO m.hosts VALUES ('unused');
DELETE FROM m.hosts WHERE host = 'unused';
ALTER TABLE m.host_data ADD CONSTRAINT another FOREIGN KEY (later) REFERENCES m.hosts;
ALTER TABLE m.host_data ADD CONSTRAINT fails FOREIGN KEY (host) REFERENCES m.hosts NOT VALID;
ALTER TABLE m.host_data VALIDATE CONSTRAINT fails;
SELECT * FROM m.host_data ORDER BY v;
INSERT INTO m.host_data SELECT NULL, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END, i FROM generate_series(1, 3000) AS i;
SELECT count(*) FROM m.host_data;
DROP TABLE m.host_data, m.hosts;

-- rules and views
SELECT twice('CREATE TABLE log (what text, v int)');
CREATE RULE also AS ON INSERT TO m.r DO ALSO INSERT INTO m.log VALUES ('also', NEW.v);
CREATE RULE also AS ON INSERT TO h.r DO ALSO INSERT INTO h.log VALUES ('also', NEW.v);
SELECT twice($$INSERT INTO r SELECT 'rule', NULL, i FROM generate_series(1, 10) AS i$$);
SELECT same('SELECT * FROM log');
SELECT same($$SELECT * FROM r WHERE k = 'rule'$$);
DROP RULE also ON m.r;
DROP RULE also ON h.r;
CREATE VIEW m.v AS SELECT * FROM m.r WHERE v < 100 WITH CHECK OPTION;
CREATE VIEW h.v AS SELECT * FROM h.r WHERE v < 100 WITH CHECK OPTION;
SELECT twice($$INSERT INTO v VALUES ('view', NULL, 50) RETURNING k$$);
SELECT twice($$INSERT INTO v VALUES ('view', NULL, 100)$$);
SELECT twice($$INSERT INTO v SELECT 'view', NULL, i FROM generate_series(50, 150) AS i$$);
SELECT same('SELECT * FROM v');
DROP VIEW m.v, h.v;

--
-- Partitioned parents, inheritance
--
SELECT twice('CREATE TABLE p (time timestamptz, k text, v int) PARTITION BY RANGE (time)');
SELECT twice($$CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2021-02-01')$$);
SELECT twice($$CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2021-02-01') TO ('2021-03-01')$$);
CREATE TABLE m.p3 PARTITION OF m.p FOR VALUES FROM ('2021-03-01') TO ('2021-04-01') USING heap;
CREATE TABLE h.p3 PARTITION OF h.p FOR VALUES FROM ('2021-03-01') TO ('2021-04-01');
SELECT twice($$CREATE TABLE pd PARTITION OF p DEFAULT PARTITION BY LIST (k)$$);
SELECT twice($$CREATE TABLE pd1 PARTITION OF pd FOR VALUES IN ('a', 'b')$$);
SELECT relname, amname FROM pg_class AS c LEFT JOIN pg_am AS a ON a.oid = relam
WHERE relnamespace = 'm'::regnamespace AND relname LIKE 'p%' ORDER BY 1;
SELECT twice($$INSERT INTO p SELECT '2021-01-01'::timestamptz + i * '1 day'::interval, 'a', i FROM generate_series(0, 120) AS i$$);
SELECT twice($$INSERT INTO p VALUES ('2022-01-01', 'c', 1)$$);
SELECT twice($$INSERT INTO p2 VALUES ('2022-01-01', 'c', 1)$$);
SELECT same('SELECT tableoid::regclass::text LIKE $$%p3$$, * FROM p');
SELECT same('SELECT * FROM p1');
COPY (SELECT '2021-01-01'::timestamptz + i * '7 min'::interval, 'b', i FROM generate_series(0, 20000) AS i) TO :'copy';
COPY m.p FROM :'copy';
COPY h.p FROM :'copy';
SELECT same('SELECT * FROM p');
SELECT rusts_flush('m.p1'), rusts_flush('m.p2');
SELECT rusts_flush('m.p3');
SELECT same('SELECT * FROM p');
SELECT same($$SELECT * FROM p WHERE time >= '2021-02-10' AND time < '2021-03-05'$$);
SELECT tableoid::regclass, count(*), min(ctid) < max(ctid) FROM m.p GROUP BY 1 ORDER BY tableoid::regclass::text;
-- a measurement becomes a partition and leaves again
SELECT twice('CREATE TABLE a (time timestamptz, k text, v int)');
SELECT twice($$INSERT INTO a SELECT '2021-06-01'::timestamptz + i * '1 day'::interval, 'a', i FROM generate_series(0, 10) AS i$$);
SELECT twice($$ALTER TABLE p ATTACH PARTITION a FOR VALUES FROM ('2021-06-02') TO ('2021-07-01')$$);
SELECT twice($$ALTER TABLE p ATTACH PARTITION a FOR VALUES FROM ('2021-06-01') TO ('2021-07-01')$$);
SELECT same('SELECT * FROM p');
SELECT twice($$INSERT INTO p VALUES ('2021-06-20', 'z', 1)$$);
SELECT twice('ALTER TABLE p DETACH PARTITION a');
SELECT same('SELECT * FROM p');
SELECT same('SELECT * FROM a');
-- columns in another order: rows are converted on their way
SELECT twice('CREATE TABLE odd (v int, gone int, k text, time timestamptz)');
SELECT twice('ALTER TABLE odd DROP COLUMN gone');
SELECT twice($$ALTER TABLE p ATTACH PARTITION odd FOR VALUES FROM ('2021-07-01') TO ('2021-08-01')$$);
SELECT twice($$INSERT INTO p SELECT '2021-07-01'::timestamptz + i * '1 h'::interval, 'o', i FROM generate_series(0, 100) AS i$$);
SELECT same('SELECT * FROM p');
SELECT same('SELECT v, k, time FROM odd');
-- DELETE and UPDATE where only heap partitions are concerned
SELECT twice($$UPDATE p SET v = v + 1 WHERE time >= '2021-03-01' AND time < '2021-04-01'$$);
SELECT twice($$DELETE FROM p3 WHERE v % 3 = 0$$);
-- a row that moves from a heap partition to a measurement
SELECT twice($$UPDATE p3 SET v = -1 WHERE v = 62$$);
SELECT twice($$UPDATE p SET time = '2021-01-15' WHERE v = -1 AND time >= '2021-03-01' AND time < '2021-04-01'$$);
SELECT same('SELECT * FROM p');
SELECT rusts_flush() > 0;
SELECT same('SELECT * FROM p');
DROP TABLE m.p, h.p, m.a, h.a;

-- inheritance, UNION ALL, set operations, joins
SELECT twice('CREATE TABLE parent (time timestamptz, v int)');
SELECT twice('CREATE TABLE child (extra text) INHERITS (parent)');
CREATE TABLE m.heap_child (more int) INHERITS (m.parent) USING heap;
CREATE TABLE h.heap_child (more int) INHERITS (h.parent) USING heap;
SELECT twice($$INSERT INTO parent VALUES ('2021-01-01', 1)$$);
SELECT twice($$INSERT INTO child VALUES ('2021-01-02', 2, 'x'), ('2021-01-02', 2, NULL)$$);
SELECT twice($$INSERT INTO heap_child VALUES ('2021-01-03', 3, 4)$$);
SELECT same('SELECT * FROM parent');
SELECT same('SELECT * FROM ONLY parent');
SELECT rusts_flush('m.child');
SELECT same('SELECT * FROM parent');
SELECT same('SELECT * FROM child');
SELECT same('SELECT * FROM parent UNION ALL SELECT time, v FROM child UNION SELECT time, v FROM heap_child');
SELECT same('SELECT * FROM parent AS a JOIN child AS b USING (v) LEFT JOIN heap_child AS c ON c.v = a.v + 1');
SELECT same('SELECT * FROM parent WHERE v IN (SELECT v FROM child) OR v = ANY (SELECT v + 1 FROM child)');
SELECT same('SELECT time, sum(v) OVER (ORDER BY time, v), count(*) OVER () FROM parent');
SELECT same('SELECT v, count(*) FROM parent GROUP BY ROLLUP (v)');
SELECT same('SELECT DISTINCT ON (v) v, time FROM parent ORDER BY v, time');

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
