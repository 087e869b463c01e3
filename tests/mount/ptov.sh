#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# image/ptov/ and vtop/: files that are there when they are looked up.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a --hostile-names --dup-pid
must_mount a.img mnt

# Nothing is listed, and what is no address is not there.
for dir in mnt/image/ptov mnt/proc/4/vtop mnt/kernel/vtop; do
	expect_same "$(ls -A "$dir")" "" "$dir"
	expect_same "$(stat -c %F "$dir")" directory "$dir"
	for name in x 0x vmem 1g -1 +1 00000000000000000 0x0x1 '1 '; do
		expect_error ENOENT cat "$dir/$name"
	done
done
expect_error ENOENT cat mnt/image/ptov/10000000000000
expect_error ENOENT cat mnt/proc/4/vtop/0000800000000000
expect_error ENOTDIR cat mnt/image/ptov/1000/x
expect_error EROFS touch mnt/image/ptov/1000

# Whoever asks at once, while the index is being made, gets the same.
pa=$(awk '{ print $3; exit }' mnt/proc/3204/maps)
readers=()
for i in 1 2 3 4 5 6 7 8; do
	cat "mnt/image/ptov/$pa" >"cold.$i" &
	readers+=($!)
done
wait "${readers[@]}" || fail "cat ptov/$pa"
for i in 2 3 4 5 6 7 8; do
	cmp cold.1 "cold.$i" || fail "two at once got different texts"
done
"$winprocfs" --cat "image/ptov/$pa" a.img | cmp - cold.1 ||
	fail "--cat has another text"

# However an address is written, it is one file of its exact size.
for name in "$pa" "0x$pa" "0X$pa" "0000$pa"; do
	cmp "mnt/image/ptov/$name" cold.1 || fail "ptov/$name"
	expect_same "$(stat -c %s "mnt/image/ptov/$name")" \
		"$(wc -c <cold.1)" "size of ptov/$name"
	expect_same "$(stat -c %i "mnt/image/ptov/$name")" \
		"$(stat -c %i "mnt/image/ptov/$pa")" "number of ptov/$name"
done

# Lines of maps are found again, there and back. In every line six fields.
checked=0
for pid in 4 340 800 3204 kernel; do
	dir=mnt/proc/$pid
	[ "$pid" = kernel ] && dir=mnt/kernel
	awk 'NR % 3 == 1 { split($1, a, "-"); print a[1], $2, $3 }' \
		"$dir/maps" | head -25 >lines
	while read -r va perms pa; do
		at=$(printf '%x' $((0x$pa + 0x123)))
		text=mnt/image/ptov/$at
		awk -v pid="$pid" -v perms="$perms" \
			-v va="$(printf '0x%016x' $((0x$va + 0x123)))" '
			!/^#/ && NF != 6 { exit 1 }
			$1 == pid && $3 == va && $6 == perms { found = 1 }
			END { exit !found }' "$text" ||
			fail "ptov/$at: no $pid $va $perms: $(cat "$text")"
		expect_same "$(stat -c %s "$text")" "$(wc -c <"$text")" "$text"
		text=$dir/vtop/0x$va
		expect_same "$(sed -n 's/^Physical:\t//p' "$text")" \
			"$(printf '0x%016x' "0x$pa")" "$text"
		expect_same "$(sed -n 's/^FileOffset:\t//p' "$text")" \
			"$(printf '0x%x' "0x$pa")" "$text"
		expect_same "$(stat -c %s "$text")" "$(wc -c <"$text")" "$text"
		checked=$((checked + 1))
	done <lines
done
[ "$checked" -gt 40 ] || fail "only $checked lines were looked at"

# The bytes of vtop are those of vmem.
va=$(awk '{ split($1, a, "-"); print a[1]; exit }' mnt/proc/3204/maps)
want=$(dd if=mnt/proc/3204/vmem bs=4096 skip=$((0x$va / 4096)) count=1 \
	status=none | od -An -v -tx1 -N 16)
grep -qF " $want  |" "mnt/proc/3204/vtop/$va" || fail "bytes at $va"

# Not in the image, and mapped by nobody: said, not left out.
grep -q '^# not in the image$' mnt/image/ptov/fffffffffffff ||
	fail "ptov of what is not in the image"
grep -q '^# not mapped ' mnt/image/ptov/fffffffffffff ||
	fail "ptov of what is not mapped"
dtb=$(cat mnt/proc/3204/dtb)
grep -q '^# in the top-level table of: 3204 ' "mnt/image/ptov/$dtb" ||
	fail "ptov of a DTB"
umount_checked mnt
