#!/bin/bash
#
# sqlsmith.sh
#	  Random statements of sqlsmith against a few measurements.
#
# sqlsmith knows nothing about right answers: what counts are crashes, failed
# assertions, and internal errors that go away when the extension's own plan
# nodes are switched off.
#
# usage: sqlsmith.sh
#	$SMITH_SECONDS	how long, 300 by default
#	$SMITH_SEED		the first seed, the time by default
#
# The last line is "N passed, N failed".
#
# test/tools/sqlsmith.sh

cd "$(dirname "$0")/../.." || exit 1

seconds=${SMITH_SECONDS:-300}
seed=${SMITH_SEED:-$(($(date +%s) % 1000000))}

bash test/tools/install_deps.sh smith || exit 1
bash test/tools/build.sh tree || exit 1
. test/tools/server.sh
server_at smith
server_start smith <<-END
	fsync = off
	autovacuum = off
	restart_after_crash = on
	logging_collector = on
	log_destination = 'jsonlog'
	log_directory = '$SERVER'
	log_filename = 'smith'
	log_rotation_size = 0
	log_rotation_age = 0
	log_min_messages = error
	log_min_error_statement = error
	rusts.flush_max_age = '1d'
	statement_timeout = '5s'
	max_parallel_workers_per_gather = 2
	parallel_setup_cost = 0
	parallel_tuple_cost = 0
END
trap 'server_stop' EXIT

# Measurements of three ages and of all types, and a heap table to join.  The
# statements run as a role that can only read and add rows.
server_psql -q <<-'END' || exit 1
	CREATE TABLE cpu (time timestamptz NOT NULL, host text, region text,
		usage float8, cores int8, up boolean, note text, load numeric,
		small int2, day date) USING rusts WITH (parallel_workers = 2);
	SECURITY LABEL FOR rusts ON COLUMN cpu.host IS 'tag';
	SECURITY LABEL FOR rusts ON COLUMN cpu.region IS 'tag';
	INSERT INTO cpu SELECT timestamptz '2024-01-01' + i * interval '10 s',
		'h' || i % 7, CASE WHEN i % 3 > 0 THEN 'r' || i % 3 END,
		CASE i % 50 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE i / 8.0 END,
		i, i % 2 = 0, md5(i::text), i / 4.0, i % 100, date '2024-01-01' + i % 9
		FROM generate_series(1, 8000) i;
	SELECT rusts_flush() \g /dev/null
	INSERT INTO cpu SELECT time + interval '1 day', host, region, usage FROM cpu
		WHERE cores % 5 = 0;
	SELECT rusts_flush() \g /dev/null
	INSERT INTO cpu SELECT time + interval '2 days', host, NULL, usage FROM cpu
		WHERE cores % 31 = 0;
	CREATE TABLE plain (time timestamp, v float4) USING rusts;
	INSERT INTO plain SELECT '2024-01-01'::timestamp + i * interval '1 min', i
		FROM generate_series(1, 300) i;
	CREATE TABLE empty (time timestamptz, k text, n int4) USING rusts;
	CREATE TABLE hosts AS SELECT 'h' || i AS host, i AS n
		FROM generate_series(1, 5) i;
	CREATE VIEW hourly AS SELECT time_bucket('1 hour', time) AS hour, host,
		avg(usage) AS usage, last(usage, time) AS latest, count(*) AS n
		FROM cpu GROUP BY 1, 2;
	ANALYZE;
	-- sqlsmith takes a polymorphic type for one like any other, and then
	-- writes little that the parser accepts.
	DELETE FROM pg_operator USING pg_type AS t
		WHERE t.oid IN (oprleft, oprright, oprresult)
		  AND typname IN ('anyrange', 'anymultirange', 'anyenum', 'anyarray',
						  'cstring', 'point', 'polygon');
	CREATE ROLE smith LOGIN;
	GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO smith;
END

echo "==== sqlsmith, $seconds seconds, first seed $seed"
end=$(($(date +%s) + seconds))
mkdir -p build/smith
while left=$((end - $(date +%s))) && [ "$left" -gt 0 ]; do
	timeout "$left" sqlsmith --exclude-catalog --seed="$seed" \
		--target="host=$SOCKETS port=$PORT user=smith dbname=smith" \
		>build/smith/sqlsmith.log 2>&1
	seed=$((seed + 1))

	# After a crash the server needs a moment to be itself again.
	for ((i = 0; i < 600; i++)); do
		server_psql -q -c 'SELECT 1' >/dev/null 2>&1 && break
		read -r -t 0.1 <> <(:)
	done
done
server_psql -At -c "SELECT 'statements: ' || sum(calls) FROM (
	SELECT xact_commit + xact_rollback AS calls FROM pg_stat_database
	 WHERE datname = 'smith') x"
PSQL=$BIN/psql server_env perl test/tools/smith_log.pl "$SERVER/smith.json"
