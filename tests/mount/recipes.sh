#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The recipes of contrib/recipes, each against what the image is known to have.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

requires_fuse
requires yara strings gdb sha256sum
recipes=$test_dir/../../contrib/recipes

"$mkmem" --out a.img --truth a.truth --threads --objects --modules ||
	fail "mkmem"
# Another run of the same machine: another process is there.
"$mkmem" --out b.img --procs 12 || fail "mkmem"
mount_image a.img mnt
mount_image b.img mnt2

cat >rules.yar <<'T'
rule evil { strings: $marker = "EVIL-MARKER-STRING" condition: any of them }
T
"$recipes/yara-by-pid" rules.yar mnt >found || fail "yara-by-pid"
pid=$(awk '$3 == "explorer.exe" { print $1; exit }' mnt/processes)
awk -F '\t' -v pid="$pid" '$1 == pid && $2 == "explorer.exe" && $3 == "evil" {
	print $4 }' found >addresses
[ -s addresses ] || fail "yara-by-pid: $(cat found)"
while read -r address; do
	expect_same "$(dd if="mnt/proc/$pid/vmem" bs=1 count=18 status=none \
		skip=$((address)))" EVIL-MARKER-STRING
done <addresses

"$recipes/strings-sweep" mnt 'hunter[0-9]' "$pid" >found ||
	fail "strings-sweep"
grep -q "^$pid	0x[0-9a-f]*	EVIL-MARKER-STRING password=hunter2" found ||
	fail "strings-sweep: $(cat found)"

"$recipes/timeline" mnt >found || fail "timeline"
cut -f 1 found | sort -c || fail "timeline is not in order"
expect_same "$(grep -c '	start	' found)" \
	"$(awk 'NR > 1 && $9 != "-"' mnt/processes | wc -l)"
grep -q "	start	$pid	explorer.exe	" found || fail "timeline: $(cat found)"

mkdir carved
"$recipes/carve-module" mnt "$pid" ntdll carved >found || fail "carve-module"
expect_same "$(wc -l <found)" 2
(cd carved && sed 's, .*/,  ,' ../found | sha256sum -c --quiet) ||
	fail "carve-module: sums"
file carved/*.pe | grep -q 'PE32' || fail "carve-module: $(file carved/*)"
expect_rc 1 "$recipes/carve-module" mnt "$pid" no-such-module carved

"$recipes/compare" mnt mnt >found || fail "compare of the same"
[ ! -s found ] || fail "compare: $(head found)"
expect_rc 1 "$recipes/compare" mnt mnt2
grep -q '^-.*explorer.exe\|^-[0-9]' out || fail "compare: $(head out)"

base=$(awk '/ ntdll.dll / { print $1; exit }' "mnt/proc/$pid/modules/list")
# gdb's variables, not the shell's.
# shellcheck disable=SC2016
"$recipes/gdb-process" mnt "$pid" -batch -ex 'p/x $ntdll' \
	-ex 'x/2bx $ntdll' >found 2>&1 || fail "gdb-process: $(cat found)"
grep -qi "= $(printf '0x%x' "$base")" found || fail "gdb: $(cat found)"
grep -q '0x4d.*0x5a' found || fail "gdb reads no MZ: $(cat found)"
umount_checked mnt
umount_checked mnt2
