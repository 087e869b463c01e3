#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The text files, byte for byte: memmap as Rekall writes it, maps as Linux
# does, columns of processes, keys and values.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires awk
requires_fuse

make_image a
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)
dtb_raw=$(truth_proc a.truth dtbraw pid "$pid")

printf '%s\n' '**************************************************' \
	"Process: 'explorer.exe' pid: $(printf '%-6d' "$pid")" '' \
	"Dumping address space at DTB $dtb_raw" '' \
	'   Virtual        Physical         Size     ' \
	'-------------- -------------- --------------' >want
awk -F '\t' -v p="$pid" '
	$1 == "page" && $2 == p && $4 != "-" &&
	$7 ~ /^(valid|large|transition|prototype)$/ {
		print $3, $4, $5
	}' a.truth | while read -r va pa size; do
	printf '0x%012x 0x%012x %14s\n' "$va" "$pa" "$size"
done | sort >>want
cmp want "mnt/proc/$pid/memmap" || fail "memmap: $(diff want \
	"mnt/proc/$pid/memmap" | head -3)"
head -4 mnt/kernel/memmap >got
printf '%s\n' "Dumping address space at DTB $(truth_proc a.truth dtbraw pid 4)" \
	'' '   Virtual        Physical         Size     ' \
	'-------------- -------------- --------------' >want
cmp want got || fail "kernel/memmap: $(cat got)"
zero=$(pid_of a.truth zerodtb.exe)
expect_same "$(tail -1 "mnt/proc/$zero/memmap")" \
	'Unable to read pages for task.'

expect_same "$(cat "mnt/proc/$pid/dtb")" \
	"$(printf '0x%x' $((dtb_raw & ~0xfff)))" dtb
expect_same "$(wc -l <"mnt/proc/$pid/dtb")" 1
for pid_dir in mnt/proc/[0-9]*; do
	expect_same "$(awk -v e="$(sed -n 's/^Eprocess:.//p' \
		"$pid_dir/status")" 'NR == 1 {
			for (i = 12; i <= NF; i++)
				name[i] = $i
		}
		$4 == e {
			for (i = 12; i <= NF; i++)
				if ($i == "yes")
					print name[i]
		}' mnt/processes)" "$(cat "$pid_dir/methods")" methods
done
grep -qx PsActiveProcessHead "mnt/proc/$pid/methods" || fail "methods"
od -An -c "mnt/dtb/$(cat "mnt/proc/$pid/dtb")/dtb" >/dev/null 2>&1 &&
	fail "dtb/ has a dtb file"

# As gdb's "info proc mappings" and everybody's parsers take it: six fields,
# ascending, not overlapping.
line='^[0-9a-f]{8,16}-[0-9a-f]{8,17} [r-][w-][x-][ps] [0-9a-f]{8,16} 00:00 0 '
for maps in mnt/proc/*/maps mnt/kernel/maps mnt/dtb/*/maps; do
	if grep -Evq "$line" "$maps"; then
		fail "$maps: $(grep -Ev "$line" "$maps" | head -1)"
	fi
	sed 's/-/ /' "$maps" | awk '{ printf "%16s %16s\n", $1, $2 }' |
		tr ' ' 0 | sed 's/^\(.\{16\}\)0/\1 /' |
		awk '"x" $1 < "x" last || "x" $2 <= "x" $1 { exit 1 }
			{ last = $2 }' ||
		fail "$maps: out of order"
done

columns='pid ppid name eprocess dtb session threads wow64 create exit state'
columns="$columns PsActiveProcessHead CSRSS PspCidTable Sessions Handles"
expect_same "$(head -1 mnt/processes | tr -s ' ')" "$columns"
awk 'NF != 16 { exit 1 }' mnt/processes || fail "processes: not 16 columns"
# Aligned: each column starts where its header does (in characters).
# The one name that is not ASCII is left out, as not every awk can count them.
tr -d '\n\040-\176' <mnt/processes | grep -q . || fail "no odd name"
awk 'NR == 1 { at = index($0, "eprocess"); next }
	/[^ -~]/ { next }
	substr($0, at, 6) != "0xffff" { exit 1 }' mnt/processes ||
	fail "processes: not aligned"
n='([0-9]+|-)' yes='(yes|no|-)' seen='(yes|no|MISSING|-)'
time='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'
tail -n +2 mnt/processes | tr -s ' ' | grep -Ev \
	"^$n $n [^ ]+ 0x[0-9a-f]{16} 0x[0-9a-f]+ $n $n $yes $time ($time|-) [a-z,-]+ $seen $seen $seen $seen $seen\$" &&
	fail "processes: odd line"
awk -F '\t' '$1 == "proc" {
	printf "%s %s %s %s %s %s\n", $2, $3, $5, ($10 < 0 ? "-" : $10), $11,
		$12 ? "yes" : "no"
}' a.truth | sort >want
awk 'NR > 1 { print $1, $2, $4, $6, $7, $8 }' mnt/processes | sort >got
cmp want got || fail "processes: $(diff want got | head -3)"
expect_same "$(awk '$3 == "exited.exe" { print $11 }' mnt/processes)" exited
expect_same "$(awk '$3 == "my\\040program.exe" { print $1 }' mnt/processes)" \
	"$(pid_of a.truth 'my program.exe')"

for file in mnt/image/info mnt/proc/*/status mnt/proc/*/paging \
	mnt/kernel/paging; do
	grep -Evq '^[A-Z][A-Za-z0-9]*:	.+$' "$file" &&
		fail "$file: $(grep -Ev '^[A-Z][A-Za-z0-9]*:	.+$' "$file")"
done
key()
{
	sed -n "s/^$1:\t *//p" "$2"
}
kernel()
{
	awk -F '\t' -v i="$1" '$1 == "kernel" { print $i }' a.truth
}
info=mnt/image/info
expect_same "$(key KernelBase $info)" "$(kernel 2)"
expect_same "$(key Dtb $info)" "$(kernel 4)"
expect_same "$(key Build $info)" "$(kernel 5)"
expect_same "$(key KernelGuid $info)" "$(kernel 6)"
expect_same "$(key Profile $info)" "$(kernel 8)"
expect_same "$(key InvalidPteMask $info)" "$(kernel 11)"
status=mnt/proc/$pid/status
expect_same "$(key Name "$status")" explorer.exe
expect_same "$(key Pid "$status")" "$pid"
expect_same "$(key PPid "$status")" "$(truth_proc a.truth ppid pid "$pid")"
expect_same "$(key Eprocess "$status")" \
	"$(truth_proc a.truth eprocess pid "$pid")"
expect_same "$(key UserDtb "$status")" \
	"$(truth_proc a.truth userdtb pid "$pid")"
expect_same "$(key Peb "$status")" "$(truth_proc a.truth peb pid "$pid")"
want=$(awk -F '\t' -v p="$pid" \
	'$1 == "page" && $2 == p && $7 == "prototype" && $4 != "-" { n++ }
	END { print n + 0 }' a.truth)
expect_same "$(key PagesPrototype "mnt/proc/$pid/paging")" "$want"
for pair in PagesTransition:transition \
	PagesPagedOut:pagefile PagesDemandZero:demandzero \
	PagesOutsideImage:outside Large2M:large; do
	want=$(awk -F '\t' -v p="$pid" -v s="${pair#*:}" \
		'$1 == "page" && $2 == p && $7 == s { n++ } END { print n + 0 }' \
		a.truth)
	expect_same "$(key "${pair%:*}" "mnt/proc/$pid/paging")" "$want" "$pair"
done
expect_same "$(cat mnt/image/iomem)" "00000000-03ffffff : System RAM"
expect_same "$(cat mnt/image/runs)" "0x0 0x4000000 0x0"
umount_checked mnt
