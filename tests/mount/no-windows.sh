#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Page tables without any Windows, of all forms, by dtb=.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

for paging in amd64 la57 pae x86 arm64; do
	make_image p --no-windows --paging $paging
	dtb=$(awk -F '\t' '$1 == "paging" { print $3 }' p.truth)
	for options in all all,coalesce ro; do
		must_mount p.img mnt -o "$options,paging=$paging,dtb=$dtb"
		expect_same "$(find mnt/dtb -mindepth 1 -maxdepth 1 \
			-printf %f)" "$dtb" "listed"
		expect_same "$(wc -l <mnt/processes)" 1
		grep -q '^Os:	-$' mnt/image/info || fail "$paging: Os"
		probe plain mnt p.truth p.img ${options//,/ } ||
			fail "$paging, $options"
		umount_checked mnt
	done
	# Not asked for, but known by name.
	must_mount p.img mnt -o "all,paging=$paging"
	probe plain mnt p.truth p.img all || fail "$paging by name"
	umount_checked mnt
	# Another form than the right one: nonsense, but no harm.
	for other in amd64 la57 pae x86 arm64; do
		must_mount p.img mnt -o "all,paging=$other"
		page=$(printf '0x%x' $((dtb & ~0xfff)))
		timeout 60 cat "mnt/dtb/$page/maps" "mnt/dtb/$page/paging" \
			>/dev/null || fail "$paging as $other"
		umount_checked mnt
	done
	# ELF with the state of a processor.
	make_image p --no-windows --paging $paging --format elf --elf-notes
	must_mount p.img mnt
	ls -lR mnt >/dev/null || fail "ELF, $paging"
	umount_checked mnt
done
