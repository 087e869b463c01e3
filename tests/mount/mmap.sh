#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# mmap of regions and of pieces of vmem; reads across all borders; lseek.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a
for options in ro all; do
	must_mount a.img mnt -o "$options"
	for name in explorer.exe svchost.exe wow64app.exe; do
		dir=mnt/proc/$(pid_of a.truth "$name")
		[ "$options" = all ] || probe mmap "$dir" || fail "mmap, $name"
		probe edges "$dir" || fail "edges, $options, $name"
	done
	probe edges mnt/kernel || fail "edges, $options, kernel"
	umount_checked mnt
done
