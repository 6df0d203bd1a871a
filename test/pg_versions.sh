#!/bin/bash
#
# pg_versions.sh
#	  Build and test on the PostgreSQL majors of other Debian releases.
#
# Each release is a tree made by debootstrap, kept for the next time.  The
# checkout, committed or not, is copied in, and `make test` of that copy
# installs what it needs from that release's packages.
#
# usage: pg_versions.sh [suite:major...]		as root
#	The default is "trixie:17 sid:18".  The trees are in $RUSTS_TREES, by
#	default /var/tmp/rusts-trees; $RUSTS_MIRROR names the mirror.
#
# The last line is "N passed, N failed" over all of them.
#
# test/pg_versions.sh

set -u
cd "$(dirname "$0")/.." || exit 1

trees=${RUSTS_TREES:-/var/tmp/rusts-trees}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(trixie:17 sid:18)

if [ "$(id -u)" -ne 0 ]; then
	echo "$0: debootstrap and chroot need root" >&2
	exit 2
fi

# The mirror this machine uses, unless told otherwise.
mirror=${RUSTS_MIRROR:-$(cat /etc/apt/sources.list \
	/etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources \
	2>/dev/null | grep -v '^#' | grep -oE 'https?://[^ ]*/debian/?( |$)' |
	head -1 | tr -d ' ')}
mirror=${mirror:-http://deb.debian.org/debian}

if ! command -v debootstrap >/dev/null; then
	apt-get -q update &&
		apt-get -q install -y --no-install-recommends debootstrap || exit 1
fi

make_tree()						# make_tree suite
{
	local tree=$trees/$1

	[ -e "$tree/.ready" ] && return 0
	echo "==== debootstrap of $1 from $mirror"
	rm -rf "$tree"
	mkdir -p "$tree"
	debootstrap --variant=minbase --include=make,ca-certificates "$1" "$tree" \
		"$mirror" >"$trees/$1.debootstrap.log" 2>&1 ||
		{ tail -20 "$trees/$1.debootstrap.log"; return 1; }
	echo 'Acquire::Check-Valid-Until "false";' \
		>"$tree/etc/apt/apt.conf.d/90rusts"
	cp /etc/apt/apt.conf.d/*proxy* "$tree/etc/apt/apt.conf.d/" 2>/dev/null

	# Packages must not start services in there.
	printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
	chmod 755 "$tree/usr/sbin/policy-rc.d"
	touch "$tree/.ready"
}

copy_checkout()					# copy_checkout directory
{
	rm -rf "$1"
	mkdir -p "$1"
	if git rev-parse --git-dir >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard
	else
		find . -path ./build -prune -o -type f -print0
	fi | tar -c --null --files-from=- --ignore-failed-read 2>/dev/null |
		tar -x -C "$1"
}

# Mounts of our own namespace go away with it.
in_tree()						# in_tree tree command
{
	unshare --mount bash -c '
		mount --make-rprivate /
		mount -t proc proc "$0/proc"
		mkdir -p "$0/dev/shm"
		mount -t tmpfs -o mode=1777 tmpfs "$0/dev/shm"
		exec chroot "$0" /usr/bin/env -i \
			PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb \
			LC_ALL=C.UTF-8 bash -c "$1"' "$1" "$2"
}

passed=0
failed=0
mkdir -p "$trees"
for target in "${targets[@]}"; do
	suite=${target%%:*}
	major=${target##*:}
	log=$trees/$suite.test.log

	if ! make_tree "$suite"; then
		failed=$((failed + 1))
		continue
	fi
	cp /etc/resolv.conf /etc/hosts "$trees/$suite/etc/"
	copy_checkout "$trees/$suite/srv/rusts"
	echo "==== PostgreSQL $major on $suite"
	in_tree "$trees/$suite" "cd /srv/rusts && make test \
		PG_CONFIG=/usr/lib/postgresql/$major/bin/pg_config" 2>&1 | tee "$log"
	counts=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
	counts=${counts:-0 passed, 1 failed}
	passed=$((passed + ${counts%% passed*}))
	counts=${counts#*passed, }
	failed=$((failed + ${counts%% failed*}))
done

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
