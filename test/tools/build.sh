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
	sed -un 's/^[^ ]*gcc .* \([^ ]*\.c\)\( .*\)\{0,1\}$/  \1/p'
exit "${PIPESTATUS[0]}"
