#!/bin/bash
#
# install_deps.sh
#	  Install what building and testing need from Debian's packages.
#
# Does nothing, quickly, when everything is there.  Installing PostgreSQL here
# does not start a server: Debian's package would create and start a cluster
# of its own, which nobody asked for.
#
# usage: install_deps.sh [fuzz] [smith]
#
# test/tools/install_deps.sh

set -eu

PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}

packages="gcc g++ libc6-dev make perl libipc-run-perl liblz4-dev libzstd-dev
	libpq-dev libtomlplusplus-dev zstd"

# A server that Debian packages is installed; any other must be there.
case $PG_CONFIG in
	/usr/lib/postgresql/*/bin/pg_config)
		major=${PG_CONFIG#/usr/lib/postgresql/}
		major=${major%%/*}
		packages="$packages postgresql-$major postgresql-server-dev-$major"
		;;
	*)
		major=
		if ! "$PG_CONFIG" --version >/dev/null 2>&1; then
			echo "rusts: $PG_CONFIG is not a pg_config program" >&2
			exit 1
		fi
		;;
esac

for extra in "$@"; do
	case $extra in
		fuzz) packages="$packages clang llvm libclang-rt-dev" ;;
		smith) packages="$packages sqlsmith" ;;
		*) echo "usage: $0 [fuzz] [smith]" >&2; exit 2 ;;
	esac
done

installed()
{
	dpkg-query -W -f='${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -qx installed
}

missing=
for p in $packages; do
	installed "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "rusts: not a Debian system; please install the equivalent of:$missing" >&2
	exit 1
fi

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
	echo "rusts: neither root nor sudo; please run as root:" >&2
	echo "    apt-get install$missing" >&2
	exit 1
fi

# No cluster of Debian's, unless its server was here before us.
conf_dir=/etc/postgresql-common/createcluster.d
conf=$conf_dir/zz-rusts-no-cluster.conf
cleanup()
{
	if [ -e "$conf" ]; then
		as_root rm -f "$conf"
	fi
}
if [ -n "$major" ] && ! installed "postgresql-$major"; then
	trap cleanup EXIT
	as_root mkdir -p "$conf_dir"
	echo "create_main_cluster = false" | as_root tee "$conf" >/dev/null
fi

echo "rusts: installing$missing"
as_root apt-get -q update
# shellcheck disable=SC2086
as_root env DEBIAN_FRONTEND=noninteractive \
	apt-get -q install -y -o Dpkg::Use-Pty=0 \
	--no-install-recommends $missing
