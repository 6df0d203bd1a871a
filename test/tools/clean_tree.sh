#!/bin/bash
#
# clean_tree.sh
#	  Remove the tree of private servers, wherever common.sh put it.
#
# A demo that still runs is stopped first.
#
# test/tools/clean_tree.sh

cd "$(dirname "$0")/../.." || exit 1
[ -d build ] || exit 0

if ls -d build/run/demo >/dev/null 2>&1 || [ -f build/tree ]; then
	bash bench/demo.sh stop
fi
if [ -f build/tree ]; then
	tree=$(cat build/tree)
	case $tree in
		*/rusts.??????) rm -rf "$tree" ;;
	esac
fi
rm -rf build
