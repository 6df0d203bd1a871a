#!/bin/bash
#
# chaos.sh
#	  Writers, deletes, updates, schema changes and all jobs at once, while
#	  the server is killed again and again; heap tables hold the same.
#
# pgbench runs the scripts of test/chaos, round after round, against a private
# server with jobs at short intervals.  In each round either a rusts worker or
# the whole server is killed with SIGKILL; then the server recovers, and every
# row of the measurements is compared with those of their twins.
#
# usage: chaos.sh
#	$SOAK_SECONDS	how long, 600 by default
#	$CHAOS_ROUND	seconds of a round, 15 by default
#
# The last line is "N passed, N failed", counted in rounds; what clients and
# server said is in build/chaos.
#
# test/tools/chaos.sh

cd "$(dirname "$0")/../.." || exit 1

seconds=${SOAK_SECONDS:-600}
round=${CHAOS_ROUND:-15}

bash test/tools/install_deps.sh || exit 1
bash test/tools/build.sh tree || exit 1
. test/tools/server.sh
server_start chaos <<-END || exit 1
	shared_buffers = 256MB
	restart_after_crash = on
	rusts.flush_max_age = 2
	rusts.flush_max_batches = 20
	rusts.job_interval = 1
	autovacuum_naptime = 5
	checkpoint_timeout = 30s
	deadlock_timeout = 200ms
	log_min_messages = warning
END
trap server_stop EXIT
mkdir -p build/chaos
log=build/chaos/clients.log
: >"$log"

weights=(put_few@20 put_many@3 put_late@6 points@12 remove@3 change@3 check@4
	upkeep@2)

value()							# value query
{
	server_psql -At -c "$1" 2>/dev/null
}

wait_for_server()
{
	for _ in $(seq 600); do
		[ "$(value 'SELECT NOT pg_is_in_recovery()')" != t ] || return 0
		sleep 0.2
	done
	die 'the server does not come back'
}

start_again()
{
	for _ in $(seq 50); do
		(cd / && as_server "$BIN/pg_ctl" start -D "$DATA" -w -s \
			-l "$SERVER/log" </dev/null >/dev/null 2>&1) && return
		sleep 0.2
	done
	die 'the server does not start again'
}

# End every process of the server at once.
kill_server()
{
	local postmaster

	postmaster=$(head -1 "$DATA/postmaster.pid") || return
	kill -9 "$postmaster" $(pgrep -P "$postmaster")
	while pgrep -P "$postmaster" >/dev/null || kill -0 "$postmaster" 2>/dev/null; do
		sleep 0.05
	done
	start_again
}

# A killed worker takes the shared memory along: the postmaster begins anew.
kill_worker()
{
	local pid

	pid=$(value "SELECT pid FROM pg_stat_activity
		WHERE backend_type LIKE 'rusts%' ORDER BY random() LIMIT 1")
	[ -z "$pid" ] || kill -9 "$pid"
}

bench()							# bench pgbench's arguments...
{
	server_env "$BIN/pgbench" -n --max-tries=1000 "$@" >>"$log" 2>&1
}

server_psql -q -o /dev/null -f test/chaos/setup.sql || exit 1
passed=0
crashes=0
kills=0
found=
end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$end" ]; do
	scripts=()
	for weight in "${weights[@]}"; do
		scripts+=(-f "test/chaos/${weight%@*}.pgbench@${weight#*@}")
	done
	bench -T "$round" -c 8 -j 2 "${scripts[@]}" &
	clients=$!
	bench -T "$round" -c 1 -R 0.3 -f test/chaos/alter.pgbench &
	sleep $((1 + RANDOM % round))
	if [ $((RANDOM % 2)) -eq 0 ]; then
		kill_server
		crashes=$((crashes + 1))
	else
		kill_worker
		kills=$((kills + 1))
	fi
	wait
	wait_for_server

	# pgbench ends at the first error that no retry mends; crashes are some.
	bench -t 1 -c 1 -f test/chaos/check_all.pgbench
	found=$(grep -ahE 'PANIC|TRAP:|corrupted|MISMATCH|invisible|failed to' \
		"$log" "$SERVER/log" | grep -v 'possibly corrupted shared memory')
	if [ -n "$found" ] ||
		[ "$(value "SELECT count(*) FROM done WHERE what = 'full checks'")" -le \
			"$passed" ]; then
		printf '%s\n' "$found" | head -20
		tail -20 "$log"
		cp "$SERVER/log" build/chaos/server.log
		printf '\n%d passed, 1 failed\n' "$passed"
		exit 1
	fi
	passed=$((passed + 1))
done

value "SELECT format('%s %s', sum(n), what) FROM done GROUP BY what ORDER BY what"
printf '%d times the server killed, %d times a worker\n' "$crashes" "$kills"
value "SELECT 'flushed, compacted, tiered rows since the last start: ' ||
	concat_ws(', ', s->>'rows_flushed', s->>'rows_compacted', s->>'rows_tiered')
	FROM (SELECT rusts_stats()->'since_start' AS s) AS x"
grep -aE 'ERROR' "$log" | sed 's/.*ERROR: *//' | sed 's/[0-9][0-9]*/N/g' |
	sort | uniq -c | sort -rn | head
cp "$SERVER/log" build/chaos/server.log
printf '\n%d passed, 0 failed\n' "$passed"
