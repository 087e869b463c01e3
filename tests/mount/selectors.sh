#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pids, eprocess, proc_regex, method: which processes are shown.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a
all=$(awk -F '\t' '$1 == "proc" { print $2 }' a.truth | tr '\n' ' ')

# shows OPTIONS PIDS: in the order of the table, in proc/ and by-name/ too.
shows()
{
	must_mount a.img mnt -o "$1"
	expect_same "$(awk 'NR > 1 { printf "%s ", $1 }' mnt/processes)" "$2" \
		"$1"
	expect_same "$(find mnt/proc -mindepth 1 -maxdepth 1 -type d \
		-printf '%f\n' | sort -n | tr '\n' ' ')" \
		"$(tr ' ' '\n' <<<"$2" | sort -n | sed '/^$/d' | tr '\n' ' ')" "$1"
	expect_same "$(find mnt/by-name -type l | wc -l)" "$(wc -w <<<"$2")"
	expect_same "$(find mnt/by-eprocess -type l | wc -l)" "$(wc -w <<<"$2")"
	umount_checked mnt
}

eprocess()
{
	truth_proc a.truth eprocess pid "$1"
}

shows ro "$all"
shows pids=4 "4 "
shows pids=0x154:4 "4 340 "
shows pids=4:4:99999 "4 "
shows proc_regex=svchost "800 908 "
shows proc_regex=SVC "800 908 "
shows proc_regex=host "" # anchored at the start
shows 'proc_regex=.*host' "800 908 "
shows 'proc_regex=(csrss|lsass)' "456 540 680 "
shows 'proc_regex=s[a-z]{2\,4}\.exe' "340 "
shows proc_regex=svchost,pids=340 "340 "
shows method=PsActiveProcessHead "$all"
shows method=psactiveprocesshead "$all"
shows "eprocess=$(eprocess 680):$(eprocess 4)" "680 4 "
shows "eprocess=$(eprocess 680),pids=4,proc_regex=svchost" "680 "
shows "eprocess=$(eprocess 680),method=Handles" "680 "
shows pids=4 "4 "

# An address where no process is: nothing, or an entry that says so; no harm.
must_mount a.img mnt -o eprocess=0xffff900000000000
ls -lR mnt >/dev/null || fail "eprocess of nothing"
cat mnt/processes mnt/log >/dev/null || fail "eprocess of nothing"
umount_checked mnt
# One that is somewhere in the middle of another.
must_mount a.img mnt -o "eprocess=$(printf '0x%x' $(($(eprocess 680) + 0x58)))"
find mnt -name '[a-u]*' -type f -size -1024 -exec cat {} + >/dev/null ||
	fail "eprocess at an odd place"
umount_checked mnt
# None: a mount all the same, and a word in the log.
must_mount a.img mnt -o pids=99999
grep -q 'no process is shown' mnt/log || fail "log: $(cat mnt/log)"
head -1 mnt/kernel/maps | grep -q '^ffff' || fail "kernel/maps"
umount_checked mnt
