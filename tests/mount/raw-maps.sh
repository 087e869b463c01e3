#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Raw images that are not flat: map=, and the hole below 4 GiB squeezed out.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

# tree_of IMAGE [OPTION...]: what of the tree tells one memory from another.
tree_of()
{
	local image=$1 file

	shift
	for file in processes image/iomem kernel/memmap; do
		"$winprocfs" "$@" --cat "$file" "$image" 2>err ||
			fail "$image $*: $(cat err)"
	done
}

# The runs that we show are a map; so is what we show as /proc/iomem, of a
# file that has them back to back.
make_image elf --size 64 --hole --format elf --unaligned
"$winprocfs" --cat image/runs elf.img >runs
"$winprocfs" --cat image/iomem elf.img >iomem
tree_of elf.img >want
tree_of elf.img -o map=runs >got
cmp want got || fail "map=runs: another tree"
"$winprocfs" -o map=runs --cat image/runs elf.img | cmp - runs ||
	fail "map=runs: other runs"
grep -q '^warning: image: map= takes the file for raw' \
	<("$winprocfs" -o map=runs --cat log elf.img) ||
	fail "map= of an ELF core: nothing said"
while read -r start len off; do
	: "$start"
	tail -c +$((off + 1)) elf.img | head -c $((len))
done <runs >compact.img
tree_of compact.img -o map=iomem >got
cmp want got || fail "map=iomem: another tree"
# compressed as well, and with format=raw
xz -0 --block-size=1MiB -c compact.img >compact.xz
tree_of compact.xz -o map=iomem >got
cmp want got || fail "map=iomem, xz: another tree"
tree_of compact.img -o map=iomem,format=raw >got
cmp want got || fail "map=iomem,format=raw: another tree"

# Refused: one line, with the line of the map.
refused()
{
	local words=$1

	shift
	expect_rc 2 "$winprocfs" "$@" --check compact.img
	expect_same "$(wc -l <err)" 1
	grep -qF -e "$words" err || fail "$*: $(cat err)"
}
echo 'a b' >bad
refused 'bad: line 1: "a b"' -o map=bad
{ cat runs; echo '0x10 0x20'; } >bad
refused "bad: line $(wc -l <bad): " -o map=bad
refused 'nope: cannot be opened' -o map=nope
refused 'is a directory' -o map=.
refused 'format=elf' -o map=runs,format=elf
: >bad
refused 'is empty' -o map=bad
expect_rc 1 "$winprocfs" -o map= --check compact.img

# The hole of a guest with memory on both sides of it.
machine=(--size 4096 --hole-at 3072 --seed 3)
make_image flat "${machine[@]}"
make_image squeezed "${machine[@]}" --format raw-squeezed
expect_rc 0 "$winprocfs" --cat processes flat.img
mv out want
expect_rc 0 "$winprocfs" --cat processes squeezed.img
cmp want out || fail "squeezed: another list of processes"
expect_rc 0 "$winprocfs" --cat image/runs squeezed.img
expect_same "$(tr '\n' ' ' <out)" \
	"0x0 0xc0000000 0x0 0x100000000 0x40000000 0xc0000000 "
cp out map
grep -q '^FormatDetail:.*0xc0000000' \
	<("$winprocfs" --cat image/info squeezed.img) ||
	fail "squeezed: image/info does not say so"
expect_rc 0 "$winprocfs" --cat image/runs flat.img
expect_same "$(cat out)" "0x0 0x140000000 0x0"
# map= overrides it, either way
expect_rc 0 "$winprocfs" -o map=map --cat processes squeezed.img
cmp want out || fail "squeezed, with a map: another list of processes"
echo "0 0x100000000 0" >map
expect_rc 0 "$winprocfs" -o map=map --cat image/runs squeezed.img
expect_same "$(cat out)" "0x0 0x100000000 0x0"
