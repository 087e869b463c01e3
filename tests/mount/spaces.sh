#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What holds for every address space, whatever is in it: the ranges of maps
# ascend, read as the memory that they name, and are the data of vmem; reads of
# any offset and length are those of the pages. For the kernel, all processes
# and their tables; no truth is needed.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# holds OPTION[,OPTION...] MKMEM-OPTION...
holds()
{
	local options=$1

	shift
	make_image s "$@"
	must_mount s.img mnt -o "$options"
	probe spaces mnt || fail "$options, $*"
	probe edges mnt/kernel || fail "$options, $*: edges"
	umount_checked mnt
}

holds ro --cast full
holds all,coalesce --hole --gig --trans-table --tail 1000
holds all --format elf --hole --unaligned --procs 4
holds coalesce --layout x86pae-6.1.7601
holds all --layout x86-5.1.2600 --3gb
holds all --layout arm64-10.0.26100
holds ro --self-tables --procs 3
holds coalesce --layout amd64la57-10.0.26100
exit 0
