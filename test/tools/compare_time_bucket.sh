#!/bin/bash
#
# compare_time_bucket.sh
#	  Ask two servers the same random time_bucket calls, compare answers.
#
#	compare_time_bucket.sh CONNINFO CONNINFO [CALLS [SEED [TIMEZONE]]]
#
# The first server has rusts, the second whatever else has a time_bucket (or
# another version of rusts).  Prints the calls that are answered differently,
# "error" being an answer, and fails if there are any that both answer.
# exec/README.md says which differences are known.
#
# test/tools/compare_time_bucket.sh

set -eu

if [ $# -lt 2 ]; then
	sed -n '3,13s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
ours=$1
theirs=$2
calls=${3:-20000}
seed=${4:-0.5}
zone=${5:-UTC}

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# Calls are generated once, as SQL text, by the first server.
cat > "$dir/generate.sql" <<-'SQL'
	SET timezone = 'UTC';
	SELECT setseed(:seed) \g /dev/null

	CREATE FUNCTION pg_temp.one_of(VARIADIC choices text[]) RETURNS text
	LANGUAGE sql VOLATILE AS
	'SELECT choices[1 + floor(random() * cardinality(choices))::int]';

	CREATE FUNCTION pg_temp.upto(n numeric) RETURNS int8
	LANGUAGE sql VOLATILE AS
	'SELECT floor(random()::numeric * n)::int8';

	CREATE FUNCTION pg_temp.fixed() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.one_of('1 day', '1 week', '1 hour', '15 minutes',
		'5 minutes', '1 minute', '1 second', '1 microsecond', '30 days',
		'7 minutes', '2 hours', '36 hours', '0', '-1 hour',
		pg_temp.upto(400) || ' days',
		pg_temp.upto(100000) || ' seconds',
		pg_temp.upto(1e12) || ' microseconds',
		pg_temp.upto(60) || ' days ' || pg_temp.upto(90000) || ' seconds',
		pg_temp.upto(60) || ' days -' || pg_temp.upto(90000) || ' seconds',
		'100000000 days', '2000000 days')
	$$;

	CREATE FUNCTION pg_temp.days() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.one_of('1 day', '1 week', '48 hours', '10 days', '25 hours',
		pg_temp.upto(1000) || ' days', '1000000 days', '0 days', '-3 days')
	$$;

	CREATE FUNCTION pg_temp.months() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT pg_temp.one_of('1 month', '3 months', '1 year', '5 years',
		'-2 months', '1 month 1 day', '2 months 1 second', '1000 years',
		pg_temp.upto(50) + 1 || ' months')
	$$;

	CREATE FUNCTION pg_temp.width() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.75 THEN pg_temp.fixed()
				ELSE pg_temp.months() END
	$$;

	-- times of the last decades, of all AD, and corner cases
	CREATE FUNCTION pg_temp.usec() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN r < 0.6 THEN (timestamp '1970-01-01' +
					pg_temp.upto(2.2e15) * interval '1 microsecond')::text
				WHEN r < 0.8 THEN (timestamp '0001-01-01' +
					pg_temp.upto(9.4e16) * interval '1 microsecond')::text
				WHEN r < 0.9 THEN (date '1950-01-01' +
					pg_temp.upto(40000)::int4)::timestamp::text
				ELSE pg_temp.one_of('infinity', '-infinity', '2000-01-01',
					'2000-01-03', '1999-12-31 23:59:59.999999', '1970-01-01',
					'294276-12-31 23:59:59.999999', '294276-12-01',
					'2024-02-29', '0001-01-01', '0001-12-31')
		   END
	FROM (SELECT random() AS r OFFSET 0) AS x
	$$;

	CREATE FUNCTION pg_temp.finite() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN u LIKE '%inf%' THEN '2013-10-27 01:30' ELSE u END
	FROM (SELECT pg_temp.usec() AS u OFFSET 0) AS x
	$$;

	CREATE FUNCTION pg_temp.day() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT (pg_temp.usec())::timestamp::date::text
	$$;

	CREATE FUNCTION pg_temp.shift() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN current_setting('compare.days')::bool THEN
		pg_temp.one_of('1 day', '-3 days', '1 month', '-1 year',
					   '2 days 3 hours', pg_temp.upto(1e9) || ' microseconds')
		ELSE pg_temp.one_of('6 hours', '-90 minutes', '0',
					   '-' || pg_temp.upto(1e12) || ' microseconds',
					   pg_temp.upto(1e9) || ' microseconds') END
	$$;

	-- hours around which clocks are set, in zones of all kinds
	CREATE TEMP TABLE change AS
	SELECT z, h
	FROM (SELECT z, h, timezone(z, h) - timezone('UTC', h) AS diff,
				 lag(timezone(z, h) - timezone('UTC', h))
				 OVER (PARTITION BY z ORDER BY h) AS prev
		  FROM unnest(ARRAY['Europe/Berlin', 'America/New_York',
							'Australia/Lord_Howe', 'America/Havana',
							'Atlantic/Azores', 'Asia/Kolkata',
							'Asia/Beirut', 'America/Sao_Paulo',
							'Pacific/Apia', 'Africa/Casablanca']) AS z,
			   generate_series(timestamptz '2005-01-01', '2014-01-01',
							   '1 hour') AS h) AS x
	WHERE diff <> prev;

	CREATE FUNCTION pg_temp.zoned() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN random() < 0.5 THEN
			quote_literal(c.h + (pg_temp.upto(3e10) - 15000000000::int8) *
						  interval '1 microsecond') || '::timestamptz, ' ||
			quote_literal(c.z)
		ELSE quote_literal(pg_temp.usec()) || '::timestamptz, ' ||
			quote_literal(pg_temp.one_of(c.z, c.z, 'UTC', 'EST5EDT', 'CEST',
										 'America/Los_Angeles',
										 'Asia/Kathmandu', 'Nowhere/Atall'))
		END
	FROM change AS c
	OFFSET floor(random() * (SELECT count(*) FROM change)) LIMIT 1
	$$;

	CREATE FUNCTION pg_temp.int(bits int) RETURNS text LANGUAGE sql VOLATILE AS
	$$
	SELECT CASE WHEN r < 0.1 THEN pg_temp.upto(1000)::text
				WHEN r < 0.2 THEN (-pg_temp.upto(1000))::text
				WHEN r < 0.3 THEN (-2::numeric ^ (bits - 1) + pg_temp.upto(20))
								  ::numeric(20,0)::text
				WHEN r < 0.4 THEN (2::numeric ^ (bits - 1) - 1 -
								   pg_temp.upto(20))::numeric(20,0)::text
				ELSE (random()::numeric * 2::numeric ^ bits -
					  2::numeric ^ (bits - 1))::numeric(20,0)::text END
	FROM (SELECT random() AS r OFFSET 0) AS x
	$$;

	CREATE FUNCTION pg_temp.call() RETURNS text LANGUAGE plpgsql VOLATILE AS $$
	DECLARE
		kind text := pg_temp.one_of('ts', 'tstz', 'date', 'zone', 'zone',
									'int');
		type text;
		bits int := 2 ^ (4 + pg_temp.upto(3));
		args text;
		extra int := pg_temp.upto(3);
	BEGIN
		PERFORM set_config('compare.days',
						   (current_setting('compare.utc')::bool AND
							random() < 0.3)::text, false);
		IF kind IN ('ts', 'tstz') THEN
			type := CASE kind WHEN 'ts' THEN 'timestamp' ELSE 'timestamptz' END;
			args := format('%L::interval, %L::%s', pg_temp.width(),
						   pg_temp.usec(), type);
			IF extra = 1 THEN
				args := args || format(', %L::%s', pg_temp.finite(), type);
			ELSIF extra = 2 THEN
				args := args || format(', %L::interval', pg_temp.shift());
			END IF;
		ELSIF kind = 'date' THEN
			args := format('%L::interval, %L::date',
						   CASE WHEN random() < 0.5 THEN pg_temp.days()
								ELSE pg_temp.width() END, pg_temp.day());
			IF extra = 1 THEN
				args := args || format(', %L::date',
									   pg_temp.finite()::timestamp::date);
			ELSIF extra = 2 THEN
				args := args || format(', %L::interval', pg_temp.days());
			END IF;
		ELSIF kind = 'zone' THEN
			args := format('%L::interval, %s',
						   replace(pg_temp.width(), '1 microsecond',
								   '1 millisecond'),
						   pg_temp.zoned());
			IF random() < 0.3 THEN
				args := args || format(', origin => %L::timestamptz',
									   pg_temp.finite());
			END IF;
			IF random() < 0.3 THEN
				args := args || format(', "offset" => %L::interval',
									   pg_temp.shift());
			END IF;
		ELSE
			args := format('%L::int%s, %L::int%s',
						   CASE WHEN random() < 0.8
								THEN pg_temp.upto(2::numeric ^
												  pg_temp.upto(bits - 1))::text
								ELSE pg_temp.int(bits) END,
						   bits / 8, pg_temp.int(bits), bits / 8);
			IF extra > 0 THEN
				args := args || format(', %L::int%s', pg_temp.int(bits),
									   bits / 8);
			END IF;
		END IF;
		RETURN format('time_bucket(%s)', args);
	END
	$$;

	COPY (SELECT pg_temp.call() FROM generate_series(1, :calls))
	TO STDOUT;
SQL

cat > "$dir/answer.sql" <<-'SQL'
	SET datestyle = 'ISO, YMD';
	CREATE FUNCTION pg_temp.answer(call text) RETURNS text
	LANGUAGE plpgsql AS $$
	DECLARE
		result text;
	BEGIN
		EXECUTE format('SELECT (%s)::text', call) INTO result;
		RETURN result;
	EXCEPTION WHEN OTHERS THEN
		RETURN 'error';
	END
	$$;
	CREATE TEMP TABLE call (id serial, call text);
	\copy call (call) from pstdin
	SET timezone = :'zone';
	\copy (SELECT call, pg_temp.answer(call) FROM call ORDER BY id) to pstdout
SQL

utc=$([ "$zone" = UTC ] && echo on || echo off)
PGOPTIONS="-c compare.utc=$utc" psql -XqAt -v ON_ERROR_STOP=1 \
	-v "calls=$calls" -v "seed=$seed" -f "$dir/generate.sql" "$ours" \
	> "$dir/calls"

answer()
{
	psql -XqAt -v ON_ERROR_STOP=1 -v "zone=$zone" -f "$dir/answer.sql" "$1" \
		< "$dir/calls" > "$2"
}
answer "$ours" "$dir/ours"
answer "$theirs" "$dir/theirs"

paste "$dir/ours" "$dir/theirs" | awk -F '\t' '
	$1 != $3 { print "calls differ, line " NR; exit 2 }
	{ answered += $2 != "error" }
	$2 == $4 { same++; next }
	{ print $1 "\n\t" $2 "\n\t" $4 }
	$2 == "error" { refused++ }
	$4 == "error" { granted++ }
	$2 != "error" && $4 != "error" { differ++ }
	END {
		printf "%d calls, %d answered by the first server; same %d, " \
			"only the first an error %d, only the second an error %d, " \
			"different %d\n", NR, answered, same, refused, granted, differ
		exit differ > 0
	}'
