#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# 64 readers at once see what one sees.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a
must_mount a.img one -s
must_mount a.img mnt
probe parallel one mnt 64 || exit 1
umount_checked one
rss=$(daemon_peak mnt)
[ "$rss" -lt "$max_rss" ] || fail "the daemon took $rss kB"
umount_checked mnt
