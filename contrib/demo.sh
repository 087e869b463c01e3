#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds winprocfs, mounts an image, and shows what is there.
#
#	contrib/demo.sh [--once] [IMAGE]
#
# IMAGE: a memory image of your own; without one, a small made-up Windows
# machine is used. Everything is kept in ./demo; the mount, demo/mnt, is left
# for you to look around, but for --once.
set -euo pipefail

contrib=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "$contrib/.." && pwd)/demo
once=no
image=
for arg in "$@"; do
	case $arg in
	--once) once=yes ;;
	-h | --help | -*)
		sed -n '4,11s/^# \{0,1\}//p' "$0"
		[ "$arg" = -h ] || [ "$arg" = --help ]
		exit
		;;
	*) image=$(realpath "$arg") ;;
	esac
done

unmount()
{
	if [ "$(id -u)" = 0 ]; then
		umount "$dir/mnt"
	else
		fusermount3 -u "$dir/mnt"
	fi
}

# show COMMAND...: as one would type it.
show()
{
	printf '\n$ %s\n' "$*"
	(cd "$dir/.." && eval "$*") || true
}

"$contrib/install-deps.sh" build
mkdir -p "$dir/mnt"
if grep -qF " $dir/mnt " /proc/self/mountinfo; then
	unmount
fi
echo "building in $dir/build ..."
"$contrib/build.sh" "$dir/build" >"$dir/build.log" 2>&1 || {
	tail -30 "$dir/build.log" >&2
	exit 1
}
if [ -z "$image" ]; then
	image=$dir/demo.img
	"$dir/build/mkmem" --threads --objects --modules --out "$image"
fi
if [ ! -c /dev/fuse ]; then
	echo "no /dev/fuse here: without a mount there are --ls and --cat"
	"$dir/build/winprocfs" --cat processes "$image"
	exit
fi
"$dir/build/winprocfs" -o coalesce "$image" "$dir/mnt"
[ $once = no ] || trap unmount EXIT

cat <<T

$image is mounted at $dir/mnt.
T
pid=$(awk '$3 == "explorer.exe" && $11 == "running" { print $1; exit }' \
	"$dir/mnt/processes")
if [ -z "$pid" ]; then
	pid=$(find "$dir/mnt/proc" -mindepth 1 -maxdepth 1 -printf '%f\n' |
		sort -n | tail -1)
fi
show ls demo/mnt
show "head -4 demo/mnt/image/info"
show "cut -c-95 demo/mnt/processes | head -20"
if [ -n "$pid" ]; then
	start=$(head -1 "$dir/mnt/proc/$pid/maps" | cut -d - -f 1)
	show ls demo/mnt/proc/"$pid"
	show "head demo/mnt/proc/$pid/maps"
	show "grep -E 'dll|exe' demo/mnt/proc/$pid/maps | head -6"
	show "head demo/mnt/proc/$pid/memmap"
	show "cut -c-110 demo/mnt/proc/$pid/modules/list"
	show "ls -l demo/mnt/proc/$pid/fd | cut -c-110 | head -8"
	show "file -b demo/mnt/proc/$pid/core demo/mnt/proc/$pid/minidump.dmp"
	show "cat demo/mnt/proc/$pid/dtb"
	show "du -h demo/mnt/proc/$pid/vmem"
	[ -z "$start" ] ||
		show "od -A x -t x1z -j 0x$start -N 64 demo/mnt/proc/$pid/vmem"
fi
show tail -3 demo/mnt/log
if [ "$(id -u)" = 0 ]; then
	show "contrib/winprocfs-enter demo/mnt ps -ef | head -8"
fi

how="umount $dir/mnt"
[ "$(id -u)" = 0 ] || how="fusermount3 -u $dir/mnt"
[ $once = yes ] || printf '\nTo unmount: %s\n' "$how"
