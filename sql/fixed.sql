--
-- Faults that were found and mended
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same

-- a domain is stored in another way than its type, ALTER TYPE rewrites nothing
CREATE DOMAIN public.flag AS boolean;
CREATE DOMAIN public.amount AS float8;
SELECT same.twice('CREATE TABLE t (time timestamptz, b boolean, f float8)');
SELECT same.twice($$INSERT INTO t SELECT 'epoch'::timestamptz + i * interval '1 s', i % 3 = 0, i * 1.5
	FROM generate_series(1, 2000) i$$);
SELECT same.twice('ALTER TABLE t ALTER b TYPE public.flag, ALTER f TYPE public.amount');
SELECT same.same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same.same('SELECT * FROM t');
SELECT same.twice('ALTER TABLE t ALTER b TYPE boolean, ALTER f TYPE float8');
SELECT same.twice($$INSERT INTO t SELECT 'epoch'::timestamptz + i * interval '1 s', i % 2 = 0, -i
	FROM generate_series(1, 100) i$$);
SELECT same.same('SELECT * FROM t');
SELECT rusts_flush('m.t');
SELECT same.same('SELECT * FROM t');
VACUUM FULL m.t;
SELECT same.same('SELECT * FROM t');

-- rows of one transaction only, stored out of line
CREATE TEMP TABLE brief (time timestamptz, s text) USING rusts ON COMMIT DELETE ROWS;
BEGIN;
INSERT INTO brief SELECT now(), string_agg(md5(i::text), '') FROM generate_series(1, 1000) i;
SELECT count(*), sum(length(s)) FROM brief;
COMMIT;
SELECT count(*) FROM brief;
DROP TABLE brief;

-- new columns after rows that have gone through INSERT
CREATE TABLE parts (time timestamptz NOT NULL, host text, v float8) PARTITION BY LIST (host);
CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a') USING rusts;
CREATE TABLE parts_rest PARTITION OF parts DEFAULT USING rusts;
SECURITY LABEL FOR rusts ON COLUMN parts.host IS 'tag';
SELECT rusts_write(E'parts,host=a v=1 1\nparts,host=b v=2 2\nparts v=3 3\nparts,host=a,dc=x v=4,n=2i 4', 's');
SELECT tableoid::regclass, * FROM parts ORDER BY v;
SELECT rusts_write(string_agg(format('parts,host=h%s f%s=1,v=%s %s', i % 3, i / 1500, i, i), E'\n'), 's')
	FROM generate_series(5, 6000) i;
SELECT count(*), sum(v), sum(f0), sum(f1), sum(f2), sum(f3), sum(f4) FROM parts;
DROP TABLE parts;

--
-- A batch whose only times are -infinity has times.
--
CREATE TABLE early (time timestamptz NOT NULL, v int) USING rusts;
INSERT INTO early VALUES ('-infinity', 1), ('-infinity', 2);
SELECT tier, time_partition, min_time, max_time FROM rusts.segments WHERE measurement = 'early'::regclass;
SELECT rusts_flush('early');
SELECT tier, time_partition, min_time, max_time FROM rusts.segments WHERE measurement = 'early'::regclass;
SELECT * FROM early ORDER BY v;
DROP TABLE early;
