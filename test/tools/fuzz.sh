#!/bin/bash
#
# fuzz.sh
#	  Build every fuzzer of test/fuzz with clang and run it for a while.
#
# A fuzzer is linked with the layers that need no server and with the parser of
# TOML, which is C++.  What it learns is
# kept in build/fuzz/corpus for the next run; test/fuzz/corpus/NAME, where it
# exists, is what it starts from.
#
# usage: fuzz.sh [name...]
#	$FUZZ_SECONDS	how long each runs, 60 by default
#	$FUZZ_JOBS		processes of each, 1 by default
#
# The last line is "N passed, N failed"; a finding is a failure, and the input
# that shows it is in build/fuzz.
#
# test/tools/fuzz.sh

set -u
cd "$(dirname "$0")/../.." || exit 1

PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
seconds=${FUZZ_SECONDS:-60}
jobs=${FUZZ_JOBS:-1}
passed=0
failed=0

sanitized=(-O1 -g -fno-omit-frame-pointer -fno-strict-aliasing -fwrapv -Isrc
	-fsanitize=fuzzer-no-link,address,undefined
	-fno-sanitize-recover=undefined)
flags=(-std=gnu99 "${sanitized[@]}" -fsanitize=fuzzer
	-DFRONTEND -D_GNU_SOURCE
	"-I$("$PG_CONFIG" --includedir-server)"
	"-I$("$PG_CONFIG" --pkgincludedir)/internal"
	-Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare
	-Wno-missing-field-initializers -Wno-ignored-attributes
	-Wno-unused-command-line-argument)
libraries=("-L$("$PG_CONFIG" --pkglibdir)" "-L$("$PG_CONFIG" --libdir)"
	-lpgcommon -lpgport -llz4 -lzstd -lstdc++ -lm)

mkdir -p build/fuzz
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	for f in test/fuzz/*.c; do
		[ -f "$f" ] && names+=("$(basename "$f" .c)")
	done
fi

if ! clang++ -std=gnu++17 "${sanitized[@]}" -fno-sanitize=vptr,function -c -o build/fuzz/toml.o \
	src/cluster/toml.cpp; then
	printf '\n0 passed, 1 failed\n'
	exit 1
fi
shopt -s nullglob
pure=(src/base/*.c src/codec/*.c src/proto/*.c src/vector/*.c)
for name in "${names[@]}"; do
	corpus=build/fuzz/corpus/$name
	seed=test/fuzz/corpus/$name
	log=build/fuzz/$name.log

	printf '%-24s ' "$name"
	mkdir -p "$corpus"
	if ! clang "${flags[@]}" -o "build/fuzz/$name" "test/fuzz/$name.c" \
		"${pure[@]}" build/fuzz/toml.o "${libraries[@]}" >"$log" 2>&1; then
		echo "does not build"
		cat "$log"
		failed=$((failed + 1))
		continue
	fi
	dirs=("$corpus")
	[ -d "$seed" ] && dirs+=("$seed")
	if "build/fuzz/$name" -max_total_time="$seconds" -fork="$jobs" \
		-timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/$name-" "${dirs[@]}" >"$log" 2>&1; then
		echo "no finding in $seconds s, $(find "$corpus" -type f | wc -l)" \
			"inputs kept"
		passed=$((passed + 1))
	else
		echo "FOUND something"
		tail -60 "$log"
		failed=$((failed + 1))
	fi
done

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
