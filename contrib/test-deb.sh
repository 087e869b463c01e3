#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the Debian package, has lintian look at it, installs it, mounts an
# image with what it installed, and removes it. As root.
#
#	contrib/test-deb.sh FOLDER MKMEM
#
# FOLDER: to build in; MKMEM: the builder of images.
set -euo pipefail

[ $# = 2 ] || {
	sed -n '4,10s/^# \{0,1\}//p' "$0" >&2
	exit 1
}
contrib=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
dir=$(cd "$1" && pwd)
mkmem=$(realpath "$2")
"$contrib/build-deb.sh" "$dir" >"$dir/build.log" 2>&1 || {
	tail -40 "$dir/build.log" >&2
	exit 1
}
deb=$(ls "$dir"/winprocfs_*.deb)
lintian --fail-on error,warning --suppress-tags bad-distribution-in-changes-file \
	"$deb"

mnt=$dir/mnt
clean()
{
	umount "$mnt" 2>/dev/null || true
	dpkg --purge winprocfs >/dev/null 2>&1 || true
}
trap clean EXIT
dpkg -i "$deb"
mkdir -p "$mnt"
"$mkmem" --out "$dir/a.img" --truth "$dir/a.truth"
/usr/bin/winprocfs "$dir/a.img" "$mnt"
n=$(grep -c '^proc' "$dir/a.truth")
[ "$(find "$mnt/proc" -mindepth 1 -maxdepth 1 -type d | wc -l)" = "$n" ]
umount "$mnt"
mount -t winprocfs -o coalesce "$dir/a.img" "$mnt"
[ -s "$mnt/proc/4/status" ]
umount "$mnt"
mount -t fuse.winprocfs -o ro "$dir/a.img" "$mnt"
[ -s "$mnt/proc/4/status" ]
umount "$mnt"
man -w winprocfs winprocfs-tree >/dev/null 2>&1 ||
	! command -v man >/dev/null
dpkg -L winprocfs >"$dir/files"
dpkg --purge winprocfs
while read -r file; do
	[ -d "$file" ] || [ ! -e "$file" ] || {
		echo "$file was left" >&2
		exit 1
	}
done <"$dir/files"
trap - EXIT
echo "the package installs, mounts and goes: $(basename "$deb")"
