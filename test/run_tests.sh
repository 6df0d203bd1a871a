#!/bin/bash
#
# run_tests.sh
#	  Run test stages and count.
#
# usage: run_tests.sh stage...
#	stages: deps build lint unit regress isolation tap
#
# $TESTS names the tests to run instead of all of a stage's, for instance
# `make regress TESTS="copy types"` or `make tap TESTS=t/001_crash.pl`.
#
# The stages run in the order given; one that fails does not keep the others
# from running, but nothing runs without a build.  The last line is always
# "N passed, N failed", and the exit status tells the same.
#
# The stages that need servers work on a copy of the tests' inputs, in the
# tree of common.sh, because the servers' account may neither read nor write
# the checkout.
#
# test/run_tests.sh

HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/.." || exit 1

npassed=0
nfailed=0

heading()
{
	printf '\n==== %s\n' "$*"
}

count()							# count passed failed
{
	npassed=$((npassed + $1))
	nfailed=$((nfailed + $2))
	if [ "$2" -gt 0 ]; then
		printf -- '---- %d passed, %d FAILED\n' "$1" "$2"
	else
		printf -- '---- %d passed\n' "$1"
	fi
}

summary()
{
	printf '\n%d passed, %d failed\n' "$npassed" "$nfailed"
	[ "$nfailed" -eq 0 ]
	exit
}

# Print a failure's log, but not megabytes of it.
show()							# show file [lines]
{
	if [ -s "$1" ]; then
		printf -- '---- %s (its last %d lines)\n' "$1" "${2:-300}"
		tail -n "${2:-300}" "$1"
	fi
}

# How many lines of a file match an extended regular expression.
matches()						# matches regexp file
{
	grep -cE "$1" "$2" || true
}

# The files directory/*.suffix, without either, sorted.
names()							# names directory suffix
{
	ls "$1" 2>/dev/null | sed -n "s/\\.$2\$//p" | LC_ALL=C sort
}

# A fresh copy of what the servers' account reads, at $STAGE.
stage_inputs()
{
	. test/tools/common.sh
	cd "$TOP" || exit 1
	if [ ! -x "$BIN/postgres" ]; then
		die "no private server: run \"make tree\" first"
	fi

	# One run at a time in one tree.
	exec 8>"$TREE/run.lock"
	if ! flock -n 8; then
		echo "rusts: waiting for another run of the tests in $TREE"
		flock 8
	fi

	STAGE=$TREE/run/$1
	rm -rf "$STAGE"
	mkdir -p "$STAGE" &&
		cp -a sql expected test "$STAGE/" || exit 1
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$SERVER_USER" "$STAGE"
	fi
	PGXS_TEST=$(dirname "$("$PG_CONFIG" --pgxs)")/../test
	cd "$STAGE" || exit 1
}

# Nothing to run is not a failure while a kind of test has no file.
none_found()					# none_found tests
{
	[ -z "$1" ] || return 1
	echo "(there are none)"
	echo "$npassed $nfailed" >"$STAGE/counts"
}

# The servers' account, a clean environment and a time limit.
bounded()						# bounded seconds command...
{
	local limit=$1

	shift
	as_server env -u PGHOST -u PGPORT -u PGUSER -u PGDATABASE -u PGOPTIONS \
		-u PGSERVICE -u PGDATA LC_ALL=C PATH="$BIN:$PATH" \
		timeout --signal=INT --kill-after=60 "$limit" "$@"
}

stage_deps()
{
	bash test/tools/install_deps.sh
}

stage_build()
{
	heading "build"
	if bash test/tools/build.sh tree; then
		count 1 0
	else
		count 0 1
		summary
	fi
}

stage_lint()
{
	local log

	heading "lint"
	mkdir -p build
	log=build/lint.log
	perl test/tools/lint.pl | tee "$log"
	if [ "${PIPESTATUS[0]}" -ge 2 ]; then
		echo "not ok - lint itself failed" | tee -a "$log"
	fi
	count "$(matches '^ok' "$log")" "$(matches '^not ok' "$log")"
}

stage_unit()
{
	local src name log p f

	heading "unit tests, under the address and undefined-behaviour sanitizers"
	if ! bash test/tools/build.sh unit-programs; then
		count 0 1
		return
	fi
	for src in test/unit/*.c; do
		[ -f "$src" ] || continue
		name=$(basename "$src" .c)
		log=build/unit/$name.log
		printf '%-24s ' "$name"
		timeout --kill-after=60 900 "build/unit/$name" >"$log" 2>&1
		status=$?
		p=$(sed -n 's/^\([0-9]*\) passed, [0-9]* failed$/\1/p' "$log" | tail -1)
		f=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | tail -1)
		p=${p:-0}
		f=${f:-0}

		# No count, or a crash after the count, is a failure of its own.
		if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
			f=1
			echo "(exit status $status)"
		fi
		if [ "$p" -eq 0 ] && [ "$f" -eq 0 ]; then
			f=1
			echo "(counted nothing)"
		fi
		count "$p" "$f"
		if [ "$f" -gt 0 ]; then
			show "$log" 100
		fi
	done
}

# pg_regress prints "test x ... ok" up to 15, "ok 1 - x" from 16 on.
count_pg_regress()				# count_pg_regress log status
{
	local p f

	p=$(matches '(\.\.\. ok\b)|^ok [0-9]' "$1")
	f=$(matches '(\.\.\. (FAILED|failed))|^not ok [0-9]' "$1")
	if [ "$2" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1
	fi
	count "$p" "$f"
	if [ "$f" -gt 0 ]; then
		show regression.diffs 600
		echo "---- output is in $PWD/results"
		grep -E 'PANIC|TRAP|terminated by signal|could not load' \
			log/postmaster.log
		[ -s regression.diffs ] || show log/postmaster.log 60
		[ -s log/postmaster.log ] || show log/initdb.log 20
	fi
}

stage_regress()
{
	local tests

	heading "regression tests"
	(
		stage_inputs regress
		tests=${TESTS:-$(names sql sql)}
		none_found "$tests" && exit
		# shellcheck disable=SC2086
		bounded 2400 "$PGXS_TEST/regress/pg_regress" \
			--inputdir=. --outputdir=. --bindir="$BIN" \
			--temp-instance=./tmp_check --temp-config=test/regress.conf \
			--no-locale --encoding=UTF8 --dbname=contrib_regression \
			--load-extension=rusts \
			$tests 2>&1 8>&- | tee regress.log
		status=${PIPESTATUS[0]}
		count_pg_regress regress.log "$status"
		echo "$npassed $nfailed" >"$STAGE/counts"
	)
}

stage_isolation()
{
	local tests

	heading "isolation tests"
	(
		stage_inputs isolation
		cd test/isolation || exit 1
		tests=${TESTS:-$(names specs spec)}
		none_found "$tests" && exit
		# shellcheck disable=SC2086
		bounded 2400 "$PGXS_TEST/isolation/pg_isolation_regress" \
			--inputdir=. --outputdir=. --bindir="$BIN" \
			--temp-instance=./tmp_check --temp-config=../regress.conf \
			--no-locale --encoding=UTF8 --dbname=isolation_regression \
			--load-extension=rusts \
			$tests 2>&1 8>&- | tee regress.log
		status=${PIPESTATUS[0]}
		count_pg_regress regress.log "$status"
		echo "$npassed $nfailed" >"$STAGE/counts"
	)
}

stage_tap()
{
	local tests p f

	heading "TAP tests"
	(
		stage_inputs tap
		cd test || exit 1
		tests=${TESTS:-$(ls t/*.pl 2>/dev/null)}
		none_found "$tests" && exit
		# shellcheck disable=SC2086
		bounded 3600 env PERL5LIB="$PGXS_TEST/perl" \
			PG_REGRESS="$PGXS_TEST/regress/pg_regress" \
			TESTDIR="$PWD" TESTDATADIR="$PWD/tmp_check" \
			TESTLOGDIR="$PWD/tmp_check/log" \
			PG_TEST_TIMEOUT_DEFAULT="${PG_TEST_TIMEOUT_DEFAULT:-180}" \
			prove -I . --verbose --merge --timer $tests 2>&1 8>&- |
			tee tap.log
		status=${PIPESTATUS[0]}

		# Skipped tests did not run: they count for nothing.
		p=$(grep -E '^ok [0-9]+' tap.log | grep -cv '# SKIP')
		f=$(matches '^not ok [0-9]+' tap.log)
		if [ "$status" -ne 0 ] && [ "$f" -eq 0 ]; then
			f=1
		fi
		count "$p" "$f"
		if [ "$f" -gt 0 ]; then
			for log in tmp_check/log/*; do
				show "$log" 60
			done
		fi
		echo "$npassed $nfailed" >"$STAGE/counts"
	)
}

# A stage of servers runs in a subshell, which leaves its counts in a file.
run_with_counts()				# run_with_counts stage
{
	local tree counts

	tree=$(. test/tools/common.sh >/dev/null 2>&1 && echo "$TREE")
	counts=$tree/run/$1/counts
	rm -f "$counts"
	"stage_$1"
	if [ -n "$tree" ] && [ -s "$counts" ]; then
		read -r npassed nfailed <"$counts"
	else
		count 0 1
	fi
}

if [ $# -eq 0 ]; then
	echo "usage: $0 deps|build|lint|unit|regress|isolation|tap ..." >&2
	exit 2
fi

for stage in "$@"; do
	case $stage in
		deps)
			if ! stage_deps; then
				nfailed=$((nfailed + 1))
				summary
			fi
			;;
		build | lint | unit)
			"stage_$stage"
			;;
		regress | isolation | tap)
			run_with_counts "$stage"
			;;
		*)
			echo "$0: no stage \"$stage\"" >&2
			exit 2
			;;
	esac
done

summary
