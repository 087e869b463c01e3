#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Each page that is in an image is in maps, memmap, vmem and regions/, at the
# right place and with the right bytes; and nothing else is.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a
for options in ro coalesce all coalesce,all; do
	must_mount a.img mnt -o "$options"
	probe truth mnt a.truth a.img ${options//,/ } || fail "$options"
	umount_checked mnt
done

make_image b --size 128 --hole --gig --trans-table --dup-pid
for options in ro coalesce all; do
	must_mount b.img mnt -o "$options"
	probe truth mnt b.truth b.img "$options" || fail "b, $options"
	umount_checked mnt
done
