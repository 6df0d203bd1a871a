#!/bin/bash
#
# soak.sh
#	  Compare measurements with heap tables until the time is up.
#
# Runs test/diff/run.pl with one fresh seed after another, in a private server,
# and stops at the first difference.
#
# usage: soak.sh
#	$SOAK_SECONDS	how long, 3600 by default
#	$SOAK_SEED		the first seed, the time by default; each next is one more
#	$SOAK_SCHEMAS	measurements of each seed, 25 by default
#
# The last line is "N passed, N failed", counted in seeds; a difference's
# script for psql is in build/soak.
#
# test/tools/soak.sh

cd "$(dirname "$0")/../.." || exit 1

seconds=${SOAK_SECONDS:-3600}
seed=${SOAK_SEED:-$(date +%s)}
schemas=${SOAK_SCHEMAS:-25}

bash test/tools/install_deps.sh || exit 1
bash test/tools/build.sh tree || exit 1
. test/tools/server.sh
server_start soak \
	< <(perl -Itest/diff -MDiffServer -e 'print DiffServer::server_conf()')
trap 'server_stop' EXIT
mkdir -p build/soak

passed=0
failed=0
end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$end" ] && [ "$failed" -eq 0 ]; do
	if PATH=$BIN:$PATH nice perl test/diff/run.pl --seed "$seed" \
		--schemas "$schemas" --until "$end" --stop --reduce --dir build/soak \
		--conn "host=$SOCKETS port=$PORT user=postgres dbname=soak" \
		--log "$SERVER/log"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
	seed=$((seed + 1))
done

printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
