#!/bin/bash
#
# demo.sh
#	  Show rusts at work, in a private server.
#
# usage: demo.sh start|stop
#	start	installs what is missing, builds, starts a server, writes points
#			and asks about them; a demo that still runs is ended first
#	stop	ends the server; its data stay until the next start
#
# bench/demo.sh

HOSTS=${DEMO_HOSTS:-50}
STEPS=${DEMO_STEPS:-8640}
STEP_SECONDS=10
LINES_PER_CALL=5000

cd "$(dirname "$0")/.." || exit 1

step()
{
	printf '\n==== %s\n' "$*"
}

# A query, and its answer.
ask()							# ask comment query
{
	printf '\n-- %s\n%s\n\n' "$1" "$2"
	server_psql -q -P footer=off <<-END || exit 1
		\\timing on
		$2
	END
}

value()							# value query
{
	server_psql -At -c "$1"
}

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}

live_samples()
{
	step "This machine's metrics, live: 10 samples, 0.5 s apart"
	perl bench/demo_data.pl sample 10 0.5 |
		server_psql -At | sed -u 's/^[0-9]*$/  & points written/'
	[ "${PIPESTATUS[1]}" -eq 0 ] || exit 1
}

backfill()
{
	local lines=$((HOSTS * STEPS)) begin ms

	step "A backfill: $HOSTS servers every $STEP_SECONDS s," \
		"$lines points, $((lines * 4)) values"
	perl bench/demo_data.pl backfill "$HOSTS" "$STEPS" "$STEP_SECONDS" \
		>build/demo.lp || exit 1
	LP_BYTES=$(stat -c %s build/demo.lp)
	perl bench/demo_data.pl calls $LINES_PER_CALL <build/demo.lp \
		>build/demo.sql || exit 1
	begin=$(now_ms)
	server_psql -q -At -f build/demo.sql | sed -u "/^$LINES_PER_CALL\$/d"
	[ "${PIPESTATUS[0]}" -eq 0 ] || exit 1
	ms=$(($(now_ms) - begin + 1))
	echo "$lines points in $((ms / 1000)).$(printf %03d $((ms % 1000))) s:" \
		"$((lines * 1000 / ms)) points/s, $((lines * 4000 / ms)) values/s," \
		"one session, psql included"
	rm -f build/demo.lp build/demo.sql
}

flush()
{
	step "Flush: small batches become compressed segments"
	server_psql -c "SELECT rusts_flush()" || exit 1
}

queries()
{
	step "Questions"
	ask "What is there?" \
		"SELECT * FROM rusts.measurements ORDER BY measurement;"
	ask "This machine, second by second" \
		"SELECT time_bucket('1 second', time) AS t, avg(usage_user)::numeric(5,1) AS user,
       avg(usage_system)::numeric(5,1) AS system, max(usage_idle)::numeric(5,1) AS idle
  FROM cpu WHERE region = 'local' GROUP BY 1 ORDER BY 1;"
	ask "The busiest servers of the last hour" \
		"SELECT host, avg(usage_user + usage_system)::numeric(5,1) AS busy, count(*)
  FROM cpu WHERE time > now() - interval '1 hour' AND region <> 'local'
 GROUP BY host ORDER BY 2 DESC, host LIMIT 5;"
	ask "How each region's day began and ended" \
		"SELECT region, first(usage_user, time), last(usage_user, time), min(time), max(time)
  FROM cpu WHERE region <> 'local' GROUP BY region ORDER BY region;"
	ask "Six-hour averages" \
		"SELECT time_bucket('6 hours', time) AS t, count(*), avg(usage_user)::numeric(6,3)
  FROM cpu GROUP BY 1 ORDER BY 1;"
	ask "Traffic by network interface, joined with the machine's load" \
		"SELECT n.interface, max(n.bytes_recv) - min(n.bytes_recv) AS received,
       max(n.bytes_sent) - min(n.bytes_sent) AS sent, max(l.load1) AS load
  FROM net n JOIN load l USING (host, time) GROUP BY 1 ORDER BY 1;"
}

human()							# human bytes
{
	echo "$(($1 / 1000000)).$(($1 / 100000 % 10)) MB"
}

sizes()
{
	local heap rusts

	step "Size of the measurement cpu"
	server_psql -q -c "CREATE TABLE heap_copy AS SELECT * FROM cpu" || exit 1
	heap=$(value "SELECT pg_total_relation_size('heap_copy')") || exit 1
	server_psql -q -c "DROP TABLE heap_copy" || exit 1
	rusts=$(value "SELECT bytes FROM rusts.measurements
		WHERE measurement = 'cpu'::regclass") || exit 1
	printf '%-44s %12s\n' \
		"before: as line protocol" "$(human "$LP_BYTES")" \
		"before: the same rows in a heap table" "$(human "$heap")" \
		"after: compressed by rusts" "$(human "$rusts")"
	echo "line protocol : rusts = $((LP_BYTES / rusts)) : 1," \
		"heap : rusts = $((heap / rusts)) : 1"
}

how_to_connect()
{
	local psql=psql

	command -v psql >/dev/null || psql=$BIN/psql
	step "The server still runs; to look around:"
	printf '    %q -h %q -p %s -U postgres demo\n' "$psql" "$SOCKETS" "$PORT"
	printf 'and to end it:\n    make demo-stop\n'
}

case ${1:-} in
	start)
		step "Setting up"
		bash test/tools/install_deps.sh || exit 1
		bash test/tools/build.sh tree || exit 1
		. test/tools/server.sh
		server_start demo <<-END
			max_wal_size = 4GB
		END
		echo "PostgreSQL $(value 'SHOW server_version') with rusts, in $SERVER"
		live_samples
		backfill
		flush
		queries
		sizes
		how_to_connect
		;;
	stop)
		. test/tools/server.sh
		server_at demo
		if server_runs; then
			server_stop && echo "The demo's server is stopped."
		else
			echo "The demo's server does not run."
		fi
		;;
	*)
		echo "usage: $0 start|stop" >&2
		exit 2
		;;
esac
