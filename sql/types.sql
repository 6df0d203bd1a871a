--
-- Types: every value comes back as it went in, bit by bit
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\i :same
\pset format unaligned
SET timezone = 'UTC';
SET client_min_messages = warning;
SET extra_float_digits = 1;
CREATE TYPE public.color AS ENUM ('red', 'green', 'blue');
CREATE TYPE public.pair AS (a int, b text);
CREATE TYPE public.nested AS (p public.pair, q numeric[], r timestamptz);
CREATE DOMAIN public.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN public.short AS text CHECK (length(VALUE) < 100);
CREATE DOMAIN public.pairs AS public.pair[];
CREATE TYPE public.floatrange AS RANGE (subtype = float8);

-- every type that can be a column's, with a value that is not a default
CREATE TABLE public.columns (name text, type text, value text);
INSERT INTO public.columns VALUES
('c_bool', 'bool', 'true'),
('c_int2', 'int2', '-32768'),
('c_int4', 'int4', '-2147483648'),
('c_int8', 'int8', '-9223372036854775808'),
('c_oid', 'oid', '4294967295'),
('c_float4', 'float4', '1e-45'),
('c_float8', 'float8', '4.9e-324'),
('c_numeric', 'numeric', '12345678901234567890.123456789012345678901234567890'),
('c_numeric2', 'numeric(12,-2)', '1234500'),
('c_money', 'money', '-92233720368547758.08'),
('c_text', 'text', 'a text'),
('c_varchar', 'varchar(20)', 'a varchar'),
('c_bpchar', 'char(8)', 'pad'),
('c_char', '"char"', '\377'),
('c_name', 'name', 'a name of a relation'),
('c_bytea', 'bytea', '\x00ff00'),
('c_bit', 'bit(9)', '101010101'),
('c_varbit', 'varbit', '1'),
('c_date', 'date', '5874897-12-31'),
('c_time', 'time', '24:00:00'),
('c_timetz', 'timetz', '23:59:59.999999-15:59'),
('c_timestamp', 'timestamp', '294276-12-31 23:59:59.999999'),
('c_timestamptz', 'timestamptz', '4714-11-24 00:00:00+00 BC'),
('c_interval', 'interval', '-178000000 years 3 days -1.000001 seconds'),
('c_uuid', 'uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
('c_inet', 'inet', '2001:db8::1/64'),
('c_cidr', 'cidr', '10.0.0.0/8'),
('c_macaddr', 'macaddr', '08:00:2b:01:02:03'),
('c_macaddr8', 'macaddr8', '08:00:2b:01:02:03:04:05'),
('c_json', 'json', '{"b": 1, "a":  [1, 2, {"x": null}]}'),
('c_jsonb', 'jsonb', '{"b": 1, "a": [1, 2, {"x": null}]}'),
('c_jsonpath', 'jsonpath', '$.a[*] ? (@ > 1)'),
('c_point', 'point', '(-0,Infinity)'),
('c_line', 'line', '{1,2,3}'),
('c_lseg', 'lseg', '[(1,2),(3,4)]'),
('c_box', 'box', '(3,4),(1,2)'),
('c_path', 'path', '((1,2),(3,4),(5,6))'),
('c_polygon', 'polygon', '((0,0),(0,1),(1,1),(1,0))'),
('c_circle', 'circle', '<(1,2),3>'),
('c_tsvector', 'tsvector', '''cat'':3A ''sat'':4 ''the'':1,5'),
('c_tsquery', 'tsquery', '''fat'' & ( ''rat'':AB | !''cat'' )'),
('c_int4range', 'int4range', '[1,10)'),
('c_numrange', 'numrange', '(,1.5]'),
('c_tstzrange', 'tstzrange', '["2021-01-01 00:00:00+00",)'),
('c_daterange', 'daterange', 'empty'),
('c_multirange', 'int4multirange', '{[1,3),[5,9)}'),
('c_floatrange', 'floatrange', '[1.5,Infinity]'),
('c_enum', 'color', 'blue'),
('c_domain', 'positive', '7'),
('c_domain_text', 'short', 'short'),
('c_composite', 'pair', '(1,"two words")'),
('c_nested', 'nested', '("(1,\"two words\")","{1.5,NULL}","2021-01-01 00:00:00+00")'),
('c_pairs', 'pairs', '{"(1,a)","(2,\"b c\")"}'),
('c_int_array', 'int[]', '[-1:1]={1,NULL,3}'),
('c_text_array', 'text[]', '{{a,"b c"},{NULL,""}}'),
('c_float_array', 'float8[]', '{NaN,-0,Infinity}'),
('c_enum_array', 'color[]', '{red,blue}'),
('c_pg_lsn', 'pg_lsn', 'FFFFFFFF/FFFFFFFF'),
('c_xid', 'xid', '4294967295'),
('c_xid8', 'xid8', '18446744073709551615'),
('c_cid', 'cid', '4294967295'),
('c_tid', 'tid', '(4294967295,65535)'),
('c_snapshot', 'pg_snapshot', '10:20:10,14,15'),
('c_regclass', 'regclass', 'pg_class'),
('c_regtype', 'regtype', 'text'),
('c_refcursor', 'refcursor', 'a cursor'),
('c_oidvector', 'oidvector', '1 2 4294967295'),
('c_int2vector', 'int2vector', '1 2 -3');

-- xml only where the server was built with it
DO $$
BEGIN
	PERFORM '<a/>'::xml;
	INSERT INTO public.columns VALUES ('c_xml', 'xml', '<a b="c">d</a>');
EXCEPTION WHEN feature_not_supported THEN
	NULL;
END $$;

SELECT twice(format('CREATE TABLE t (id int, time timestamptz, %s)',
	string_agg(format('%s %s', name, type), ', ' ORDER BY name)))
FROM public.columns;

-- all set, all null, one set, one null
SELECT twice(format('INSERT INTO t SELECT 1, now(), %s',
	string_agg(format('%L::%s', value, type), ', ' ORDER BY name)))
FROM public.columns;
SELECT twice('INSERT INTO t (id) VALUES (2)');
SELECT DISTINCT twice(format('INSERT INTO t (id, %s) VALUES (3, %L)', name, value))
FROM public.columns;
SELECT DISTINCT twice(format('INSERT INTO t SELECT * FROM t WHERE id = 1'));
SELECT DISTINCT twice('INSERT INTO t SELECT 4, now(), ' ||
	(SELECT string_agg(CASE WHEN c.name = n.name THEN 'NULL' ELSE c.name END, ', ' ORDER BY c.name)
	 FROM public.columns AS c) || ' FROM t WHERE id = 1 LIMIT 1')
FROM public.columns AS n;
SELECT same('SELECT * FROM t');
SELECT id, count(*), count(c_tid), count(c_numeric) FROM m.t GROUP BY id ORDER BY id;

-- the whole row and each column by itself; as text; as a filter
SELECT DISTINCT same(format('SELECT %I FROM t', name)) FROM public.columns;
SELECT same('SELECT t::text FROM t');
SELECT DISTINCT same(format('SELECT id FROM t WHERE %I::text = %L::%s::text',
	name, value, type)) FROM public.columns;
SELECT DISTINCT same(format('SELECT id FROM t WHERE %I IS NULL', name))
FROM public.columns;

-- flushed, mixed, rewritten
SELECT rusts_flush('m.t') > 0;
SELECT same('SELECT * FROM t');
SELECT DISTINCT same(format('SELECT %I FROM t', name)) FROM public.columns;
SELECT twice('INSERT INTO t SELECT * FROM t');
SELECT same('SELECT * FROM t');
SELECT rusts_flush('m.t') > 0;
SELECT same('SELECT * FROM t');
VACUUM FULL m.t;
SELECT same('SELECT * FROM t');

-- cold: all rows with a time
SELECT twice(format('CREATE TABLE cold (id int, time timestamptz, %s)',
	string_agg(format('%s %s', name, type), ', ' ORDER BY name)))
FROM public.columns;
SELECT twice(format('INSERT INTO cold SELECT id, ''2021-01-01''::timestamptz + id * interval ''1 s'', %s FROM t',
	string_agg(name, ', ' ORDER BY name)))
FROM public.columns;
SELECT rusts_tier('m.cold', 'infinity') > 0;
SELECT DISTINCT tier FROM rusts.segments WHERE measurement = 'm.cold'::regclass;
SELECT same('SELECT * FROM cold');
SELECT DISTINCT same(format('SELECT %I FROM cold', name)) FROM public.columns;
SELECT DISTINCT same(format('SELECT id FROM cold WHERE %I::text = %L::%s::text',
	name, value, type)) FROM public.columns;
SELECT DISTINCT same(format('SELECT id FROM cold WHERE %I IS NULL', name))
FROM public.columns;
DROP TABLE m.cold, h.cold;

-- COPY out of one into the other, in all formats
\set copy :srcdir '/types.copy'
COPY h.t TO :'copy';
CREATE TABLE m.copied (LIKE m.t) USING rusts;
COPY m.copied FROM :'copy';
COPY m.t TO :'copy' (FORMAT binary);
COPY m.copied FROM :'copy' (FORMAT binary);
COPY m.t TO :'copy' (FORMAT csv, HEADER);
COPY m.copied FROM :'copy' (FORMAT csv, HEADER);
CREATE VIEW m.three AS SELECT * FROM m.copied;
CREATE VIEW h.three AS SELECT * FROM h.t UNION ALL TABLE h.t UNION ALL TABLE h.t;
SELECT same('SELECT * FROM three');
DROP VIEW m.three, h.three;
DROP TABLE m.copied;

--
-- Floating point: bits, not values
--
SELECT twice('CREATE TABLE f (time timestamptz, d float8, r float4)');
SELECT twice($$INSERT INTO f SELECT '2021-01-01'::timestamptz + i * '1 s'::interval, v, r
FROM generate_series(1, 3) AS i,
(VALUES ('NaN'::float8, 'NaN'::float4), ('Infinity', 'Infinity'), ('-Infinity', '-Infinity'),
 ('-0', '-0'), ('0', '0'), ('4.9406564584124654e-324', '1e-45'),
 ('-4.9406564584124654e-324', '-1e-45'), ('2.2250738585072009e-308', '1.1754942e-38'),
 ('2.2250738585072014e-308', '1.17549435e-38'), ('1.7976931348623157e308', '3.4028235e38'),
 ('-1.7976931348623157e308', '-3.4028235e38'), ('0.1', '0.1'), ('1', '1'),
 ('9007199254740993', '16777217'), ('1e22', '1e22'), ('1e23', '1e23'),
 ('123456.789', '123456.789'), (NULL, NULL), ('1e-5', NULL), (NULL, 3)) AS x(v, r)$$);
SELECT same('SELECT time, float8send(d), float4send(r) FROM f');
SELECT rusts_flush('m.f');
SELECT same('SELECT time, float8send(d), float4send(r) FROM f');
SELECT same('SELECT count(*), min(d), max(d), min(r), max(r) FROM f');
SELECT same('SELECT d, count(*) FROM f GROUP BY d');
-- shapes: decimals, integers, random bits, constants, ramps, long runs of null
SELECT twice($$INSERT INTO f SELECT '2021-02-01'::timestamptz + i * '1 s'::interval,
 CASE i % 7 WHEN 0 THEN i / 10.0 WHEN 1 THEN i WHEN 2 THEN sqrt(i) WHEN 3 THEN 1.5
  WHEN 4 THEN i * 1e300 WHEN 5 THEN -0.0 ELSE NULL END, sin(i)::float4
FROM generate_series(1, 20000) AS i$$);
SELECT twice($$INSERT INTO f SELECT '2021-03-01'::timestamptz + i * '1 s'::interval,
 CASE WHEN i % 5000 = 0 THEN 'NaN' WHEN i < 9000 THEN round(sin(i)::numeric, 3) END, i
FROM generate_series(1, 20000) AS i$$);
SELECT same('SELECT * FROM f');
SELECT rusts_flush('m.f');
SELECT same('SELECT * FROM f');
SELECT same('SELECT count(d), min(d), max(d), count(r), min(r), max(r) FROM f');
SELECT rusts_tier('m.f', 'infinity') > 0;
SELECT DISTINCT tier FROM rusts.segments WHERE measurement = 'm.f'::regclass;
SELECT same('SELECT time, float8send(d), float4send(r) FROM f');
SELECT same('SELECT count(d), min(d), max(d), count(r), min(r), max(r) FROM f');

--
-- Integers and times
--
SELECT twice('CREATE TABLE i (time timestamptz, a int2, b int4, c int8, d date, e timestamp, o oid, ch "char", iv interval, t time)');
SELECT twice($$INSERT INTO i SELECT ts, a, b, c, d, ts AT TIME ZONE 'UTC', o, ch, iv, t
FROM (VALUES
 ('-infinity'::timestamptz, '-infinity'::date, '-32768'::int2, '-2147483648'::int4, '-9223372036854775808'::int8, '0'::oid, 'a'::"char", '0'::interval, '00:00'::time),
 ('infinity', 'infinity', '32767', '2147483647', '9223372036854775807', '4294967295', '\200', '178000000 years', '24:00'),
 ('4714-11-24 00:00:00+00 BC', '4714-11-24 BC', '0', '0', '0', '2147483648', '', '-1 mons 1 day -00:00:00.000001', '12:00'),
 ('294276-12-31 23:59:59.999999+00', '5874897-12-31', '-1', '-1', '-1', '1', '\377', NULL, NULL),
 ('1970-01-01', '1970-01-01', NULL, NULL, NULL, NULL, NULL, '1 day', '00:00:00.000001'),
 (NULL, NULL, 1, 1, 1, 1, '1', '24 hours', '1:00'))
AS x(ts, d, a, b, c, o, ch, iv, t), generate_series(1, 400)$$);
SELECT same('SELECT * FROM i');
SELECT rusts_flush('m.i');
SELECT same('SELECT * FROM i');
SELECT same('SELECT time, count(*), min(c), max(c), min(o), max(o), min(iv), max(t) FROM i GROUP BY time');
SELECT rusts_tier('m.i', 'infinity') > 0;
SELECT same('SELECT * FROM i');
SELECT same('SELECT time, count(*), min(c), max(c), min(o), max(o), min(iv), max(t) FROM i GROUP BY time');
-- 64-bit steps that overflow, random and regular ones
SELECT twice($$INSERT INTO i (time, c, b) SELECT '2021-01-01'::timestamptz + i * '1 s'::interval,
 CASE i % 2 WHEN 0 THEN 9223372036854775807 ELSE -9223372036854775808 END + (i % 3) * (i % 2),
 (hashint4(i)) FROM generate_series(1, 5000) AS i$$);
SELECT twice($$INSERT INTO i (time, c) SELECT '2021-01-01'::timestamptz - i * '1 s'::interval, i * 1000
 FROM generate_series(1, 5000) AS i$$);
SELECT same('SELECT * FROM i');
SELECT rusts_flush('m.i');
SELECT same('SELECT * FROM i');

--
-- Strings: empty, long, compressed, toasted, not null-terminated
--
SELECT twice('CREATE TABLE s (id int, x text, y bytea, z jsonb)');
ALTER TABLE h.s ALTER x SET STORAGE EXTERNAL;
SELECT twice($$INSERT INTO s VALUES (1, '', '', '{}'), (2, NULL, NULL, NULL),
 (3, ' ', '\x00', 'null'), (4, repeat('ä', 500000), decode(repeat('00', 500000), 'hex'), '""'),
 (5, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 32768) AS i), '\xff', '[]'),
 (6, (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 655360) AS i), '\xff', '1'),
 (7, repeat('x', 126), decode(repeat('00', 127), 'hex'), '2'),
 (8, repeat('x', 127), decode(repeat('00', 126), 'hex'), '3')$$);
SELECT same('SELECT * FROM s');
SELECT twice('INSERT INTO s SELECT id + 10, x, y, z FROM s');
SELECT id, length(x), octet_length(y), z FROM m.s ORDER BY id;
SELECT same('SELECT * FROM s');
SELECT rusts_flush('m.s');
SELECT same('SELECT * FROM s');
-- values that are toasted and compressed in their table
INSERT INTO m.s SELECT id + 100, x, y, z FROM h.s;
INSERT INTO h.s SELECT id + 100, x, y, z FROM m.s WHERE id < 100;
SELECT same('SELECT * FROM s');
SELECT rusts_flush('m.s');
SELECT same('SELECT * FROM s');
SELECT same('SELECT * FROM s WHERE x = (SELECT x FROM s WHERE id = 5)');
-- many distinct, few distinct, all the same
SELECT twice($$INSERT INTO s SELECT i, md5(i::text), decode(md5((i % 10)::text), 'hex'), to_jsonb(i / 1000)
FROM generate_series(1000, 20000) AS i$$);
SELECT same('SELECT * FROM s');
SELECT rusts_flush('m.s');
SELECT same('SELECT * FROM s');
DROP TABLE m.s, h.s;

-- values in the memory of plpgsql: expanded arrays and records
SELECT twice('CREATE TABLE e (a int[], p pair, t text)');
SELECT twice($outer$DO $$
DECLARE
	a int[] := '{}';
	p public.pair;
BEGIN
	FOR i IN 1..300 LOOP
		a[i] := i * i;
		p.a := i;
		p.b := repeat('b', i);
		INSERT INTO e VALUES (a, p, a::text);
	END LOOP;
END $$$outer$);
SELECT same('SELECT * FROM e');
SELECT rusts_flush('m.e');
SELECT same('SELECT * FROM e');

--
-- Tables without columns, without a time, with times in disorder
--
SELECT twice('CREATE TABLE none ()');
SELECT twice('INSERT INTO none DEFAULT VALUES');
SELECT twice('INSERT INTO none SELECT FROM generate_series(1, 5000)');
SELECT same('SELECT FROM none');
SELECT same('SELECT count(*) FROM none');
SELECT rusts_flush('m.none');
SELECT same('SELECT count(*) FROM none');
SELECT twice('INSERT INTO none SELECT FROM none');
SELECT same('SELECT count(*) FROM none');
ALTER TABLE m.none ADD a int DEFAULT 3;
ALTER TABLE h.none ADD a int DEFAULT 3;
SELECT same('SELECT * FROM none');
SELECT rusts_flush('m.none');
SELECT same('SELECT * FROM none');

SELECT twice('CREATE TABLE tags (time timestamptz, time_ns smallint, host text, region text, v float8)');
SECURITY LABEL FOR rusts ON COLUMN m.tags.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.tags.region IS 'tag';
SELECT twice($$INSERT INTO tags SELECT
 CASE WHEN i % 17 > 0 THEN '2021-01-01'::timestamptz + ((i * 7919) % 1000) * '1 min'::interval END,
 CASE WHEN i % 5 > 0 THEN (i * 31 % 1000) END,
 CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'host' || i % 4 END,
 CASE i % 3 WHEN 0 THEN NULL ELSE 'r' || i % 3 END, i
FROM generate_series(1, 10000) AS i$$);
SELECT same('SELECT * FROM tags');
SELECT same('SELECT DISTINCT host, region FROM tags');
SELECT rusts_flush('m.tags');
SELECT same('SELECT * FROM tags');
SELECT twice('INSERT INTO tags SELECT * FROM tags WHERE host IS NULL OR host = $$host2$$');
SELECT same('SELECT * FROM tags');
SELECT same('SELECT host, region, count(*), min(time), max(time), sum(v) FROM tags GROUP BY 1, 2');
SELECT rusts_flush('m.tags');
SELECT same('SELECT * FROM tags');
-- only tags
SELECT twice('CREATE TABLE only_tags (a text, b text)');
SECURITY LABEL FOR rusts ON COLUMN m.only_tags.a IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.only_tags.b IS 'tag';
SELECT twice($$INSERT INTO only_tags SELECT nullif(i % 3, 0)::text, repeat('b', i) FROM generate_series(1, 2000) AS i$$);
SELECT same('SELECT * FROM only_tags');
SELECT rusts_flush('m.only_tags');
SELECT same('SELECT * FROM only_tags');
-- a tag of a megabyte
SELECT twice($$INSERT INTO only_tags VALUES (repeat('a', 1000000), '')$$);
SELECT same('SELECT * FROM only_tags');
SELECT rusts_flush('m.only_tags');
SELECT same('SELECT * FROM only_tags');

-- 1600 columns
SELECT twice(format('CREATE TABLE wide (%s)',
	string_agg('c' || i || CASE i % 4 WHEN 0 THEN ' int' WHEN 1 THEN ' text' WHEN 2 THEN ' bool' ELSE ' float8' END, ', ' ORDER BY i)))
FROM generate_series(1, 1600) AS i;
SELECT twice('INSERT INTO wide (c1, c1600, c800) SELECT i, i, i FROM generate_series(1, 50) AS i');
SELECT same('SELECT c1, c1600, c799, c800 FROM wide');
SELECT rusts_flush('m.wide');
SELECT same('SELECT c1, c1600, c799, c800 FROM wide');

-- a type that no table stores is no column of a measurement either
SELECT twice('CREATE TABLE pseudo (a cstring)');
SELECT twice('CREATE TABLE pseudo (a anyelement)');

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
DROP TABLE public.columns;
DROP TYPE color, nested, pair, floatrange CASCADE;
DROP DOMAIN positive, short;
