#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# --check, --ls, --cat: the same tree without a mount.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

make_image a
expect_rc 0 "$winprocfs" --check a.img
grep -q '^Verdict:.good$' out || fail "verdict: $(tail -1 out)"
# Its lines: what, a state, and the rest.
[ -z "$(awk '!/^Verdict:/ && NF < 3' out)" ] || fail "no table: $(cat out)"
n=$(grep -c '^proc' a.truth)
grep -qx "processes  *ok  *$n" out || fail count
grep -qx "  PsActiveProcessHead  *ok  *$n" out || fail "a method's count"
grep -q '^Windows  *ok  *Windows 10 ' out || fail "what it is"
grep -q '^profile  *ok  .*built-in by GUID' out || fail "the profile"
expect_rc 0 "$winprocfs" --list a.img
[ -s err ] && fail "$(cat err)"
mv out list
"$winprocfs" --cat processes a.img | cmp - list || fail "--list is no list"
expect_rc 1 "$winprocfs" -o pids=5 --list a.img
grep -q 'pids=' err || fail "no advice: $(cat err)"
expect_rc 0 "$winprocfs" --list-profiles
[ "$(wc -l <out)" -gt 20 ] || fail "profiles: $(wc -l <out) lines"
while read -r layout _; do
	grep -q "^| .$layout. |" "$test_dir/../../docs/profiles.md" ||
		fail "docs/profiles.md lacks $layout"
done < <(tail -n +3 out)
expect_rc 0 "$winprocfs" --ls / a.img
expect_same "$(awk '{ printf "%s ", $5 }' out)" \
	"README processes log image dtb by-name by-eprocess proc kernel processes.json processes.tsv report.html "
expect_rc 0 "$winprocfs" --ls proc/4 a.img
expect_rc 0 "$winprocfs" --ls /proc//4/ a.img
expect_rc 0 "$winprocfs" --ls proc/4/maps a.img
expect_same "$(wc -l <out)" 1
expect_rc 1 "$winprocfs" --ls proc/5 a.img
expect_same "$(wc -l <err)" 1
expect_rc 1 "$winprocfs" --cat proc/4 a.img
expect_same "$(wc -l <err)" 1
expect_rc 1 "$winprocfs" --cat proc/4/maps/x a.img
expect_same "$(wc -l <err)" 1
expect_rc 0 "$winprocfs" --cat processes a.img
cp out processes
expect_rc 0 "$winprocfs" --cat image/pmem a.img
cmp out a.img || fail "pmem"
"$winprocfs" --cat image/pmem a.img | cmp - a.img || fail "pmem by a pipe"
if "$winprocfs" --cat image/pmem a.img 2>err >/dev/full; then
	fail "no space left, and 0"
fi
expect_same "$(wc -l <err)" 1
"$winprocfs" --cat image/pmem a.img 2>err | head -c 10 >/dev/null
expect_rc 0 "$winprocfs" -h
expect_same "$(head -1 out)" "usage: winprocfs [options] IMAGE MOUNTPOINT"
expect_rc 0 "$winprocfs" -V
grep -q '^containers: .*hibernation .*raw$' out || fail "-V: no containers"
grep -q '^read with: ' out || fail "-V: no libraries"
grep -q '^winprocfs [0-9]' out || fail "version: $(cat out)"

# As through a mount.
if [ -r /dev/fuse ] && [ -w /dev/fuse ] && [ "$(id -u)" = 0 ]; then
	must_mount a.img mnt
	cmp processes mnt/processes || fail processes
	pid=$(pid_of a.truth explorer.exe)
	for file in log image/info kernel/maps "proc/$pid/maps" \
		"proc/$pid/memmap" "proc/$pid/paging" "proc/$pid/status"; do
		expect_rc 0 "$winprocfs" --cat "$file" a.img
		cmp out "mnt/$file" || fail "$file"
	done
	find "mnt/proc/$pid/regions" -type f -printf 'regions/%f\n' |
		while read -r file; do
			expect_rc 0 "$winprocfs" --cat "proc/$pid/$file" a.img
			cmp out "mnt/proc/$pid/$file" || fail "$file"
		done || exit 1
	umount_checked mnt
fi

# A vmem into a file keeps its holes, where a file may be so long.
if [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ]; then
	copy=$(mktemp /dev/shm/winprocfs-test.XXXXXX)
	cleanup_fn rm -f "$copy"
	"$winprocfs" --cat proc/800/vmem a.img >"$copy" || fail "--cat vmem"
	expect_same "$(stat -c %s "$copy")" $((1 << 47))
	[ "$(du -k "$copy" | cut -f1)" -lt 10000 ] || fail "holes are filled"
fi
