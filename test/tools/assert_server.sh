#!/bin/bash
#
# assert_server.sh
#	  Build PostgreSQL 15 from Debian's source with assertions on.
#
# The result is what `make test PG_CONFIG=.../bin/pg_config` wants to find
# mistakes the packaged server lets pass: Assert, CLOBBER_FREED_MEMORY and
# MEMORY_CONTEXT_CHECKING (both implied by --enable-cassert), and the hooks
# that let Valgrind follow memory contexts.
#
# usage: assert_server.sh [prefix]
#	prefix defaults to $RUSTS_ASSERT_PREFIX, then to
#	/var/tmp/rusts-pg15-assert; sources are kept in prefix.src.  What is
#	already there is not built again.
#
# test/tools/assert_server.sh

set -eu
umask 022

prefix=${1:-${RUSTS_ASSERT_PREFIX:-/var/tmp/rusts-pg15-assert}}
src=$prefix.src
major=15
jobs=${RUSTS_JOBS:-2}

if [ -x "$prefix/bin/pg_config" ]; then
	echo "$prefix/bin/pg_config"
	exit 0
fi

root=
[ "$(id -u)" -eq 0 ] || root=sudo

packages="bison flex gcc make dpkg-dev zlib1g-dev libreadline-dev liblz4-dev
	libzstd-dev libssl-dev libxml2-dev valgrind perl libipc-run-perl"
missing=$(for p in $packages; do
	dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null |
		grep -qx installed || echo "$p"
done)
if [ -n "$missing" ]; then
	$root apt-get update
	# shellcheck disable=SC2086
	$root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
		--no-install-recommends $missing
fi

# Debian's sources by way of a list of our own: the system's stay untouched.
mkdir -p "$src/lists/partial"
cd "$src"
if ! ls -d postgresql-$major-*/configure >/dev/null 2>&1; then
	key='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
	cat > src.list <<-END
		deb-src $key http://deb.debian.org/debian bookworm main
		deb-src $key http://deb.debian.org/debian-security bookworm-security main
	END
	apt="-q -o Dir::Etc::sourcelist=$src/src.list
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$src/lists
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache=
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false"
	# shellcheck disable=SC2086
	apt-get $apt update

	# The newest version first; a mirror may lack it for a while.
	# shellcheck disable=SC2086
	versions=$(apt-cache $apt showsrc postgresql-$major |
		sed -n 's/^Version: //p' | sort -rVu)
	for v in $versions; do
		# shellcheck disable=SC2086
		if apt-get $apt source "postgresql-$major=$v"; then
			break
		fi
	done
fi
cd postgresql-$major-*/

# Debian's patch puts libraries into /usr/lib whatever the prefix: unless the
# library directory already says whose it is.
./configure --libdir="$prefix/lib/postgresql" --includedir="$prefix/include/postgresql" \
	--prefix="$prefix" --enable-cassert --enable-debug \
	--enable-tap-tests --with-lz4 --with-zstd --with-openssl --with-libxml \
	CFLAGS='-O1 -g -fno-omit-frame-pointer' CPPFLAGS=-DUSE_VALGRIND
pkglibdir=$(printf '%s\n' 'subdir = src' 'top_builddir = ..' \
	'include Makefile.global' 'print: ; @echo $(pkglibdir)' |
	make -s -C src -f - print)
case $pkglibdir in
	"$prefix"/*) ;;
	*) echo "$pkglibdir is outside of $prefix" >&2; exit 1;;
esac
nice make -j"$jobs" -s world-bin
make -s install-world-bin
# PGXS users need the perl modules and the isolation tester beside pg_regress.
make -s -C src/test/isolation install
make -s -C src/test/perl install
chmod -R a+rX "$prefix" "$src"
echo "$prefix/bin/pg_config"
