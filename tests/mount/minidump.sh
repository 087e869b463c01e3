#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# minidump.dmp: all streams against the truth and the rest of the mount, in
# all architectures, and what obj2yaml and lldb of LLVM make of it.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# check NAME TRUTH ARCH BUILD: of all processes of mnt.
check()
{
	python3 -B "$test_dir/minidump.py" "${@:2}" mnt/proc/[0-9]* >count ||
		fail "$1: $(cat count)"
}
# has WORD: a count that minidump.py printed is not 0.
has()
{
	grep -q "\<$1=[1-9]" count || fail "$1: $(cat count)"
}

while read -r layout arch build options; do
	# shellcheck disable=SC2086 # they are words
	make_image b --layout "$layout" --size 48 $options
	must_mount b.img mnt
	check "$layout" b.truth "$arch" "$build"
	has ranges
	if [ "$arch" != arm64 ]; then
		has placed
		has pdbs
	fi
	umount_checked mnt
done <<L
x86-5.1.2600 x86 2600 --threads --modules --objects
x86pae-6.1.7601 x86 7601 --threads --modules --states
amd64la57-10.0.22621 amd64 22621 --threads --modules
arm64-10.0.19041 arm64 19041
L
make_image b --threads --modules --hostile-names --bad-vads
must_mount b.img mnt -o all
# VADs that lead astray: the truth is not what is read.
check hostile /dev/null amd64 19041
has reserved
umount_checked mnt

make_image a --threads --modules --objects
must_mount a.img mnt
check x64 a.truth amd64 19041
has placed
pid=$(pid_of a.truth explorer.exe)
dump=mnt/proc/$pid/minidump.dmp
[ -e mnt/kernel/minidump.dmp ] && fail "of the kernel"
grep -aqF 'EVIL-MARKER-STRING password=hunter2' "$dump" ||
	fail "the marker"
if command -v file >/dev/null; then
	file "$dump" | grep -q 'Mini DuMP crash report' || fail "file"
fi
# Where its program is, and a page with a label.
base=$(awk -F '\t' -v p="$pid" '$1 == "module" && $2 == p &&
	$9 ~ /6578706c6f7265722e657865$/ { print $3 }' a.truth)
va=$(awk -F '\t' '$8 == "marker" { print $3 }' a.truth)
if command -v obj2yaml >/dev/null; then
	for i in mnt/proc/[0-9]*/minidump.dmp; do
		obj2yaml "$i" >got 2>err || fail "obj2yaml: $(cat err)"
	done
	obj2yaml "$dump" >got || fail obj2yaml
	grep -q 'Processor Arch: *AMD64' got || fail "obj2yaml: architecture"
	grep -A 4 -i "Base of Image: *$base" got |
		grep -qF 'C:\Windows\System32\explorer.exe' ||
		fail "obj2yaml: no explorer.exe at $base"
	expect_same "$(grep -c 'Thread Id:' got)" "$(awk -F '\t' -v p="$pid" \
		'$1 == "thread" && $2 == p && $11 == 0' a.truth | wc -l)" \
		"threads"
	grep -q 'State: *\[ MEM_FREE \]' got || fail "obj2yaml: MEM_FREE"
fi
if command -v lldb >/dev/null; then
	HOME=$tmp timeout 60 lldb -x -b -o 'image list' -o 'thread list' \
		-o 'register read' -o "memory read -c 32 $va" -o quit \
		-c "$dump" </dev/null >got 2>err || fail "lldb: $(cat err)"
	grep -q '(x86_64) was loaded' got || fail "lldb: $(cat got)"
	grep -q "0x0*${base#0x} C:.Windows.System32.explorer.exe" got ||
		fail "lldb: no explorer.exe: $(cat got)"
	# The first thread that has its registers.
	awk -F '\t' -v p="$pid" '$1 == "regs" && $2 == p && $4 == "user" {
		printf "%x %s\n", $3, substr($6, 3) }' a.truth >want
	[ -s want ] || fail "no registers in the truth"
	while read -r tid ip; do
		grep -q "thread #.*tid = 0x0*$tid, 0x0*$ip" got ||
			fail "lldb: no thread $tid at $ip: $(cat got)"
	done <want
	grep -q "WINPROCFS pid=" got || fail "lldb: memory: $(cat got)"
fi
umount_checked mnt
