#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Pages in every state through a mount, with page files and without: what dd,
# cmp, grep, du, cp and tar see of them, and what vtop/ tells.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires dd cmp grep cp tar
requires_fuse

make_image a --layout amd64-10.0.19041-b --seed 11 --states --store 2 \
	--page-files --page-file-out pg
pid=$(pid_of a.truth explorer.exe)
vmem=mnt/proc/$pid/vmem

# FIELD of the first page in STATE, by HOW; fields by their number in mkmem.c.
page()
{
	awk -F '\t' -v p="$pid" -v s="$1" -v h="$2" -v f="${3:-3}" \
		-v c="${4:-}" '$1 == "page" && $2 == p && $7 == s &&
		$10 == h && (c == "" || $8 == c) { print $f; exit }' a.truth
}

# STATE HOW PATTERN...: each is found in vtop/ of that page.
expect_vtop()
{
	local va pattern

	va=$(page "$1" "$2")
	[ -n "$va" ] || fail "no page is $1 by $2"
	for pattern in "${@:3}"; do
		grep -qE "$pattern" "mnt/proc/$pid/vtop/${va#0x}" || {
			cat "mnt/proc/$pid/vtop/${va#0x}" >&2
			fail "$1 by $2: no $pattern"
		}
	done
}

# FILE OFFSET: the page there.
page_at()
{
	dd if="$1" bs=4096 skip=$(($2 / 4096)) count=1 2>/dev/null
}

# Of a page that is in page file 0 or 1: number and offset.
swap_of()
{
	local swap

	swap=$(page "$1" "$2" 13 paged)
	echo $((swap >> 44)) $((swap & 0xfffffffffff))
}

# What does not depend on page files.
in_both()
{
	local proto

	expect_vtop valid - '^State:.valid$' '^Physical:.0x'
	expect_vtop transition - 'not-present transition frame=0x' \
		'^State:.transition$' '^FileOffset:.0x'
	for how in direct marker vad; do
		proto=$(page prototype $how 11)
		expect_vtop prototype $how "^PrototypePte:.$proto 0x" \
			'^Vad:.0xffff' '^State:.prototype$'
		proto=$(page file $how 11)
		expect_vtop file $how "^PrototypePte:.$proto 0x.* subsection" \
			'^State:.file-not-in-image$' '^Physical:.-$'
	done
	expect_vtop prototype direct 'not-present prototype=0xffff'
	expect_vtop prototype marker 'not-present prototype see-vad'
	expect_vtop prototype vad '^PTE:.* empty$'
	expect_vtop demandzero - '^State:.demand-zero$'
	expect_vtop decommitted - '^State:.decommitted$'
	expect_vtop store - '^Store:.readable key=' '^StoreRecord:.store=' \
		'^State:.compressed$'
	expect_vtop compressed - '^Store:.has no such key' \
		'^State:.compressed-unreadable$'
}

# Copies are as large as what was copied, holes and all.
copies()
{
	local r sum=0

	for r in "mnt/proc/$pid/regions"/*; do
		cmp -n "$(stat -c %s "$r")" -i $((0x$(basename "${r%%-*}"))):0 \
			"$vmem" "$r" || fail "$r"
		sum=$((sum + $(stat -c %s "$r")))
	done
	expect_same "$(du -B1 "$vmem" | cut -f1)" "$sum" "du of vmem"
	timeout 60 tar -C mnt -cSf a.tar "proc/$pid/vmem" || fail "tar -S"
	[ "$(stat -c %s a.tar)" -ge "$sum" ] || fail "data left out by tar"
	[ "$(stat -c %s a.tar)" -lt $((sum + 1000000)) ] ||
		fail "holes in the archive"
	r=$(find "mnt/proc/$pid/regions" -type f | head -1)
	cp --sparse=always "$r" copy || fail "cp of $r"
	cmp copy "$r" || fail "copy of $r"
	rm -f copy
}

must_mount a.img mnt
in_both
copies
for how in - direct marker vad; do
	expect_vtop pagefile $how '^PageFile:.[01] offset 0x.*, not given$' \
		'^State:.paged-out$' '^Physical:.-$'
	va=$(page pagefile $how 3 paged)
	page_at "$vmem" "$va" | cmp -n 4096 - /dev/zero ||
		fail "bytes of what is paged out"
	grep -q "^${va#0x}-" "mnt/proc/$pid/maps" && fail "$va is in maps"
done
expect_vtop pagedtable - '^State:.paged-out$'
expect_vtop protolost vad '^PrototypePte:.* cannot be read$' \
	'^State:.prototype-unreadable$'
without=$(du -B1 "$vmem" | cut -f1)
umount_checked mnt

must_mount a.img mnt -o pagefile=pg0:pg3,swapfile=pg1
# image/info tells what was found for all this.
for line in 'CompressedStore:.2 store\(s\), SmGlobals 0x[0-9a-f]{16} ' \
	'InvalidPteMask:.0x[1-9a-f][0-9a-f]*$' \
	'InvalidPteMaskSource:.(MiState|derived)$' \
	'PageFile:.2 - [0-9]+ virtual store$'; do
	grep -qE "^$line" mnt/image/info || fail "image/info: no $line"
done
in_both
copies
for how in - direct marker vad; do
	read -r number offset < <(swap_of pagefile $how)
	va=$(page pagefile $how 3 paged)
	page_at "pg$number" "$offset" >want
	page_at "$vmem" "$va" | cmp - want || fail "page file, by $how"
	grep -qE "^${va#0x}-.* 00:00 0 .*\[pagefile $number\]\$" \
		"mnt/proc/$pid/maps" || fail "$va is not in maps"
	grep -q "^$va " "mnt/proc/$pid/memmap" && fail "$va is in memmap"
done
expect_vtop pagefile - '^PageFile:.[01] offset 0x.*, given$' \
	'^State:.pagefile$'
expect_vtop pagedtable - '^PTE:.pagefile-0\+0x' '^State:.valid$'
[ "$(du -B1 "$vmem" | cut -f1)" -gt "$without" ] || fail "no more than without"
# A label that only a page file has.
va=$(page pagefile - 3 paged)
label=$(printf 'WINPROCFS pid=%d va=%016x' "$pid" "$va")
grep -q "$label" a.img && fail "the image itself has $label"
expect_same "$(timeout 60 grep -c "$label" "$vmem")" 1
va=$(page store - 3 packed)
page_at "$vmem" "$va" | head -c 40 | grep -q '^WINPROCFS pid=' ||
	fail "a page of the store at $va"
umount_checked mnt
