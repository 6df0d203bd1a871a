#!/bin/bash
#
# pg_upgrade_servers.sh
#	  pg_upgrade of measurements from one server to another.
#
# Every kind of measurement, with batches of the directory and segments in
# pages, in a database with the present version of the extension and in one
# with the first; copied and linked.  All rows must be there afterwards, labels
# and modes too, and everything must go on working.
#
# usage: pg_upgrade_servers.sh old_bindir
#	The old server has rusts; the new one is the private copy of the server
#	that $PG_CONFIG names, see test/tools/common.sh.
#
# The last line is "N passed, N failed".
#
# test/tools/pg_upgrade_servers.sh

. "$(dirname "$0")/common.sh"

OLD_BIN=$1
WORK=$TREE/run/upgrade
SOCKETS=$WORK/socket
npassed=0
nfailed=0

ok()							# ok name, after a command
{
	if [ $? -eq 0 ]; then
		npassed=$((npassed + 1))
		echo "ok - $1"
	else
		nfailed=$((nfailed + 1))
		echo "not ok - $1"
		return 1
	fi
}

is()							# is got expected name
{
	[ "$1" = "$2" ]
	ok "$3" || diff <(echo "$2") <(echo "$1")
}

finish()
{
	printf '\n%d passed, %d failed\n' "$npassed" "$nfailed"
	[ "$nfailed" -eq 0 ]
	exit
}

create()						# create bindir data
{
	as_server "$1/initdb" -D "$2" -U postgres -A trust -E UTF8 --locale=C \
		--data-checksums >"$2.initdb" 2>&1 || { cat "$2.initdb"; return 1; }
	as_server tee -a "$2/postgresql.conf" >/dev/null <<-END
		shared_preload_libraries = 'rusts'
		listen_addresses = ''
		unix_socket_directories = '$SOCKETS'
		fsync = off
		rusts.flush_max_age = 1d
	END
}

control()						# control bindir data start|stop
{
	as_server "$1/pg_ctl" "$3" -D "$2" -w -s -m fast -l "$2.log" </dev/null \
		>/dev/null || { tail "$2.log"; return 1; }
}

ask()							# ask bindir database sql
{
	"$1/psql" -X -At -q -v ON_ERROR_STOP=1 -h "$SOCKETS" -U postgres -d "$2" \
		-c "$3"
}

fill()							# fill bindir database
{
	ask "$1" "$2" "
		SELECT rusts_write(string_agg('cpu,host=h' || i % 10 || ' usage=' || i * 0.1 ||
			',n=' || i || 'i,ok=' || (i % 2 = 0) || ',s=\"' || md5(i::text) || '\" ' ||
			i * 1000 || '001', E'\n')) FROM generate_series(1, 5000) i;"
	ask "$1" "$2" "
		SELECT rusts_flush();
		SELECT rusts_write('cpu,host=late,odd\ tag=x usage=-0 5000');
		ALTER TABLE cpu ADD COLUMN late numeric DEFAULT 1.25;
		ALTER TABLE cpu DROP COLUMN ok;
		CREATE TABLE large (time timestamptz NOT NULL, v float8) USING rusts;
		INSERT INTO large SELECT '2024-01-01'::timestamptz + i * interval '1 s', random()
		  FROM generate_series(1, 1000000) i;
		CREATE UNLOGGED TABLE u (time timestamptz NOT NULL, v float8) USING rusts;
		INSERT INTO u SELECT to_timestamp(i), i FROM generate_series(1, 100) i;
		CREATE TABLE part (time timestamptz NOT NULL, v float8) PARTITION BY RANGE (time);
		CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')
			USING rusts;
		CREATE TABLE part_2 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')
			USING rusts;
		INSERT INTO part SELECT '2024-06-01'::timestamptz + i * interval '1 day', i
		  FROM generate_series(1, 300) i;
		CREATE TABLE rewritten (LIKE part) USING rusts;
		INSERT INTO rewritten SELECT * FROM part;
		CREATE MATERIALIZED VIEW mv USING rusts AS SELECT time, n FROM cpu WHERE n <= 10;
		CREATE VIEW v AS SELECT host, last(usage, time) FROM cpu GROUP BY 1;"
	ask "$1" "$2" 'VACUUM FULL rewritten'
}

tables="cpu large u part part_1 part_2 rewritten mv v"
question=
for table in $tables; do
	question="$question${question:+ UNION ALL }SELECT '$table', count(*),
		md5(string_agg(x::text, ',' ORDER BY x::text COLLATE \"C\")) FROM $table x"
done
labels="SELECT objoid::regclass, objsubid, provider, label FROM pg_seclabel ORDER BY 1, 2"
directory="SELECT count(*), sum(nrows), sum(bytes), count(payload), count(first_block) FROM rusts.segment"

as_server "$OLD_BIN/postgres" --version && "$BIN/postgres" --version ||
	{ nfailed=1; finish; }
rm -rf "$WORK"
as_server mkdir -p "$WORK" "$SOCKETS" && cd "$WORK" || exit 1

create "$OLD_BIN" "$WORK/old" && control "$OLD_BIN" "$WORK/old" start
ok "the old server runs" || finish
ask "$OLD_BIN" postgres 'CREATE DATABASE present' &&
	ask "$OLD_BIN" postgres 'CREATE DATABASE first' &&
	ask "$OLD_BIN" present 'CREATE EXTENSION rusts' &&
	ask "$OLD_BIN" first "CREATE EXTENSION rusts VERSION '0.1.0'" &&
	fill "$OLD_BIN" present >/dev/null && fill "$OLD_BIN" first >/dev/null &&
	ask "$OLD_BIN" present "SELECT rusts_set_wal_mode('large', 'periodic');
		DELETE FROM large WHERE v < 0.5;
		DELETE FROM cpu WHERE n = 7" >/dev/null
ok "there are measurements"
for db in present first; do
	ask "$OLD_BIN" $db "$question" >"$WORK/$db.rows"
	ask "$OLD_BIN" $db "$labels" >"$WORK/$db.labels"
	ask "$OLD_BIN" $db "$directory" >"$WORK/$db.directory"
	ask "$OLD_BIN" $db "SELECT extversion FROM pg_extension WHERE extname = 'rusts'" \
		>"$WORK/$db.version"
	[ "$(cut -d'|' -f4,5 "$WORK/$db.directory" | grep -cE '^[1-9].*\|[1-9]')" -eq 1 ]
	ok "$db: there are batches in the directory and segments in pages"
done
control "$OLD_BIN" "$WORK/old" stop

for mode in copy link; do
	data=$WORK/new_$mode
	create "$BIN" "$data"
	for step in --check ""; do
		# shellcheck disable=SC2086
		as_server "$BIN/pg_upgrade" --no-sync -U postgres -b "$OLD_BIN" -B "$BIN" \
			-d "$WORK/old" -D "$data" -s "$SOCKETS" --$mode $step \
			>"$data.upgrade" 2>&1
		ok "$mode: pg_upgrade $step" || { cat "$data.upgrade"; finish; }
	done
	control "$BIN" "$data" start
	ok "$mode: the new server runs" || finish
	for db in present first; do
		is "$(ask "$BIN" $db "$question")" "$(cat "$WORK/$db.rows")" \
			"$mode, $db: the same rows"
		is "$(ask "$BIN" $db "$labels")" "$(cat "$WORK/$db.labels")" \
			"$mode, $db: the same labels"
		is "$(ask "$BIN" $db "$directory")" "$(cat "$WORK/$db.directory")" \
			"$mode, $db: the same directory"
		is "$(ask "$BIN" $db "SELECT extversion FROM pg_extension
				WHERE extname = 'rusts'")" \
			"$(cat "$WORK/$db.version")" "$mode, $db: the same version"
		ask "$BIN" $db 'ALTER EXTENSION rusts UPDATE' 2>/dev/null
		ok "$mode, $db: ALTER EXTENSION UPDATE"
		is "$(ask "$BIN" $db "SELECT rusts_write('cpu,host=again usage=1 7000')")" \
			1 "$mode, $db: it can be written to"
		is "$(ask "$BIN" $db 'SELECT rusts_flush() > 0')" t \
			"$mode, $db: and flushed"
		is "$(ask "$BIN" $db 'SELECT count(*) FROM cpu')" \
			"$(($(sed -n 's/^cpu|\([0-9]*\)|.*/\1/p' "$WORK/$db.rows") + 1))" \
			"$mode, $db: with all rows"
		ask "$BIN" $db 'VACUUM FREEZE' && ask "$BIN" $db 'VACUUM FULL large'
		ok "$mode, $db: VACUUM"
		is "$(ask "$BIN" $db "$question" | grep -v '^cpu\|^v|')" \
			"$(grep -v '^cpu\|^v|' "$WORK/$db.rows")" \
			"$mode, $db: the same rows after that"
	done
	is "$(ask "$BIN" present "SELECT rusts_wal_mode('large')")" periodic \
		"$mode: the mode of a measurement"
	control "$BIN" "$data" stop
done
finish
