# common.sh
#	  What the scripts that run private servers share; sourced, not run.
#
# PostgreSQL refuses to run as root, so root hands its servers to an
# unprivileged account (postgres, which Debian's package creates).  That
# account may be unable to enter the checkout, for instance below /root; then
# the tree of servers moves to a temporary directory, and says so.
#
# Sets:
#	TOP		the checkout
#	TREE		where servers, their data and the test runs live
#	PREFIX		the private copy of PostgreSQL's installation
#	BIN		its programs
#	as_server	runs a command as the servers' account
#
# test/tools/common.sh

set -u
umask 022

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PG_CONFIG=${PG_CONFIG:-/usr/lib/postgresql/15/bin/pg_config}
SERVER_USER=${RUSTS_SERVER_USER:-postgres}

die()
{
	echo "rusts: $*" >&2
	exit 1
}

as_server()
{
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u "$SERVER_USER" -- "$@"
	else
		"$@"
	fi
}

# Can the servers' account enter this directory?
reachable()
{
	(cd / && as_server test -r "$1" -a -x "$1") 2>/dev/null
}

# Choose the tree.  $RUSTS_TREE overrides; otherwise it is build/ or, when
# that is out of the account's reach, a directory remembered in build/tree.
choose_tree()
{
	if [ "$(id -u)" -eq 0 ]; then
		id "$SERVER_USER" >/dev/null 2>&1 ||
			die "root needs the account \"$SERVER_USER\" to run servers"
	fi

	TREE=${RUSTS_TREE:-}
	if [ -n "$TREE" ]; then
		mkdir -p "$TREE" || exit 1
		TREE=$(cd "$TREE" && pwd)
		reachable "$TREE" || die "\"$SERVER_USER\" cannot enter $TREE"
	else
		mkdir -p "$TOP/build" || exit 1
		TREE=$TOP/build
		if ! reachable "$TREE"; then
			if [ -f "$TOP/build/tree" ]; then
				TREE=$(cat "$TOP/build/tree")
			fi
			if [ "$TREE" = "$TOP/build" ] || ! reachable "$TREE"; then
				TREE=$(mktemp -d "${TMPDIR:-/tmp}/rusts.XXXXXX") || exit 1
				chmod 755 "$TREE"
				echo "$TREE" > "$TOP/build/tree"
			fi
			echo "rusts: \"$SERVER_USER\" cannot enter $TOP;" \
				"servers live in $TREE" >&2
		fi
	fi

	PREFIX=$TREE/tmp_install
	BIN=$PREFIX$("$PG_CONFIG" --bindir) || exit 1
	mkdir -p "$TREE/run" || exit 1
	if [ "$(id -u)" -eq 0 ]; then
		chown "$SERVER_USER" "$TREE/run"
	fi
}

choose_tree
