# debian_tree.sh
#	  Trees of other Debian releases; sourced, not run, in the top directory.
#
# A tree is made by debootstrap and kept for the next time.  The trees are in
# $RUSTS_TREES, by default /var/tmp/rusts-trees; $RUSTS_MIRROR names the mirror,
# by default the one that this machine uses.
#
# Sets:
#	trees			where they are
#	make_tree		makes one, if need be
#	copy_checkout	copies the checkout, committed or not, to a directory
#	in_tree			runs a command in a tree, as root
#
# test/tools/debian_tree.sh

trees=${RUSTS_TREES:-/var/tmp/rusts-trees}

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

mkdir -p "$trees"
