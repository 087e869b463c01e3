#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# yara over the regions of all processes finds what is in one of them.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires yara
requires_fuse

cat >rules.yar <<'R'
rule evil { strings: $a = "EVIL-MARKER-STRING" condition: $a }
R
make_image a
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)
va=$(awk -F '\t' '$8 == "marker" { print $3 }' a.truth)
for dir in mnt/proc/*/regions; do
	yara -r rules.yar "$dir" || fail "yara $dir"
done >found 2>yara.err
grep -v '^warning' yara.err && fail "yara complains"
expect_same "$(wc -l <found)" 1
grep -q "^evil mnt/proc/$pid/regions/*$(printf '%016x' "$va")-.*rwxp\$" found ||
	fail "found in $(cat found)"

# All at once: -z leaves out what is too long to be mapped, the files vmem and
# pagemap (and says so). It is in core, dump and minidump.dmp as well.
timeout 60 yara -r -z 1000000000 rules.yar mnt/proc >all 2>yara.err ||
	fail "yara of all"
grep -v -e '^skipping .*/\(vmem\|pagemap\) ' -e '^warning' yara.err &&
	fail "yara complains"
expect_same "$(sed -e 's/.*\/\([^/]*\)\/[^/]*rwxp$/\1/' -e 's/.*\///' all |
	sort | tr '\n' ' ')" "core dump minidump.dmp regions "
umount_checked mnt
