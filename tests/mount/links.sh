#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# by-name/, by-eprocess/, dtb/: other ways to a process and to address spaces.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a --dup-pid
must_mount a.img mnt
while read -r pid eprocess; do
	link=mnt/by-eprocess/${eprocess#0x}
	target=$(readlink "$link") || fail "no $link"
	case $target in
	"../proc/$pid" | "../proc/$pid-${eprocess#0x}") ;;
	*) fail "$link leads to $target" ;;
	esac
	expect_same "$(sed -n 's/^Eprocess:\t//p' "$link/status")" "$eprocess"
	expect_same "$(stat -L -c %i "$link")" \
		"$(stat -c %i "mnt/proc/${target#../proc/}")"
done < <(awk -F '\t' '$1 == "proc" { print $2, $5 }' a.truth)
expect_same "$(find mnt/by-eprocess -type l | wc -l)" \
	"$(find mnt/proc -mindepth 1 -maxdepth 1 -type d | wc -l)"
expect_same "$(find mnt/by-name -type l | wc -l)" \
	"$(find mnt/proc -mindepth 1 -maxdepth 1 -type d | wc -l)"
expect_same "$(readlink mnt/by-name/System-4)" ../proc/4
cmp mnt/by-name/lsass.exe-680/status mnt/proc/680/status || fail lsass

# A pid twice: the live one has the plain name.
pid=$(pid_of a.truth explorer.exe)
old=$(truth_proc a.truth eprocess namehex "$(to_hex oldpid.exe)")
grep -q '^Name:.explorer.exe$' "mnt/proc/$pid/status" || fail "plain name"
grep -q '^Name:.oldpid.exe$' "mnt/proc/$pid-${old#0x}/status" ||
	fail "the other one of pid $pid"

# Page tables by their address: as listed, and however it is written.
for dtb in mnt/dtb/*; do
	cmp "$dtb/maps" "mnt/dtb/$((${dtb##*/}))/maps" 2>/dev/null
	[ -s "$dtb/maps" ] || [ -s "$dtb/memmap" ] || fail "nothing in $dtb"
done
dtb=$(cat "mnt/proc/$pid/dtb")
lines=$(wc -l <"mnt/proc/$pid/maps")
for name in "$dtb" "${dtb#0x}" "0X${dtb#0x}" "0x000${dtb#0x}"; do
	# Both halves are there; the first is that of the process.
	head -n "$lines" "mnt/dtb/$name/maps" >got
	cmp got "mnt/proc/$pid/maps" || fail "dtb/$name/maps"
	tail -n "+$((lines + 1))" "mnt/dtb/$name/maps" | head -1 |
		grep -q ^ffff || fail "dtb/$name/maps: kernel half"
	tail -n +5 "mnt/proc/$pid/memmap" >want
	head -n $((lines + 4)) "mnt/dtb/$name/memmap" | tail -n +2 >got
	cmp want got || fail "dtb/$name/memmap"
done
# The user's own tables (KVA shadow) map what the process maps; what is in
# transition is in them too.
user=$(truth_proc a.truth userdtb pid "$pid")
user=$(printf '0x%x' $((user & ~0xfff)))
head -n "$lines" "mnt/dtb/$user/maps" | cut -d ' ' -f 1,3 >got
cut -d ' ' -f 1,3 "mnt/proc/$pid/maps" >want
cmp want got || fail "user DTB: $(diff want got | head -3)"
# Any page can be taken for a table: nonsense, but no harm.
for dtb in 0 0x1000 0x123456000 0xffffffffff000 0xffffffffffffffff 3ff0000; do
	if cat "mnt/dtb/$dtb/maps" >got 2>err; then
		cat "mnt/dtb/$dtb/paging" >/dev/null || fail "dtb/$dtb/paging"
	else
		grep -q 'No such file' err || fail "dtb/$dtb: $(cat err)"
	fi
done
umount_checked mnt
