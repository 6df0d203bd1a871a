--
-- RustsScan: its plans, what it is told to leave out, and that the rows are
-- the same as a heap table's
--
\getenv srcdir PG_ABS_SRCDIR
\set same :srcdir '/test/data/same.sql'
\set plans :srcdir '/test/data/plans.sql'
\i :same
\i :plans
\pset format unaligned
\pset tuples_only on
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;

-- two days of 8 series in blocks of a segment each, one more segment with
-- other series, and rows that are still active: extremes of every type
SELECT twice('CREATE TABLE t (time timestamptz NOT NULL, host text, region text, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, s text, ts timestamp, d date, tm time, n numeric)');
SECURITY LABEL FOR rusts ON COLUMN m.t.host IS 'tag';
SECURITY LABEL FOR rusts ON COLUMN m.t.region IS 'tag';
SELECT twice($$INSERT INTO t SELECT '2021-01-01'::timestamptz + i / 8 * '2 min'::interval, 'h' || i % 8, CASE WHEN i % 8 < 6 THEN 'r' || i % 2 END,
 i % 1000, i, i::int8 * 1000000000000, i / 4.0, CASE WHEN i % 97 = 0 THEN 'NaN' ELSE i / 4.0 END, CASE i % 3 WHEN 0 THEN true WHEN 1 THEN false END,
 CASE WHEN i % 5 > 0 THEN 's' || i / 1000 END, '2021-01-01'::timestamp + i * '10 s'::interval, '2021-01-01'::date + i / 100, '00:00'::time + i * '5 s'::interval, i / 10.0
 FROM generate_series(1, 11520) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t SELECT '2021-03-01'::timestamptz + i * '1 s'::interval, 'x' || i % 3, 'far', NULL, 100000 + i, NULL, NULL, i, NULL, 'late', NULL, NULL, NULL, NULL
 FROM generate_series(1, 300) AS i$$);
SELECT rusts_flush('m.t');
SELECT twice($$INSERT INTO t VALUES
 ('-infinity', NULL, NULL, '-32768', '-2147483648', '-9223372036854775808', '-infinity', '-infinity', NULL, '', '-infinity', '-infinity', '00:00', 'NaN'),
 ('infinity', '', 'r0', '32767', '2147483647', '9223372036854775807', 'infinity', 'infinity', true, NULL, 'infinity', 'infinity', '24:00', '1e30'),
 ('2021-01-01 12:00', 'h0', 'r0', 0, 0, 0, 'NaN', 'NaN', false, 's1', '2021-01-01 12:00', '2021-01-01', '12:00', 0),
 ('2021-01-02 00:00', 'h0', 'r1', -1, -1, -1, '-0', '-0', true, 'S1', '2021-01-02', '2021-01-02', '12:00', -0.5),
 ('2021-01-02 00:00', 'H0', 'r1', 1, 1, 1, '0', '0', true, 'é', '2021-01-02', '2021-01-02', '12:00', 0.5),
 ('294276-12-31 23:59:59.999999', 'h9', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 ('4714-11-24 BC', 'h9', NULL, 2, 2, 9007199254740993, 0.1, 0.1, false, 'a%b_c', '4714-11-24 BC', '4714-11-24 BC', '12:00:00.000001', 9007199254740993)$$);
ANALYZE m.t;
SELECT tier, count(*), sum(rows) FROM rusts.segments WHERE measurement = 'm.t'::regclass GROUP BY tier ORDER BY tier;

--
-- Conditions: whether they are the scan's, and the rows they leave
--
-- integers, of the same and of other widths
SELECT condition(c) FROM unnest(ARRAY['i8 = 5000000000000000', 'i8 <> 5000000000000000', 'i8 < 5000000000000000', 'i8 <= 5000000000000000',
 'i8 > 5000000000000000', 'i8 >= 5000000000000000', '5000000000000000 > i8', '5000000000000000 <= i8', '5000000000000000 = i8',
 'i8 > 16000', 'i8 > 16000::int2', 'i8 = 1::int2', 'i2 = 500', 'i2 < 500::int8', 'i2 > 32767', 'i2 > 40000', 'i2 < -32768', 'i2 <= -32768::int8', 'i2 < 9223372036854775807',
 'i4 = 7', 'i4 > 3000000000', 'i4 >= -2147483648', 'i4 < 100::int2', 'i4 <> 0', 'i8 > 9223372036854775807', 'i8 < -9223372036854775808',
 'i8 >= 9223372036854775807', 'i8 <= -9223372036854775808', 'i8 <> 9223372036854775807', 'i8 BETWEEN 1 AND 1000000000000000', 'i4 BETWEEN 10 AND 1',
 'i4 NOT BETWEEN 10 AND 11000', 'i4 > 100 AND i4 < 200', 'i4 < 100 OR i4 > 11000', 'NOT i4 < 11000', 'i4 + 0 = 7', 'i4 = i2', 'i4 % 1000 = 7', $$b AND 10 / CASE WHEN b THEN 1 ELSE 0 END = 10$$]) AS c;
-- integers with what is not one
SELECT condition(c) FROM unnest(ARRAY['i8 > 16000.5', 'i8 = 16000.5', 'i8 <> 16000.5', 'i8 < -0.5', 'i8 >= 0.5', 'i8 <= 0.5', 'i8 = 1.0', 'i8 < 1e30', 'i8 > -1e30', 'i8 > 9223372036854775807.5', 'i8 >= -9223372036854775808.0',
 $$i8 < 'NaN'::numeric$$, $$i8 > 'NaN'::numeric$$, 'i8 = 9007199254740993.0', 'i8 = 9007199254740992::float8', 'i8 <> 9007199254740992::float8', 'i8 > 16000.5::float8', 'i8 < 0.5::float8', $$i8 < 'NaN'::float8$$, $$i8 = 'NaN'::float8$$,
 $$i8 < 'infinity'::float8$$, $$i8 > '-infinity'::float8$$, 'i8 >= 1e300::float8', 'i8 < -1e300::float8', 'i4 > 11000.5', 'i4 = 7.0', 'i4 > 11000::float8', 'i4 <= 0.5::float8', 'i2 = 500.0', 'i2 < -0.5::float8', '16000.5 < i8', '0.5::float8 >= i4',
 'i4 < 0.5::float4', 'i8 > 16777217::float4', $$i4 <> 'NaN'::float4$$, 'i4 IN (1.0, 2.5, 7)', 'i8 IN (1.5::float8, 2)']) AS c;
-- floats: NaN is above everything and equals itself, the zeroes are equal
SELECT condition(c) FROM unnest(ARRAY['f8 = 5', 'f8 > 2875', 'f8 >= 2879.75', 'f8 < 0.5', 'f8 <= -1', 'f8 <> 5', $$f8 = 'NaN'$$, $$f8 <> 'NaN'$$, $$f8 > 'NaN'$$, $$f8 >= 'NaN'$$, $$f8 < 'NaN'$$, $$f8 <= 'NaN'$$,
 $$f8 = 'infinity'$$, $$f8 > 'infinity'$$, $$f8 >= 'infinity'$$, $$f8 < '-infinity'$$, $$f8 <= '-infinity'$$, $$f8 > '-infinity'$$, $$f8 = '-0'$$, 'f8 = 0', $$f8 < '-0'$$, 'f8 >= 0', $$f8 > '-0'$$, 'f8 <= 0',
 'f8 = 0.1', 'f8 = 0.1::float4', 'f8 = 0.25::float4', 'f8 > 2875::float4', $$f8 >= 'NaN'::float4$$, 'f8 > 2875::int8', 'f8 > 2875.5::numeric', 'f8 BETWEEN 10 AND 20', '10 < f8 AND 11 > f8', 'f8 IN (1, 2, 3)', $$f8 IN (0, 'NaN')$$, $$f8 = ANY ('{NaN,infinity,-0}')$$, $$f8 <> ALL ('{NaN,infinity,-0}')$$,
 $$f8 NOT IN (1, 2, 'NaN')$$, 'f8 = ANY (ARRAY[0.25, 0.1]::float4[])', 'f4 = 0.1', 'f4 = 0.1::float4', 'f4 > 2875', $$f4 = 'NaN'$$, $$f4 < '-0'$$]) AS c;
-- times
SELECT condition(c) FROM unnest(ARRAY[$$time = '2021-01-01 12:00'$$, $$time <> '2021-01-01 12:00'$$, $$time < '2021-01-01 01:00'$$, $$time >= '2021-01-02 23:00' AND time < '2021-01-03'$$, $$time > '2021-01-02'::date$$, $$time <= '2021-01-01'::date$$, $$time = '2021-01-02'::date$$,
 $$time < '2021-01-01 00:30'::timestamp$$, $$time = '2021-01-01 12:00'::timestamp$$, $$'2021-01-02 23:00'::timestamp < time$$, $$time BETWEEN '2021-01-01 10:00' AND '2021-01-01 10:10'$$, $$time = 'infinity'$$, $$time < 'infinity'$$, $$time <= 'infinity'$$, $$time > '-infinity'$$, $$time = '-infinity'::date$$,
 $$time >= 'infinity'::timestamp$$, $$time > '294276-12-31'$$, $$time >= '5874897-12-31'::date$$, $$time < '5874897-12-31'::date$$, $$time <> '5874897-12-31'::date$$, $$time <= '4713-01-01 BC'$$, $$time < '4714-11-24 BC'::date$$, $$time IN ('2021-01-01 12:00', '2021-01-02 12:00')$$,
 $$time = ANY ('{2021-01-01,2021-01-02}'::date[])$$, $$time <> ALL ('{2021-01-01 12:00,2021-01-02 12:00}'::timestamptz[])$$, $$time = ANY ('{infinity,-infinity}'::timestamp[])$$, $$date_trunc('day', time) = '2021-01-02'$$, $$time::date = '2021-01-02'$$,
 $$time > now() - '1 h'::interval$$, $$time > now() - '1000 years'::interval$$, $$ts < '2021-01-01 00:10'$$, $$ts = '2021-01-02'$$, $$ts >= '2021-01-02'::date$$, $$ts < '2021-01-01 00:10'::timestamptz$$, $$ts <= '-infinity'$$, $$ts > '2021-02-01'$$, $$d = '2021-01-02'$$, $$d < '2021-01-03'::date$$, $$d > '2021-04-01'$$, $$d >= 'infinity'$$, $$d = '2021-01-02'::timestamp$$,
 $$d < '2021-01-02'::timestamptz$$, $$d IN ('2021-01-02', '2021-01-03')$$, $$tm > '15:59:50'$$, $$tm = '12:00'$$, $$tm <= '00:00:10'$$, $$tm = '24:00'$$]) AS c;
SET timezone = 'America/New_York';
SELECT condition(c) FROM unnest(ARRAY[$$time > '2021-01-02'::date$$, $$time = '2021-01-02'::timestamp$$, $$time < '2021-01-01 00:30'::timestamp$$, $$time = ANY ('{2021-01-01,2021-01-02}'::date[])$$, $$ts < '2021-01-01 00:10'::timestamptz$$, $$d < '2021-01-02'::timestamptz$$]) AS c;
SET timezone = 'UTC';
-- booleans, each value of which is asked about only where it occurs
SELECT condition(c) FROM unnest(ARRAY['b', 'NOT b', 'b IS TRUE', 'b IS NOT TRUE', 'b IS FALSE', 'b IS NOT FALSE', 'b IS UNKNOWN', 'b IS NOT UNKNOWN', 'b IS NULL', 'b IS NOT NULL', 'b = true', 'b <> true', 'b < true', 'b IN (true, NULL)', 'b IN (false)', 'b IS DISTINCT FROM true', 'b = NULL',
 'coalesce(b, true)', 'b::int = 1', 'b AND i4 < 100', 'b OR i4 < 100', $$time > '2021-02-01' AND 10 / CASE WHEN b THEN 0 ELSE 1 END = 10 AND time < '2021-04-01'$$, 'b IS NULL AND 10 / CASE WHEN b IS NULL THEN 1 ELSE 0 END = 10']) AS c;
-- nulls, also of columns that are all null in a block or a segment
SELECT condition(c) FROM unnest(ARRAY['i2 IS NULL', 'i2 IS NOT NULL', 'f8 IS NULL', 'f8 IS NOT NULL', 's IS NULL', 's IS NOT NULL', 'n IS NULL', 'n IS NOT NULL', 'tm IS NULL', 'tm IS NOT NULL', 'host IS NULL', 'host IS NOT NULL', 'region IS NULL', 'region IS NOT NULL',
 'NOT (i2 IS NULL)', 'i2 IS NULL AND i4 IS NOT NULL', 'i2 IS NULL OR host IS NULL', 'i2 = NULL', 'f8 > NULL', 'host = NULL', 'i2 IS DISTINCT FROM NULL', 'i2 IS NOT DISTINCT FROM NULL', 'i8 IS DISTINCT FROM 1', 'coalesce(i2, 7) = 7']) AS c;
-- from 17 on the planner knows the answer
SELECT same('SELECT * FROM t WHERE time IS NULL') AS is_null, same('SELECT * FROM t WHERE time IS NOT NULL') AS is_not_null;
-- lists
SELECT condition(c) FROM unnest(ARRAY['i4 IN (5, 7, 100300)', 'i4 IN (5, NULL)', 'i4 NOT IN (5, 7)', 'i4 NOT IN (5, NULL)', $$i4 = ANY ('{}')$$, $$i4 <> ALL ('{}')$$, $$i2 <> ALL ('{}')$$, 'i4 = ANY (NULL)', 'i4 <> ALL (NULL)', $$i4 = ANY ('{NULL}')$$, $$i4 <> ALL ('{NULL}')$$,
 $$i4 = ANY ('{NULL,5,5,5,NULL}')$$, $$i4 = ANY ('{{5,6},{7,8}}')$$, 'i4 > ANY (ARRAY[11000, 11500])', 'i4 > ALL (ARRAY[11000, 11500])', 'i4 = ALL (ARRAY[5, 5])', 'i4 <> ANY (ARRAY[5, 6])', $$i4 > ALL ('{}')$$, 'i8 IN (1, 2000000000000)', 'i8 = ANY (ARRAY[1, 2]::int2[])', 'i2 IN (1, 100000)', 'i2 = ANY (ARRAY[1, 9223372036854775807])',
 'i2 NOT IN (1, 100000)', $$f8 = ANY ('{}')$$, $$f8 <> ALL ('{}')$$, 'f8 IN (1, NULL)', 'f8 NOT IN (1, NULL)', 'f8 > ANY (ARRAY[2870, 2875]::float8[])', $$time = ANY ('{}')$$, $$time <> ALL ('{}')$$, $$time <> ALL ('{NULL}')$$, $$host = ANY ('{}')$$, $$host <> ALL ('{}')$$, $$region <> ALL ('{}')$$,
 $$host IN ('h1', 'x2', 'none')$$, $$host IN ('h1', NULL)$$, $$host NOT IN ('h1', 'h2')$$, $$host NOT IN ('h1', NULL)$$, $$host = ANY (NULL::text[])$$, $$host = ANY ('{NULL}')$$, $$host = ANY ('{h1,h1,""}')$$, $$host = ALL ('{h1,h1}')$$, $$host = ALL ('{}')$$, $$host LIKE ANY ('{h1%,x%}')$$, $$s IN ('s1', '', 'late')$$, $$s NOT IN ('s1', '')$$, $$s IN ('s1', NULL)$$, $$s = ANY ('{}')$$, $$s <> ALL ('{}')$$, $$n IN (0.5, 0.1)$$]) AS c;
-- tags: the series are asked, whatever the condition
SELECT condition(c) FROM unnest(ARRAY[$$host = 'h1'$$, $$'h1' = host$$, $$host = 'none'$$, $$host = ''$$, $$host <> 'h1'$$, $$host < 'h2'$$, $$host > 'h6'$$, $$host LIKE 'x%'$$, $$host LIKE '%1'$$, $$host NOT LIKE 'h%'$$, $$host ILIKE 'H0'$$, $$host ~ '^h[135]$'$$, $$host ~* 'H'$$, $$host !~ '[0-9]'$$, $$host SIMILAR TO 'h(1|2)'$$, $$host ^@ 'x'$$, $$starts_with(host, 'x')$$,
 $$upper(host) = 'H0'$$, 'length(host) = 0', $$host || region = 'h0r0'$$, 'host > region', $$host = 'h1' OR host = 'h2'$$, $$host = 'h1' OR region IS NULL$$, $$host = 'h1' AND region = 'r1'$$, $$host = 'h1' AND region = 'r0'$$, $$(host, region) IN (('h1', 'r1'), ('h2', 'r0'), ('h3', 'r0'))$$, $$(host, region) = ('h1', 'r1')$$, $$(host, region) > ('h4', 'r0')$$,
 $$coalesce(region, 'none') = 'none'$$, $$CASE host WHEN 'h1' THEN true WHEN 'h2' THEN NULL ELSE region IS NULL END$$, $$host = 'h1'::varchar$$, $$host = 'h1'::name$$, $$host COLLATE "C" = 'h1'$$, $$host COLLATE "C" > 'h5'$$, $$host = 'h1' AND i4 < 1000$$, $$host = 'h1' OR i4 = 6$$, $$host = s$$, $$host = 'h1' AND random() >= 0$$, $$host IN (SELECT 'h' || x FROM generate_series(1, 2) AS x)$$]) AS c;
-- fields that are text, or anything else: their distinct values are asked
SELECT condition(c) FROM unnest(ARRAY[$$s = 's1'$$, $$s <> 's1'$$, $$s = ''$$, $$s < 's2'$$, $$s >= 's9'$$, $$s LIKE 's1%'$$, $$s LIKE 'a\%b\_c'$$, $$s NOT LIKE 's%'$$, $$s ILIKE 'S1'$$, $$s ~ '^s(1|11)$'$$, 'length(s) = 0', $$s = 'é'$$, $$s < 'é'$$, $$coalesce(s, '') = ''$$, $$s || 'x' = 's1x'$$, $$s COLLATE "C" < 'a'$$, $$s = 's1' AND b$$,
 'n = 0.5', 'n < 1', $$n = 'NaN'$$, 'n > 1100', 'n BETWEEN 0 AND 1', 'n * 2 = 20', 'n = 1e30', 'n > i4', 'f4::text = $$0.1$$']) AS c;
-- what is the same for all rows, or what must not be asked ahead of time
SELECT condition(c) FROM unnest(ARRAY['true', 'false', 'NULL', '1 = 2', $$now() > '2020-01-01'$$, $$now() < '2020-01-01'$$, $$now() > '2020-01-01' AND host = 'h1'$$, '(SELECT false)', '(SELECT true)', 'i4 < (SELECT 100)', 'i4 IN (SELECT 5)', 'i4 < 20 AND i4 = (SELECT max(k.i4) FROM t AS k WHERE k.host = t.host AND k.i4 < 20)', 'EXISTS (SELECT FROM t AS k WHERE k.i8 = t.i4)',
 'i4 > random() - 1', $$tableoid = 't'::regclass$$, $$tableoid = 't'::regclass AND i4 = 5$$, 't IS NULL', 't IS NOT NULL', $$t::text LIKE '%,h1,%'$$, 'row(i4, i2) < row(5, 0)', 'row(host, i4) IS NOT NULL', $$ctid <> '(0,0)'$$]) AS c;

--
-- Parameters, in generic plans
--
SELECT generic('int8', 'i8 > $1', '11000000000000000', '-9223372036854775808', '9223372036854775807', 'NULL');
SELECT generic('int4', 'i8 <= $1', '0', '-1', 'NULL', '2147483647');
SELECT generic('int8', 'i2 = $1', '500', '100000', 'NULL');
SELECT generic('numeric', 'i8 < $1', '1.5', '1', '''NaN''', '''infinity''', '''-infinity''', '1e100', 'NULL');
SELECT generic('float8', 'i4 >= $1', '1.5', '1', '''NaN''', '''infinity''', '''-infinity''', '1e100', 'NULL');
SELECT generic('float8', 'f8 >= $1', '2875', '''NaN''', '''infinity''', '''-infinity''', '''-0''', 'NULL');
SELECT generic('float4', 'f8 = $1', '0.25', '0.1', '''NaN''', 'NULL');
SELECT generic('timestamptz', 'time >= $1', '''2021-03-01 00:04''', '''infinity''', '''-infinity''', 'NULL');
SELECT generic('timestamptz, interval', 'time > $1 - $2 AND time <= $1', '''2021-01-02 12:00'', ''1 h''', '''2021-01-02 12:00'', ''-1 h''', '''infinity'', ''1 h''', 'NULL, ''1 h''');
SELECT generic('date', 'time < $1', '''2021-01-01''', '''infinity''', '''5874897-12-31''', 'NULL');
SELECT generic('timestamp', 'time = $1', '''2021-01-01 12:00''', '''-infinity''', 'NULL');
SELECT generic('text', 'host = $1', '''h1''', '''x1''', '''''', '''none''', 'NULL');
SELECT generic('text[]', 'host = ANY ($1)', '''{h1,x1}''', '''{h1,NULL}''', '''{}''', 'NULL');
SELECT generic('text[]', 'host <> ALL ($1)', '''{h1,x1}''', '''{h1,NULL}''', '''{}''', 'NULL');
SELECT generic('int4[]', 'i4 = ANY ($1)', '''{1,100,NULL}''', '''{}''', 'NULL', '''{{1,2},{3,4}}''');
SELECT generic('int8[]', 'i2 <> ALL ($1)', '''{1,100}''', '''{1,NULL}''', '''{}''', 'NULL', '''{100000}''');
SELECT generic('float8[]', 'f8 <> ALL ($1)', '''{1,NaN}''', '''{1,NULL}''', '''{}''', 'NULL');
SELECT generic('timestamptz[]', 'time = ANY ($1)', '''{2021-01-01 12:00,2021-03-01 00:01}''', '''{}''', 'NULL');
SELECT generic('text', 's LIKE $1 || ''%''', '''s1''', '''''', 'NULL');
SELECT generic('bool', 'b = $1', 'true', 'false', 'NULL');
SELECT generic('bool', 'b IS NOT DISTINCT FROM $1', 'true', 'false', 'NULL');
SELECT generic('bool', '$1', 'true', 'false', 'NULL');
SELECT generic('int4, text', 'i4 < $1 AND host = $2', '100, ''h1''', '100, NULL');
SELECT generic('name', 'tableoid::regclass::text LIKE ''%.'' || $1', '''t''', '''u''');

--
-- Rescans: of nested loops, subqueries and LATERAL
--
SELECT twice('CREATE TABLE keys (host text, n int, at timestamptz)');
SECURITY LABEL FOR rusts ON COLUMN m.keys.host IS 'tag';
SELECT twice($$INSERT INTO keys VALUES ('h1', 1, '2021-01-01 12:00'), ('h2', 200, '2021-01-02'), ('x1', 100007, '2021-03-01 00:01'), ('none', -5, 'infinity'), (NULL, NULL, NULL), ('', 2147483600, '-infinity')$$);
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT plan('SELECT * FROM keys, t WHERE t.host = keys.host');
SELECT same('SELECT * FROM keys, t WHERE t.host = keys.host');
SELECT same('SELECT * FROM keys LEFT JOIN t ON t.host = keys.host AND t.i4 < 1000');
SELECT same('SELECT * FROM keys, t WHERE t.host = keys.host AND t.time >= keys.at');
SELECT same('SELECT * FROM keys, t WHERE t.i4 = keys.n');
SELECT same('SELECT * FROM keys, t WHERE t.time < keys.at AND t.i4 > keys.n AND t.host = keys.host');
SELECT plan('SELECT * FROM keys, LATERAL (SELECT * FROM t WHERE t.host = keys.host AND t.time >= keys.at ORDER BY time, i4 LIMIT 3) AS x');
SELECT same('SELECT * FROM keys, LATERAL (SELECT * FROM t WHERE t.host = keys.host AND t.time >= keys.at ORDER BY time, i4 LIMIT 3) AS x');
SELECT same('SELECT * FROM keys LEFT JOIN LATERAL (SELECT i4, keys.n AS k FROM t WHERE t.i4 BETWEEN keys.n - 2 AND keys.n + 2 OR t.host IS NULL) AS x ON true');
SELECT same('SELECT k.host, t.i4 FROM keys AS k, LATERAL (SELECT k.host) AS l, t WHERE t.host = l.host AND t.i4 < 50');
SELECT same('SELECT host, (SELECT max(i4) FROM t WHERE t.host = keys.host AND t.time <= keys.at) FROM keys');
SELECT same('SELECT host, (SELECT i4 FROM t WHERE t.host = keys.host ORDER BY time DESC, i4 DESC LIMIT 1) FROM keys');
SELECT same('SELECT host, ARRAY(SELECT i4 FROM t WHERE t.i4 < keys.n AND t.i4 < 20 ORDER BY i4) FROM keys');
SELECT same('SELECT * FROM keys WHERE EXISTS (SELECT FROM t WHERE t.host = keys.host AND t.i4 = keys.n + 8)');
SELECT same('SELECT * FROM keys WHERE n NOT IN (SELECT i4 FROM t WHERE i4 IS NOT NULL)');
SELECT same('SELECT * FROM t WHERE i4 = ANY (ARRAY(SELECT n FROM keys))');
SELECT same('SELECT * FROM t WHERE time > (SELECT at FROM keys WHERE host = $$h2$$)');
SELECT same('SELECT * FROM t WHERE host = (SELECT host FROM keys WHERE n = 0)');
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
SELECT same('SELECT keys.*, t.i4 FROM keys JOIN t USING (host)');
SELECT same('SELECT keys.*, t.i4 FROM keys FULL JOIN t ON t.host = keys.host AND t.i4 = keys.n');

SET client_min_messages = warning;
DROP SCHEMA m, h, same CASCADE;
