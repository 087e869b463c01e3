#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# binwalk names the programs in modules and regions, where they are.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires binwalk
requires_fuse
# It writes below the home directory.
export HOME=$tmp

make_image a --modules
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)
modules=mnt/proc/$pid/modules
n=0
for module in "$modules"/0*.pe; do
	base=${module##*/}
	for file in "$module" "${module%.pe}" \
		mnt/proc/"$pid"/regions/"${base%%-*}"-*; do
		binwalk "$file" >out 2>err || fail "binwalk $file: $(cat err)"
		grep -Eq '^0 +0x0 +Microsoft executable, portable' out ||
			fail "binwalk takes $file for $(cat out)"
		n=$((n + 1))
	done
done
[ "$n" -ge 6 ] || fail "$n files looked at"
# All regions at once.
binwalk mnt/proc/"$pid"/regions/* >out 2>err || fail "all: $(cat err)"
expect_same "$(grep -c '^Target File' out)" \
	"$(find mnt/proc/"$pid"/regions -type f | wc -l)" "files"
umount_checked mnt
