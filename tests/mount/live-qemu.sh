#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The memory of a guest of QEMU, mounted from its memory-backend-file. No
# Windows is at hand to boot: the guest is stopped, and what changes its memory
# is QEMU's debugger stub.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3 qemu-system-x86_64
requires_fuse

memory=$(mktemp -p /dev/shm winprocfs-test.XXXXXX) || skip "no /dev/shm here"
cleanup_fn rm -f "$memory"

qemu_pid=
stop_qemu()
{
	[ -z "$qemu_pid" ] || kill "$qemu_pid"
}
cleanup_fn stop_qemu

make_image a --size 32 --procs 12
cp a.img "$memory"
qemu-system-x86_64 -S -nodefaults -display none -accel tcg \
	-machine q35,memory-backend=m -m 32M \
	-object "memory-backend-file,id=m,size=32M,mem-path=$memory,share=on" \
	-qmp unix:qmp,server=on,wait=off -gdb unix:gdb,server=on,wait=off \
	2>qemu.log &
qemu_pid=$!
until [ -S qmp ] && [ -S gdb ]; do
	kill -0 "$qemu_pid" 2>/dev/null || {
		qemu_pid=
		skip "QEMU does not start: $(tail -1 qemu.log)"
	}
done
must_mount "$memory" mnt -o live=0.05
probe live_truth mnt a.truth "$memory" || exit 1
probe live_qemu mnt qmp gdb "$tmp/saved" || exit 1
umount_checked mnt
