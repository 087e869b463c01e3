#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Sets as ewfacquirestream writes them: the same memory, split or not, and
# what is left of them when they are damaged.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires ewfacquirestream
requires_fuse

# acquire NAME OPTION...: NAME.E01 and so on of raw.img
acquire()
{
	ewfacquirestream -q -t "$@" <raw.img >acquire.out 2>&1 ||
		fail "ewfacquirestream: $(tail -1 acquire.out)"
}

# same MOUNT: has the memory and the processes of raw
same()
{
	cmp raw/image/pmem "$1/image/pmem" || fail "$1: pmem"
	cmp raw/processes "$1/processes" || fail "$1: processes"
	grep -q '^Wrapped:.EWF' "$1/image/info" || fail "$1: info"
}

make_image raw --size 64 --seed 7
must_mount raw.img raw
acquire fast -c deflate:fast -f encase6
acquire none -c none -f encase5
acquire best -c deflate:best -f ftk -b 128
acquire empty -c empty-block -f linen7
acquire split -c deflate:fast -f encase6 -S 1MiB
acquire ewfx -c deflate:fast -f ewfx -S 2MiB
[ -e split.E03 ] || fail "the set has $(echo split.*)"
for name in fast.E01 none.E01 best.E01 empty.E01 split.E01 ewfx.e01; do
	must_mount "$name" e
	same e
	grep -q '^warning:.*ewf' e/log && fail "$name: $(cat e/log)"
	umount_checked e
done

# A dump within is a dump.
make_image dump --size 64 --seed 7 --format dump
ewfacquirestream -q -t dump -c deflate:fast <dump.img >out 2>&1 ||
	fail "ewfacquirestream"
must_mount dump.E01 e
grep -q '^Format:.crashdump' e/image/info || fail "$(cat e/image/info)"
cmp raw/processes e/processes || fail "dump: processes"
umount_checked e

# The second file is not there, the last one is cut.
rm split.E02
truncate -s -1000 fast.E01
for name in split.E01 fast.E01; do
	must_mount "$name" e
	grep -q '^warning:.*ewf' e/log || fail "$name: nothing in the log"
	cmp -n 100000 raw/image/pmem e/image/pmem || fail "$name: pmem"
	cat e/image/info >/dev/null || fail "$name: info"
	[ "$name" = fast.E01 ] ||
		expect_error EIO cat e/image/pmem
	umount_checked e
done
umount_checked raw
