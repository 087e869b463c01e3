#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Configures and builds in a folder of its own, from whatever state the source
# is in.
#
#	contrib/build.sh DIR [ARGUMENT OF CONFIGURE...]
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
dir=$1
shift

cd "$source"
if [ -f config.status ]; then
	echo "$source is configured itself; make distclean there first" >&2
	exit 1
fi
if [ ! -x configure ] || [ configure.ac -nt configure ] ||
	[ -n "$(find . -path ./build\* -prune -o \( -name local.mk \
		-o -name Makefile.am \) -newer Makefile.in -print -quit \
		2>&1)" ]; then
	autoreconf -fi
fi
mkdir -p "$dir"
cd "$dir"
"$source/configure" --quiet "$@"
make -s -j"$(nproc)"
