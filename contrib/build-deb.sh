#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the Debian package out of what git has.
#
#	contrib/build-deb.sh FOLDER
#
# The package is in FOLDER then.
set -euo pipefail

[ $# = 1 ] || {
	sed -n '4,8s/^# \{0,1\}//p' "$0" >&2
	exit 1
}
top=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
rm -rf "$out/winprocfs"
mkdir "$out/winprocfs"
git -C "$top" archive HEAD | tar -x -C "$out/winprocfs"
cp -a "$out/winprocfs/contrib/debian" "$out/winprocfs/debian"
cd "$out/winprocfs"
dpkg-buildpackage -b -us -uc
