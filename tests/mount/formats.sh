#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The same memory in other containers gives the same tree.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# compare_with_raw NAME OPTION...
compare_with_raw()
{
	make_image "$@"
	must_mount "$1.img" elf
	grep -q "^Format:.$format\$" elf/image/info ||
		fail "$1 is not seen as $format"
	probe truth elf "$1.truth" - elf || fail "$1: truth"
	for dir in proc dtb kernel by-name by-eprocess; do
		diff -r --no-dereference --exclude vmem --exclude pagemap \
			"raw/$dir" "elf/$dir" ||
			fail "$1: $dir differs"
	done
	cmp raw/processes elf/processes || fail "$1: processes"
	cmp raw/image/pmem elf/image/pmem || fail "$1: pmem"
	for name in vmem pagemap; do
		expect_same "$(find elf/proc -name $name -printf '%p %s %b\n' |
			cut -c4- | sort)" \
			"$(find raw/proc -name $name -printf '%p %s %b\n' |
			cut -c4- | sort)" "$1: sizes of $name"
	done
	umount_checked elf
	rm "$1.img"
}

machine=(--size 64 --seed 7)
format=elf
make_image raw "${machine[@]}"
must_mount raw.img raw
compare_with_raw elf "${machine[@]}" --format elf
compare_with_raw notes "${machine[@]}" --format elf --elf-notes
compare_with_raw xnum "${machine[@]}" --format elf --xnum
compare_with_raw unaligned "${machine[@]}" --format elf --unaligned
compare_with_raw phdrs "${machine[@]}" --format elf --phdrs 300 --elf-notes
compare_with_raw elf32 "${machine[@]}" --format elf32
format=crashdump
compare_with_raw dump "${machine[@]}" --format dump
umount_checked raw

# 32-bit ones have another header.
machine=(--size 64 --seed 7 --layout x86pae-6.1.7601)
make_image raw "${machine[@]}"
must_mount raw.img raw
compare_with_raw dump32 "${machine[@]}" --format dump
umount_checked raw

# What --memsz leaves out are zeros at the ends of segments: not memory that
# the image has, and not used by any process.
make_image memsz "${machine[@]}" --format elf --memsz --unaligned
must_mount memsz.img elf
probe truth elf memsz.truth - elf || fail "memsz: truth"
umount_checked elf

# More than 4 GiB of addresses.
make_image hole --size 64 --hole --format elf --xnum --unaligned
must_mount hole.img elf
probe truth elf hole.truth - elf || fail "hole: truth"
umount_checked elf
