#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pagemap: what the builder put where, and what maps says, is in it; sizes,
# holes, copies, odd reads; the kernel's and that of a table.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3 cp dd
requires_fuse

make_image a --states --page-files --page-file-out pg --store 2
must_mount a.img mnt
for pid in 4 340 3204; do
	expect_same "$(stat -c %s "mnt/proc/$pid/pagemap")" $((1 << 38))
done
expect_same "$(stat -c %s mnt/kernel/pagemap)" $((1 << 39))
for dir in mnt/proc/340 mnt/proc/3204 mnt/kernel \
	"mnt/dtb/$(cat mnt/proc/3204/dtb)"; do
	probe pagemap "$dir" || fail "$dir"
done
umount_checked mnt

# With the page files the same, for where a page is does not change; but for
# what was found in a table that is in one of them.
must_mount a.img mnt -o all,holes=eio,pagefile=pg0:pg3,swapfile=pg1
expect_same "$(stat -c %s mnt/proc/3204/pagemap)" $((1 << 39))
for pid in 340 3204; do
	probe pagemap mnt/proc/$pid || fail "with page files"
done
grep -q '\[pagefile 0\]$' mnt/proc/340/maps || fail "nothing in a page file"
grep -q '\[compressed\]$' mnt/proc/3204/maps || fail "nothing in the store"
# A page by dd: as the builder says.
n=0
while read -r va swap; do
	entry=$(dd if=mnt/proc/340/pagemap bs=8 skip=$((va / 4096)) count=1 \
		2>/dev/null | od -An -tu8 | tr -d ' ')
	want=$((1 << 62 | swap >> 44 | (swap >> 12 & 0xffffffff) << 5))
	expect_same $((entry & ~(1 << 61))) $want "$va in a page file"
	n=$((n + 1))
done < <(awk -F '\t' '$1 == "page" && $2 == 340 && $7 == "pagefile" {
	print $3, $13 }' a.truth)
[ $n -gt 5 ] || fail "only $n pages in page files"
umount_checked mnt

# A folder of a 32-bit machine can be copied anywhere.
make_image b --layout x86pae-6.1.7601
must_mount b.img mnt
expect_same "$(stat -c %s mnt/proc/3204/pagemap)" $((0x7fff0000 / 512))
probe pagemap mnt/proc/3204 || fail "PAE"
cp --sparse=always mnt/proc/3204/pagemap copy || fail "cp"
cmp mnt/proc/3204/pagemap copy || fail "the copy differs"
expect_same "$(find mnt/proc/3204/pagemap -printf %b)" "$(find copy -printf %b)"
umount_checked mnt

make_image c --layout amd64la57-10.0.22621
must_mount c.img mnt -o all
expect_same "$(stat -c %s mnt/proc/3204/pagemap)" $((1 << 48))
probe pagemap mnt/proc/3204 || fail "LA57"
umount_checked mnt
