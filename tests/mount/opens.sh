#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A file costs the kernel one request the first time and none after that: it
# opens nothing where nothing depends on it, and keeps what it read.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a
pid=$(pid_of a.truth explorer.exe)

# requests OPCODE: how many came so far. (libfuse's debug output)
requests()
{
	grep -c "opcode: $1 " mnt.log
}

# read_all: all regions and some texts; sums on standard output
read_all()
{
	sha256sum mnt/proc/"$pid"/regions/* mnt/proc/"$pid"/{maps,status} \
		mnt/processes
}

must_mount a.img mnt -d
read_all >first
n=$(wc -l <first)
[ "$n" -gt 10 ] || fail "$n files are too few"
reads=$(requests READ)
expect_same "$(requests OPEN)" 1 "opens"
expect_same "$(requests RELEASE)" 0 "releases"
[ "$reads" -ge "$n" ] || fail "$n files by $reads reads"
read_all >again
cmp first again || fail "read again: something else"
expect_same "$(requests READ)" "$reads" "reads of what was read"
# What is not opened cannot be written to either.
for open in '>' '<>' '>>'; do
	(eval ": $open mnt/processes") 2>err && fail "opened by $open"
	grep -q 'Read-only' err || fail "$open: $(cat err)"
done
# An offset in a file that nobody opened.
expect_same "$(dd if=mnt/proc/"$pid"/maps bs=7 skip=3 count=1 2>/dev/null)" \
	"$(head -c 28 mnt/proc/"$pid"/maps | tail -c 7)"
stderr_allowed='.*'
umount_checked mnt

# A read that may fail in between must not be kept: files are opened then.
must_mount a.img mnt -d -o holes=eio
read_all >eio 2>/dev/null
[ "$(requests OPEN)" -ge "$n" ] || fail "holes=eio: $(requests OPEN) opens"
umount_checked mnt
