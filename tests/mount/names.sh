#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a process uses its memory for, through a mount: the names in maps, with
# coalesce too, vads, smaps and maps.json by the truth; and pmap on them.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a --threads --page-files
must_mount a.img mnt
python3 "$test_dir/names.py" a.truth mnt || exit 1
umount_checked mnt
must_mount a.img mnt -o coalesce
python3 "$test_dir/names.py" a.truth mnt coalesce || exit 1
pid=$(pid_of a.truth explorer.exe)

if command -v jq >/dev/null; then
	for json in mnt/proc/*/maps.json mnt/kernel/maps.json; do
		[ "$(jq length "$json")" = "$(wc -l <"${json%.json}")" ] ||
			fail "$json is not maps"
	done
	expect_same "$(jq -r '[.[] | select(.path == "[heap]") | .size] | add' \
		"mnt/proc/$pid/maps.json")" 102400 "heap of explorer.exe"
fi
grep -q ' \\SystemRoot\\system32\\ntoskrnl.exe$' mnt/kernel/maps ||
	fail "the kernel has no name"
expect_same "$("$winprocfs" --cat "proc/$pid/vads" a.img | sha256sum)" \
	"$(sha256sum <"mnt/proc/$pid/vads")" "--cat vads"

# pmap of procps, where /proc is that of the image: by smaps, and by name.
if [ "$(id -u)" = 0 ] && command -v pmap >/dev/null &&
	unshare -m true 2>/dev/null; then
	mkdir -p "fake/$pid" fake/self
	cp "mnt/proc/$pid"/{smaps,maps,cmdline,status} "fake/$pid"
	cp /proc/{stat,uptime,meminfo,version} fake
	echo 0 0 0 0 0 0 0 >"fake/$pid/statm"
	{
		printf '%s (explorer.exe) S 1 1 1 0 -1' "$pid"
		for _ in {1..44}; do printf ' 0'; done
		echo
	} >"fake/$pid/stat"
	unshare -m sh -c "mount --bind fake /proc && pmap -x $pid" >pmap.x ||
		fail "pmap -x"
	read -r size rss < <(awk '$1 == "total" { print $3, $4 }' pmap.x)
	expect_same "$rss" "$(awk '/^Rss:/ { n += $2 } END { print n }' \
		"mnt/proc/$pid/smaps")" "pmap -x: resident"
	expect_same "$rss" "$(awk '/^VmRSS:/ { print $2 }' \
		"mnt/proc/$pid/status")" "VmRSS"
	expect_same "$size" "$(awk '/^Size:/ { n += $2 } END { print n }' \
		"mnt/proc/$pid/smaps")" "pmap -x: size"
	unshare -m sh -c "mount --bind fake /proc && pmap -X $pid" |
		grep -q 'SortDefault.nls$' || fail "pmap -X shows no names"
fi
umount_checked mnt
