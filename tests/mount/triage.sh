#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Triage dumps: what they have is where it was, and nothing else is claimed.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires xxd
requires python3
requires_fuse

# field N of the record KEY of d.truth
truth()
{
	awk -F '\t' -v key="$1" -v n="$2" '$1 == key { print $n; exit }' \
		d.truth
}

# The bytes of every block, from a file of memory at an offset.
check_blocks()
{
	local va len off file at

	while IFS=$'\t' read -r _ va len off; do
		file=mnt/kernel/vmem
		((va > 0 && va < 0x70000000)) && file=mnt/proc/$pid/vmem
		at=$((va & mask))
		expect_same "$(xxd -p -s $at -l $((len)) "$file")" \
			"$(xxd -p -s $((off)) -l $((len)) d.img)" "block $va"
	done < <(grep -a ^block d.truth)
}

for layout in amd64-10.0.19041-b amd64-6.1.7601-b arm64-10.0.26100 \
	x86pae-6.1.7601; do
	make_image d --layout $layout --format triage
	case $layout in x86*) mask=$((0xffffffff)) ;; *)
		mask=$((0xffffffffffff)) ;; esac
	eprocess=$(truth triage 2)
	pid=$(truth_proc d.truth pid eprocess "$eprocess")
	must_mount d.img mnt
	grep -q '^Format:.triage$' mnt/image/info || fail "$layout: format"
	grep -q '^PhysicalBytes:.0$' mnt/image/info || fail "$layout: bytes"
	expect_same "$(find mnt/proc -mindepth 1 -type d -prune -printf '%f\n')" \
		"$pid" "$layout: processes"
	expect_same "$(stat -c %s mnt/image/pmem)" 0 "$layout: pmem"
	expect_same "$(wc -c <mnt/image/runs)" 0 "$layout: runs"
	expect_same "$(ls mnt/dtb)" "" "$layout: dtb"
	grep -q "^PPid:.$(truth_proc d.truth ppid pid "$pid")$" \
		"mnt/proc/$pid/status" || fail "$layout: ppid"
	grep -q "^RunningOn:.$(truth triage 5)$" "mnt/proc/$pid/status" ||
		fail "$layout: processor"
	expect_same "$(awk 'NR == 2 { print $(NF - 4), $NF }' mnt/processes)" \
		"- -" "$layout: methods"
	check_blocks
	# Extents of the sparse files are the ranges that maps lists.
	python3 - "$mask" mnt/kernel "mnt/proc/$pid" <<'P' ||
import os, sys
mask = int(sys.argv[1])
for folder in sys.argv[2:]:
    want = []
    for line in open(folder + "/maps"):
        cells = line.split()
        start, end = (int(x, 16) for x in cells[0].split("-"))
        assert cells[1:] == ["r--p", "00000000", "00:00", "0", "[triage]"]
        start, end = start & mask, ((end - 1) & mask) + 1
        if want and want[-1][1] == start:
            want[-1][1] = end
        else:
            want.append([start, end])
    got, at = [], 0
    fd = os.open(folder + "/vmem", os.O_RDONLY)
    while True:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        end = os.lseek(fd, at, os.SEEK_HOLE)
        got.append([at, end])
        at = end
    assert got == want, (folder, got, want)
    sizes = sorted(os.stat(e).st_size for e in os.scandir(folder + "/regions"))
    assert sizes == sorted(b - a for a, b in want), folder
P
		fail "$layout: extents"
	n=$(grep -ac ^driver d.truth)
	expect_same "$(sed 1d mnt/kernel/modules/list |
		cat - mnt/kernel/unloaded-modules | wc -l)" "$n" \
		"$layout: modules"
	grep -q "^0x0*$(truth driver 2 | cut -c3-) .* ntoskrnl" \
		mnt/kernel/modules/list || fail "$layout: kernel"
	grep -q 'this is a triage dump' mnt/log || fail "$layout: log"
	grep -q 'triage dump' mnt/README || fail "$layout: README"
	grep -q '^State:.in the dump$' \
		"mnt/kernel/vtop/$(truth triage 2)" || fail "$layout: vtop"
	tar cf /dev/null --exclude vmem --exclude pagemap mnt ||
		fail "$layout: tar"
	umount_checked mnt
	expect_rc 1 "$winprocfs" --check d.img
done

# holes=eio has nothing to say: nothing is known to be missing.
must_mount d.img mnt -o holes=eio
check_blocks
umount_checked mnt

# Cut within its header, and within its blocks.
for n in 4096 8000 12000; do
	head -c $n d.img >cut.img
	must_mount cut.img mnt
	grep -q '^warning: image: ' mnt/log || fail "cut at $n: log"
	ls -lR mnt >/dev/null || fail "cut at $n"
	umount_checked mnt
done

# Blocks without end, each a range of its own: as many as are allowed, in
# little memory.
make_image d --layout amd64-10.0.19041-b --format triage
python3 - <<'P'
import struct
d = bytearray(open("d.img", "rb").read())
at, n = len(d), 400000
d += b"".join(struct.pack("<QII", 0xffff900000000000 + 3 * i, 0x2080, 1)
              for i in range(n))
d[0x2078:0x2080] = struct.pack("<II", at, 0xffffffff)
open("many.img", "wb").write(d)
P
must_mount many.img mnt
expect_same "$(find mnt/kernel/regions -type f | head -200000 | wc -l)" \
	"$((131072 + 5))" "regions"
[ "$(wc -l <mnt/kernel/maps)" -gt 131072 ] || fail "maps"
tail -c 100 mnt/kernel/maps | grep -q triage || fail "end of maps"
grep -q 'data block(s) of the triage dump' mnt/log || fail "too many blocks"
peak=$(daemon_peak mnt)
# Sanitizers have their own shadow of it.
[ "$sanitized" = yes ] || [ "$peak" -lt $((64 << 10)) ] ||
	fail "$peak KiB for 131072 blocks"
umount_checked mnt

# User-mode minidumps are no images.
printf 'MDMP\x93\xa7\0\0' >user.dmp
head -c 100000 /dev/zero >>user.dmp
expect_rc 2 "$winprocfs" --check user.dmp
grep -q '^winprocfs: user.dmp: is a user-mode minidump (MDMP' err ||
	fail "MDMP: $(cat err)"
expect_same "$(wc -l <err)" 1
