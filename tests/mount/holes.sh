#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Pages that the image does not have: zeros, or EIO with holes=eio.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a --size 96 --hole
must_mount a.img mnt
probe zero mnt a.truth || exit 1
umount_checked mnt
must_mount a.img mnt -o holes=zero
probe zero mnt a.truth || exit 1
umount_checked mnt
must_mount a.img mnt -o holes=eio
probe eio mnt a.truth a.img || exit 1
probe truth mnt a.truth a.img || exit 1
umount_checked mnt
