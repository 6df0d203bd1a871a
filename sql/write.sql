--
-- rusts_write: line protocol into measurements
--
CREATE SCHEMA write_test;
SET search_path = write_test, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- a first point makes the table
SELECT rusts_write('cpu,host=server01,region=us-west usage=64.5,n=1i,u=2u,note="a, b",up=t 1609459200000000000');
SELECT * FROM cpu;
SELECT attname, atttypid::regtype, attnotnull, label
  FROM pg_attribute LEFT JOIN pg_seclabel
    ON objoid = attrelid AND objsubid = attnum AND classoid = 'pg_class'::regclass
 WHERE attrelid = 'cpu'::regclass AND attnum > 0 ORDER BY attnum;
SELECT amname FROM pg_class JOIN pg_am ON pg_am.oid = relam
 WHERE pg_class.oid = 'cpu'::regclass;

-- more tags, more fields, in any order; absent ones are null
SELECT rusts_write(E'cpu,region=us-east,host=server02 up=false,usage=1 1609459201000000000\n'
  'cpu,rack=r1 extra=-7i 1609459202000000000\n'
  'cpu other="x" 1609459203000000000');
SELECT * FROM cpu ORDER BY time;

-- blank lines, comments, CRLF, no end of line; nothing at all
SELECT rusts_write(E'\n# a comment\n\n  cpu usage=1 1\r\ncpu usage=2 2');
SELECT rusts_write('');
SELECT rusts_write(E'# only\n\n# comments\n');
SELECT rusts_write(NULL::text) IS NULL;

-- one batch: the first line's names and all that follow, several measurements
SELECT rusts_write(E'a,t=1 f=1 1000\nb,t=1 f=1i 2000\na,u=2 g="s" 3000\nc f=true 4000\nb f=2i,h=3 5000\na,u=2,t=1 f=2,g="t" 6000');
SELECT * FROM a ORDER BY time;
SELECT * FROM b ORDER BY time;
SELECT * FROM c ORDER BY time;

-- the same key twice in a line: the last value
SELECT rusts_write('twice f=1,f=2 1');
SELECT f FROM twice;

-- escapes, quotes and other odd names
SELECT rusts_write(E'odd\\ name\\,x,ta\\=g=va\\ lue,"q"=a\\,b fi\\ eld="say \\"hi\\" \\\\ there",Ünï="ö" 1');
SELECT * FROM "odd name,x";
SELECT rusts_write('select,from=x where=1,"group"=2i 1');
SELECT * FROM "select";

-- bytea is UTF-8
SELECT rusts_write(convert_to('bytes,t=ä f="€" 1', 'UTF8'));
SELECT * FROM bytes;

-- exact values
SELECT rusts_write(E'num f=-0.0,g=1e300,h=0.1 1000\nnum i=9223372036854775807i,j=-9223372036854775808i,u=9223372036854775807u 2000');
SELECT f, g, h, i, j, u FROM num ORDER BY time;

-- precisions
SELECT p, rusts_write('prec,p=' || p || ' f=1 1609459200', p)
  FROM unnest(ARRAY['s', 'second']) p;
SELECT rusts_write('prec,p=ms f=1 1609459200123', 'ms');
SELECT rusts_write('prec,p=us f=1 1609459200123456', 'us');
SELECT rusts_write('prec,p=u f=1 1609459200123457', 'u');
SELECT rusts_write('prec,p=n f=1 1609459200123458000', 'n');
SELECT rusts_write('prec,p=m f=1 26824320', 'm');
SELECT rusts_write('prec,p=h f=1 447072', 'h');
SELECT * FROM prec ORDER BY p;
SELECT rusts_write('prec f=1 1', 'd');
SELECT rusts_write('prec f=1 1', '');
SELECT rusts_write('prec f=1 1', NULL);
SELECT rusts_write('prec f=1 1', 'ns', 'ignore');
SELECT rusts_write('prec f=1 1', 'ns', NULL);
SELECT rusts_write('prec f=1 447072000000', 'h');

-- nanoseconds
SELECT rusts_write(E'ns f=1 1000\nns f=2 2000');
SELECT * FROM ns ORDER BY time;
SELECT rusts_write(E'ns f=3 3001\nns f=4 4000\nns f=5 -1\nns f=6 -1000\nns f=7 -1001');
SELECT extract(epoch FROM time) AS epoch, time_ns, f FROM ns ORDER BY time, time_ns;
SELECT attname, attnotnull, pg_get_expr(adbin, adrelid)
  FROM pg_attribute JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
 WHERE attrelid = 'ns'::regclass;
SELECT rusts_write('ns_first f=1 -9223372036854775806');
SELECT * FROM ns_first;

-- no timestamp: the statement's time, truncated
BEGIN;
SELECT rusts_write(E'now f=1\nnow f=2');
SELECT rusts_write('now,p=h f=3', 'h');
SELECT rusts_write('now,p=s f=4', 's');
SELECT count(DISTINCT time) FROM now WHERE p IS NULL;
SELECT bool_and(time >= now() AND time <= clock_timestamp()) FROM now WHERE p IS NULL;
SELECT p, time = date_trunc(CASE p WHEN 'h' THEN 'hour' ELSE 'second' END, time)
  FROM now WHERE p IS NOT NULL ORDER BY p;
COMMIT;

-- abort: nothing is written
SELECT rusts_write(E'cpu usage=5 5\ncpu usage=6 6\ncpu usage= 7\ncpu usage=8 8');
SELECT rusts_write(E'fresh f=1 1\nfresh f=1i 2');
SELECT to_regclass('fresh') IS NULL;
SELECT count(*) FROM cpu WHERE usage >= 5 AND usage < 9;

-- skip: good points are written
SELECT rusts_write(E'cpu usage=5 5\nbad\ncpu usage=1i 6\n,x=1 f=1 7\ncpu,time=1 f=1\ncpu usage=9 9', 'ns', 'skip');
SELECT usage FROM cpu WHERE usage >= 5 AND usage < 10 ORDER BY 1;
SELECT rusts_write(string_agg(CASE WHEN i % 4 = 0 THEN 'cpu usage=1 ' ELSE 'cpu oops ' END || i, E'\n'
                   ORDER BY i), 'ns', 'skip')
  FROM generate_series(1, 60) i;

-- of a skipped line no name is taken over
SELECT rusts_write(E'part good=1 1000\npart good=2,other="x",time=3 2000\npart,good=1 more=1 3000\npart third=4 4000', 'ns', 'skip');
SELECT * FROM part ORDER BY time;
SELECT rusts_write(E'never time=1 1\nnever f=\n', 'ns', 'skip');
SELECT to_regclass('never') IS NULL;

-- types: the first value decides
SELECT rusts_write(E'types f=1,i=1i,s="s",b=t 1');
SELECT rusts_write('types f=1i 2');
SELECT rusts_write('types f=1u 2');
SELECT rusts_write('types i=1 2');
SELECT rusts_write('types s=t 2');
SELECT rusts_write('types b="t" 2');
SELECT rusts_write('types i=18446744073709551615u 2');
SELECT rusts_write('types new=9223372036854775808u 2');
SELECT rusts_write('types i=5u 2');

-- names that cannot be
SELECT rusts_write(repeat('x', 64) || ' f=1 1');
SELECT rusts_write('names,' || repeat('t', 64) || '=1 f=1 1');
SELECT rusts_write('names ' || repeat('ü', 32) || '=1 1');
SELECT rusts_write(repeat('x', 63) || ',' || repeat('t', 63) || '=1 ' || repeat('f', 63) || '=1 1');
SELECT rusts_write('names,f=1 f=1 1');
SELECT rusts_write('types,f=1 b=t 1');
SELECT rusts_write('cpu host=1 1');
SELECT rusts_write('names time=1 1');
SELECT rusts_write('names f=1,time=1 1');
SELECT rusts_write('names,time=x f=1 1');
SELECT rusts_write('names,time_ns=x f=1 1');
SELECT rusts_write('names ctid=1 1');
SELECT rusts_write('names,xmin=a f=1 1');
SELECT rusts_write('names ctid_=1,oid=2 1');

-- bad lines: reason, text, shortened between characters
SELECT rusts_write('cpu');
SELECT rusts_write('cpu,host= f=1');
SELECT rusts_write('cpu,a=1,a=2 f=1');
SELECT rusts_write('cpu f=1 abc');
SELECT rusts_write('cpu f=1 99999999999999999999');
SELECT rusts_write('cpu ' || repeat('ä', 100));
SELECT rusts_write('\x63707520733d22ff2220310a'::bytea);
SELECT rusts_write('\x63707520733d22002220310a'::bytea);
SELECT rusts_write('\x6370752c743dc328206620310a'::bytea);
SELECT rusts_write('\x63707520733d22ff2220310a63707520663d39392039390a'::bytea, 'ns', 'skip');

-- columns: as many as PostgreSQL can have, no more
SELECT rusts_write('wide ' || string_agg('f' || i || '=' || i || 'i', ',') || ' 1000')
  FROM generate_series(1, 1599) i;
SELECT count(*), sum(f1599) FROM wide;
SELECT rusts_write('wide f1600=1i 2000');
SELECT rusts_write('wide f1=1i 2001');
SELECT rusts_write('wide2 ' || string_agg('f' || i || '=1i', ',') || ' 1')
  FROM generate_series(1, 2000) i;
SELECT rusts_write(string_agg('wide3 f' || i || '=' || i || 'i ' || i || '000', E'\n' ORDER BY i), 'ns', 'skip')
  FROM generate_series(1, 1601) i;
SELECT count(*), sum(f1598), sum(f1599) FROM wide3;
DROP TABLE wide, wide3;

-- schema changes can be forbidden
SET rusts.schema_on_write = off;
SELECT rusts_write('cpu usage=1 100');
SELECT rusts_write('unknown f=1 1');
SELECT rusts_write('cpu unknown=1 1');
SELECT rusts_write('cpu,unknown=a usage=1 1');
SELECT rusts_write('c f=true 1001');
SELECT rusts_write(E'cpu usage=1 101\ncpu what=1 1\nwhat f=1', 'ns', 'skip');
RESET rusts.schema_on_write;

-- a table made by hand; columns renamed and dropped
CREATE TABLE hand ("time" timestamptz NOT NULL, host text, f float8, gone int8, comment text) USING rusts;
SELECT rusts_write('hand,host=a f=1 1');
SECURITY LABEL FOR rusts ON COLUMN hand.host IS 'tag';
SELECT rusts_write('hand,host=a f=1 1000');
ALTER TABLE hand RENAME COLUMN host TO server;
ALTER TABLE hand DROP COLUMN gone;
SELECT rusts_write(E'hand,server=b f=2 2000\nhand,host=c gone=3 3000');
SELECT * FROM hand ORDER BY time;
CREATE TABLE odd_types ("time" timestamptz NOT NULL, f4 float4, n numeric, j jsonb) USING rusts;
SELECT rusts_write('odd_types f4=1 1');
SELECT rusts_write('odd_types j="{}" 1');
SELECT rusts_write('odd_types g=1 1000');
CREATE TABLE no_time (t timestamptz, f float8) USING rusts;
SELECT rusts_write('no_time f=1 1');
CREATE TABLE plain_time ("time" timestamp, f float8) USING rusts;
SELECT rusts_write('plain_time f=1 1');
CREATE TABLE big_ns ("time" timestamptz, time_ns int8, f float8) USING rusts;
SELECT rusts_write('big_ns f=1 1001');
SELECT rusts_write('big_ns f=1 1000');

-- what is not a measurement
CREATE TABLE a_heap ("time" timestamptz, f float8) USING heap;
CREATE VIEW a_view AS SELECT * FROM cpu;
CREATE SEQUENCE a_sequence;
CREATE INDEX an_index ON a_heap (f);
SELECT rusts_write('a_heap f=1 1');
SELECT rusts_write('a_view f=1 1');
SELECT rusts_write('a_sequence f=1 1');
SELECT rusts_write('an_index f=1 1');
CREATE DOMAIN a_type AS int8;
CREATE TYPE "_made" AS ENUM ('x');
SELECT rusts_write('a_type f=1 1');
SELECT rusts_write(E'a_view f=1 1\ncpu usage=1 200\na_type f=1 1\nmade f=1 1000', 'ns', 'skip');
SELECT rusts_write('_cpu f=1 1000');

-- the first schema of the path, and nothing else, counts
CREATE SCHEMA write_other;
SET search_path = write_other, write_test, public;
SELECT rusts_write('cpu usage=1i 1');
SELECT count(*), pg_typeof(min(usage)) FROM write_other.cpu;
SELECT rusts_write('pg_class f=1 1');
SELECT count(*) FROM write_other.pg_class;
SET search_path = pg_catalog;
SELECT public.rusts_write('cpu f=1 1');
SET search_path = nowhere;
SELECT public.rusts_write('cpu f=1 1');
SET search_path = pg_temp, write_test, public;
SELECT rusts_write('cpu temp=1i 1');
SELECT relpersistence FROM pg_class WHERE oid = 'pg_temp.cpu'::regclass;
SELECT temp FROM pg_temp.cpu;
DROP TABLE pg_temp.cpu;
SET search_path = write_test, public;

-- transactions
BEGIN;
SELECT rusts_write('tx f=1 1000');
SAVEPOINT s;
SELECT rusts_write('tx g=1 2000');
SELECT count(*), count(g) FROM tx;
ROLLBACK TO s;
SELECT rusts_write('tx h=1 3000');
SELECT * FROM tx ORDER BY time;
ROLLBACK;
SELECT to_regclass('tx') IS NULL;
BEGIN READ ONLY;
SELECT rusts_write('cpu usage=1 1');
ROLLBACK;
DO $$
BEGIN
  PERFORM rusts_write('plpg f=1 1');
  BEGIN
    PERFORM rusts_write(E'plpg f=2 2\nplpg f=x 3');
  EXCEPTION WHEN invalid_text_representation THEN
    RAISE NOTICE 'caught: %', SQLERRM;
  END;
  PERFORM rusts_write('plpg f=4 4');
END $$;
SELECT f FROM plpg ORDER BY f;

-- two calls in a query, a call per row of a query, a call in an INSERT
SELECT rusts_write('calls f=1 1') + rusts_write('calls f=2 2');
SELECT sum(rusts_write('calls,t=' || i || ' f=3 ' || i)) FROM generate_series(1, 10) i;
INSERT INTO calls (time, f) SELECT to_timestamp(i), rusts_write('calls f=4 4') FROM generate_series(1, 3) i;
SELECT f, count(*) FROM calls GROUP BY f ORDER BY f;

-- the same points as in a heap table
CREATE TABLE expected_points AS
SELECT timestamptz '2024-01-01' + i * interval '1 second' AS time,
       'h' || i % 37 AS host, CASE WHEN i % 3 > 0 THEN 'r' || i % 3 END AS region,
       CASE WHEN i % 5 > 0 THEN i / 7.0::float8 END AS a, i::int8 AS b,
       CASE WHEN i % 11 > 0 THEN 'it''s "' || i || '" \' END AS c, i % 2 = 0 AS d
  FROM generate_series(1, 20000) i;
SELECT rusts_write(string_agg('points,host=' || host || coalesce(',region=' || region, '') || ' ' ||
         CASE WHEN b % 4 > 1 THEN 'b=' || b || 'i,d=' || d ELSE 'd=' || d || ',b=' || b || 'i' END ||
         coalesce(',a=' || a, '') ||
         coalesce(',c="' || replace(replace(c, '\', '\\'), '"', '\"') || '"', '') ||
         ' ' || extract(epoch FROM time)::int8, E'\n' ORDER BY b), 's')
  FROM expected_points;
SELECT count(*) FROM
  (SELECT time, host, region, a, b, c, d FROM points EXCEPT ALL SELECT * FROM expected_points) x;
SELECT count(*) FROM
  (SELECT * FROM expected_points EXCEPT ALL SELECT time, host, region, a, b, c, d FROM points) x;

-- more names than any cache has at first: measurements, series, fields
SELECT rusts_write(string_agg('m' || i % 200 || ',t=' || i || ' f' || i % 7 || '=' || i || 'i ' || i, E'\n' ORDER BY i))
  FROM generate_series(1, 4000) i;
SELECT count(*) FROM pg_class WHERE relname ~ '^m\d+$' AND relnamespace = 'write_test'::regnamespace;
SELECT count(*), count(DISTINCT t), sum(f0) + sum(f1) + sum(f2) + sum(f3) + sum(f4) + sum(f5) + sum(f6) AS sum FROM m77;

-- privileges
CREATE ROLE regress_rusts_writer;
CREATE ROLE regress_rusts_owner;
GRANT regress_rusts_owner TO regress_rusts_writer;
SET ROLE regress_rusts_writer;
SELECT rusts_write('cpu usage=1 1');
RESET ROLE;
GRANT USAGE ON SCHEMA write_test TO regress_rusts_writer;
SET ROLE regress_rusts_writer;
SELECT rusts_write('cpu usage=1 1');
SELECT rusts_write('cpu usage=1 1', 'ns', 'skip');
SELECT rusts_write('brand_new f=1 1');
RESET ROLE;
SELECT rusts_write('a f=1 7001');
GRANT INSERT ON cpu TO regress_rusts_writer;
GRANT INSERT (time, f) ON a TO regress_rusts_writer;
SET ROLE regress_rusts_writer;
SELECT rusts_write('cpu usage=1 300');
SELECT rusts_write('cpu usage=1,private=1 1');
SELECT rusts_write('a f=1 1000');
SELECT rusts_write('a f=1 1001');
SELECT rusts_write('a,t=1 f=1 1000');
SELECT rusts_write('a g="x" 1000');
SELECT rusts_write('a f=1,g="x" 1000');
RESET ROLE;
ALTER TABLE b OWNER TO regress_rusts_owner;
GRANT CREATE ON SCHEMA write_test TO regress_rusts_writer;
SET ROLE regress_rusts_writer;
SELECT rusts_write('b added=1 7');
SELECT rusts_write('brand_new f=1 1');
SELECT tableowner FROM pg_tables WHERE tablename = 'brand_new';
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA write_test, write_other CASCADE;
DROP ROLE regress_rusts_writer, regress_rusts_owner;
