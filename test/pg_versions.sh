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
#	The default is "trixie:17 sid:18".  Where the trees are, and which mirror
#	they come from, see test/tools/debian_tree.sh.
#
# The last line is "N passed, N failed" over all of them.
#
# test/pg_versions.sh

set -u
cd "$(dirname "$0")/.." || exit 1

targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(trixie:17 sid:18)

. test/tools/debian_tree.sh

passed=0
failed=0
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
