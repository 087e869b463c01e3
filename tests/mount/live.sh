#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Images that change while they are mounted (live=).
TEST_LIMIT=600
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# A file that is gone or cut is said once, and libfuse says that bytes of a
# reply have gone.
stderr_allowed+='\|^winprocfs: live: .*what was read last stays$'
stderr_allowed+='\|^fuse: writing device: Bad address'

# becomes IMAGE: the file gets its bytes, in place.
becomes()
{
	dd if="$1.img" of=live.img bs=1M conv=notrunc 2>/dev/null || exit 99
}

pids()
{
	find mnt/proc -mindepth 1 -maxdepth 1 -type d -printf '%f\n' |
		sort -n |
		tr '\n' ' '
}

pids_in()
{
	awk -F '\t' '$1 == "proc" { print $2 }' "$1.truth" | sort -n |
		tr '\n' ' '
}

# shows IMAGE: soon.
shows()
{
	until [ "$(pids)" = "$(pids_in "$1")" ]; do :; done
	probe live_truth mnt "$1.truth" live.img || exit 1
}

# The same machine, later; and another one.
make_image a --size 32 --seed 1 --procs 12
make_image b --size 32 --seed 1 --procs 14
make_image c --size 32 --seed 2 --procs 10
late=$(comm -13 <(pids_in a | tr ' ' '\n' | sort) \
	<(pids_in b | tr ' ' '\n' | sort) | tail -1)
[ -n "$late" ] || exit 99

# Nothing is shown before it is time, but what is in memory.
cp a.img live.img
must_mount live.img mnt -o live=3600
shows a
exec 5<mnt/image/pmem 6<"mnt/proc/4/vmem"
maps=$(cat mnt/proc/4/maps)
becomes c
expect_same "$(pids)" "$(pids_in a)"
expect_same "$(cat mnt/proc/4/maps)" "$maps"
cmp live.img mnt/image/pmem || fail "pmem is not what is in memory"
cmp live.img <&5 || fail "an open pmem is not what is in memory"
becomes a
probe live_truth mnt a.truth live.img || exit 1
exec 5<&- 6<&-
umount_checked mnt

# Not live: that it changes is not looked for.
cp a.img live.img
must_mount live.img mnt
processes=$(cat mnt/processes)
ls -lR mnt >/dev/null
becomes c
expect_same "$(pids)" "$(pids_in a)"
expect_same "$(cat mnt/processes)" "$processes"
umount_checked mnt

cp a.img live.img
for options in live=0.05 live=0.05,holes=eio,coalesce; do
	becomes a
	must_mount live.img mnt -o $options
	shows a
	inode=$(stat -c %i mnt/proc/4/maps)
	becomes b
	shows b
	expect_same "$(stat -c %i mnt/proc/4/maps)" "$inode" inode
	[ "$(find mnt/by-name -name "*-$late" | wc -l)" = 1 ] || fail "by-name"
	grep -q "^$late " mnt/processes || fail "processes"

	# What is open stays what it was; and what is gone is gone.
	status=$(cat "mnt/proc/$late/status")
	exec 5<"mnt/proc/$late/status" 6<mnt/processes \
		7<"mnt/proc/$late/maps"
	processes=$(cat mnt/processes)
	maps=$(cat "mnt/proc/$late/maps")
	(
		cd "mnt/proc/$late" || exit 99
		becomes_here=$tmp/live.img
		dd if="$tmp/a.img" of="$becomes_here" bs=1M conv=notrunc \
			2>/dev/null
		until ! ls "$tmp/mnt/proc/$late" >/dev/null 2>&1; do :; done
		cat status >"$tmp/out" 2>"$tmp/err" && fail "a file that is gone"
		grep -q 'Stale file handle\|No such file' "$tmp/err" ||
			fail "gone: $(cat "$tmp/err")"
		ls . >"$tmp/out" 2>"$tmp/err" && fail "a folder that is gone"
		exit 0
	) || exit
	shows a
	expect_same "$(cat <&5)" "$status" "status that is open"
	expect_same "$(cat <&6)" "$processes" "processes that are open"
	expect_same "$(cat <&7)" "$maps" "maps that are open"
	stat -L /dev/fd/5 >/dev/null || fail "fstat of what is open and gone"
	exec 5<&- 6<&- 7<&-

	# Another machine has other files at other places.
	becomes c
	shows c

	# No Windows, no memory, no file; and back.
	truncate -s 1M live.img
	until [ "$(stat -c %s mnt/image/pmem)" = 1048576 ]; do :; done
	cat mnt/processes mnt/log >/dev/null || fail "cut: log"
	truncate -s 0 live.img
	timeout 60 ls -lR mnt >/dev/null 2>&1
	truncate -s 32M live.img
	until [ -z "$(pids)" ]; do :; done
	until [ "$(stat -c %s mnt/image/pmem)" = $((32 << 20)) ]; do :; done
	cmp live.img mnt/image/pmem || fail "zeros"
	grep -q 'no Windows kernel found' mnt/log || fail "log"
	becomes b
	shows b
	mv live.img gone.img
	probe wait 0.2
	expect_same "$(pids)" "$(pids_in b)" "no file"
	cp a.img new.img
	mv new.img live.img
	shows a
	umount_checked mnt
	rm gone.img
done

# Other containers are opened again as well.
cp a.img live.img
for format in elf lime avml kdump-zlib; do
	# Libraries may be missing.
	"$mkmem" --size 32 --seed 1 --procs 12 --format $format --out e.img \
		--truth e.truth 2>/dev/null || continue
	make_image f --size 32 --seed 1 --procs 14 --format $format
	cp e.img live.img
	must_mount live.img mnt -o live=0.05
	until [ "$(pids)" = "$(pids_in e)" ]; do :; done
	cp f.img live.img
	until [ "$(pids)" = "$(pids_in f)" ]; do :; done
	umount_checked mnt
done

# Mapped memory, where it is a copy of one's own.
cp a.img live.img
must_mount live.img mnt -o live=0.05
probe live_mmap mnt/image/pmem live.img || exit 1
umount_checked mnt

# Many readers while the machine changes under them, torn at any point.
cp a.img live.img
for options in "" -s; do
	# shellcheck disable=SC2086 # none or one
	must_mount live.img mnt -o live=0.01 $options
	probe live_churn mnt live.img 4 a.img b.img c.img || exit 1
	becomes b
	shows b
	umount_checked mnt
done

# 200 times leave nothing behind.
becomes a
must_mount live.img mnt -o live=0.01
probe live_rss mnt "${daemon_pid[mnt]}" 200 $sanitized || exit 1
umount_checked mnt

# Of no use without a mount, but nothing is wrong with it.
expect_rc 0 "$winprocfs" -o live --ls / a.img
expect_rc 1 "$winprocfs" -o live=0 a.img mnt
grep -q 'live=0: expected' err || fail "live=0"
