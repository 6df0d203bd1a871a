--
-- The format on disk: version 1 stays readable, and what is written does not
-- change unawares.  doc/format.md takes these bytes apart.
--
CREATE SCHEMA format;
SET search_path = format, public;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE TABLE heap_twin (time timestamptz NOT NULL, host text, zone text, v float8,
	i int8, s text, b bool, n numeric, gone int, u uuid) USING heap;
ALTER TABLE heap_twin DROP COLUMN gone;
INSERT INTO heap_twin
SELECT '2024-01-01'::timestamptz + i * interval '10 s', 'h' || i % 3,
	CASE WHEN i % 3 < 2 THEN 'z' END, i * 0.25, CASE WHEN i % 4 > 0 THEN i * i END,
	repeat('s', i % 5), i % 2 = 0, i / 8.0, NULL
FROM generate_series(20, 1, -1) AS i;

CREATE TABLE f (time timestamptz NOT NULL, host text, zone text, v float8,
	i int8, s text, b bool, n numeric, gone int, u uuid) USING rusts;
ALTER TABLE f DROP COLUMN gone;
SECURITY LABEL FOR rusts ON COLUMN f.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN f.zone IS 'tag';

CREATE FUNCTION image() RETURNS TABLE (level int2, nrows int4, bytes int8, hex text)
LANGUAGE sql BEGIN ATOMIC
	SELECT s.level, s.nrows, s.bytes, regexp_replace(encode(payload, 'hex'), '(.{76})', E'\\1\n', 'g')
	FROM rusts.segment AS s WHERE storage_id = rusts.storage_id('f'::regclass);
END;
CREATE FUNCTION differences() RETURNS bigint LANGUAGE sql AS
'SELECT count(*) FROM ((TABLE f EXCEPT ALL TABLE heap_twin) UNION ALL (TABLE heap_twin EXCEPT ALL TABLE f)) AS d';

-- what is written
INSERT INTO f SELECT * FROM heap_twin;
\pset format unaligned
\pset tuples_only on
SELECT * FROM image();
SELECT rusts_flush('f');
SELECT * FROM image();
SELECT differences();

-- the filter of the tag values: of h0, h1, h2, z and NULL; of up to 2,800
-- values, not of many more; of tags only
CREATE FUNCTION tag_filters(regclass) RETURNS TABLE (level int2, length int, filter text)
LANGUAGE sql BEGIN ATOMIC
	SELECT s.level, length(tag_filter), left(encode(tag_filter, 'hex'), 24)
	FROM rusts.segment AS s WHERE storage_id = rusts.storage_id($1) ORDER BY 1, segment_id;
END;
SELECT * FROM tag_filters('f');
CREATE TABLE many (time timestamptz NOT NULL, i int, host text) USING rusts;
INSERT INTO many SELECT '2024-01-01', i, 'a' || i FROM generate_series(1, 3000) AS i;
SECURITY LABEL FOR rusts ON COLUMN many.host IS 'tag';
INSERT INTO many SELECT '2024-01-01', i, 'b' || i FROM generate_series(1, 3000) AS i;
INSERT INTO many SELECT '2024-01-01', i, 'c' || i FROM generate_series(1, 2700) AS i;
INSERT INTO many VALUES ('2024-01-01', 1, 'server01');
INSERT INTO many VALUES ('2024-01-01', 1, NULL);
INSERT INTO many VALUES ('2024-01-01', 1, '');
SELECT * FROM tag_filters('many');
SELECT rusts_flush('many');
SELECT * FROM tag_filters('many');
DROP TABLE many;

-- a sum of zeros is negative if all of them are: smallest, largest, first,
-- last value and sum are -0.0, as five equal chunks
CREATE TABLE zeros (time timestamptz NOT NULL, v float8) USING rusts;
INSERT INTO zeros VALUES ('2024-01-01', '-0'), ('2024-01-02', '0'), ('2024-01-02', '-0');
SELECT rusts_flush('zeros');
SELECT regexp_replace(encode(payload, 'hex'), '(.{76})', E'\\1\n', 'g')
FROM rusts.segment WHERE storage_id = rusts.storage_id('zeros'::regclass) ORDER BY min_time;
DROP TABLE zeros;

-- what was written by version 1: a level-0 image, a hot one with statistics
UPDATE rusts.segment SET bytes = length(image), payload = image
FROM decode('
5253545301000000140000000100000003000000020007001900000000000000320000000000
00000000000000000000c200000000000000a7a291ecc39b96370200030004840c01060b4803
0004006830683168320342047a0280280100010002802c040002000280160500010002802e06
00040002803c07000300028008080004000380d0010a000401a010808e98ebbab5d802ffb389
13808ece1c808ece1c0c02080132063290019601868888080209084640013714008c31a8d00e
c0806718484405050100030b0501000388464423a211d108007373737373737373737328aaaa
0a481f010802a00a2802aa01e07f8aa60e7f8a4c1d00880100e20406002088130600f0032e22
00880200c4097f8ae2047f8a88137f8a1200400100c4090600206a181e00000400003e000026
00606a18008a01001c0020a60e0600005200a00200e204008802008813
', 'hex') AS image WHERE storage_id = rusts.storage_id('f'::regclass);
SELECT * FROM f ORDER BY host, time LIMIT 4;
SELECT differences();
UPDATE rusts.segment SET bytes = length(image), payload = image
FROM decode('
5253545301000000140000000100000003000000020007001900000000000000940000000000
00000000000000000000c2000000000000003fd279a6c39b96370200030004840c01060b4803
0004006830683168320342047a0280280100010202802c028000098080da8ed8bab5d8020980
8088a88dbcb5d8020980808e98ebbab5d80209808088a88dbcb5d802098080d4a3f6a3ade835
04000202028016028000031402320314000a04140296010314000a0414019a08050001020280
2e02800a0280020380d20502801202800003808c1f0600040002803c07000300028008080004
000380d0010a000401a010808e98ebbab5d802ffb38913808ece1c808ece1c0c020801320632
90019601868888080209084640013714008c31a8d00ec0806718484405050100030b05010003
88464423a211d108007373737373737373737328aaaa0a481f010802a00a2802aa01e07f8aa6
0e7f8a4c1d00880100e20406002088130600f0032e2200880200c4097f8ae2047f8a88137f8a
1200400100c4090600206a181e00000400003e00002600606a18008a01001c0020a60e060000
5200a00200e204008802008813
', 'hex') AS image WHERE storage_id = rusts.storage_id('f'::regclass);
SELECT * FROM f ORDER BY host, time LIMIT 4;
SELECT differences();

-- a version of the future is refused, and so is a damaged image; what this
-- session knows of the segment must go
SET rusts.segment_cache_size = 0;
SELECT count(*) FROM f WHERE host IS NOT NULL;
UPDATE rusts.segment SET payload = set_byte(payload, 4, 2) WHERE storage_id = rusts.storage_id('f'::regclass);
SELECT count(*) FROM f WHERE host IS NOT NULL;
UPDATE rusts.segment SET payload = set_byte(set_byte(payload, 4, 1), 100, 255) WHERE storage_id = rusts.storage_id('f'::regclass);
SELECT count(*) FROM f WHERE host IS NOT NULL;
SET rusts.skip_corrupt_segments = on;
SELECT count(*) FROM f WHERE host IS NOT NULL;

SET client_min_messages = warning;
DROP SCHEMA format CASCADE;
