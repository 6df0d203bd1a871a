#!/bin/bash
#
# private_tree.sh
#	  Make a private copy of PostgreSQL's installation with rusts in it.
#
# A server finds its libraries and its share directory relative to its own
# program, so copies of the programs are enough to relocate it; the rest are
# symbolic links.  rusts itself is copied, by rename, so that a server that
# still runs keeps what it has loaded.
#
# test/tools/private_tree.sh

. "$(dirname "$0")/common.sh"

cd "$TOP" || exit 1
bindir=$("$PG_CONFIG" --bindir)
libdir=$("$PG_CONFIG" --pkglibdir)
sharedir=$("$PG_CONFIG" --sharedir)
origin="$("$PG_CONFIG" --version) $bindir"

exec 9>"$TREE/install.lock"
flock 9

if [ "$(cat "$PREFIX/origin" 2>/dev/null)" != "$origin" ]; then
	rm -rf "$PREFIX"
	mkdir -p "$PREFIX$bindir" "$PREFIX$libdir" "$PREFIX$sharedir" || exit 1
	cp -p "$bindir"/* "$PREFIX$bindir/" &&
		cp -rs "$libdir"/. "$PREFIX$libdir/" &&
		cp -rs "$sharedir"/. "$PREFIX$sharedir/" || exit 1
	rm -f "$PREFIX$libdir"/rusts.so "$PREFIX$sharedir"/extension/rusts[.-]*
	echo "$origin" > "$PREFIX/origin"
fi

put()							# put file directory mode [name]
{
	local name=${4:-$(basename "$1")}

	if ! cmp -s "$1" "$2/$name"; then
		install -m "$3" "$1" "$2/.new.$$" &&
			mv "$2/.new.$$" "$2/$name" || exit 1
	fi
}

put rusts.so "$PREFIX$libdir" 755
for f in build/modules/*.so; do
	put "$f" "$PREFIX$libdir" 755
done
for f in rusts.control rusts--*.sql; do
	put "$f" "$PREFIX$sharedir/extension" 644
done

# Former versions, for the tests of upgrades.
for f in sql/versions/*.sql; do
	put "$f" "$PREFIX$sharedir/extension" 644 "rusts--$(basename "$f")"
done
echo "$BIN"
