#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Images that are damaged in all ways that mkmem knows: they mount, and show
# what can be found; the rest of them is right.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# works OPTION...: all processes, all pages, as if nothing was wrong.
works()
{
	make_image d "$@"
	must_mount d.img mnt
	probe truth mnt d.truth d.img || fail "$*"
	expect_same "$(find mnt/proc -mindepth 1 -maxdepth 1 -type d | wc -l)" \
		"$(awk -F '\t' '$1 == "proc" && $13' d.truth | wc -l)" "$*"
	umount_checked mnt
}

# complains WORDS OPTION...: works, and says what is odd.
complains()
{
	local words=$1

	shift
	works "$@"
	expect_rc 1 "$winprocfs" --check d.img
	grep -q "$words" out || fail "$*: no '$words' in $(cat out)"
}

works --zero-kernel-header
works --unmap-kernel-header
works --no-rsds
works --no-smss
works --no-lowstub
works --no-kva
works --dup-pid
works --tail 100
works --dtb-at 40
works --no-lowstub --no-rsds --zero-kernel-header
complains 'does not point back' --loop-list
complains 'not in a process object' --break-flink 3
complains 'not in a process object' --break-flink 1
complains 'not in a process object' --break-blink 3
complains 'no kernel address' --list-to-user
complains KUSER_SHARED_DATA --no-kuser
# Broken in both directions: what is between the two is lost, not the rest.
make_image d --break-flink 3 --break-blink 6
must_mount d.img mnt
n=$(find mnt/proc -mindepth 1 -maxdepth 1 -type d | wc -l)
all=$(grep -c '^proc' d.truth)
[ "$n" -ge $((all - 4)) ] || fail "only $n of $all processes"
umount_checked mnt
# A table of 512 entries that all lead to itself: shown as far as is sane.
make_image d --self-tables
must_mount d.img mnt
timeout 60 find mnt/proc/6000 -type f ! -name vmem ! -name pagemap \
	-exec cat {} + >/dev/null ||
	fail "selfmap.exe"
grep -q '^Verdict:.doubtful' mnt/proc/6000/paging || fail "verdict"
timeout 60 grep -c EVIL-MARKER mnt/proc/6000/vmem >/dev/null
timeout 60 ls -l mnt/proc/6000/regions >/dev/null || fail "ls of regions"
umount_checked mnt
must_mount d.img mnt -o all
timeout 60 cat mnt/proc/6000/maps mnt/proc/6000/memmap >/dev/null ||
	fail "selfmap.exe, all"
[ "$(daemon_peak mnt)" -lt "$max_rss" ] || fail "took $(daemon_peak mnt) kB"
umount_checked mnt
# The first MiBs wiped.
for mib in 1 2 8 32; do
	make_image d --zero-first $mib
	must_mount d.img mnt
	timeout 60 ls -lR mnt >/dev/null || fail "zero-first $mib"
	find mnt -type f -size -1024 ! -name vmem ! -name pagemap \
		-exec cat {} + >/dev/null ||
		fail "zero-first $mib: cat"
	umount_checked mnt
done
# All at once.
make_image d --self-tables --dup-pid --hostile-names --loop-list \
	--break-flink 5 --list-to-user --no-kuser --no-lowstub --no-rsds
must_mount d.img mnt
timeout 60 ls -lR mnt >/dev/null || fail "all at once"
probe names mnt || fail "names"
umount_checked mnt
