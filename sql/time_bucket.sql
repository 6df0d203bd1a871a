--
-- time_bucket: literal answers, then comparison with date_bin, date_trunc and
-- plain arithmetic
--
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

-- fixed widths: weeks begin on a Monday, everything counts from 2000-01-03
SELECT width, time_bucket(width, timestamp '2024-02-29 13:37:42.123456') AS ts,
	   time_bucket(width, timestamptz '2024-02-29 13:37:42.123456+00') AS tstz
FROM unnest(ARRAY['1 microsecond', '7 milliseconds', '1 second', '90 seconds',
				  '5 minutes', '1 hour', '7 hours', '1 day', '36 hours',
				  '3 days', '1 week', '10 days 12 hours', '2 days -1 hour',
				  '10000 days']::interval[]) AS width;
-- before the origin
SELECT width, time_bucket(width, timestamp '1969-07-20 20:17:40') AS ts,
	   time_bucket(width, timestamp '0044-03-15 12:00 BC') AS bc
FROM unnest(ARRAY['1 second', '5 minutes', '7 hours', '1 day', '1 week',
				  '10000 days']::interval[]) AS width;
-- months: only full months, counted from January 2000
SELECT width, time_bucket(width, timestamp '2024-02-29 13:37:42') AS ts,
	   time_bucket(width, timestamptz '1969-07-20 20:17:40+00') AS tstz,
	   time_bucket(width, date '1887-03-31') AS date,
	   time_bucket(width, date '0044-03-15 BC') AS bc
FROM unnest(ARRAY['1 month', '2 months', '3 months', '5 months', '7 months',
				  '1 year', '3 years', '10 years', '1 century']::interval[])
	 AS width;
-- dates
SELECT width, time_bucket(width, date '2024-02-29') AS date,
	   time_bucket(width, date '1999-12-31') AS before,
	   time_bucket(width, date '2024-02-29', date '2024-02-01') AS origin,
	   time_bucket(width, date '2024-02-29', interval '2 days') AS "offset"
FROM unnest(ARRAY['1 day', '48 hours', '3 days', '1 week', '30 days',
				  '1 month', '1 year']::interval[]) AS width;
-- an origin moves the grid; of an origin, months heed its month
SELECT time_bucket('1 week', timestamp '2024-02-29 13:37:42',
				   timestamp '2000-01-02'),
	   time_bucket('1 week', timestamp '1969-07-20',
				   timestamp '2024-02-29 13:37:42'),
	   time_bucket('3 months', timestamp '2024-02-29', timestamp '2024-02-15'),
	   time_bucket('5 years', timestamptz '2024-02-29 00:00+00',
				   timestamptz '1971-07-31 00:00+00');
-- an offset is taken away before and added after
SELECT time_bucket('1 day', timestamp '2024-02-29 03:00', interval '6 hours'),
	   time_bucket('1 day', timestamp '2024-02-29 09:00', interval '6 hours'),
	   time_bucket('1 day', timestamp '2024-02-29 03:00', interval '-6 hours'),
	   time_bucket('1 day', timestamp '2024-02-29 22:00', interval '-6 hours'),
	   time_bucket('1 month', timestamp '2024-02-29', interval '10 days'),
	   time_bucket('1 month', timestamptz '2024-03-31 00:00+00',
				   interval '1 month 3 days');
-- time zones
SELECT zone, time_bucket(width, timestamptz '2024-03-31 12:34:56+00', zone)
FROM unnest(ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu',
				  'EST', '+03']) AS zone,
	 unnest(ARRAY['1 hour', '1 day', '1 week', '1 month']::interval[])
	 WITH ORDINALITY AS w (width, n)
ORDER BY zone COLLATE "C", n;
SELECT time_bucket('1 day', timestamptz '2024-03-31 12:34:56+00',
				   'Europe/Berlin', timestamptz '2024-01-01 05:00+00'),
	   time_bucket('1 day', timestamptz '2024-03-31 12:34:56+00',
				   'Europe/Berlin', timestamptz '2024-07-01 05:00+00'),
	   time_bucket('1 day', timestamptz '2024-03-31 12:34:56+00',
				   'Europe/Berlin', "offset" => '6 hours'),
	   time_bucket('1 day', timestamptz '2024-03-31 12:34:56+00',
				   'Europe/Berlin', timestamptz '2024-07-01 05:00+00',
				   interval '-6 hours'),
	   time_bucket('1 month', timestamptz '2024-03-31 12:34:56+00',
				   'Asia/Tokyo', timestamptz '2024-07-31 20:00+00',
				   interval '1 day');
-- the hour that is repeated in autumn, and the one left out in spring
SELECT ts, time_bucket('15 minutes', ts, 'Europe/Berlin') AS quarter,
	   time_bucket('1 hour', ts, 'Europe/Berlin') AS hour,
	   time_bucket('2 hours', ts, 'Europe/Berlin') AS two_hours,
	   time_bucket('1 day', ts, 'Europe/Berlin') AS day
FROM generate_series(timestamptz '2024-10-26 22:20+00', '2024-10-27 02:00+00',
					 '20 minutes') AS ts;
SELECT ts, time_bucket('15 minutes', ts, 'Europe/Berlin') AS quarter,
	   time_bucket('2 hours', ts, 'Europe/Berlin') AS two_hours
FROM generate_series(timestamptz '2024-03-31 00:20+00', '2024-03-31 02:00+00',
					 '20 minutes') AS ts;
-- a zone that repeats midnight, a width that does not divide the hour
SELECT time_bucket('1 day', timestamptz '2013-11-03 04:30+00',
				   'America/Havana'),
	   time_bucket('1 day', timestamptz '2013-11-03 05:30+00',
				   'America/Havana'),
	   time_bucket('7 minutes', timestamptz '2024-10-27 00:40+00',
				   'Europe/Berlin');
-- integers of all sizes
SELECT ts, time_bucket(10, ts) AS int4, time_bucket(10, ts, 3) AS "offset",
	   time_bucket(10, ts, -13) AS negative,
	   time_bucket(10::int2, ts::int2) AS int2,
	   time_bucket(10::int2, ts::int2, 3::int2) AS int2_offset,
	   time_bucket(10::int8, ts::int8) AS int8,
	   time_bucket(10::int8, ts::int8, 3::int8) AS int8_offset
FROM unnest(ARRAY[-21, -20, -11, -10, -8, -7, -1, 0, 1, 2, 3, 9, 10, 13]) AS ts;
SELECT time_bucket(10::int2, '-32760'::int2), time_bucket(10::int2, 32767::int2),
	   time_bucket(10, 2147483647), time_bucket(10, '-2147483640'::int),
	   time_bucket(1::int8, '-9223372036854775808'::int8),
	   time_bucket(9223372036854775807, 9223372036854775807),
	   time_bucket(9223372036854775807, '-9223372036854775807'::int8);
SELECT pg_typeof(time_bucket(1::int2, 1::int2)), pg_typeof(time_bucket(1, 1)),
	   pg_typeof(time_bucket(1::int8, 1::int8)),
	   pg_typeof(time_bucket('1 day', date '2024-01-01')),
	   pg_typeof(time_bucket('1 day', timestamp '2024-01-01')),
	   pg_typeof(time_bucket('1 day', timestamptz '2024-01-01'));
-- infinity is its own bucket, null gives null
SELECT time_bucket('1 day', timestamp 'infinity'),
	   time_bucket('1 day', timestamptz '-infinity', timestamptz '2020-01-01'),
	   time_bucket('1 month', date 'infinity'),
	   time_bucket('1 month', date '-infinity', interval '1 day'),
	   time_bucket('1 day', timestamptz 'infinity', interval '1 hour'),
	   time_bucket('1 month', timestamptz '-infinity', 'Europe/Berlin',
				   "offset" => '1 day');
SELECT count(time_bucket('1 day', NULL::timestamptz)),
	   count(time_bucket(NULL, timestamptz '2020-01-01')),
	   count(time_bucket('1 day', timestamp '2020-01-01', NULL::timestamp)),
	   count(time_bucket('1 day', timestamp '2020-01-01', NULL::interval)),
	   count(time_bucket(NULL, timestamptz '2020-01-01', 'UTC')),
	   count(time_bucket('1 day', NULL, 'UTC')),
	   count(time_bucket('1 day', timestamptz '2020-01-01', NULL::text)),
	   count(time_bucket(1, NULL)), count(time_bucket(NULL, 1)),
	   count(time_bucket(1, 1, NULL)),
	   count(time_bucket('1 day', timestamptz '2020-01-01', 'UTC', NULL,
						 NULL)) AS one;
-- names of arguments
SELECT time_bucket(bucket_width => '1 day', ts => timestamp '2024-02-29 12:00',
				   "offset" => '1 hour'),
	   time_bucket(bucket_width => '1 day', ts => timestamp '2024-02-29 12:00',
				   origin => '2000-01-01 07:00'),
	   time_bucket(bucket_width => '1 day', "offset" => '1 hour',
				   ts => timestamptz '2024-02-29 12:00+00',
				   timezone => 'Europe/Berlin'),
	   time_bucket(bucket_width => 5, ts => 17, "offset" => 1);

-- errors
\set VERBOSITY terse
SELECT time_bucket('0', timestamp '2024-01-01');
SELECT time_bucket('-1 second', timestamptz '2024-01-01');
SELECT time_bucket('1 day -25 hours', timestamptz '2024-01-01');
SELECT time_bucket('-1 month', timestamp '2024-01-01');
SELECT time_bucket('-1 month', date '2024-01-01');
SELECT time_bucket('1 month 1 day', timestamp '2024-01-01');
SELECT time_bucket('1 month 1 second', timestamptz '2024-01-01', 'UTC');
SELECT time_bucket('1 year 1 day', date '2024-01-01');
SELECT time_bucket('0 days', date '2024-01-01');
SELECT time_bucket('1 hour', date '2024-01-01');
SELECT time_bucket('25 hours', date '2024-01-01');
SELECT time_bucket('1 day', date '2024-01-01', interval '1 hour');
SELECT time_bucket('1 day', date '2024-01-01', interval '1 month');
SELECT time_bucket(0, 1);
SELECT time_bucket(-1, 1);
SELECT time_bucket('-1'::int2, 1::int2, 1::int2);
SELECT time_bucket(0::int8, 1::int8, 1::int8);
SELECT time_bucket(10::int2, '-32768'::int2);
SELECT time_bucket(10::int2, '-32768'::int2, 32767::int2);
SELECT time_bucket(10::int2, 32767::int2, '-32768'::int2);
SELECT time_bucket(7::int2, '-32768'::int2, '-6'::int2);
SELECT time_bucket(10, '-2147483648'::int);
SELECT time_bucket(10, 2147483647, '-2147483648'::int);
SELECT time_bucket(10::int8, '-9223372036854775808'::int8);
SELECT time_bucket(9223372036854775807, '-9223372036854775808'::int8);
SELECT time_bucket('1 week', timestamp '4714-11-24 00:00 BC');
SELECT time_bucket('1000 years', timestamp '4714-11-24 00:00 BC');
SELECT time_bucket('100000000 years', date '1999-12-31');
SELECT time_bucket('1 week', date '4714-11-24 BC');
SELECT time_bucket('200000000 days', timestamp '2024-01-01');
SELECT time_bucket('1 day', timestamp '4714-11-24 00:00 BC', interval '1 hour');
SELECT time_bucket('1 day', date '4714-11-24 BC', interval '1 day');
SELECT time_bucket('1 day', timestamp '2024-01-01', timestamp 'infinity');
SELECT time_bucket('1 month', date '2024-01-01', date '-infinity');
SELECT time_bucket('1 day', timestamptz '2024-01-01', 'Nowhere/Atall');
\set VERBOSITY default
-- the extremes that do have a bucket
SELECT time_bucket('1 day', timestamp '4714-11-24 00:00 BC'),
	   time_bucket('1 week', timestamp '294276-12-31 23:59:59.999999'),
	   time_bucket('1 month', date '5874897-12-31'),
	   time_bucket('1 week', date '5874897-12-31'),
	   time_bucket('1 week', timestamp '294276-12-31 23:59:59.999999',
				   timestamp '4714-11-24 00:00 BC'),
	   time_bucket('106000000 days', timestamp '2024-01-01');

--
-- Comparisons.  Each query lists what differs, so it should list nothing.
--
SELECT setseed(0.42);
CREATE TABLE bucket_time AS
SELECT timestamp '1900-01-01' + random() * interval '300 years' AS ts
FROM generate_series(1, 2000)
UNION ALL
SELECT timestamp '1999-12-27' + n * interval '4 hours'
FROM generate_series(0, 100) AS n
UNION ALL
SELECT timestamp '2024-01-01' + n * interval '1 day' - interval '1 microsecond'
FROM generate_series(0, 100) AS n;
CREATE TABLE bucket_width AS
SELECT unnest(ARRAY['1 microsecond', '999 microseconds', '1 second',
					'37 seconds', '5 minutes', '1 hour', '5 hours', '1 day',
					'1 week', '11 days 11:11:11.111111', '1000 days'
					]::interval[]) AS width;

SELECT ts, width, time_bucket(width, ts), date_bin(width, ts, '2000-01-03')
FROM bucket_time, bucket_width
WHERE time_bucket(width, ts) IS DISTINCT FROM date_bin(width, ts, '2000-01-03')
   OR time_bucket(width, ts AT TIME ZONE 'UTC') IS DISTINCT FROM
	  date_bin(width, ts AT TIME ZONE 'UTC', '2000-01-03 00:00+00')
ORDER BY 1, 2;
SELECT ts, width, origin, time_bucket(width, ts, origin),
	   date_bin(width, ts, origin)
FROM bucket_time, bucket_width,
	 unnest(ARRAY['0001-01-01', '1970-01-01 00:00:01', '2024-02-29 12:34:56.789',
				  '200000-01-01']::timestamp[]) AS origin
WHERE time_bucket(width, ts, origin) IS DISTINCT FROM
	  date_bin(width, ts, origin)
ORDER BY 1, 2, 3;
SELECT ts, unit, time_bucket(('1 ' || unit)::interval, ts), date_trunc(unit, ts)
FROM bucket_time,
	 unnest(ARRAY['microsecond', 'millisecond', 'second', 'minute', 'hour',
				  'day', 'week', 'month', 'year']) AS unit
WHERE time_bucket(('1 ' || unit)::interval, ts) IS DISTINCT FROM
	  date_trunc(unit, ts)
   OR time_bucket('3 months', ts) IS DISTINCT FROM date_trunc('quarter', ts)
ORDER BY 1, 2;
SELECT ts, width, shift, time_bucket(width, ts, shift)
FROM bucket_time, bucket_width,
	 unnest(ARRAY['1 hour', '-5 days 3 hours', '1 month', '2 years -1 second']
			::interval[]) AS shift
WHERE time_bucket(width, ts, shift) IS DISTINCT FROM
	  date_bin(width, ts - shift, '2000-01-03') + shift
ORDER BY 1, 2, 3;

-- every width of some months, days before and after Christ
SELECT day, n, origin,
	   time_bucket(n * interval '1 month', day, origin)
FROM (SELECT date '2000-01-01' + d AS day
	  FROM generate_series(-2400000, 3000000, 4789) AS d) AS d,
	 unnest(ARRAY[1, 2, 5, 12, 31, 120]) AS n,
	 unnest(ARRAY[date '2000-01-03', '1999-12-31', '0033-04-05 BC']) AS origin,
	 LATERAL (SELECT extract(year FROM day)::int AS y,
					 extract(year FROM origin)::int AS oy) AS y,
	 -- year 0 is 1 BC
	 LATERAL (SELECT (y + (y < 0)::int) * 12 + extract(month FROM day)::int
					 AS month,
					 (oy + (oy < 0)::int) * 12 + extract(month FROM origin)::int
					 AS origin_month) AS m
WHERE time_bucket(n * interval '1 month', day, origin) IS DISTINCT FROM
	  (date_trunc('month', origin::timestamp) +
	   floor((month - origin_month) / n::numeric)::int * n * interval '1 month')::date
ORDER BY 1, 2, 3;
SELECT day
FROM (SELECT date '2000-01-01' + d AS day
	  FROM generate_series(-2451500, 1000000, 7) AS d) AS d
WHERE time_bucket('1 month', day) <> date_trunc('month', day::timestamp)
ORDER BY 1;

-- dates like timestamps
SELECT ts, width
FROM bucket_time, unnest(ARRAY['1 day', '1 week', '72 hours', '1000 days',
							   '2 months', '4 years']::interval[]) AS width
WHERE time_bucket(width, ts::date) IS DISTINCT FROM
	  time_bucket(width, ts::date::timestamp)
   OR time_bucket(width, ts::date, date '1970-01-01') IS DISTINCT FROM
	  time_bucket(width, ts::date::timestamp, timestamp '1970-01-01')
   OR time_bucket(width, ts::date, interval '-3 days') IS DISTINCT FROM
	  time_bucket(width, ts::date::timestamp, interval '-3 days')
ORDER BY 1, 2;

-- integers like numeric
SELECT width, ts, shift
FROM unnest(ARRAY[1, 2, 7, 10, 255, 32767]) AS width,
	 unnest(ARRAY[-30000, -1001, -255, -7, -1, 0, 1, 6, 7, 500, 32767]) AS ts,
	 unnest(ARRAY[-70, -3, 0, 1, 8, 1000]) AS shift,
	 LATERAL (SELECT shift % width AS phase) AS p,
	 LATERAL (SELECT floor((ts - phase)::numeric / width) * width + phase
					 AS answer) AS a
WHERE time_bucket(width, ts, shift) IS DISTINCT FROM answer
   OR time_bucket(width::int8, ts::int8, shift::int8) IS DISTINCT FROM answer
   OR CASE WHEN ts - phase <= 32767 AND answer >= -32768 AND
				answer - phase >= -32768
		   THEN time_bucket(width::int2, ts::int2, shift::int2) <> answer END
ORDER BY 1, 2, 3;

-- time zones: local midnights, weeks, months, and hours through both turns of
-- a repeated hour
SELECT ts, zone, unit, time_bucket(('1 ' || unit)::interval, ts, zone),
	   date_trunc(unit, ts, zone)
FROM generate_series(timestamptz '2023-12-30 00:00:01+00', '2025-01-02',
					 '97 minutes') AS ts,
	 unnest(ARRAY['Europe/Berlin', 'America/New_York', 'Asia/Kolkata',
				  'Australia/Lord_Howe', 'Asia/Kathmandu']) AS zone,
	 unnest(ARRAY['minute', 'hour', 'day', 'week', 'month', 'year']) AS unit
WHERE time_bucket(('1 ' || unit)::interval, ts, zone) IS DISTINCT FROM
	  date_trunc(unit, ts, zone)
ORDER BY 1, 2, 3;
-- a time in its bucket
SELECT ts, zone, width
FROM generate_series(timestamptz '2024-10-26 00:00:01+00', '2024-10-28',
					 '7 minutes 13 seconds') AS ts,
	 unnest(ARRAY['Europe/Berlin', 'Asia/Kolkata']) AS zone,
	 unnest(ARRAY['1 second', '15 minutes', '30 minutes', '1 hour']::interval[])
	 AS width
WHERE ts < time_bucket(width, ts, zone)
   OR ts >= time_bucket(width, ts, zone) + width
ORDER BY 1, 2, 3;

-- immutable means: whatever the session's TimeZone
CREATE TABLE bucket_utc AS
SELECT ts, width,
	   time_bucket(width, ts AT TIME ZONE 'UTC') AS plain,
	   time_bucket(width, ts AT TIME ZONE 'UTC', interval '2 days') AS shifted,
	   time_bucket(width, ts AT TIME ZONE 'UTC', 'America/Havana',
				   "offset" => '1 month 1 day') AS zoned
FROM bucket_time, bucket_width
UNION ALL
SELECT ts, width, time_bucket(width, ts AT TIME ZONE 'UTC'),
	   time_bucket(width, ts AT TIME ZONE 'UTC', interval '2 days'),
	   time_bucket(width, ts AT TIME ZONE 'UTC', 'America/Havana',
				   "offset" => '1 month 1 day')
FROM generate_series(timestamp '2013-11-01', '2013-11-06', '47 minutes') AS ts,
	 unnest(ARRAY['1 day', '3 days', '1 month']::interval[]) AS width;
SET timezone = 'America/Havana';
SELECT count(*) AS all,
	   count(*) FILTER (WHERE
		   time_bucket(width, ts AT TIME ZONE 'UTC') <> plain OR
		   time_bucket(width, ts AT TIME ZONE 'UTC', interval '2 days') <>
		   shifted OR
		   time_bucket(width, ts AT TIME ZONE 'UTC', 'America/Havana',
					   "offset" => '1 month 1 day') <> zoned) AS differ
FROM bucket_utc;
SET timezone = 'UTC';

-- good for indexes and generated columns, and known to be parallel safe
CREATE INDEX ON bucket_time (time_bucket('1 day', ts));
CREATE INDEX ON bucket_utc (time_bucket('1 day', plain));
CREATE TABLE bucket_generated (
	ts timestamptz,
	hour timestamptz GENERATED ALWAYS AS (time_bucket('1 hour', ts)) STORED);
INSERT INTO bucket_generated VALUES ('2024-02-29 12:34:56+00');
TABLE bucket_generated;
SELECT provolatile, proparallel, proisstrict, count(*)
FROM pg_proc
WHERE proname = 'time_bucket'
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;

-- in a parallel query
ALTER TABLE bucket_utc SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF)
SELECT count(*) FROM bucket_utc WHERE time_bucket('1 day', plain) = plain;
SELECT count(*) FROM bucket_utc WHERE time_bucket('1 day', plain) = plain
EXCEPT ALL
SELECT count(*) FROM bucket_utc WHERE date_trunc('day', plain) = plain;

DROP TABLE bucket_time, bucket_width, bucket_utc, bucket_generated;
