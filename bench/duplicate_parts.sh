# duplicate_parts.sh
#	  The part of run.sh about points written twice; sourced, not run.
#
# The same data in two measurements, one that merges duplicates and one that
# keeps them, in batches that end in the middle of a second: first without
# any duplicates, then with one row in a hundred written again, much later,
# to the one that merges them.
#
# bench/duplicate_parts.sh

compare_merged()				# compare_merged file [goal...]
{
	local file=$1

	shift
	perl bench/queries.pl >"$WORK/queries" || exit 1
	query_bench "${ALONE[@]}" -o "$WORK/$file" "$WORK/queries" \
		"merge=$(own_conninfo merged)" "keep=$(own_conninfo kept)" >/dev/null
	perl bench/compare.pl "$WORK/$file" "$@" || exit 1
}

# A day of lines that have not been flushed.
compare_active()
{
	local schema day=$WORK/day.lp

	heading "Queries of a day in active batches that share seconds, merged and kept"
	compact_set rusts.flush_max_age 86400
	compact_set rusts.flush_max_batches 1000000
	compact_set rusts.flush_max_points 1000000000
	compact_set rusts.flush_max_bytes 1000000
	head -n 864000 "$INT_LP" >"$day"
	for schema in merged kept; do
		server_psql -q -c "CREATE SCHEMA $schema"
		build/bench/load "$(own_conninfo $schema)" write "$day" 4990 >/dev/null ||
			exit 1
	done
	value "SELECT count(*) || ' active batches' FROM rusts.segments
		WHERE measurement = 'merged.cpu'::regclass AND tier = 'active'"
	server_psql -q -At -o /dev/null \
		-c "SELECT rusts_set_duplicates('kept.cpu', 'keep')" || exit 1
	perl bench/queries.pl | grep '^single-groupby-1-1-1\b' >"$WORK/queries"
	query_bench "${ALONE[@]}" -r 101 -o "$WORK/active.tsv" "$WORK/queries" \
		"merge=$(own_conninfo merged)" "keep=$(own_conninfo kept)" >/dev/null
	perl bench/compare.pl "$WORK/active.tsv" 'keep<=1.03' || exit 1
	rm -f "$day"
	server_psql -q -c 'SET client_min_messages = warning' \
		-c 'DROP SCHEMA merged, kept CASCADE' \
		-c 'ALTER SYSTEM RESET ALL' -c 'SELECT pg_reload_conf()' -o /dev/null
}

part_duplicates()
{
	local schema late=$WORK/late.lp

	need_data
	compare_active
	heading "Queries where duplicates are merged and where they are kept"
	for schema in merged kept; do
		server_psql -q -c "CREATE SCHEMA $schema"
		load_into "$(own_conninfo $schema)" write "$INT_LP" 4990 >/dev/null ||
			exit 1
		flush $schema.cpu
	done
	server_psql -q -At -o /dev/null \
		-c "SELECT rusts_set_duplicates('kept.cpu', 'keep')" || exit 1
	compare_merged merged.tsv 'keep<=1.03'

	heading "The same with one row in a hundred written twice"
	awk 'NR % 100 == 1' "$INT_LP" >"$late"
	build/bench/load "$(own_conninfo merged)" write "$late" 4990 >/dev/null ||
		exit 1
	flush merged.cpu
	value "SELECT 'rows stored: ' || sum(rows) || ', points: ' ||
		(SELECT count(*) FROM merged.cpu)
		FROM rusts.segments WHERE measurement = 'merged.cpu'::regclass"
	compare_merged duplicates.tsv
	rm -f "$late"
	server_psql -q -c 'DROP SCHEMA merged, kept CASCADE' 2>/dev/null
}
