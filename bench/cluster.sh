#!/bin/bash
#
# cluster.sh
#	  The cluster beside one server: ingest, queries, bytes between nodes,
#	  recovery.
#
# Four private servers on loopback addresses: one by itself and three nodes of
# a cluster.  All of them share the machine's cores.  What is compared
# alternates.
#
# usage: cluster.sh [part...]
#	parts: ingest queries recovery; all of them by default
#	$BENCH_ROWS		rows of the TSBS data, 2592000
#	$BENCH_RUNS		runs of each loading and query, 3
#	$BENCH_AWAY		seconds that a node is away, 60
#	$BENCH_RATE		rows a second that are written meanwhile, 50000
#
# bench/cluster.sh

ROWS=${BENCH_ROWS:-2592000}
RUNS=${BENCH_RUNS:-3}
PARTS=${*:-ingest queries recovery}
NODES="node1 node2 node3"

cd "$(dirname "$0")/.." || exit 1
bash test/tools/install_deps.sh || exit 1
bash test/tools/build.sh tree bench-programs || exit 1
. test/tools/server.sh

WORK=$TOP/build/bench
LP=$WORK/int.$ROWS.lp

# Each server's address: nodes are found by TCP.
address()						# address name
{
	case $1 in
		single) echo 127.0.0.10 ;;
		*) echo "127.0.0.1${1#node}" ;;
	esac
}

start()							# start name
{
	server_start "$1" <<-END || exit 1
		listen_addresses = '$(address "$1")'
		max_prepared_transactions = 50
		max_worker_processes = 16
		shared_buffers = 256MB
		max_wal_size = 8GB
		checkpoint_timeout = 1h
		autovacuum = off
		rusts.job_interval = 1d
	END
	server_env "$BIN/createdb" bench
	at "$1" -c 'CREATE EXTENSION rusts'
}

at()							# at name psql's arguments...
{
	server_at "$1"
	shift
	server_psql -qAt -d bench "$@"
}

conninfo()						# conninfo name
{
	server_at "$1"
	printf "host='%s' port=%s user=postgres dbname=bench" "$SOCKETS" "$PORT"
}

stop_all()
{
	local name

	for name in single $NODES; do
		server_at "$name"
		server_stop
	done
}
trap stop_all EXIT

# A new cluster: nine shards, three a node.
make_cluster()					# make_cluster mode factor
{
	local name i j shards replicas

	for name in $NODES; do
		start "$name"
	done
	for name in $NODES; do
		{
			cat <<-END
				node_id = "$name"
				cluster_name = "bench"
				replication_mode = "$1"
				replication_factor = $2
				shard_count = 9
				sharding_strategy = "BySeries"
			END
			for i in 0 1 2; do
				shards=$((i * 3)),$((i * 3 + 1)),$((i * 3 + 2))
				replicas=
				for ((j = 1; j < $2; j++)); do
					replicas+=,$(((i + 3 - j) % 3 * 3)),$(((i + 3 - j) % 3 * 3 + 1))
					replicas+=,$(((i + 3 - j) % 3 * 3 + 2))
				done
				cat <<-END
					[[nodes]]
					id = "node$((i + 1))"
					address = "127.0.0.1$((i + 1)):5432"
					dbname = "bench"
					shards = [$shards]
					replica_shards = [${replicas#,}]
				END
			done
		} | as_server tee "$TREE/run/$name/data/cluster.toml" >/dev/null
	done
	at node1 -c 'SELECT rusts_cluster_apply()' >/dev/null || exit 1
}

load_at()						# load_at name: seconds
{
	local rows seconds

	read -r rows seconds < <(build/bench/load "$(conninfo "$1")" write "$LP" 10000)
	[ "${rows:-0}" -eq "$ROWS" ] || die "loaded ${rows:-no} rows instead of $ROWS"
	echo "$seconds"
}

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

need_data()
{
	[ -s "$LP" ] && return
	build/bench/gen_tsbs int 100 "$ROWS" "$LP.new" - && mv "$LP.new" "$LP" ||
		exit 1
}

# Rows a second through one node, against one server.
part_ingest()
{
	local i factor single cluster mode

	need_data
	for factor in 1 2; do
		mode=$([ $factor = 1 ] && echo Sync || echo Quorum)
		start single
		make_cluster "$mode" $factor
		: >"$WORK/single" && : >"$WORK/cluster"
		for i in $(seq "$RUNS"); do
			at single -c 'DROP TABLE IF EXISTS cpu' -c CHECKPOINT 2>/dev/null
			load_at single >>"$WORK/single" || exit 1
			for name in $NODES; do
				at "$name" -c 'DROP TABLE IF EXISTS cpu' -c CHECKPOINT 2>/dev/null
			done
			load_at node1 >>"$WORK/cluster" || exit 1
		done
		single=$(median <"$WORK/single")
		cluster=$(median <"$WORK/cluster")
		awk -v f=$factor -v m="$mode" -v s="$single" -v c="$cluster" \
			-v rows="$ROWS" 'BEGIN {
			printf "ingest, replication %d, %-7s %9.0f rows/s, one server %9.0f: %.2f x\n",
				f, m, rows / c, rows / s, s / c }'
		stop_all
	done
}

lo_bytes()
{
	cat /sys/class/net/lo/statistics/tx_bytes
}

# Both have all rows.  Clients use sockets, so what goes over the loopback
# interface is what nodes say to each other, and what others do on the machine.
part_queries()
{
	local before query="SELECT date_trunc('hour', time), hostname,
		avg(usage_user), max(usage_idle) FROM cpu GROUP BY 1, 2"

	need_data
	start single
	make_cluster Sync 1
	load_at single >/dev/null || exit 1
	load_at node1 >/dev/null || exit 1
	for name in single $NODES; do
		at "$name" -c 'SELECT rusts_flush()' -c 'VACUUM ANALYZE' >/dev/null
	done
	{
		perl bench/queries.pl | grep '^double-groupby-all	'
		printf 'hour x host\t%s\n' \
			"SELECT time_bucket('1 hour', time), hostname, avg(usage_user) FROM cpu GROUP BY 1, 2"
	} >"$WORK/queries"
	build/bench/query_bench -r "$RUNS" -x "SET jit = off" \
		-x "SET max_parallel_workers_per_gather = 0" "$WORK/queries" \
		"single=$(conninfo single)" "cluster=$(conninfo node1)" || exit 1

	query="SELECT time_bucket('1 hour', time), hostname, avg(usage_user) FROM cpu GROUP BY 1, 2"
	at node1 -c "SELECT count(*) FROM ($query) AS q" >/dev/null
	before=$(lo_bytes)
	at node1 -c "SELECT count(*), sum(avg) IS NOT NULL FROM ($query) AS q (h, n, avg)"
	echo "$(($(lo_bytes) - before)) bytes over the wire for a GROUP BY of 7,200 groups"
	echo "remote statements:"
	at node1 -c "EXPLAIN (VERBOSE, COSTS OFF) $query" | grep -c 'Remote SQL'
	stop_all
}

# A node is away, comes back, and has what the others have.
part_recovery()
{
	local away=${BENCH_AWAY:-60} rate=${BENCH_RATE:-50000}
	local begun sql rows=0 start

	make_cluster Async 2
	sql="SELECT rusts_write(string_agg(format('cpu,host=h%s v=%s %s', i % 100, i,
		(extract(epoch FROM now()) * 1000000)::bigint * 1000 + i), E'\n'))
		FROM generate_series(1, $((rate / 10))) AS i"
	at node1 -c "$sql" >/dev/null || exit 1
	server_at node3
	as_server "$BIN/pg_ctl" stop -D "$DATA" -m immediate -s
	begun=$(date +%s)
	while [ $(($(date +%s) - begun)) -lt "$away" ]; do
		start=$(date +%s.%N)
		at node1 -c "$sql" >/dev/null || exit 1
		rows=$((rows + rate / 10))
		sleep "$(awk -v s="$start" -v n="$(date +%s.%N)" 'BEGIN {
			d = 0.1 - (n - s); print (d > 0 ? d : 0) }')"
	done
	server_at node3
	start=$(date +%s.%N)
	(cd / && as_server "$BIN/pg_ctl" start -D "$DATA" -w -s -l "$SERVER/log" \
		</dev/null >/dev/null)
	until [ "$(at node1 -c "SELECT bool_and(state = 'live')
		FROM rusts_cluster_status()")" = t ] &&
		[ "$(at node1 -c 'SELECT count(*) FROM rusts.cluster_hint')" = 0 ]; do
		sleep 0.1
	done
	awk -v s="$start" -v n="$(date +%s.%N)" -v r="$rows" -v a="$away" 'BEGIN {
		printf "a node %d s away, %d rows written: caught up %.1f s after it was started\n", a, r, n - s }'
	for name in $NODES; do
		until rows=$(at "$name" -c 'SELECT count(*) FROM cpu' 2>/dev/null); do
			sleep 0.1
		done
		echo "$name reads $rows rows"
	done
	stop_all
}

for part in $PARTS; do
	"part_$part"
done
