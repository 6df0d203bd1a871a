--
-- Rows that come from another node as an image: what is stored, what refused.
--
SET timezone = 'UTC';
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS rusts_shard;
CREATE SCHEMA store_image;
RESET client_min_messages;
SET search_path = store_image, public;
\set SHOW_CONTEXT never

-- What a node would send: the batch as it lies in the directory.
CREATE FUNCTION image(of regclass) RETURNS bytea LANGUAGE sql AS $$
	SELECT payload FROM rusts.segment
	WHERE storage_id = rusts.storage_id(of) ORDER BY segment_id DESC LIMIT 1
$$;
CREATE FUNCTION columns(of regclass, with_types bool DEFAULT true)
RETURNS text[] LANGUAGE sql AS $$
	SELECT CASE WHEN with_types THEN array_agg(ARRAY[name, type] ORDER BY n)
		   ELSE array_agg(name ORDER BY n) END
	FROM (SELECT CASE WHEN NOT attisdropped THEN attname END::text AS name,
				 CASE WHEN NOT attisdropped THEN atttypid END::text AS type,
				 attnum AS n
		  FROM pg_attribute WHERE attrelid = of AND attnum > 0) AS a
$$;
CREATE FUNCTION send("from" regclass, "to" name) RETURNS bigint LANGUAGE sql
AS $$ SELECT rusts.store_image("to", columns("from"), image("from")) $$;
CREATE FUNCTION differences(a text, b text) RETURNS TABLE (difference text)
LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format(
		'SELECT d::text FROM ((TABLE %1$s EXCEPT ALL TABLE %2$s) UNION ALL '
		'(TABLE %2$s EXCEPT ALL TABLE %1$s)) AS d', a, b);
END $$;

CREATE TABLE source (host text, time timestamptz NOT NULL, u float8, n int8,
					 s text, yes bool, gone int, region text, i int, d date,
					 q numeric) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN source.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN source.region IS 'tag';
ALTER TABLE source DROP COLUMN gone;
CREATE VIEW source_view AS
SELECT host, time, u, n, s, yes, region, i, d, q FROM source;
CREATE FUNCTION fill(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO source
	SELECT CASE WHEN i % 7 > 0 THEN 'h' || i % 7 END,
		   '2021-01-01'::timestamptz + i * interval '10 s',
		   CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' ELSE i / 3.0 END,
		   CASE WHEN i % 3 > 0 THEN i * 1000000007::int8 END, 'text ' || i % 11,
		   CASE i % 4 WHEN 0 THEN NULL ELSE i % 4 = 1 END, 'r' || i % 2,
		   CASE WHEN i % 3 > 0 THEN -i END, '2021-01-01'::date + i,
		   CASE i % 4 WHEN 0 THEN NULL WHEN 1 THEN 'NaN'
					  ELSE i * 10000 / 7::numeric END
	FROM generate_series(1, n) AS i
$$;
SELECT fill(100);

-- the same columns: stored as it is
CREATE TABLE rusts_shard.same (LIKE source) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.same.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.same.region IS 'tag';
SELECT attname FROM pg_attribute
WHERE attrelid = 'rusts_shard.same'::regclass AND attnum > 0 ORDER BY attnum;
-- its numbers are others since the column is gone; in this one they are not
CREATE TABLE rusts_shard.exact (host text, time timestamptz NOT NULL, u float8,
								n int8, s text, yes bool, gone int,
								region text, i int, d date, q numeric)
USING rusts;
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.exact.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.exact.region IS 'tag';
ALTER TABLE rusts_shard.exact DROP COLUMN gone;
CREATE TABLE rusts_shard.other (q numeric, d date, i int, region text,
								yes bool, s text, n int8, u float8,
								time timestamptz NOT NULL, host text,
								more text)
USING rusts;
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.other.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.other.region IS 'tag';
CREATE VIEW other_view AS
SELECT host, time, u, n, s, yes, region, i, d, q FROM rusts_shard.other;
SELECT send('source', 'same'), send('source', 'exact'), send('source', 'other');
SELECT * FROM differences('source_view', 'rusts_shard.same');
SELECT * FROM differences('source_view', 'rusts_shard.exact');
SELECT * FROM differences('source_view', 'other_view');
SELECT image('source') = image('rusts_shard.exact') AS exact,
	   image('source') = image('rusts_shard.same') AS same;
SELECT a.tag_filter = b.tag_filter AS filter, a.raw_bytes = b.raw_bytes AS raw,
	   a.min_time = b.min_time AND a.max_time = b.max_time AS times,
	   a.nrows = b.nrows AS nrows
FROM rusts.segment AS a, rusts.segment AS b
WHERE a.storage_id = rusts.storage_id('source'::regclass) AND
	  b.storage_id = rusts.storage_id('rusts_shard.exact'::regclass);
SELECT host, count(*), sum(n), last(s, time) FROM rusts_shard.exact
WHERE region = 'r1' GROUP BY host ORDER BY host;

-- names without types will do, and what follows is in the order of writing
SELECT rusts.store_image('exact', columns('source', false), image('source'));
SELECT count(*) FROM rusts_shard.exact;
BEGIN;
INSERT INTO rusts_shard.exact (time, host) VALUES ('2021-01-01', 'own');
SELECT send('source', 'exact');
SELECT count(*) FROM rusts_shard.exact;
ROLLBACK;
SELECT count(*) FROM rusts_shard.exact;

-- statistics come along with larger batches
SELECT rusts_flush('source');
TRUNCATE rusts_shard.exact, rusts_shard.other;
SELECT send('source', 'exact'), send('source', 'other');
SELECT image('source') = image('rusts_shard.exact') AS exact;
SELECT tier, rows FROM rusts.segments
WHERE measurement IN ('rusts_shard.exact'::regclass, 'rusts_shard.other'::regclass)
ORDER BY tier;
SELECT count(*), sum(n), min(u), max(d) FROM rusts_shard.exact;
SELECT count(*), sum(n), min(u), max(d) FROM source;
SELECT * FROM differences('source_view', 'rusts_shard.exact');
SELECT * FROM differences('source_view', 'other_view');
SELECT rusts_flush('rusts_shard.exact'), rusts_flush('rusts_shard.other');
SELECT * FROM differences('source_view', 'rusts_shard.exact');

-- with an order of rows, as RETURNING makes it
TRUNCATE source, rusts_shard.exact, rusts_shard.other;
WITH new AS (INSERT INTO source (time, host, n)
			 SELECT '2021-01-01'::timestamptz - i * interval '1 s',
					'h' || i % 2, i FROM generate_series(1, 10) AS i
			 RETURNING ctid)
SELECT count(*) FROM new;
SELECT send('source', 'exact'), send('source', 'other');
SELECT * FROM differences('source_view', 'rusts_shard.exact');
SELECT * FROM differences('source_view', 'other_view');
SELECT count(*) FROM rusts_shard.exact AS a, rusts_shard.exact AS b
WHERE a.ctid = b.ctid AND a.n = b.n;

-- columns and types that are not here
TRUNCATE source;
SELECT fill(20);
CREATE TABLE rusts_shard.narrow (time timestamptz NOT NULL, host text)
USING rusts;
SELECT send('source', 'narrow');
ALTER TABLE rusts_shard.narrow ADD u text, ADD n int8, ADD s text, ADD yes bool,
	ADD region text, ADD i int, ADD d date, ADD q numeric;
SELECT send('source', 'narrow');
ALTER TABLE rusts_shard.narrow DROP u, ADD u float8, DROP n, ADD n timestamptz;
SELECT send('source', 'narrow');
ALTER TABLE rusts_shard.narrow DROP n, ADD n int8;
SELECT send('source', 'narrow');
SELECT rusts.store_image('narrow', '{host,time}', image('source'));
SELECT rusts.store_image('narrow', '{{host,time,u}}', image('source'));
SELECT rusts.store_image('narrow', '{host,host,host,host,host,host,host,host,host,host,host}', image('source'));
SELECT rusts.store_image('narrow', '{}', image('source'));
SELECT rusts.store_image('nothing', '{host,time}', image('source'));
CREATE TABLE rusts_shard.heap (time timestamptz NOT NULL, host text) USING heap;
SELECT send('source', 'heap');
DROP TABLE rusts_shard.heap;
ALTER TABLE rusts_shard.narrow DROP q, ADD q jsonb;
SELECT send('source', 'narrow');
DROP TABLE rusts_shard.narrow;

-- constraints, defaults, generated columns
ALTER TABLE rusts_shard.exact ALTER n SET NOT NULL;
SELECT send('source', 'exact');
ALTER TABLE rusts_shard.exact ALTER n DROP NOT NULL, ALTER host SET NOT NULL;
SELECT send('source', 'exact');
ALTER TABLE rusts_shard.exact ALTER host DROP NOT NULL;
TRUNCATE rusts_shard.exact;
ALTER TABLE rusts_shard.exact ADD CONSTRAINT small CHECK (i > -20);
SELECT send('source', 'exact');
ALTER TABLE rusts_shard.exact DROP CONSTRAINT small,
	ADD CONSTRAINT small CHECK (i > -21 AND region <> 'r2');
SELECT send('source', 'exact');
TRUNCATE rusts_shard.other;
ALTER TABLE rusts_shard.other ALTER more SET DEFAULT 'more',
	ADD fixed int NOT NULL DEFAULT 7,
	ADD doubled int8 GENERATED ALWAYS AS (n * 2) STORED;
SELECT send('source', 'other');
SELECT more, fixed, count(*), sum(doubled) = sum(n) * 2 AS doubled
FROM rusts_shard.other GROUP BY 1, 2;
ALTER TABLE rusts_shard.other ALTER fixed DROP DEFAULT;
SELECT send('source', 'other');
ALTER TABLE rusts_shard.other DROP fixed;

-- the bounds of a partition
CREATE TABLE parent (LIKE source) PARTITION BY LIST (region);
ALTER TABLE rusts_shard.same RENAME TO r01;
ALTER TABLE parent ATTACH PARTITION rusts_shard.r01 FOR VALUES IN ('r0', 'r1');
SELECT send('source', 'r01');
INSERT INTO source (time, region) VALUES ('2021-01-01', 'r2');
SELECT send('source', 'r01');
ALTER TABLE parent DETACH PARTITION rusts_shard.r01;
CREATE TABLE parent2 (LIKE source) PARTITION BY LIST (length(s));
TRUNCATE rusts_shard.r01, source;
SELECT fill(9);
ALTER TABLE parent2 ATTACH PARTITION rusts_shard.r01 FOR VALUES IN (6);
SELECT send('source', 'r01');
SELECT fill(10);
SELECT send('source', 'r01');
DROP TABLE parent, parent2;

-- points written twice
CREATE TABLE rusts_shard.points (host text, time timestamptz NOT NULL,
								 u float8, n int8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.points.host IS 'tag';
SELECT rusts_set_duplicates('rusts_shard.points', 'merge');
CREATE TABLE sent (host text, time timestamptz NOT NULL, u float8, n int8)
USING rusts;
SECURITY LABEL FOR rusts ON COLUMN sent.host IS 'tag';
INSERT INTO sent VALUES ('a', '2021-01-01', 1, NULL), ('b', '2021-01-01', 2, NULL);
SELECT send('sent', 'points');
SELECT key_columns FROM rusts.segment
WHERE storage_id = rusts.storage_id('rusts_shard.points'::regclass);
INSERT INTO sent VALUES ('a', '2021-01-01', NULL, 10), ('a', '2021-01-02', 3, 30);
SELECT send('sent', 'points');
SELECT * FROM rusts_shard.points ORDER BY host, time;
-- in one image, too
INSERT INTO sent VALUES ('a', '2021-01-02', 4, NULL), ('c', '2021-01-01', 5, 50),
	('a', '2021-01-02', NULL, 40), ('a', '2021-01-02', 6, NULL);
SELECT send('sent', 'points');
SELECT * FROM rusts_shard.points ORDER BY host, time;
SELECT rusts_flush('rusts_shard.points');
SELECT * FROM rusts_shard.points ORDER BY host, time;
-- rows of this transaction that came before stay before
BEGIN;
INSERT INTO sent VALUES ('c', '2021-01-01', 7, 70);
INSERT INTO rusts_shard.points VALUES ('c', '2021-01-01', 6, 60);
SELECT send('sent', 'points');
COMMIT;
SELECT * FROM rusts_shard.points WHERE host = 'c';

-- who may
CREATE ROLE regress_rusts_sender;
GRANT USAGE ON SCHEMA store_image TO regress_rusts_sender;
CREATE TABLE kept AS SELECT columns('sent'), image('sent');
GRANT SELECT ON kept TO regress_rusts_sender;
SET ROLE regress_rusts_sender;
SELECT rusts.store_image('points', columns, image) FROM kept;
SELECT rusts.cluster_prepare_fdw();
RESET ROLE;
GRANT USAGE ON SCHEMA rusts_shard TO regress_rusts_sender;
SET ROLE regress_rusts_sender;
SELECT rusts.store_image('points', columns, image) FROM kept;
RESET ROLE;
GRANT INSERT (host, time, u) ON rusts_shard.points TO regress_rusts_sender;
SET ROLE regress_rusts_sender;
SELECT rusts.store_image('points', columns, image) FROM kept;
RESET ROLE;
GRANT INSERT (n) ON rusts_shard.points TO regress_rusts_sender;
SET ROLE regress_rusts_sender;
SELECT rusts.store_image('points', columns, image) FROM kept;
RESET ROLE;
ALTER TABLE rusts_shard.points ENABLE ROW LEVEL SECURITY;
SET ROLE regress_rusts_sender;
SELECT rusts.store_image('points', columns, image) FROM kept;
RESET ROLE;
ALTER TABLE rusts_shard.points DISABLE ROW LEVEL SECURITY;
BEGIN READ ONLY;
SELECT rusts.store_image('points', columns, image) FROM kept;
ROLLBACK;

-- Images that somebody has made up: every byte and, in the second round, with
-- checksums that fit.  Whatever is stored can be read.
CREATE FUNCTION crc_table() RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	crcs bigint[];
	c bigint;
BEGIN
	FOR i IN 0 .. 255 LOOP
		c := i;
		FOR k IN 1 .. 8 LOOP
			c := CASE WHEN c & 1 = 1 THEN (c >> 1) # 2197175160 ELSE c >> 1 END;
		END LOOP;
		crcs[i] := c;
	END LOOP;
	RETURN crcs;
END $$;
CREATE FUNCTION crc32c(bytes bytea, crcs bigint[]) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	c bigint := 4294967295;
BEGIN
	FOR i IN 0 .. length(bytes) - 1 LOOP
		c := crcs[(c # get_byte(bytes, i)) & 255] # (c >> 8);
	END LOOP;
	RETURN c # 4294967295;
END $$;
CREATE FUNCTION u32(bytes bytea, at int) RETURNS bigint LANGUAGE sql IMMUTABLE
AS $$ SELECT sum(get_byte(bytes, at + i)::bigint << (8 * i))::bigint
	  FROM generate_series(0, 3) AS i $$;
CREATE FUNCTION put_u32(bytes bytea, at int, value bigint) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	FOR i IN 0 .. 3 LOOP
		bytes := set_byte(bytes, at + i, (value >> (8 * i) & 255)::int);
	END LOOP;
	RETURN bytes;
END $$;
CREATE FUNCTION sealed(bytes bytea, streams_len int, crcs bigint[])
RETURNS bytea LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	parts_end int := length(bytes) - streams_len;
BEGIN
	bytes := put_u32(bytes, 60, crc32c(substr(bytes, parts_end + 1), crcs));
	RETURN put_u32(bytes, 56, crc32c(substr(bytes, 1, 56) ||
									 substr(bytes, 65, parts_end - 64), crcs));
END $$;
CREATE FUNCTION tried(tables name[], columns text[], bytes bytea)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text := 'stored';
	answers text[] := ARRAY['count(*), count(host), sum(i), last(s, time)',
		'count(*), min(time), max(time), min(u), max(u), min(n), max(n), sum(n)',
		'count(*) FILTER (WHERE n > 5 * 1000000007::int8 AND d > ''2021-01-02'')'];
	answer text;
	"table" name;
	n bigint;
	a text;
	b text;
BEGIN
	FOREACH "table" IN ARRAY tables LOOP
		PERFORM rusts.store_image("table", columns, bytes);
	END LOOP;
	BEGIN
		FOREACH "table" IN ARRAY tables LOOP
			EXECUTE format('SELECT count(t::text) FROM (SELECT * FROM rusts_shard.%I ORDER BY time) AS t', "table") INTO n;
			EXECUTE format('SELECT sum(length(host)) FROM rusts_shard.%I WHERE host > ''h1'' AND n > 0 OR u < 5', "table") INTO n;
			FOREACH answer IN ARRAY answers LOOP
				EXECUTE format('SELECT row(%s)::text FROM rusts_shard.%I', answer, "table") INTO a;
				EXECUTE format('SELECT row(%s)::text FROM (SELECT * FROM rusts_shard.%I OFFSET 0) AS t', answer, "table") INTO b;
				IF a <> b THEN
					outcome := 'wrong';
				END IF;
			END LOOP;
			EXECUTE format('SELECT string_agg(t::text, '';'' ORDER BY t::text) FROM rusts_shard.%I AS t WHERE n > 5 * 1000000007::int8 AND u < 3', "table") INTO a;
			EXECUTE format('SELECT string_agg(t::text, '';'' ORDER BY t::text) FROM (SELECT * FROM rusts_shard.%I OFFSET 0) AS t WHERE n > 5 * 1000000007::int8 AND u < 3', "table") INTO b;
			IF a <> b THEN
				outcome := 'wrong';
			END IF;
		END LOOP;
	EXCEPTION WHEN OTHERS THEN
		outcome := 'cannot be read: ' || SQLSTATE;
	END;
	RAISE EXCEPTION USING ERRCODE = 'RU000';
EXCEPTION WHEN SQLSTATE 'RU000' THEN
	RETURN outcome;
WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
CREATE FUNCTION flip_all(of regclass, seal bool) RETURNS TABLE (outcome text, n bigint)
LANGUAGE plpgsql AS $$
DECLARE
	good bytea := image(of);
	names text[] := columns(of);
	streams int := u32(good, 48);
	crcs bigint[] := crc_table();
BEGIN
	RETURN QUERY
	WITH bad AS MATERIALIZED (
		SELECT set_byte(good, at, get_byte(good, at) # flip) AS bytes
		FROM generate_series(0, length(good) - 1) AS at,
			 unnest(CASE WHEN seal THEN '{1,4,32,129}'::int[] ELSE '{1}' END) AS flip)
	SELECT tried('{exact,other}', names,
				 CASE WHEN seal THEN sealed(bytes, streams, crcs) ELSE bytes END), count(*)
	FROM bad GROUP BY 1;
END $$;
TRUNCATE source, rusts_shard.exact, rusts_shard.other;
ALTER TABLE rusts_shard.exact DROP CONSTRAINT small;
SELECT fill(12);
SELECT sealed(image('source'), u32(image('source'), 48)::int, crc_table()) = image('source') AS sealed;
SELECT * FROM flip_all('source', false) ORDER BY 1;
SELECT outcome, sum(n) > 0 AS some FROM flip_all('source', true)
GROUP BY 1 ORDER BY 1;
SELECT rusts_flush('source');
SELECT outcome, sum(n) > 0 AS some FROM flip_all('source', true)
GROUP BY 1 ORDER BY 1;
-- too short, too long
SELECT DISTINCT tried('{exact}', columns('source'), substr(image('source'), 1, i))
FROM generate_series(0, length(image('source')) - 1) AS i;
SELECT tried('{exact}', columns('source'), image('source') || '\x00');
-- text that is none, and statistics that are not those of the rows
TRUNCATE source;
INSERT INTO source (time, s, n) VALUES ('2021-01-01', 'aXXb', 1), ('2021-01-02', 'cd', 2);
SELECT tried('{exact}', columns('source'),
			 sealed(overlay(image('source') PLACING '\xff58' FROM position('XX'::bytea IN image('source'))),
					u32(image('source'), 48)::int, crc_table()));
SELECT tried('{exact}', columns('source'),
			 sealed(overlay(image('source') PLACING '\x5800' FROM position('XX'::bytea IN image('source'))),
					u32(image('source'), 48)::int, crc_table()));
SELECT tried('{exact}', columns('source'),
			 sealed(overlay(image('source') PLACING 'YY' FROM position('XX'::bytea IN image('source'))),
					u32(image('source'), 48)::int, crc_table()));
SELECT count(*) FROM rusts_shard.exact;
-- series that are not in order, and one that is there twice
TRUNCATE source;
INSERT INTO source (time, host, n) VALUES ('2021-01-01', 'hA', 1), ('2021-01-02', 'hB', 2), ('2021-01-03', 'hC', 3);
CREATE FUNCTION renamed("from" bytea, "to" bytea) RETURNS bytea LANGUAGE sql AS $$
	SELECT sealed(overlay(image('source') PLACING "to" FROM position("from" IN image('source'))),
				  u32(image('source'), 48)::int, crc_table()) $$;
SELECT rusts.store_image('exact', columns('source'), renamed('hB', 'hZ'));
SELECT image('rusts_shard.exact') = renamed('hB', 'hZ') AS as_is;
SELECT host, n FROM rusts_shard.exact ORDER BY host;
SELECT rusts.store_image('exact', columns('source'), renamed('hB', 'hA'));
SELECT image('rusts_shard.exact') = renamed('hB', 'hA') AS as_is;
SELECT host, count(*) FROM rusts_shard.exact GROUP BY host ORDER BY host;
SELECT rusts.store_image('exact', columns('source'), renamed('hC', 'hD'));
SELECT image('rusts_shard.exact') = renamed('hC', 'hD') AS as_is;
-- rows that are not in order, since what is the time here was none there
CREATE TABLE untimed ("when" timestamptz, host text, u float8, n int8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN untimed.host IS 'tag';
INSERT INTO untimed SELECT '2021-01-01'::timestamptz + (i % 3) * interval '1 s', 'a', CASE WHEN i > 3 THEN -i END, i FROM generate_series(1, 6) AS i;
CREATE TABLE rusts_shard.timed (time timestamptz, host text, u float8, n int8) USING rusts;
SECURITY LABEL FOR rusts ON COLUMN rusts_shard.timed.host IS 'tag';
SELECT rusts.store_image('timed', '{time,host,u,n}', image('untimed'));
SELECT image('rusts_shard.timed') = image('untimed') AS as_is;
SELECT time, array_agg(n ORDER BY n) AS n FROM rusts_shard.timed GROUP BY time ORDER BY time;
SELECT rusts_set_duplicates('rusts_shard.timed', 'merge');
TRUNCATE rusts_shard.timed;
SELECT rusts.store_image('timed', '{time,host,u,n}', image('untimed'));
SELECT * FROM rusts_shard.timed ORDER BY time;
SELECT rows FROM rusts.segments WHERE measurement = 'rusts_shard.timed'::regclass;
DROP TABLE rusts_shard.timed;

SET client_min_messages = warning;
DROP SCHEMA store_image CASCADE;
DROP TABLE rusts_shard.exact, rusts_shard.other, rusts_shard.points;
DROP OWNED BY regress_rusts_sender;
DROP ROLE regress_rusts_sender;
