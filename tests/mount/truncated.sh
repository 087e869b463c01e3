#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The image is cut while it is mounted: errors, and a daemon that lives on.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

# libfuse says this when the bytes of a reply have gone; nothing to be done.
stderr_allowed='^fuse: writing device: Bad address'

for format in raw elf; do
	make_image a --format $format
	must_mount a.img mnt
	pid=$(pid_of a.truth svchost.exe)
	# Known before the cut, so that reads get that far after it.
	ls -l "mnt/proc/$pid/regions" >/dev/null
	exec 5<"mnt/proc/$pid/vmem" 6<mnt/image/pmem
	truncate -s 1M a.img
	expect_error EIO dd if=/dev/fd/6 bs=4096 skip=8192 count=1
	expect_error EIO cat mnt/image/pmem
	while read -r name; do
		cat "mnt/proc/$pid/regions/$name" >out 2>err && continue
		grep -q 'Input/output error' err || fail "$name: $(cat err)"
	done < <(ls "mnt/proc/$pid/regions")
	timeout 60 find mnt -type f ! -name vmem ! -name pagemap ! -name pmem \
		-exec cat {} + >/dev/null 2>err
	grep -v 'Input/output error' err && fail "other errors"
	timeout 60 ls -lR mnt >/dev/null 2>&1
	cat mnt/processes >/dev/null || fail "processes"
	cat mnt/README mnt/log >/dev/null || fail "README"
	exec 5<&- 6<&-
	[ -d "/proc/${daemon_pid[mnt]}" ] || fail "the daemon has died"
	umount_checked mnt
done

# Cut to nothing, before anything was read.
make_image a
must_mount a.img mnt
truncate -s 0 a.img
timeout 60 ls -lR mnt >/dev/null 2>&1
timeout 60 find mnt -type f ! -name vmem ! -name pagemap \
	-exec cat {} + >/dev/null 2>&1
cat mnt/README >/dev/null || fail "README"
umount_checked mnt
