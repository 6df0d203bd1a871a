# compact_part.sh
#	  The part of run.sh about compaction; sourced, not run.
#
# A day of one-row writes, 86,400 transactions, is flushed as if a minute had
# passed after each 60, and compared with the same rows written at once, by
# size and by the time of a full scan.  Then the worker is watched while it
# flushes and compacts many rows that arrive in small pieces.
#
# bench/compact_part.sh

COMPACT_COLUMNS="time timestamptz NOT NULL, host text, a float8, b float8,
	c float8, d float8, n int8"
COMPACT_ROW="'2024-01-01'::timestamptz + i * interval '1 s', 'host' || i % 10,
	round((50 + 30 * sin(i / 5000.0) + hashint8(i) / 1e9)::numeric, 2),
	round((hashint8(-i) / 1e7)::numeric, 1), sin(i / 300.0), i / 7.0, i / 100"

# Many rows of one day, cheap to make.
COMPACT_MANY="'2024-01-01'::timestamptz + i * interval '1 ms', 'host' || i % 10,
	(i % 1000) / 10.0, hashint8(i) / 1e7, sin(i / 300.0), i / 7.0, i / 100"

# The segments and what they take, with their directory rows.
compact_size()					# compact_size measurement
{
	value "SELECT pg_total_relation_size('$1') + sum(pg_column_size(s))
		FROM rusts.segment s
		WHERE storage_id = rusts.storage_id('$1'::regclass)"
}

compact_segments()				# compact_segments measurement
{
	value "SELECT count(*) FROM rusts.segments
		WHERE measurement = '$1'::regclass"
}

# Median of full scans, in milliseconds.
compact_scan()					# compact_scan measurement
{
	local i

	for ((i = 0; i < 31; i++)); do
		printf '%s\n' '\timing on' \
			"SELECT sum(a), max(b), sum(c), max(d), sum(n) FROM $1 WHERE a < 1000;"
	done | server_psql -At -c 'SET max_parallel_workers_per_gather = 0' \
		-c 'SET rusts.enable_shortcuts = off' -f - |
		sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | median
}

compact_report()				# compact_report name measurement
{
	printf '%-44s %9d bytes %6d segments %8.2f ms\n' "$1" \
		"$(compact_size "$2")" "$(compact_segments "$2")" "$(compact_scan "$2")"
}

# Wait until the worker has nothing more to do.
compact_settle()				# compact_settle measurement
{
	local before='' after

	while
		after=$(value "SELECT count(*), max(segment_id), pg_relation_size('$1')
			FROM rusts.segments WHERE measurement = '$1'::regclass")
		[ "$after" != "$before" ]
	do
		before=$after
		sleep 3
	done
}

compact_set()					# compact_set setting value
{
	server_psql -q -c "ALTER SYSTEM SET $1 = '$2'" -c 'SELECT pg_reload_conf()' \
		-o /dev/null
}

compact_create()				# compact_create name
{
	server_psql -q -c "DROP TABLE IF EXISTS $1" \
		-c "CREATE TABLE $1 ($COMPACT_COLUMNS) USING rusts" \
		-c "SECURITY LABEL FOR rusts ON COLUMN $1.host IS 'tag'" 2>/dev/null
}

compact_day()
{
	heading "A day of one-row writes: 86,400 transactions, flushed every 60"
	compact_create day
	compact_create day_bulk
	compact_set rusts.flush_max_batches 60
	server_psql -q <<-END || exit 1
		INSERT INTO day_bulk SELECT $COMPACT_ROW FROM generate_series(1, 86400) i;
		SELECT rusts_flush('day_bulk') \\g /dev/null
		SET synchronous_commit = off;
		DO \$\$ BEGIN FOR i IN 1..86400 LOOP
			INSERT INTO day VALUES ($COMPACT_ROW);
			COMMIT;
		END LOOP; END \$\$;
	END
	compact_settle day
	compact_report 'at once' day_bulk
	compact_report 'one by one, after the worker' day
	server_psql -q -o /dev/null -c "SELECT rusts_flush('day')" \
		-c "SELECT rusts_compact('day')" -c "SELECT rusts_compact('day')" \
		-c "SELECT rusts_compact('day')" -c 'VACUUM rusts.segment'
	compact_report '... and after rusts_compact' day
	echo "directory: $(value "SELECT pg_total_relation_size('rusts.segment')") bytes with everything in it"
	server_psql -q -c 'DROP TABLE day, day_bulk'
}

compact_many()
{
	local rows=$((${BENCH_COMPACT:-50} * 1000000)) pid='' rss peak=0 lsn loader

	heading "The worker flushes and compacts $rows rows that come by 50,000"
	compact_create many
	compact_set rusts.flush_max_batches 1
	server_psql -q -c "INSERT INTO many (time) VALUES ('2024-01-01')" || exit 1
	while [ -z "$pid" ]; do
		pid=$(value "SELECT pid FROM pg_stat_activity WHERE datname = 'bench' AND
			backend_type = 'rusts maintenance worker'")
	done
	lsn=$(value 'SELECT pg_current_wal_lsn()')
	server_psql -q <<-END &
		SET synchronous_commit = off;
		DO \$\$ BEGIN FOR j IN 0..$((rows / 50000 - 1)) LOOP
			INSERT INTO many SELECT $COMPACT_MANY
			  FROM generate_series(j * 50000 + 1, j * 50000 + 50000) i;
			COMMIT;
		END LOOP; END \$\$;
	END
	loader=$!
	while kill -0 $loader 2>/dev/null || [ -n "$(value "SELECT 1 FROM
		pg_stat_activity WHERE pid = $pid AND state = 'active'")" ]; do
		rss=$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status")
		[ "${rss:-0}" -gt "$peak" ] && peak=$rss
		sleep 0.1
	done
	compact_settle many
	echo "the worker took $((peak / 1024)) MB at the highest"
	value "SELECT 'WAL ' || pg_wal_lsn_diff(pg_current_wal_lsn(), '$lsn') ||
		', segments ' || count(*) || ' with ' || sum(bytes) || ' bytes, file ' ||
		pg_relation_size('many') FROM rusts.segments
		WHERE measurement = 'many'::regclass"
	server_psql -q -c 'DROP TABLE many'
}

part_compact()
{
	compact_set autovacuum on
	compact_day
	compact_many
	server_psql -q -c 'ALTER SYSTEM RESET ALL' -o /dev/null \
		-c 'SELECT pg_reload_conf()'
}
