#!/bin/bash
#
# build.sh
#	  Make targets, naming each source as it is compiled instead of its flags.
#
# usage: build.sh target...
#
# test/tools/build.sh

cd "$(dirname "$0")/../.." || exit 1

"${MAKE:-make}" --no-print-directory "$@" |
	sed -unE 's/^[^ ]*g(cc|\+\+) .* ([^ ]*\.c(pp)?)( .*)?$/  \2/p'
exit "${PIPESTATUS[0]}"
