#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# modules/: the list is the truth, modules are what memory has, and the files
# that are rebuilt are such to programs that know them.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# The lists of all processes and of the kernel, as the truth has them; each
# module as vmem has it.
cat >check.py <<'P'
import os, sys

def text(field):
    return None if field == "-" else bytes.fromhex(field).decode()

truth = {}
for line in open("a.truth", encoding="utf-8", errors="surrogateescape"):
    cell = line.rstrip("\n").split("\t")
    if cell[0] == "module":
        truth.setdefault(cell[1], {})[int(cell[2], 16)] = cell
bits = int(sys.argv[1])
seen = 0
for owner, modules in truth.items():
    folder = "mnt/kernel" if owner == "kernel" else "mnt/proc/" + owner
    rows = open(folder + "/modules/list", encoding="utf-8").read().split("\n")
    head = rows[0]
    assert head.split() == ["base", "size", "name", "path", "from", "marks",
                            "timestamp"], head
    got = {}
    for row in rows[1:-1]:
        assert not row.startswith("#"), (owner, row)
        cell = row.split()
        assert len(cell) == 7, row
        cell = cell[:2] + cell[4:7] + cell[2:4]
        assert len(cell[0]) == 2 + bits // 4, row
        got[int(cell[0], 16)] = cell
    assert list(got) == sorted(got)
    extra = set(got) - set(modules)
    if owner == "kernel":
        assert sorted(got[b][5] for b in extra) == ["hal.dll", "ntoskrnl.exe"]
    else:
        assert not extra, (owner, [got[b] for b in extra])
    files = set(os.listdir(folder + "/modules")) - {"list"}
    for base, want in modules.items():
        cell = got[base]
        size = int(want[3], 16)
        assert int(cell[1], 16) == size, (owner, want, cell)
        assert cell[2:4] == want[4:6], (owner, want, cell)
        assert int(cell[4], 16) == int(want[6], 16), (owner, want, cell)
        name, path = text(want[7]), text(want[8])
        if name is not None:
            assert cell[5].replace("\\040", " ") == name, (owner, want, cell)
        if path is not None:
            assert cell[6].replace("\\040", " ") == path, (owner, want, cell)
        own = [f for f in files if int(f.split("-")[0], 16) == base]
        # without headers, no file
        assert len(own) == (1 if want[5] == "no-vad" else 2), (owner, own)
        own.sort()
        whole = open(folder + "/modules/" + own[0], "rb").read()
        assert len(whole) == size
        with open(folder + "/vmem", "rb") as f:
            f.seek(base & (1 << min(bits, 48)) - 1)
            assert f.read(size) == whole, own[0]
        seen += 1
print(seen)
P

# Each .pe by a reader of its own: sections are what the module has in memory.
cat >pe.py <<'P'
import glob, sys
import pefile

n = 0
for name in sorted(glob.glob("mnt/proc/*/modules/*.pe") +
                   glob.glob("mnt/kernel/modules/*.pe")):
    if "ntoskrnl" in name:
        continue
    base = int(name.split("/")[-1].split("-")[0], 16)
    memory = open(name[:-3], "rb").read()
    pe = pefile.PE(name, fast_load=False)
    assert pe.OPTIONAL_HEADER.ImageBase == base, name
    assert len(pe.sections) == 4, name
    # what is in the file only, as far as it has sections
    end = 0x400
    for s in pe.sections:
        assert s.PointerToRawData == end, name
        end += s.SizeOfRawData
        data = s.get_data()
        # a part of a page of the file is in memory as a whole
        assert data == memory[s.VirtualAddress:][:len(data)], (name, s.Name)
    assert end == len(pe.__data__), (name, end)
    assert not pe.get_warnings(), (name, pe.get_warnings())
    debug = pe.DIRECTORY_ENTRY_DEBUG[0].entry
    assert debug.PdbFileName.rstrip(b"\0").startswith(b"d:\\made\\"), name
    assert pe.VS_FIXEDFILEINFO[0].FileVersionMS == 0x60002, name
    n += 1
assert n, "no files"
print(n)
P

# Packages are those of the system's own Python.
pefile=
for python in python3 /usr/bin/python3; do
	$python -c 'import pefile' 2>err && pefile=$python
done

for layout in amd64-10.0.19041-b amd64-6.1.7601-b x86pae-6.1.7601 \
	x86-5.1.2600; do
	bits=64
	case $layout in x86*) bits=32 ;; esac
	make_image a --modules --layout "$layout" || fail "$layout: no image"
	must_mount a.img mnt
	n=$(python3 check.py $bits) || fail "$layout: lists"
	expect_same "$n" "$(grep -c ^module a.truth)" "$layout: modules"
	if [ -n "$pefile" ]; then
		$pefile pe.py >n || fail "$layout: pefile"
		[ "$(cat n)" -ge 30 ] || fail "$layout: $(cat n) files"
	fi
	find mnt/proc mnt/kernel -path '*/modules/*.pe' >files
	if command -v file >out; then
		xargs -d '\n' file -b <files >out
		expect_same "$(grep -vc '^PE32+\? executable.*4 sections\|15 sections' out)" \
			0 "$layout: file says"
	fi
	if command -v objdump >out; then
		# All kernels have sections of that flag.
		xargs -d '\n' objdump -x <files >out 2>err || fail "objdump"
		grep -v 'ignoring section flag IMAGE_SCN_MEM_NOT_PAGED' err &&
			fail "$layout: objdump"
		file=$(grep -m1 'ntdll' files)
		objdump -d "$file" >out 2>err || fail "objdump -d $file"
		grep -q 'push .*bp' out || fail "$layout: objdump -d"
	fi
	umount_checked mnt
done
