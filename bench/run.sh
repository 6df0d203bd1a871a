#!/bin/bash
#
# run.sh
#	  The benchmarks: loading, size, WAL, memory, parser and float codec, and
#	  queries.
#
# Everything runs here and now, in one private server with the settings below,
# against COPY into a heap table without an index, which every PostgreSQL has:
# what carries over to another machine is the ratio.  Runs of the two sides
# alternate, each into a fresh table after a checkpoint, and the median counts.
# Queries may also be held against other servers that run already.
#
# usage: run.sh [part...]
#	parts: parse floats load size cold memory queries planning scan parallel
#					growth cardinality clients duplicates durability compact
#					retention many; all of them by default
#	$BENCH_ROWS		rows of the TSBS data, 2592000
#	$BENCH_RUNS		runs of each loading and query, 3
#	$BENCH_FLOATS	a directory with the data sets of the ALP paper as text,
#					one number a line; their beginnings without
#	$BENCH_PEER		other servers for the parts queries and clients, as
#					name=conninfo, separated by semicolons or newlines; their
#					table "cpu" is used if it has that many rows, and made
#					if there is none
#	$BENCH_GROWTH	million rows at which the part growth ends, 50
#	$BENCH_COMPACT	million rows of the part compact, 50
#	$BENCH_SECONDS	of each run of the parts clients and durability, 10
#	$BENCH_MINUTES	of the part many, 60
#	$BENCH_HUGE_PAGES	if not empty, reserve huge pages for the server's
#					shared memory, as PostgreSQL's manual recommends, for as
#					long as this runs (root only)
#
# bench/run.sh

ROWS=${BENCH_ROWS:-2592000}
RUNS=${BENCH_RUNS:-3}
PARTS=${*:-parse floats load size cold memory queries planning scan parallel
	growth cardinality clients duplicates durability compact retention
	many}

cd "$(dirname "$0")/.." || exit 1

FIELDS="usage_user usage_system usage_idle usage_nice usage_iowait usage_irq
	usage_softirq usage_steal usage_guest usage_guest_nice"
TAGS="hostname region datacenter rack os arch team service service_version
	service_environment"

heading()
{
	printf '\n==== %s\n' "$*"
}

# The table that rusts_write would make of the data.
columns()						# columns field_type
{
	local c

	printf 'time timestamptz NOT NULL'
	for c in $TAGS; do printf ', %s text' "$c"; done
	for c in $FIELDS; do printf ', %s %s' "$c" "$1"; done
}

create_heap()					# create_heap name
{
	server_psql -q -c "DROP TABLE IF EXISTS $1" \
		-c "CREATE TABLE $1 ($(columns int8)) USING heap" -c CHECKPOINT 2>&1 |
		grep -v 'does not exist, skipping'
}

create_rusts()					# create_rusts name
{
	local c

	{
		echo "DROP TABLE IF EXISTS $1;"
		echo "CREATE TABLE $1 ($(columns int8)) USING rusts;"
		for c in $TAGS; do
			echo "SECURITY LABEL FOR rusts ON COLUMN $1.$c IS 'tag';"
		done
		echo "CHECKPOINT;"
	} | server_psql -q 2>&1 | grep -v 'does not exist, skipping'
}

drop_cpu()
{
	server_psql -q -c 'DROP TABLE IF EXISTS cpu' -c CHECKPOINT 2>&1 |
		grep -v 'does not exist, skipping'
}

# Our server, and the schema whose tables a query finds.
own_conninfo()					# own_conninfo schema [server options]
{
	printf "host='%s' port=%s user=postgres dbname=bench options='%s'" \
		"${SOCKETS//\'/\\\'}" "$PORT" "-csearch_path=$1,public ${2:-}"
}

# Seconds of one loading; the number of rows must be right.
load()							# load write|copy file argument
{
	load_into "$(own_conninfo public)" "$@"
}

load_into()						# load_into conninfo write|copy file argument
{
	local rows seconds

	read -r rows seconds < <(build/bench/load "$@")
	if [ "${rows:-0}" -ne "$ROWS" ]; then
		echo "rusts: loaded ${rows:-no} rows instead of $ROWS" >&2
		exit 1
	fi
	echo "$seconds"
}

median()						# numbers, one a line
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

report()						# report name seconds heap_seconds
{
	awk -v name="$1" -v s="$2" -v h="$3" -v rows="$ROWS" 'BEGIN {
		printf "%-44s %8.2f s %12.0f rows/s %6.2f x heap COPY\n",
			name, s, rows / s, h / s }'
}

bytes_of()						# bytes_of measurement, all its forks
{
	server_psql -At -c "SELECT pg_total_relation_size('$1')"
}

megabytes()
{
	awk -v b="$1" 'BEGIN { printf "%.1f MB", b / 1e6 }'
}

# The TSBS data with integer fields, from an earlier run if there was one.
need_data()
{
	[ ! -s "$INT_LP" ] || [ ! -s "$INT_CSV" ] || return
	echo "generating $ROWS rows"
	build/bench/gen_tsbs int 100 "$ROWS" "$INT_LP.new" "$INT_CSV.new" &&
		mv "$INT_LP.new" "$INT_LP" && mv "$INT_CSV.new" "$INT_CSV" || exit 1
}

part_parse()
{
	heading "The line-protocol parser alone, one core"
	need_data
	build/bench/parse_lp "$INT_LP" 5 | awk '{
		print
		printf "%.2f GB/s, %.1f million points/s\n", $3 / $5 / 1e9,
			$1 / $5 / 1e6 }'
}

# Bits per value of the series at hand; on average over the eight whose
# figures others publish (doc/benchmarks.md).
part_floats()
{
	local dir=${BENCH_FLOATS:-} f effort

	heading "The float codec, blocks of 1,024 values"
	if [ -z "$dir" ]; then
		dir=$WORK/floats
		mkdir -p "$dir"
		for f in test/data/floats/*.zst; do
			zstd -dqf "$f" -o "$dir/$(basename "$f" .zst)" || exit 1
		done
		echo "(the beginnings of the series; whole ones with BENCH_FLOATS)"
	fi
	for effort in '' -c; do
		echo "${effort:+the cold tier}"
		(
			cd "$dir" || exit 1
			"$TOP/build/bench/codec_bench" $effort Air-pressure.txt \
				Basel-temp.txt Bitcoin-price.txt City-temp.txt \
				IR-bio-temp.txt Stocks-DE.txt Stocks-USA.txt Wind-Speed.txt |
				awk '{ print } NR > 1 { sum += $3; n++ }
					END { printf "%-35s %8.2f\n", "mean", sum / n }'
		) || exit 1
	done
}

part_load()
{
	local i t before after lp_bytes

	heading "Loading $ROWS rows of 10 tags and 10 fields, median of $RUNS"
	need_data
	for kind in heap write5k write100k copy; do
		rm -f "$WORK/$kind"
	done
	for i in $(seq "$RUNS"); do
		create_heap heap_cpu
		t=$(load copy "$INT_CSV" heap_cpu) || exit 1
		echo "$t" >>"$WORK/heap"

		drop_cpu
		before=$(server_psql -At -c 'SELECT pg_current_wal_insert_lsn()')
		t=$(load write "$INT_LP" 5000) || exit 1
		after=$(server_psql -At -c \
			"SELECT pg_current_wal_insert_lsn() - '$before'::pg_lsn")
		echo "$t" >>"$WORK/write5k"

		drop_cpu
		t=$(load write "$INT_LP" 100000) || exit 1
		echo "$t" >>"$WORK/write100k"

		create_rusts cpu
		t=$(load copy "$INT_CSV" cpu) || exit 1
		echo "$t" >>"$WORK/copy"
		printf 'run %d: heap COPY %s s, rusts_write %s s and %s s, COPY %s s\n' \
			"$i" "$(tail -1 "$WORK/heap")" "$(tail -1 "$WORK/write5k")" \
			"$(tail -1 "$WORK/write100k")" "$t"
	done
	t=$(median <"$WORK/heap")
	report "COPY into a heap table" "$t" "$t"
	report "rusts_write, 5,000 lines a call" "$(median <"$WORK/write5k")" "$t"
	report "rusts_write, 100,000 lines a call" \
		"$(median <"$WORK/write100k")" "$t"
	report "COPY into a rusts table" "$(median <"$WORK/copy")" "$t"

	lp_bytes=$(stat -c %s "$INT_LP")
	awk -v w="$after" -v l="$lp_bytes" 'BEGIN {
		printf "%-44s %8.1f MB %10.4f per byte of line protocol\n",
			"WAL of rusts_write, 5,000 lines a call", w / 1e6, w / l }'
	server_psql -q -c 'DROP TABLE heap_cpu'
}

part_size()
{
	heading "Size of $ROWS rows after rusts_flush"
	need_data
	drop_cpu
	load write "$INT_LP" 5000 >/dev/null || exit 1
	server_psql -q -At -c 'SELECT rusts_flush()' >/dev/null || exit 1
	printf '%-20s %12s\n' int "$(megabytes "$(bytes_of cpu)")"
	drop_cpu
	build/bench/gen_tsbs dec2 100 "$ROWS" "$WORK/dec2.lp" - || exit 1
	load write "$WORK/dec2.lp" 5000 >/dev/null || exit 1
	server_psql -q -At -c 'SELECT rusts_flush()' >/dev/null || exit 1
	printf '%-20s %12s\n' dec2 "$(megabytes "$(bytes_of cpu)")"
	rm -f "$WORK/dec2.lp"
}

# Bytes of the cold tier beside the hot one, and how fast a scan decodes both.
part_cold()
{
	local kind step

	heading "The cold tier of $ROWS rows beside the hot one"
	for kind in int dec2; do
		drop_cpu
		build/bench/gen_tsbs "$kind" 100 "$ROWS" "$WORK/cold.lp" - || exit 1
		load write "$WORK/cold.lp" 5000 >/dev/null || exit 1
		rm -f "$WORK/cold.lp"
		server_psql -q -At -c 'SELECT rusts_flush()' >/dev/null || exit 1
		for step in hot cold; do
			[ $step = hot ] || server_psql -q -At \
				-c "SELECT rusts_tier('cpu', 'infinity')" >/dev/null || exit 1
			server_psql -q -c 'VACUUM FULL cpu' || exit 1
			echo "$kind	SELECT max(usage_user), max(usage_idle),
				max(usage_irq) FROM cpu" | tr '\n' ' ' >"$WORK/cold"
			query_bench "${ALONE[@]}" -o "$WORK/cold.tsv" "$WORK/cold" \
				"rusts=$(own_conninfo public "$(no_shortcuts)")" >/dev/null
			printf '%-6s %-6s %10s' "$kind" $step "$(megabytes "$(bytes_of cpu)")"
			awk -F'\t' -v rows="$ROWS" 'NR > 1 {
				printf "%8.0f million values/s\n", rows * 3 / $3 / 1e3 }' \
				"$WORK/cold.tsv"
		done
	done
	drop_cpu
	rm -f "$WORK/cold" "$WORK/cold.tsv"
}

# Anonymous memory of a backend that writes ten million rows, at its highest.
part_memory()
{
	local pid rss peak=0 base

	heading "A backend's memory while it writes 10,000,000 rows in a statement"
	server_psql -q -c 'DROP TABLE IF EXISTS wide' 2>/dev/null
	server_psql -q -c "CREATE TABLE wide (time timestamptz NOT NULL,
		host text, a float8, b float8, c int8) USING rusts"
	server_psql -q -c "SECURITY LABEL FOR rusts ON COLUMN wide.host IS 'tag'"
	coproc server_psql -qAt
	exec 3<&"${COPROC[0]}" 4>&"${COPROC[1]}"
	echo "SELECT pg_backend_pid();" >&4
	read -r pid <&3
	base=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
	echo "INSERT INTO wide SELECT '2024-01-01'::timestamptz + i * interval '1 s',
		'host' || i % 1000, i / 7.0, sqrt(i), i FROM generate_series(1, 10000000) i;
		SELECT 'done'; \\q" >&4
	while [ -d "/proc/$pid" ]; do
		rss=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
		[ "${rss:-0}" -gt "$peak" ] && peak=$rss
		read -r -t 0.1 _ <&3
	done
	exec 3<&- 4>&-
	echo "$((peak / 1024)) MB at the highest, $((base / 1024)) MB before"
	server_psql -q -c 'DROP TABLE wide'
}

# Calls a second, one line each, in a WAL mode; with "heap", one-row INSERTs.
one_line_rate()					# one_line_rate mode clients
{
	local sql="SELECT rusts_write('one,host=h:client_id v=1i')"
	local options="-c rusts.wal_mode=$1"

	if [ "$1" = heap ]; then
		sql="INSERT INTO one VALUES (now(), 'h' || :client_id, 1)"
		options=
	fi
	{
		echo "SET client_min_messages = error; DROP TABLE IF EXISTS one;"
		[ "$1" != heap ] ||
			echo "CREATE TABLE one (time timestamptz, host text, v int8);"
		[ "$1" = heap ] || echo "SET rusts.wal_mode = '$1';
			SELECT rusts_write('one,host=h v=1i');"
		echo "CHECKPOINT;"
	} | server_psql -q >/dev/null || exit 1
	echo "$sql;" >"$SERVER/one_line.sql"
	server_env env PGOPTIONS="$options" "$BIN/pgbench" -n -c "$2" \
		-T "${BENCH_SECONDS:-10}" -f "$SERVER/one_line.sql" bench |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

# What one can write a second, one line a call, if a crash may cost something.
part_durability()
{
	local i mode n

	heading "One line a call, calls a second, median of $RUNS"
	rm -f "$WORK"/one_line.*
	for i in $(seq "$RUNS"); do
		for mode in heap every-write periodic os-default none; do
			for n in 1 8; do
				one_line_rate "$mode" "$n" >>"$WORK/one_line.$mode.$n"
			done
		done
	done
	printf '%-20s %12s %12s\n' 'rusts.wal_mode' '1 client' '8 clients'
	for mode in heap every-write periodic os-default none; do
		printf '%-20s %12.0f %12.0f\n' \
			"$([ $mode = heap ] && echo 'heap, one row' || echo $mode)" \
			"$(median <"$WORK/one_line.$mode.1")" \
			"$(median <"$WORK/one_line.$mode.8")"
	done
	server_psql -q -c 'DROP TABLE one'
}

# Milliseconds of a statement that is rolled back.
rolled_back_ms()				# rolled_back_ms sql
{
	server_psql -At -c '\timing on' -c BEGIN -c "$1" -c ROLLBACK |
		sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | sed -n 2p
}

# A year, 100 series, a point each ten minutes: all but the last day goes.
part_retention()
{
	local i

	heading "Retention: dropping a year, median of $RUNS"
	server_psql -q -c 'DROP TABLE IF EXISTS year, year_heap' \
		-c 'CREATE TABLE year (time timestamptz NOT NULL, host text, v float8)
			USING rusts' \
		-c "SECURITY LABEL FOR rusts ON COLUMN year.host IS 'tag'" \
		-c "INSERT INTO year SELECT t, 'host' || h, random()
			FROM generate_series('2023-01-01 00:00Z'::timestamptz,
				'2023-12-31 23:50Z', '10 min') t,
				generate_series(1, 100) h" \
		-c 'CREATE TABLE year_heap AS SELECT * FROM year' \
		-c 'CREATE INDEX ON year_heap (time)' -c 'VACUUM ANALYZE year_heap' \
		-c "SELECT rusts_add_retention_policy('year', '23h50m', 'data')" \
		2>&1 >/dev/null | grep -v 'does not exist, skipping'
	flush year
	rm -f "$WORK"/year.*
	for i in $(seq "$RUNS"); do
		rolled_back_ms "SELECT rusts_run_jobs('year')" >>"$WORK/year.rusts"
		rolled_back_ms "DELETE FROM year_heap
			WHERE time < '2023-12-31 00:00Z'" >>"$WORK/year.heap"
	done
	value "SELECT rows || ' rows in ' || (SELECT count(*) FROM rusts.segments
			WHERE measurement = 'year'::regclass) || ' segments'
		FROM rusts.measurements WHERE measurement = 'year'::regclass"
	printf '%-36s %12.1f ms\n' 'by policy' "$(median <"$WORK/year.rusts")" \
		'DELETE from a heap table' "$(median <"$WORK/year.heap")"
	value "BEGIN; SELECT rusts_run_jobs('year'); ROLLBACK" | grep retain
	server_psql -q -c 'DROP TABLE year, year_heap' \
		-c "SELECT rusts_remove_retention_policy('year')" >/dev/null
}

. bench/query_parts.sh
. bench/compact_part.sh
. bench/many_part.sh
. bench/duplicate_parts.sh

bash test/tools/install_deps.sh || exit 1
bash test/tools/build.sh tree bench-programs || exit 1
. test/tools/server.sh
if [ -n "${BENCH_HUGE_PAGES:-}" ]; then
	huge_pages_before=$(cat /proc/sys/vm/nr_hugepages)
	trap 'echo "$huge_pages_before" >/proc/sys/vm/nr_hugepages' EXIT
	echo $((huge_pages_before + 640)) >/proc/sys/vm/nr_hugepages || exit 1
fi
server_start bench <<-END || exit 1
	shared_buffers = 1GB
	max_wal_size = 8GB
	checkpoint_timeout = 1h
	autovacuum = off
	rusts.job_interval = 1d
END
trap 'server_stop
	[ -z "${BENCH_HUGE_PAGES:-}" ] ||
		echo "$huge_pages_before" >/proc/sys/vm/nr_hugepages' EXIT

WORK=$TOP/build/bench
INT_LP=$WORK/int.$ROWS.lp
INT_CSV=$WORK/int.$ROWS.csv
server_psql -At -c 'SELECT version()'
for part in $PARTS; do
	"part_$part"
done
