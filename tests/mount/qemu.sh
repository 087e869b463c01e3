#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What QEMU writes of a machine with known memory is shown as that memory is.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3 qemu-system-x86_64
requires_fuse

mib=1048576

# Pages that the processor of the machine sees firmware or devices in, not its
# memory, are not those of the memory in dumps: below 1 MiB, and at its end.
# same_memory RAW DIR SKIP SEEK COUNT: COUNT MiB at SEEK of pmem are those at
# SKIP of RAW.
same_memory()
{
	cmp <(dd if="$1" bs=$mib skip="$3" count="$5" status=none) \
		<(dd if="$2/image/pmem" bs=$mib skip="$4" count="$5" \
			status=none)
}

# check_written OUT NAME: the tree of OUT-NAME is that of the raw image.
check_written()
{
	must_mount "$1-$2" dump
	cmp raw/processes dump/processes || fail "$2: processes"
	for dir in proc kernel by-name; do
		diff -r --no-dereference --exclude vmem --exclude pagemap \
			"raw/$dir" "dump/$dir" || fail "$2: $dir differs"
	done
	same_memory ram.img dump 1 1 63 || fail "$2: pmem"
	grep -q "^Format:.$3\$" dump/image/info || fail "$2 is not $3"
	umount_checked dump
}

format_of()
{
	case $1 in
	elf) echo elf ;;
	qevm) echo qevm ;;
	*) echo kdump ;;
	esac
}

# Nothing of Windows below 1 MiB but the low stub, which dumps have.
make_image ram --size 64 --seed 7
cp --sparse=always ram.img kept.img
must_mount kept.img raw
python3 -B "$test_dir/qemu-dump.py" ram.img pc small >written ||
	fail "qemu-dump.py"
cmp ram.img kept.img || fail "QEMU changed the memory"
for name in elf zlib qevm; do
	grep -qx "$name" written || fail "QEMU did not write $name"
done
while read -r name; do
	check_written small "$name" "$(format_of "$name")"
done <written

# libvirt's header in front of a stream.
{
	printf 'LibvirtQemudSave\2\0\0\0\0\20\0\0'
	head -c 68 /dev/zero
	head -c 4096 /dev/zero
	cat small-qevm
} >small-save
check_written small save qevm
umount_checked raw
rm small-*

# More memory than fits below the devices below 4 GiB is split around them;
# dumps say where it is, a stream does not. Such a file is written quickly:
# all of it is zeros but a few pages.
# check_split MACHINE MIB SPLIT (MiB)
check_split()
{
	local at part

	rm -f large.img large-*
	truncate -s "$2M" large.img
	for at in 1 "$(($3 - 1))" "$3" "$(($2 - 1))"; do
		printf 'page at %s MiB' "$at" |
			dd of=large.img bs=$mib seek="$at" conv=notrunc \
				status=none
	done
	python3 -B "$test_dir/qemu-dump.py" large.img "$1" large qevm \
		>written || fail "qemu-dump.py $1"
	grep -qx qevm written || fail "QEMU did not write a stream of $1"
	must_mount large-qevm dump
	for at in 1 "$(($3 - 1))" "$3" "$(($2 - 1))"; do
		part=$at
		[ "$at" -lt "$3" ] || part=$((at + 4096 - $3))
		same_memory large.img dump "$at" "$part" 1 ||
			fail "$1: $at MiB is not at $part MiB"
	done
	umount_checked dump
}

check_split pc 3584 3072
check_split q35 2816 2048
