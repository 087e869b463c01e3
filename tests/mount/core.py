#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are core, core32, dump and dump.idx of folders (proc/PID, kernel) made of
exactly the bytes that vmem has there, in their formats? ELF is read here from
its bytes alone, the index as the fixed text that it is.

	core.py [TRUTH] FOLDER...

With the truth of a machine with threads: are the notes about threads and files
what it says, no more and no less?
"""
import mmap
import os
import struct
import sys

MIB = 1 << 20
# Where NT_PRSTATUS has registers, by their names in the truth and its order of
# the others (ax cx dx bx sp bp si di r8...): place of the first in the note,
# bytes of each, numbers of each in struct user_regs.
STATUS = {
    62: (112, 8, {"ip": 16, "sp": 19, "flags": 18, "cs": 17},
         (10, 11, 12, 5, 19, 4, 13, 14, 9, 8, 7, 6, 3, 2, 1, 0)),
    3: (72, 4, {"ip": 12, "sp": 15, "flags": 14, "cs": 13},
        (6, 1, 2, 0, 15, 5, 3, 4)),
}


def fail(what):
    sys.exit(f"core.py: {what}")


def extents(fd):
    """Ranges of data, merged."""
    size, at, found = os.fstat(fd).st_size, 0, []
    while at < size:
        try:
            start = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        at = os.lseek(fd, start, os.SEEK_HOLE)
        found.append((start, at))
    return found


def merged(ranges):
    """Touching ranges as one."""
    out = []
    for start, end in ranges:
        if out and out[-1][1] == start:
            out[-1] = (out[-1][0], end)
        elif out and out[-1][1] > start:
            fail(f"ranges overlap at {start:#x}")
        else:
            out.append((start, end))
    return out


def same(one, at, other, start, length):
    """Are these bytes of two files the same?"""
    done = 0
    while done < length:
        n = min(length - done, MIB)
        a, b = os.pread(one, n, at + done), os.pread(other, n, start + done)
        if len(a) != n or a != b:
            fail(f"bytes of {start + done:#x} (file offset {at + done:#x})")
        done += n


def check_dump(folder, vmem, data, wide):
    """Lines of dump.idx, byte for byte, and what they say is in dump."""
    digits = 12 if wide else 8
    heads = (" File Address ", "    Length    ", " Virtual Addr ") if wide \
        else ("File Address", "  Length  ", "Virtual Addr")
    text = " ".join(heads) + "\n" + " ".join("-" * len(h) for h in heads) + "\n"
    dump = os.open(f"{folder}/dump", os.O_RDONLY)
    at = 0
    for start, end in data:
        for va in range(start, end, MIB):
            n = min(MIB, end - va)
            same(dump, at, vmem, va, n)
            cells = [f"0x{v:0{digits}x}".ljust(len(h))
                     for v, h in zip((at, n, va), heads)]
            text += " ".join(cells) + "\n"
            at += n
    if os.fstat(dump).st_size != at:
        fail(f"{folder}/dump is not of {at} bytes")
    if extents(dump) != ([(0, at)] if at else []):
        fail(f"{folder}/dump has holes")
    with open(f"{folder}/dump.idx", encoding="ascii") as f:
        if f.read() != text:
            fail(f"{folder}/dump.idx")
    os.close(dump)


def notes_of(blob):
    """Owner, type and content of each note."""
    at = 0
    while at < len(blob):
        n_owner, n_desc, kind = struct.unpack_from("<III", blob, at)
        at += 12
        owner = blob[at:at + n_owner - 1].decode()
        at += n_owner + 3 & ~3
        yield owner, kind, blob[at:at + n_desc]
        at += n_desc + 3 & ~3
    if at != len(blob):
        fail("the notes end within one")


def headers(core):
    """Class, machine, program headers."""
    head = core[:64]
    if head[:4] != b"\x7fELF" or head[5:7] != b"\1\1":
        fail("no ELF file")
    wide = head[4] == 2
    form = "<HHIQQQIHHHHHH" if wide else "<HHIIIIIHHHHHH"
    (kind, machine, _, _, phoff, shoff, _, _, phsize, phnum, shsize, shnum,
     _) = struct.unpack_from(form, head, 16)
    if kind != 4 or phsize != (56 if wide else 32):
        fail("no core file")
    if phnum == 0xffff:
        if shnum != 1 or shsize != (64 if wide else 40):
            fail("PN_XNUM without a section")
        phnum, = struct.unpack_from("<I", core, shoff + (44 if wide else 28))
        if phnum < 0xffff:
            fail("PN_XNUM for few segments")
    elif shnum or shoff:
        fail("sections")
    found = []
    for i in range(phnum):
        p = struct.unpack_from("<IIQQQQQQ" if wide else "<IIIIIIII", core,
                               phoff + i * phsize)
        if wide:
            keys = "type flags off va pa filesz memsz align"
        else:
            keys = "type off va pa filesz memsz flags align"
        found.append(dict(zip(keys.split(), p)))
    return wide, machine, found


def check_loads(folder, name, mask, fds, loads):
    """Segments against vmem and regions/; gives what they cover."""
    regions = {}
    for entry in os.listdir(f"{folder}/regions"):
        place, rights = entry.split(".")
        start, end = (int(x, 16) for x in place.split("-"))
        regions[start] = (end, rights[:3])
    last, ranges = 0, []
    for p in loads:
        va = p["va"] & mask
        if p["filesz"] != p["memsz"] or p["pa"] or p["align"] != 4096:
            fail(f"{folder}/{name}: segment {p}")
        if (p["off"] - p["va"]) % 4096 or p["off"] < last:
            fail(f"{folder}/{name}: place of {p}")
        last = p["off"] + p["filesz"]
        same(fds[0], p["off"], fds[1], va, p["filesz"])
        end, rights = regions[p["va"]]
        flags = "".join(c if p["flags"] & bit else "-"
                        for c, bit in (("r", 4), ("w", 2), ("x", 1)))
        if flags != rights or \
                (end != p["va"] + p["memsz"] and name != "core32"):
            fail(f"{folder}/{name}: {p} is {rights} up to {end:#x}")
        ranges.append((va, va + p["memsz"]))
    if os.fstat(fds[0]).st_size < last:
        fail(f"{folder}/{name}: ends at {last}")
    return merged(ranges)


def check_status(what, machine, desc, want):
    """Registers of a thread are those of the truth, the others 0."""
    first, size, places, order = STATUS[machine]
    if len(desc) != {62: 336, 3: 144}[machine]:
        fail(f"{what}: NT_PRSTATUS of {len(desc)} bytes")

    def get(place):
        at = first + place * size
        return int.from_bytes(desc[at:at + size], "little")

    origin, known = want[0], int(want[5], 16)
    for key, value in zip(("ip", "sp", "flags", "cs"), want[1:5]):
        if origin == "switch" and key in ("flags", "cs"):
            continue  # not in that frame
        if get(places[key]) != int(value, 16):
            fail(f"{what}: {key} {get(places[key]):#x}, not {value}")
    for i, value in enumerate(want[6:6 + len(order)]):
        value = int(value, 16) if known >> i & 1 else 0
        if i not in (4, 5) and get(order[i]) != value:
            fail(f"{what}: register {i} {get(order[i]):#x}, not {value:#x}")


def check_notes(folder, name, machine, notes):
    """Threads and files of a core against the truth."""
    pid = "4" if folder.endswith("/kernel") else folder.rsplit("/", 1)[1]
    kind = "kernel" if folder.endswith("/kernel") else \
        "user32" if name == "core32" else "user"
    want = {f[2]: f[4:] for f in TRUTH
            if f[0] == "regs" and f[1] == pid and f[3] == kind}
    if kind == "user32":  # interrupted there, not in 64-bit code
        want.update({f[2]: f[4:] for f in TRUTH
                     if f[0] == "regs" and f[1] == pid and f[3] == "user" and
                     f[8] == "0x23"})
    running = {f[2] for f in TRUTH if f[0] == "thread" and f[18] != "-1"}
    found = []
    for owner, note, desc in notes:
        if (owner, note) == ("CORE", 1):
            at = STATUS[machine][0] - (80 if machine == 62 else 48)
            tid = str(struct.unpack_from("<I", desc, at)[0])
            if tid in want:
                check_status(f"{folder}/{name}: {tid}", machine, desc,
                             want[tid])
            elif kind != "kernel" or tid not in running:
                fail(f"{folder}/{name}: thread {tid}")
            found.append(tid)
        if (owner, note) == ("CORE", 0x46494c45) and kind != "kernel":
            check_files(f"{folder}/{name}", pid, machine, desc)
    if len(set(found)) != len(found) or not set(want) <= set(found):
        fail(f"{folder}/{name}: threads {found}, not {sorted(want)}")
    if set(found) & running and found[0] not in running:
        fail(f"{folder}/{name}: {found[0]} is first")


def check_files(what, pid, machine, desc):
    """NT_FILE has the VADs that map files."""
    word = "<Q" if machine == 62 else "<I"
    size = struct.calcsize(word)

    def get(i):
        return struct.unpack_from(word, desc, i * size)[0]

    count = get(0)
    names = desc[(2 + 3 * count) * size:].decode().split("\0")
    if get(1) != 4096 or len(names) != count + 1 or names[-1]:
        fail(f"{what}: NT_FILE of {count} files, {len(names)} names")
    found = {(get(2 + 3 * i), get(3 + 3 * i)): names[i]
             for i in range(count)}
    for f in TRUTH:
        if f[0] != "vad" or f[1] != pid or not f[8].startswith("\\"):
            continue
        place = int(f[2], 16), int(f[3], 16) + 1
        if machine == 3 and place[1] > 1 << 32:
            continue
        if not found.pop(place, "").endswith(f[8]):
            fail(f"{what}: no {f[8]} at {place[0]:#x}")
    for place, file in found.items():
        print(f"{what}: {file} at {place[0]:#x} is not in the truth")


def check_core(folder, name, vmem, data, size):
    """One core against vmem."""
    fd = os.open(f"{folder}/{name}", os.O_RDONLY)
    core = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    wide, machine, phdrs = headers(core)
    limit = size if wide else 1 << 32
    mask = (1 << max(size.bit_length() - 1, 48) if wide else 1 << 32) - 1
    want = [(s, min(e, limit)) for s, e in data if s < limit]
    notes = [p for p in phdrs if p["type"] == 4]
    loads = [p for p in phdrs if p["type"] == 1]
    if len(notes) != 1 or len(loads) + 1 != len(phdrs):
        fail(f"{folder}/{name}: {phdrs[:3]}")
    if check_loads(folder, name, mask, (fd, vmem), loads) != want:
        fail(f"{folder}/{name}: has not what vmem has")
    start = notes[0]["off"]
    told = list(notes_of(core[start:start + notes[0]["filesz"]]))
    if TRUTH and "/dtb/" not in folder:
        check_notes(folder, name, machine, told)
    for owner, kind, desc in told:
        if owner == "winprocfs" and \
                f"Segments:\t{len(loads)}\n" not in desc.decode():
            fail(f"{folder}/{name}: {desc} in note {kind}")
    os.close(fd)
    return len(loads)


TRUTH = []


def main():
    """All folders that are named."""
    n, folders = 0, sys.argv[1:]
    if folders[0].endswith(".truth"):
        with open(folders.pop(0), encoding="ascii") as f:
            TRUTH.extend(line.rstrip("\n").split("\t") for line in f)
    for folder in folders:
        vmem = os.open(f"{folder}/vmem", os.O_RDONLY)
        size = os.fstat(vmem).st_size
        data = extents(vmem)
        check_dump(folder, vmem, data, size > 1 << 32)
        for name in ("core", "core32"):
            if os.path.exists(f"{folder}/{name}"):
                n += check_core(folder, name, vmem, data, size)
        os.close(vmem)
    print(f"{n} segments")


main()
