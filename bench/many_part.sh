# many_part.sh
#	  The part of run.sh about many measurements; sourced, not run.
#
# 1,000 measurements of 100 series each are written by 16 sessions at once: an
# hour of a point per series each ten seconds (BENCH_MINUTES of it), as fast as
# it goes.  A call has the lines of 62 or 63 measurements for one point of
# time.  Flush keeps up if what is active stays bounded, and is gone soon after
# the end.
#
# bench/many_part.sh

MANY_CLIENTS=16

part_many()
{
	local minutes=${BENCH_MINUTES:-60}
	local script=$WORK/many.pgbench
	local start seconds points highest=0 active

	heading "1,000 measurements, 100,000 series, $MANY_CLIENTS sessions, $minutes minutes"
	server_psql -q <<-'END' || exit 1
		CREATE SCHEMA many;
		CREATE FUNCTION many.lines(client int, step int) RETURNS text
		LANGUAGE sql AS $$
		SELECT string_agg(format('many_%s,host=h%s v=%s %s', m, h, (m * h + step) % 997 / 4.0,
			1704067200000000000 + step * 10000000000), E'\n')
		FROM generate_series(client, 999, 16) m, generate_series(1, 100) h
		$$;
	END
	cat >"$script" <<-END
		SET search_path = many, public;
		SELECT rusts_write(lines(:client_id, nextval('many.step_' || :client_id)::int));
	END
	for ((i = 0; i < MANY_CLIENTS; i++)); do
		value "CREATE SEQUENCE many.step_$i" >/dev/null
	done
	start=$(date +%s.%N)
	server_env "$BIN/pgbench" -n -c "$MANY_CLIENTS" -j 2 \
		-t $((minutes * 6)) -f "$script" bench >"$WORK/many.log" 2>&1 &
	while kill -0 $! 2>/dev/null; do
		active=$(value "SELECT count(*) FROM rusts.segment WHERE level = 0")
		[ "$active" -le "$highest" ] || highest=$active
		sleep 1
	done
	wait $! || { cat "$WORK/many.log"; exit 1; }
	seconds=$(awk -v s="$start" -v e="$(date +%s.%N)" 'BEGIN { print e - s }')
	points=$((minutes * 6 * 100000))
	awk -v p="$points" -v s="$seconds" -v m="$minutes" 'BEGIN {
		printf "%d points in %.1f s: %.0f points/s, %.0f times as fast as they come\n",
			p, s, p / s, m * 60 / s }'
	printf 'active batches: %d at the highest, %.1f a measurement\n' "$highest" \
		"$(awk -v h="$highest" 'BEGIN { print h / 1000 }')"
	start=$(date +%s.%N)
	until [ "$(value "SELECT count(*) FROM rusts.segment WHERE level = 0")" = 0 ]; do
		sleep 1
	done
	awk -v s="$start" -v e="$(date +%s.%N)" 'BEGIN {
		printf "all flushed %.0f s after the end (rusts.flush_max_age is 60 s)\n", e - s }'
	server_psql -At -c "SELECT sum(rows) || ' rows, ' || pg_size_pretty(sum(bytes)) || ', ' ||
		(SELECT count(*) FROM rusts.segments WHERE measurement::text LIKE 'many%') || ' segments'
		FROM rusts.measurements WHERE measurement::text LIKE 'many%'"
	server_psql -q -c 'DROP SCHEMA many CASCADE' 2>/dev/null
}
