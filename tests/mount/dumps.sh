#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Crash dumps: what only they have; containers.sh compares their trees.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# has FILE LINE: the line, as it is.
has()
{
	grep -qxF "$2" "$1" || fail "$1: no \"$2\" in: $(cat "$1")"
}

# A machine of 64 GiB: nothing is made for each page when it is opened. (The
# builder goes through all of them; with sanitizers that takes minutes.)
size=65536
[ "$sanitized" = no ] || size=1024
make_image big --size "$size" --seed 3 --format dump-bitmap
must_mount big.img dump
probe truth dump big.truth - elf || fail "large: truth"
[ "$(daemon_peak dump)" -lt "$max_rss" ] ||
	fail "large: $(daemon_peak dump) kB"
expect_same "$(grep -c . dump/image/runs)" 2 "runs of a large machine"
umount_checked dump
rm big.img

# Without the pages of user space: the same processes and the same kernel, and
# the reason is said, once.
for layout in amd64-10.0.19041-a x86pae-6.1.7601; do
	machine=(--size 64 --seed 7 --layout "$layout")
	kind=dump-kernel
	case $layout in x86*) kind=dump-kernel32 ;; esac
	make_image raw "${machine[@]}"
	make_image kernel "${machine[@]}" --format "$kind"
	must_mount raw.img raw
	must_mount kernel.img dump
	for file in processes kernel/maps; do
		cmp "raw/$file" "dump/$file" || fail "$layout: $file"
	done
	[ "$(stat -c %b dump/image/pmem)" -lt "$(stat -c %b raw/image/pmem)" ] ||
		fail "$layout: no page is missing"
	expect_same "$(grep -c 'missing by design' dump/log)" 1 "$layout: log"
	umount_checked raw
	cp dump/image/info info
	umount_checked dump
	has info "DumpType:	2"
	has info "UserPages:	left out by design"
	has info "BugCheck:	0x000000e2 0x0 0x1 0x2 0x3"
	has info "Uptime:	12.34"
	has info "ProductType:	1 (workstation)"
	rm ./*.img
done

# A dump of a debugger says so.
make_image rdmp --size 48 --seed 7 --format dump-rdmp
"$winprocfs" --cat image/info rdmp.img >info || fail "rdmp"
has info "DumpType:	10"
grep -q "^FormatDetail:.*debugger's complete" info || fail "$(cat info)"
