#!/bin/bash
#
# pg_upgrade.sh
#	  From this machine's PostgreSQL to the major of another Debian release.
#
# pg_upgrade needs both servers on one machine, and no Debian release has two.
# So the private copy of this machine's server, with rusts in it, goes into the
# tree of the other release, with those libraries that are missing there.
# rusts is built in the tree for the new server, and
# test/tools/pg_upgrade_servers.sh does the rest.
#
# usage: pg_upgrade.sh [suite:major]		as root
#	The default is trixie:17.  Where the trees are, see
#	test/tools/debian_tree.sh.
#
# The last line is "N passed, N failed".
#
# test/pg_upgrade.sh

set -u
cd "$(dirname "$0")/.." || exit 1

. test/tools/debian_tree.sh

target=${1:-trixie:17}
suite=${target%%:*}
major=${target##*:}
tree=$trees/$suite
old=/srv/rusts-old
new=/srv/rusts-upgrade

fail()
{
	printf '%s\n\n0 passed, 1 failed\n' "$*"
	exit 1
}

# Copy what the old server's programs and rusts lack in the tree, and what that
# lacks in turn, until nothing is missing.
copy_libraries()
{
	local missing lib path

	mkdir -p "$tree$old/missing"
	for _ in 1 2 3 4 5; do
		missing=$(in_tree "$tree" "export LD_LIBRARY_PATH=$old/missing
			find $old -name '*.so*' -o -path '*/bin/*' -type f |
				xargs ldd 2>/dev/null" |
			sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u)
		[ -n "$missing" ] || return 0
		for lib in $missing; do
			path=$(ldconfig -p | sed -n "s|^[[:space:]]*$lib .* => ||p" |
				head -1)
			[ -n "$path" ] || { echo "no library $lib here" >&2; continue; }
			cp -L "$path" "$tree$old/missing/$lib"
		done
	done
	return 0
}

bash test/tools/build.sh tree >/dev/null || fail 'the build for the old server failed'
old_prefix=$(. test/tools/common.sh && echo "$PREFIX")
old_bin=$(. test/tools/common.sh && echo "${BIN#"$PREFIX"}")

make_tree "$suite" || fail "there is no tree of $suite"
cp /etc/resolv.conf /etc/hosts "$tree/etc/"
rm -rf "${tree:?}$old" "${tree:?}$new"
cp -rL "$old_prefix" "$tree$old" || fail 'the old server cannot be copied'
copy_libraries
copy_checkout "$tree$new"
in_tree "$tree" "cd $new && export \
	PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config && make deps &&
	bash test/tools/build.sh tree" >"$trees/$suite.upgrade.log" 2>&1 ||
	{ tail -20 "$trees/$suite.upgrade.log"
	  fail 'the build for the new server failed'; }
in_tree "$tree" "cd $new && export LD_LIBRARY_PATH=$old/missing \
	PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config &&
	bash test/tools/pg_upgrade_servers.sh $old$old_bin"
