#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Two mounts of an image are equal, inode numbers too.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a --dup-pid --hostile-names
must_mount a.img one
must_mount a.img two -s
probe inodes one two || exit 1
diff -r --no-dereference --exclude vmem --exclude pagemap one two ||
	fail "diff -r"
expect_same "$(cd one && find . -printf '%p %i %s %b %m %n %T@ %l\n' | sort |
	md5sum)" "$(cd two && find . -printf '%p %i %s %b %m %n %T@ %l\n' |
	sort | md5sum)" "attributes"
umount_checked one
umount_checked two
