#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are core, core32, dump and dump.idx of folders (proc/PID, kernel) made of
exactly the bytes that vmem has there, in their formats? ELF is read here from
its bytes alone, the index as the fixed text that it is.

	core.py FOLDER...
"""
import mmap
import os
import struct
import sys

MIB = 1 << 20


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


def check_core(folder, name, vmem, data, size):
    """One core against vmem."""
    fd = os.open(f"{folder}/{name}", os.O_RDONLY)
    core = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
    wide, _, phdrs = headers(core)
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
    for owner, kind, desc in notes_of(core[start:start + notes[0]["filesz"]]):
        if owner == "winprocfs" and \
                f"Segments:\t{len(loads)}\n" not in desc.decode():
            fail(f"{folder}/{name}: {desc} in note {kind}")
    os.close(fd)
    return len(loads)


def main():
    """All folders that are named."""
    n = 0
    for folder in sys.argv[1:]:
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
