# query_parts.sh
#	  The parts of run.sh that ask questions; sourced, not run.
#
# Everything runs without parallel workers and without JIT compilation, on
# every system, except where workers are what is measured.
#
# bench/query_parts.sh

ALONE=(-x "SET max_parallel_workers_per_gather = 0" -x "SET jit = off")

value()							# value query
{
	server_psql -At -c "$1"
}

# "-crusts.enable_shortcuts=off", where there is such a setting: then nothing
# is answered without reading the column.
no_shortcuts()
{
	value "SELECT '-c' || name || '=off' FROM pg_settings
		WHERE name = 'rusts.enable_shortcuts'"
}

query_bench()
{
	build/bench/query_bench -r "$RUNS" "$@" || exit 1
}

# The TSBS data twice: in a measurement and in a heap table with the indexes
# that TSBS gives PostgreSQL.
need_tsbs()
{
	[ -z "$(value "SELECT to_regclass('tsbs.cpu')")" ] || return
	need_data
	echo "loading $ROWS rows into a measurement and into a heap table"
	server_psql -q -c 'CREATE SCHEMA tsbs' -c 'CREATE SCHEMA tsbs_heap'
	load_into "$(own_conninfo tsbs)" write "$INT_LP" 5000 >/dev/null || exit 1
	flush tsbs.cpu
	server_psql -q -c "CREATE TABLE tsbs_heap.cpu ($(columns int8)) USING heap" ||
		exit 1
	load_into "$(own_conninfo tsbs_heap)" copy "$INT_CSV" cpu >/dev/null ||
		exit 1
	index_cpu server_psql tsbs_heap.cpu
}

flush()							# flush measurement
{
	server_psql -q -At -o /dev/null -c "SELECT rusts_flush('$1')" \
		-c "VACUUM ANALYZE $1" || exit 1
}

index_cpu()						# index_cpu psql table
{
	"$1" -q -c "CREATE INDEX ON $2 (hostname, time DESC)" \
		-c "CREATE INDEX ON $2 (time DESC)" -c "VACUUM ANALYZE $2" || exit 1
}

# Fill PEER_NAMES and PEER_CONNINFOS from BENCH_PEER, whose entries are
# name=conninfo or conninfo.
read_peers()
{
	local entry name

	PEER_NAMES=()
	PEER_CONNINFOS=()
	while read -r entry; do
		[ -n "$entry" ] || continue
		name=${entry%%=*}
		case $name in
			*[!A-Za-z0-9_.-]* | host | hostaddr | port | dbname | user | service)
				name=peer$((${#PEER_NAMES[@]} + 1))
				;;
			*)
				entry=${entry#*=}
				;;
		esac
		PEER_NAMES+=("$name")
		PEER_CONNINFOS+=("$entry")
	done < <(tr ';' '\n' <<<"${BENCH_PEER:-}")
}

peer_psql()						# peer_psql psql's arguments..., to $PEER
{
	"$BIN/psql" -X -At -v ON_ERROR_STOP=1 -d "$PEER" "$@"
}

# Load the data into a peer, unless its table "cpu" has them.
need_tsbs_in_peer()				# need_tsbs_in_peer name, with $PEER
{
	local rows timescale

	rows=$(peer_psql -c 'SELECT count(*) FROM cpu' 2>/dev/null)
	[ "$rows" != "$ROWS" ] || return
	[ -z "$rows" ] || die "table \"cpu\" of $1 has $rows rows, not $ROWS"
	echo "loading $ROWS rows into $1"
	timescale=$(peer_psql -c "SELECT count(*) FROM pg_available_extensions
		WHERE name = 'timescaledb'" 2>/dev/null)
	if [ "$timescale" = 1 ]; then
		peer_psql -q -c 'CREATE EXTENSION IF NOT EXISTS timescaledb' \
			2>/dev/null || exit 1
	fi
	peer_psql -q -c "CREATE TABLE cpu ($(columns float8))" || exit 1
	if [ "$timescale" = 1 ]; then
		peer_psql -q -o /dev/null \
			-c "SELECT create_hypertable('cpu', by_range('time'))" \
			-c "CREATE INDEX ON cpu (hostname, time DESC)" \
			-c "ALTER TABLE cpu SET (timescaledb.enable_columnstore,
				timescaledb.segmentby = 'hostname',
				timescaledb.orderby = 'time DESC')" || exit 1
	fi
	load_into "$PEER" copy "$INT_CSV" cpu >/dev/null || exit 1
	if [ "$timescale" = 1 ]; then
		peer_psql -q -o /dev/null -c "SELECT compress_chunk(c)
			FROM show_chunks('cpu') c" -c 'VACUUM ANALYZE cpu' || exit 1
	else
		index_cpu peer_psql cpu
	fi
	[ "$(peer_psql -c "SELECT count(*) FROM pg_proc
		WHERE proname = 'time_bucket'")" != 0 ] ||
		peer_psql -q -c "CREATE FUNCTION time_bucket(interval, timestamptz)
			RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE
			AS 'SELECT date_bin(\$1, \$2, ''2000-01-03 00:00:00+00'')'" ||
		exit 1
}

# What a server is, from psql.
server_version()				# server_version psql
{
	"$1" -At -c "SELECT concat_ws(', ',
		(SELECT 'TimescaleDB ' || extversion FROM pg_extension
			WHERE extname = 'timescaledb'),
		'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1))
		" 2>/dev/null || "$1" -At -c 'SELECT version()'
}

machine()
{
	awk -F': ' '/^model name/ && !n++ { model = $2 }
		/^processor/ { cores++ }
		/^MemTotal/ { kb = $2 }
		END { printf "%s, %d cores, %.0f GiB, ", model, cores, kb / 1048576 }' \
		/proc/cpuinfo /proc/meminfo
	(. /etc/os-release && echo "$PRETTY_NAME")
}

# The lines before the figures that compare.pl and chart.pl read.
describe_systems()
{
	local i PEER

	printf '# machine\t%s\n' "$(machine)"
	printf '# date\t%s\n' "$(date +%F)"
	printf '# rows\t%s\n' "$ROWS"
	printf '# system\trusts\trusts %s, %s\n' "$(value "SELECT extversion
		FROM pg_extension WHERE extname = 'rusts'")" \
		"$(server_version server_psql)"
	printf '# system\theap\ta table with two indexes, %s\n' \
		"$(server_version server_psql)"
	for i in "${!PEER_NAMES[@]}"; do
		PEER=${PEER_CONNINFOS[i]}
		printf '# system\t%s\t%s\n' "${PEER_NAMES[i]}" \
			"$(server_version peer_psql)"
	done
}

part_queries()
{
	local i PEER
	local figures=$WORK/queries.tsv
	local systems=()

	heading "TSBS queries, $ROWS rows, each instance $RUNS times"
	need_tsbs
	read_peers
	for i in "${!PEER_NAMES[@]}"; do
		PEER=${PEER_CONNINFOS[i]}
		need_tsbs_in_peer "${PEER_NAMES[i]}"
		systems+=("${PEER_NAMES[i]}=$PEER")
	done
	perl bench/queries.pl >"$WORK/queries" || exit 1
	query_bench "${ALONE[@]}" -o "$figures.new" "$WORK/queries" \
		"rusts=$(own_conninfo tsbs)" "${systems[@]}" \
		"heap=$(own_conninfo tsbs_heap)"
	{ describe_systems && cat "$figures.new"; } >"$figures" || exit 1
	rm -f "$figures.new"
	echo
	grep '^#' "$figures" | cut -c3-
	echo
	perl bench/compare.pl "$figures" || exit 1
}

# A table of rows of 10 hosts over 600,000 s, cut into partitions of so many
# seconds.  Partitions begin at multiples of their width after 2000-01-03.
create_segments()				# create_segments schema partition_seconds
{
	server_psql -q -c "ALTER SYSTEM SET rusts.partition_duration = $2" \
		-c 'SELECT pg_reload_conf()' -o /dev/null || exit 1
	until [ "$(value "SELECT setting FROM pg_settings
		WHERE name = 'rusts.partition_duration'")" = "$2" ]; do
		sleep 0.1
	done
	server_psql -q <<-END || exit 1
		CREATE SCHEMA $1;
		CREATE TABLE $1.cpu (time timestamptz NOT NULL, hostname text,
			usage_user int8) USING rusts;
		SECURITY LABEL FOR rusts ON COLUMN $1.cpu.hostname IS 'tag';
		INSERT INTO $1.cpu SELECT t, 'host_' || h, (t_number * h) % 100
			FROM generate_series('2000-01-03'::timestamptz
				+ 8416 * interval '60000 s', '2000-01-03'::timestamptz
				+ 8426 * interval '60000 s' - interval '10 s',
				interval '10 s') WITH ORDINALITY AS times(t, t_number),
				generate_series(0, 9) h;
	END
	flush "$1.cpu"
	printf '%s: %s segments\n' "$1" "$(value "SELECT count(*)
		FROM rusts.segments WHERE measurement = '$1.cpu'::regclass")"
}

part_planning()
{
	heading "Planning time with 10 and with 10,000 segments"
	create_segments segments10 60000
	create_segments segments10000 60
	server_psql -q -c 'ALTER SYSTEM RESET rusts.partition_duration' \
		-c 'SELECT pg_reload_conf()' -o /dev/null
	cat >"$WORK/planning" <<-END
		one host, one hour	SELECT time_bucket('60 seconds', time) AS minute, max(usage_user) FROM cpu WHERE hostname = 'host_7' AND time >= '2016-01-05' AND time < '2016-01-05 01:00:00' GROUP BY 1 ORDER BY 1
		everything	SELECT count(*), avg(usage_user) FROM cpu
		last points	SELECT DISTINCT ON (hostname) * FROM cpu ORDER BY hostname, time DESC
	END
	build/bench/query_bench -p -r 200 "${ALONE[@]}" -o "$WORK/planning.tsv" \
		"$WORK/planning" "10000=$(own_conninfo segments10000)" \
		"10=$(own_conninfo segments10)" >/dev/null || exit 1
	perl bench/compare.pl "$WORK/planning.tsv" '10<=1.2' || exit 1
	server_psql -q -c 'DROP SCHEMA segments10, segments10000 CASCADE' \
		2>/dev/null
}

# Random walks of 100 hosts, 1,250,000 rows in 125,000 s: what long tables are
# made of.
need_walk()
{
	[ -z "$(value "SELECT to_regclass('walk')")" ] || return
	server_psql -q -c 'CREATE UNLOGGED TABLE walk (time timestamptz,
		host text, v float8) USING heap' || exit 1
	build/bench/gen_tsbs dec2 100 1250000 - /dev/stdout | cut -d, -f1,2,12 |
		server_psql -q -c 'COPY walk FROM STDIN (FORMAT csv)' || exit 1
}

create_points()					# create_points measurement
{
	need_walk
	server_psql -q -c "CREATE TABLE $1 (time timestamptz NOT NULL, host text,
		i int8, d float8, f float8) USING rusts" \
		-c "SECURITY LABEL FOR rusts ON COLUMN $1.host IS 'tag'" || exit 1
}

# Append walks; i is whole, d has two decimals, f all digits.
append_points()					# append_points measurement first last
{
	local k

	for k in $(seq "$2" "$3"); do
		server_psql -q -o /dev/null -c "SELECT setseed(0.5)" \
			-c "INSERT INTO $1 SELECT time + $k * interval '125000 s', host,
				trunc(v)::int8, v, v + (random() - 0.5) / 100 FROM walk" ||
			exit 1
	done
	flush "$1"
}

need_points()
{
	[ -z "$(value "SELECT to_regclass('points')")" ] || return
	echo "making 10,000,000 rows"
	create_points points
	append_points points 0 7
}

part_scan()
{
	heading "Values a second from one column of 10,000,000 rows, one core"
	need_points
	cat >"$WORK/scan" <<-END
		integers	SELECT max(i) FROM points
		two decimals	SELECT max(d) FROM points
		doubles	SELECT max(f) FROM points
	END
	query_bench "${ALONE[@]}" -o "$WORK/scan.tsv" "$WORK/scan" \
		"rusts=$(own_conninfo public "$(no_shortcuts)")" >/dev/null
	awk -F'\t' 'NR > 1 {
		rate = 1e7 / $3 / 1e3
		printf "%-24s %10.1f ms %10.0f million values/s; must be 300%s: %s\n",
			$1, $3, rate, $1 == "integers" ? ", strive for 1000" : "",
			rate < 300 ? "missed" : "met" }' "$WORK/scan.tsv"
}

# 50,000,000 rows: 0.2 to 1 s of work, beside which the start of processes, 5
# ms, is small.  A process that has just been started maps each page of shared
# buffers that it reads, which takes a tenth of its time where pages are of 4
# kB (BENCH_HUGE_PAGES).
part_parallel()
{
	local options

	heading "Full scans with 0, 1 and 2 workers, 50,000,000 rows"
	echo "huge pages reserved: $(cat /proc/sys/vm/nr_hugepages)"
	create_points parallel_points
	append_points parallel_points 0 39
	options="-cjit=off $(no_shortcuts)"
	cat >"$WORK/parallel" <<-END
		averages	SELECT count(*), avg(i), avg(d), avg(f) FROM parallel_points
		day x host	SELECT time_bucket('1 day', time), host, avg(i), max(d) FROM parallel_points GROUP BY 1, 2
		filter	SELECT count(*) FROM parallel_points WHERE f > d AND i < 50
	END
	parallel_bench '2-workers>=1.7'

	# Most of what is left to one process: 139,000 groups to be sent as text.
	cat >"$WORK/parallel" <<-END
		hour x host	SELECT time_bucket('1 hour', time), host, avg(i), max(d) FROM parallel_points GROUP BY 1, 2
	END
	parallel_bench
	server_psql -q -c 'DROP TABLE parallel_points'
}

parallel_bench()				# parallel_bench goals..., with $options
{
	local n
	local systems=()

	for n in 0 1 2; do
		systems+=("$n-workers=$(own_conninfo public \
			"$options -cmax_parallel_workers_per_gather=$n")")
	done
	query_bench -o "$WORK/parallel.tsv" "$WORK/parallel" "${systems[@]}" \
		>/dev/null
	perl bench/compare.pl "$WORK/parallel.tsv" "$@" || exit 1
}

# The sizes are measured in turn, so that a machine that changes its speed in
# between changes it for all of them.
part_growth()
{
	local millions rows
	local largest=${BENCH_GROWTH:-50}
	local schemas=() systems=()

	heading "A measurement that doubles, up to $largest million rows"
	for millions in 6.25 12.5 25 50; do
		rows=$(awk -v m="$millions" -v l="$largest" \
			'BEGIN { print (m + 0 > l + 0 ? 0 : m * 1000000) }')
		[ "$rows" -gt 0 ] || break
		schemas+=("grow_$rows")
		systems+=("$rows=$(own_conninfo "grow_$rows")")
		server_psql -q -c "CREATE SCHEMA grow_$rows"
		create_points "grow_$rows.grow"
		append_points "grow_$rows.grow" 0 $((rows / 1250000 - 1))
	done
	cat >"$WORK/growth" <<-END
		count and avg	SELECT count(*), avg(i) FROM grow
		hour x host	SELECT time_bucket('3600 seconds', time) AS hour, host, avg(i), max(i) FROM grow GROUP BY 1, 2
	END
	query_bench "${ALONE[@]}" -o "$WORK/growth.tsv" "$WORK/growth" \
		"${systems[@]}" >/dev/null
	printf '%-14s %-24s %12s %12s\n' rows query ms "x half"
	awk -F'\t' 'NR > 1 {
		factor = $1 == query ? $3 / half : 0
		printf "%-14s %-24s %12.2f %12s%s\n", $2, $1, $3,
			(factor ? sprintf("%.2f", factor) : ""),
			(factor > 2.1 ? "! must be 2.1" : "")
		query = $1; half = $3 }' "$WORK/growth.tsv"
	server_psql -q -c "SET client_min_messages = warning" \
		-c "DROP SCHEMA $(IFS=,; echo "${schemas[*]}") CASCADE"
}

# So many rows over three days, of so many series.
create_series()					# create_series schema series
{
	server_psql -q <<-END || exit 1
		CREATE SCHEMA $1;
		CREATE TABLE $1.cpu (time timestamptz NOT NULL, hostname text,
			usage_user int8) USING rusts;
		SECURITY LABEL FOR rusts ON COLUMN $1.cpu.hostname IS 'tag';
		INSERT INTO $1.cpu SELECT timestamptz '2016-01-01'
				+ n / $2 * (interval '3 days' / (2600000 / $2)),
				'host_' || n % $2, n % 101
			FROM generate_series(0, 2599999) n;
	END
	flush "$1.cpu"
}

part_cardinality()
{
	heading "One series of 100 and of 100,000, 2,600,000 rows"
	create_series series100 100
	create_series series100000 100000
	cat >"$WORK/cardinality" <<-END
		count and max	SELECT count(*), max(usage_user) FROM cpu WHERE hostname = 'host_17'
		day, by hour	SELECT time_bucket('1 hour', time), max(usage_user) FROM cpu WHERE hostname = 'host_17' AND time >= '2016-01-02' AND time < '2016-01-03' GROUP BY 1
		last point	SELECT * FROM cpu WHERE hostname = 'host_17' ORDER BY time DESC LIMIT 1
	END
	query_bench "${ALONE[@]}" -o "$WORK/cardinality.tsv" "$WORK/cardinality" \
		"100000=$(own_conninfo series100000)" \
		"100=$(own_conninfo series100)" >/dev/null
	perl bench/compare.pl "$WORK/cardinality.tsv" '100<=3' | grep -v '^rows of'
	server_psql -q -c 'DROP SCHEMA series100, series100000 CASCADE' 2>/dev/null
}

part_clients()
{
	local clients i system
	local seconds=${BENCH_SECONDS:-10}
	local systems=("rusts=$(own_conninfo tsbs)")

	heading "Queries a second: eight clients and one, $seconds s each," \
		"median of $RUNS"
	need_tsbs
	read_peers
	for i in "${!PEER_NAMES[@]}"; do
		systems+=("${PEER_NAMES[i]}=${PEER_CONNINFOS[i]}")
	done
	perl bench/queries.pl 'single-groupby.*' 'cpu-max.*' >"$WORK/clients" ||
		exit 1
	rm -f "$WORK/clients.tsv"
	for i in $(seq "$RUNS"); do
		for clients in 1 8; do
			query_bench "${ALONE[@]}" -c "$clients" -s "$seconds" \
				-o "$WORK/clients.new" "$WORK/clients" "${systems[@]}" \
				>/dev/null
			cat "$WORK/clients.new" >>"$WORK/clients.tsv"
		done
	done
	rm -f "$WORK/clients.new"
	for system in rusts "${PEER_NAMES[@]}"; do
		for clients in 1 8; do
			awk -F'\t' -v s="$system" -v c="$clients" \
				'$1 == s && $2 == c { print $5 }' "$WORK/clients.tsv" | median
		done | awk -v s="$system" '
			NR == 1 { one = $1 }
			NR == 2 {
				verdict = $1 / one < 1.8 ? "missed" : "met"
				printf "%-16s %9.1f with one, %9.1f with eight: %5.2f%s\n",
					s, one, $1, $1 / one,
					s == "rusts" ? ", must be 1.8: " verdict : "" }'
	done
}
