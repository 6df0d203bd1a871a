#!/bin/bash
#
# indent.sh
#	  Lay out the C code as PostgreSQL does, with pg_bsd_indent.
#
# pgindent itself is not packaged, but the program below it is.  It has to
# know the names of types; they are taken from our sources and the server's
# headers, less those that are more often names of variables.
#
# usage: indent.sh [--check] [file...]
#	Without files, all of src, test and bench.  --check only prints what
#	would change, and fails if anything would.
#
# test/tools/indent.sh

set -eu
cd "$(dirname "$0")/../.."

check=
if [ "${1:-}" = --check ]; then
	check=1
	shift
fi
if [ $# -eq 0 ]; then
	# shellcheck disable=SC2046
	set -- $(find src test bench -name '*.[ch]' 2>/dev/null | sort)
fi

if ! command -v pg_bsd_indent >/dev/null; then
	echo "rusts: please install Debian's package pg-bsd-indent" >&2
	exit 1
fi

PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
	printf '%s\n' size_t ssize_t FILE ZSTD_CCtx ZSTD_DCtx PGconn PGresult
	find src test bench "$("$PG_CONFIG" --includedir-server)" -name '*.[ch]' \
		-print0 | xargs -0 perl -0777 -ne '
		s{/\*.*?\*/}{}gs;
		print "$1\n" while /\btypedef\b[^;{}()]*?\b(\w+)\s*(?:\[[^\]]*\])?;/g;
		print "$1\n" while /^\}\s*(\w+)\s*;/gm;
		print "$1\n" while /\btypedef\b[^;{}()]*\(\s*\*?\s*(\w+)\s*\)\s*\(/g;
		print "$1\n" while /\btypedef\b[^;{}()]*?\b(\w+)\s*\(/g;'
} | sort -u |
	grep -vxE 'text|date|interval|timestamp|type|string|string_t|reference' \
		>"$work/typedefs"

status=0
for f in "$@"; do
	cp "$f" "$work/in.c"
	pg_bsd_indent -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 \
		-nfc1 -i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4 \
		-U"$work/typedefs" "$work/in.c" "$work/out.c"

	# The star of a function's result stays one blank away from its type.
	perl -pi -e 's/^((?:\w+ )*\w+)[ \t]+(\*+)$/$1 $2/' "$work/out.c"
	if ! cmp -s "$f" "$work/out.c"; then
		if [ -n "$check" ]; then
			diff -u "$f" "$work/out.c" || true
			status=1
		else
			cat "$work/out.c" >"$f"
			echo "$f"
		fi
	fi
done
exit $status
