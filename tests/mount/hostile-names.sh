#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Names that processes give themselves: no harm to paths, lines, terminals.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a --hostile-names
must_mount a.img mnt
probe names mnt || exit 1
expect_same "$(find mnt/by-name -type l | wc -l)" "$(grep -c '^proc' a.truth)"
expect_same "$(find mnt -mindepth 2 -maxdepth 2 -path '*/by-name/*' \
	! -type l | wc -l)" 0
expect_same "$(wc -l <mnt/processes)" $(($(grep -c '^proc' a.truth) + 1))
awk 'NF != 16 { exit 1 }' mnt/processes || fail "processes: columns"
expect_same "$(awk '$1 == 4020 { print $3 }' mnt/processes)" \
	'new\012line\033[2J'
expect_same "$(awk '$1 == 4032 { print $3 }' mnt/processes)" -
while read -r pid; do
	expect_same "$(sed -n '/^Name:/,/^State:/p' "mnt/proc/$pid/status" |
		wc -l)" 2 "status of $pid"
	expect_same "$(grep -c '^Process: ' "mnt/proc/$pid/memmap")" 1
	expect_same "$(sed -n '2p' "mnt/proc/$pid/memmap" | grep -c "pid: $pid")" 1
	link=$(find mnt/by-name -lname "../proc/$pid")
	[ -n "$link" ] || fail "no name for $pid"
	cmp "$link/dtb" "mnt/proc/$pid/dtb" || fail "$link"
done < <(awk -F '\t' '$1 == "proc" { print $2 }' a.truth)
tar -C mnt -cf names.tar by-name || fail tar
expect_same "$(tar tf names.tar | grep -c /)" \
	$(($(grep -c '^proc' a.truth) + 1))
umount_checked mnt
