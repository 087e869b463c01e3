# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of a mount that are too exact for the shell.

probe.py CHECK ARG...; says what is wrong and exits with 1. The checks are the
functions below whose names start with "check_".
"""
import errno
import hashlib
import json
import mmap
import os
import random
import re
import socket
import struct
import sys
import threading
import time

PAGE = 4096
# States (mkmem.c) of pages that have a frame and that this version reads, as
# far as the image has the frame. (A raw image has what lies between its RAM.)
READABLE = {"valid", "large", "partial", "transition", "table", "outside",
            "resident"}
# States of pages that a process has, but that cannot be read.
LOST = {"prototype", "pagefile", "reserved"}

# Protections of VADs whose pages are the process's own once written to: what
# Linux calls a private mapping.
WRITE_COPY = (5, 7)

MAPS_LINE = re.compile(
    r"^([0-9a-f]{8,16})-([0-9a-f]{8,17}) ([r-][w-][x-][ps]) "
    r"([0-9a-f]{8,16}) 00:00 0 (.*)$")
# Where a page is that is not in memory, behind its name.
ORIGIN = re.compile(r"\[(pagefile \d+|compressed|triage)\]$")
REGION_NAME = re.compile(
    r"^([0-9a-f]{8}|[0-9a-f]{16})-([0-9a-f]{8,17})\.([r-][w-][x-][ps])$")


def fail(text):
    print("FAIL: " + text, file=sys.stderr)
    sys.exit(1)


def expect(ok, text):
    if not ok:
        fail(text)


def read_file(path, mode="rb"):
    with open(path, mode) as f:
        return f.read()


class Page:
    def __init__(self, fields):
        self.va, self.pa, self.size = (
            None if x == "-" else int(x, 16) for x in fields[0:3])
        self.flags, self.state, self.content = fields[3:6]
        # By a prototype PTE, and it is in memory.
        if self.state == "prototype" and self.pa is not None:
            self.state = "resident"
        self.shared = False

    def perms(self):
        return ("r" + ("w" if self.flags[0] in "wW" else "-") +
                ("x" if self.flags[2] == "x" else "-") +
                ("s" if self.shared else "p"))


class Process:
    def __init__(self, fields):
        self.pid = int(fields[0])
        self.name = bytes.fromhex(fields[2]) if fields[2] != "-" else b""
        self.eprocess = int(fields[3], 16)
        self.dtb_raw = int(fields[4], 16)
        self.in_list = fields[11] == "1"
        self.pages = []


class Truth:
    """What mkmem says is in an image."""

    def __init__(self, path):
        self.runs, self.processes, self.kernel_pages = [], [], []
        self.maps, self.self_map, self.root = [], None, None
        for line in open(path):
            f = line.rstrip("\n").split("\t")
            if f[0] == "run":
                self.runs.append((int(f[1], 16), int(f[2], 16)))
            elif f[0] == "proc":
                self.processes.append(Process(f[1:]))
            elif f[0] == "page":
                self.of(int(f[1])).pages.append(Page(f[2:]))
            elif f[0] == "vad" and f[6] == "0" and \
                    int(f[4]) & 7 not in WRITE_COPY:
                first, last = int(f[2], 16), int(f[3], 16)
                for page in self.of(int(f[1])).pages:
                    page.shared |= first <= page.va <= last
            elif f[0] == "kpage":
                self.kernel_pages.append(Page(f[1:]))
            elif f[0] == "map":
                self.maps.append(Page(f[1:]))
            elif f[0] == "kernel":
                self.self_map = int(f[9])
                self.dtb = int(f[3], 16)
                self.arch = f[7].split("-")[0]
            elif f[0] == "paging":
                self.mode, self.root = f[1], int(f[2], 16)

    def of(self, pid):
        # With --dup-pid the pages follow their process.
        found = [p for p in self.processes if p.pid == pid]
        return found[-1]


class Rows:
    """Lines of maps or memmap that there should be."""

    def __init__(self, pages, runs):
        self.rows = []
        for page in sorted(pages, key=lambda p: p.va):
            if page.state not in READABLE:
                continue
            # Only that part of a frame which the image holds, in whole pages.
            for start, length in runs:
                first = max(page.pa, start)
                last = min(page.pa + page.size,
                           (start + length + PAGE - 1) & -PAGE)
                if first < last:
                    self.rows.append((page.va + first - page.pa, first,
                                      last - first, page))

    def coalesced(self, same_rights):
        out = []
        for va, pa, size, page in self.rows:
            if out and out[-1][0] + out[-1][2] == va and \
                    out[-1][1] + out[-1][2] == pa and \
                    (not same_rights or
                     out[-1][3].perms() == page.perms()):
                last = out.pop()
                va, pa, size = last[0], last[1], last[2] + size
                page = last[3]
            out.append((va, pa, size, page))
        return out

    def lines(self, coalesce, same_rights):
        return self.coalesced(same_rights) if coalesce else self.rows

    def extents(self, mask):
        out = []
        for va, _, size, _ in self.rows:
            va &= mask
            if out and out[-1][1] == va:
                out[-1][1] = va + size
            else:
                out.append([va, va + size])
        return [tuple(e) for e in out]


def parse_maps(path):
    out = []
    for line in read_file(path, "r").splitlines():
        m = MAPS_LINE.match(line)
        expect(m, "%s: no maps line: %r" % (path, line))
        start, end, pa = (int(m.group(i), 16) for i in (1, 2, 4))
        expect(start < end, "%s: empty range: %r" % (path, line))
        out.append((start, pa, end - start, m.group(3)))
    return out


def memmap_text(rows, head, digits, mask):
    out = list(head)
    if digits == 12:
        out += ["   Virtual        Physical         Size     ",
                "-------------- -------------- --------------"]
    else:
        out += [" Virtual    Physical     Size   ",
                "---------- ---------- ----------"]
    for va, pa, size, _ in rows:
        out.append("0x%0*x 0x%0*x %*s" % (digits, va & mask, digits, pa,
                                          digits + 2, "0x%x" % size))
    return "\n".join(out) + "\n"


def process_head(name, pid, dtb_raw):
    return ["*" * 50, "Process: '%s' pid: %-6d" % (name, pid), "",
            "Dumping address space at DTB 0x%x" % dtb_raw, ""]


def extents_of(path):
    fd = os.open(path, os.O_RDONLY)
    out, off, size = [], 0, os.fstat(fd).st_size
    while off < size:
        try:
            start = os.lseek(fd, off, os.SEEK_DATA)
        except OSError as e:
            expect(e.errno == errno.ENXIO, "%s: SEEK_DATA: %s" % (path, e))
            break
        off = os.lseek(fd, start, os.SEEK_HOLE)
        expect(off > start, "%s: empty extent at %x" % (path, start))
        out.append((start, off))
    os.close(fd)
    return out


def check_content(where, rows, vmem, pmem, image, mask, label_pid):
    fds = [os.open(p, os.O_RDONLY) for p in (vmem, pmem)]
    raw = open(image, "rb") if image else None
    pmem_size = os.fstat(fds[1]).st_size
    for va, pa, size, page in rows:
        by_va = os.pread(fds[0], size, va & mask)
        by_pa = os.pread(fds[1], size, pa)
        # The image may end within a page; vmem goes on with zeros.
        if pa + size > pmem_size:
            by_pa += bytes(pa + size - pmem_size)
        expect(len(by_va) == len(by_pa) == size,
               "%s: short read at %x" % (where, va))
        expect(hashlib.sha256(by_va).digest() ==
               hashlib.sha256(by_pa).digest(),
               "%s: vmem at %x and pmem at %x differ" % (where, va, pa))
        if raw:
            raw.seek(pa)
            expect(raw.read(size).ljust(size, b"\0") == by_pa,
                   "%s: pmem at %x is not the image's" % (where, pa))
        if page.content not in ("label", "marker"):
            continue
        for at in range(0, size, PAGE):
            label = b"WINPROCFS pid=%d va=%016x\0" % (label_pid, va + at)
            label = label[:min(size, pmem_size - pa) - at]
            expect(by_va[at:at + len(label)] == label,
                   "%s: wrong page at %x" % (where, va + at))
        if page.content == "marker":
            expect(b"EVIL-MARKER-STRING" in by_va,
                   "%s: no marker at %x" % (where, va))
    for fd in fds:
        os.close(fd)


def check_regions(folder, rows, mask):
    """Their ranges are those of the rows, their bytes those of vmem."""
    vmem = os.open(folder + "/vmem", os.O_RDONLY)
    covered, expected = [], []
    for va, _, size, page in rows:
        expected.append((va, va + size, page.perms()))
    merged = []
    for start, end, perms in expected:
        if merged and merged[-1][1] == start and merged[-1][2] == perms:
            merged[-1] = (merged[-1][0], end, perms)
        else:
            merged.append((start, end, perms))
    for name in sorted(os.listdir(folder + "/regions")):
        m = REGION_NAME.match(name)
        expect(m, "%s: odd region name %r" % (folder, name))
        start, end = int(m.group(1), 16), int(m.group(2), 16)
        covered.append((start, end, m.group(3)))
        path = folder + "/regions/" + name
        data = read_file(path)
        expect(len(data) == end - start == os.stat(path).st_size,
               "%s: wrong length" % path)
        expect(data == os.pread(vmem, end - start, start & mask),
               "%s: differs from vmem" % path)
    os.close(vmem)
    expect(covered == merged, "%s: regions %s, expected %s" % (
        folder, set(covered) ^ set(merged), len(merged)))


def compare_space(folder, rows, options, mask, head, digits, label_pid,
                  mount, image, ignore=None):
    coalesce = "coalesce" in options
    maps = parse_maps(folder + "/maps")
    got = [m for m in maps if not ignore or not ignore(m[0])]
    want = [(va, pa, size, page.perms())
            for va, pa, size, page in rows.lines(coalesce, True)]
    for a, b in zip(got, want):
        expect(a == b, "%s/maps: %s, expected %s" % (
            folder, tuple(map(show, a)), tuple(map(show, b))))
    expect(len(got) == len(want), "%s/maps: %d lines, expected %d" % (
        folder, len(got), len(want)))
    if not ignore:
        text = read_file(folder + "/memmap", "r")
        want_text = memmap_text(rows.lines(coalesce, False), head, digits,
                                mask)
        expect(text == want_text, "%s/memmap is not\n%s" % (folder, want_text))
        extents = extents_of(folder + "/vmem")
        expect(extents == rows.extents(mask),
               "%s/vmem: data at %s, expected %s" % (
                   folder, [list(map(hex, e)) for e in extents],
                   [list(map(hex, e)) for e in rows.extents(mask)]))
        total = sum(size for _, _, size, _ in rows.rows)
        st = os.stat(folder + "/vmem")
        expect(st.st_blocks == (total + 511) // 512,
               "%s/vmem: %d blocks for %d bytes" % (folder, st.st_blocks,
                                                    total))
        check_regions(folder, rows.rows, mask)
    check_content(folder, rows.rows, folder + "/vmem", mount + "/image/pmem",
                  image, mask, label_pid)


def show(v):
    return v if isinstance(v, str) else hex(v)


def process_name(name):
    """A name as the tree has it: UTF-8, or else Windows-1252."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = "".join(chr(b) if b < 0x80 or b > 0x9f
                       else bytes([b]).decode("cp1252", "replace")
                       for b in name)
    return text


def check_truth(mount, truth_path, image, *options):
    """Every process of the truth: maps, memmap, vmem, regions. IMAGE: a raw
    one, or "-"; options: coalesce, all, elf."""
    truth = Truth(truth_path)
    image = None if image == "-" else image
    runs = truth.runs if "elf" in options else \
        [(0, os.stat(image).st_size)]
    whole = "all" in options
    narrow = truth.arch.startswith("x86")
    mask = 2**32 - 1 if narrow else 2**48 - 1
    dtb_mask = ~0x1f if truth.arch == "x86pae" else ~0xfff
    n = 0
    for p in truth.processes:
        if not p.in_list:
            continue
        folder = os.path.realpath("%s/by-eprocess/%016x" % (mount,
                                                            p.eprocess))
        expect(os.path.isdir(folder), "pid %d is missing" % p.pid)
        if not p.dtb_raw:
            expect(read_file(folder + "/dtb") == b"0x0\n",
                   "%s/dtb is not 0x0" % folder)
            expect(read_file(folder + "/maps") == b"",
                   "%s/maps is not empty" % folder)
            continue
        expect(read_file(folder + "/dtb", "r") ==
               "0x%x\n" % (p.dtb_raw & dtb_mask), "%s/dtb" % folder)
        pages = list(p.pages)
        ignore = None
        if whole:
            pages += truth.kernel_pages
            base = 0xffff000000000000 | truth.self_map << 39
            ignore = lambda va: base <= va < base + 2**39
        head = process_head(process_name(p.name), p.pid, p.dtb_raw)
        compare_space(folder, Rows(pages, runs), options, mask, head,
                      8 if narrow else 12, p.pid, mount, image, ignore)
        n += 1
    expect(n > 0, "no process was compared")
    print("%d processes compared" % n)


def check_plain(mount, truth_path, image, *options):
    """dtb/ROOT/ of an image without Windows."""
    truth = Truth(truth_path)
    folder = "%s/dtb/0x%x" % (mount, truth.root)
    bits = {"x86": 32, "pae": 32, "la57": 57}.get(truth.mode, 48)
    digits = 8 if bits == 32 else 12
    head = ["Dumping address space at DTB 0x%x" % truth.root, ""]
    compare_space(folder, Rows(truth.maps, [(0, os.stat(image).st_size)]), options,
                  2**bits - 1, head, digits, 1, mount, image)
    size = os.stat(folder + "/vmem").st_size
    print("%d pages compared, vmem has %#x bytes" % (len(truth.maps), size))


def check_sizes(top):
    """Text files are as long as stat says; names and types are those of
    readdir."""
    n = 0
    for folder, _, files in os.walk(top):
        for name in files:
            path = folder + "/" + name
            if os.path.islink(path) or name in ("vmem", "pagemap", "pmem"):
                continue
            size = os.stat(path).st_size
            fd = os.open(path, os.O_RDONLY)
            length = 0
            while True:
                data = os.read(fd, 1 << 20)
                if not data:
                    break
                length += len(data)
            expect(length == size, "%s: %d bytes, stat says %d" % (
                path, length, size))
            expect(os.pread(fd, 10, size) == b"" and
                   os.pread(fd, 10, size + 12345) == b"",
                   "%s: bytes beyond its end" % path)
            os.close(fd)
            n += 1
    expect(n > 50, "only %d files" % n)


def check_inodes(a, b):
    """The same inode numbers in two mounts, and each but once."""
    def numbers(top):
        out = {}
        for folder, dirs, files in os.walk(top):
            for name in dirs + files:
                path = folder + "/" + name
                out[os.path.relpath(path, top)] = os.lstat(path).st_ino
                # What readdir said is what stat says.
            for e in os.scandir(folder):
                expect(e.inode() == os.lstat(e.path).st_ino,
                       "%s: readdir has another inode" % e.path)
        return out

    first, second = numbers(a), numbers(b)
    expect(first == second, "inodes differ: %s" % [
        k for k in first if first[k] != second.get(k)][:5])
    seen = {}
    for path, ino in first.items():
        # A space can be reached by several folders of dtb/.
        other = seen.setdefault(ino, path)
        expect(other == path, "%s and %s: same inode" % (path, other))
    print("%d inodes" % len(first))


def check_mmap(folder):
    """mmap of the regions, and of vmem at each of them, gives what read
    gives."""
    vmem = os.open(folder + "/vmem", os.O_RDONLY)
    for name in os.listdir(folder + "/regions"):
        start = int(name.split("-")[0], 16)
        data = read_file(folder + "/regions/" + name)
        with open(folder + "/regions/" + name, "rb") as f:
            with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
                expect(m[:] == data, "%s: mmap differs" % name)
        with mmap.mmap(vmem, len(data) + PAGE, prot=mmap.PROT_READ,
                       flags=mmap.MAP_PRIVATE, offset=start) as m:
            expect(m[:len(data)] == data, "vmem at %x: mmap differs" % start)
    with mmap.mmap(vmem, PAGE, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE,
                   offset=0x10000) as m:
        expect(m[:] == bytes(PAGE), "mmap of a hole is not zeros")


def check_edges(folder):
    """Reads across the borders of pages, regions and holes: any offset and
    length gives the same as page by page."""
    vmem = os.open(folder + "/vmem", os.O_RDONLY)
    size = os.fstat(vmem).st_size
    rng = random.Random(1)
    for start, end in extents_of(folder + "/vmem"):
        for at in (start, end):
            for _ in range(4):
                first = max(at - rng.randrange(3 * PAGE), 0)
                length = rng.randrange(1, 5 * PAGE)
                want = b"".join(os.pread(vmem, 1, first + i)
                                for i in range(0, length, 511))
                got = os.pread(vmem, length, first)
                expect(len(got) == min(length, size - first),
                       "%x: %d bytes of %d" % (first, len(got), length))
                expect(got[::511] == want, "%x+%x differs" % (first, length))
    expect(os.pread(vmem, 100, size - 50) == bytes(50), "end of vmem")
    expect(os.pread(vmem, 100, size) == b"", "beyond the end of vmem")
    for whence, at in ((os.SEEK_DATA, size), (os.SEEK_HOLE, size),
                       (os.SEEK_DATA, size - 1)):
        try:
            os.lseek(vmem, at, whence)
            fail("seek at %x works" % at)
        except OSError as e:
            expect(e.errno == errno.ENXIO, "seek at %x: %s" % (at, e))


def check_parallel(mount, other, n):
    """N readers at once of another mount of the image, each in an order of its
    own, see what one sees in the first."""
    jobs = []
    for folder, dirs, files in os.walk(mount):
        dirs[:] = [d for d in dirs if d not in ("by-name", "by-eprocess")]
        for name in files:
            path = folder + "/" + name
            if os.path.islink(path):
                continue
            if name in ("vmem", "pagemap", "pmem"):
                jobs += [(os.path.relpath(path, mount), a, b - a)
                         for a, b in extents_of(path)]
            else:
                jobs.append((os.path.relpath(path, mount), 0,
                             os.stat(path).st_size))

    def digest(top, job):
        h, fd = hashlib.sha256(), os.open(top + "/" + job[0], os.O_RDONLY)
        off, end = job[1], job[1] + job[2]
        while off < end:
            data = os.pread(fd, min(end - off, 1 << 20), off)
            expect(data, "%s: nothing at %x" % (job[0], off))
            h.update(data)
            off += len(data)
        os.close(fd)
        return h.digest()

    want = {job: digest(mount, job) for job in jobs}
    wrong = []

    def reader(seed):
        try:
            mine = random.Random(seed).sample(jobs, len(jobs))
            wrong.extend(j for j in mine if digest(other, j) != want[j])
        except (OSError, SystemExit) as e:
            wrong.append(e)

    threads = [threading.Thread(target=reader, args=(i,))
               for i in range(int(n))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    expect(not wrong, "readers disagree: %s" % wrong[:3])
    print("%d jobs, %s readers" % (len(jobs), n))


def is_lost(page, image_len):
    return page.state in LOST or \
        (page.state == "outside" and page.pa >= image_len)


def check_eio(mount, truth_path, image):
    """holes=eio."""
    truth = Truth(truth_path)
    image_len = os.stat(image).st_size
    lost = 0
    for p in truth.processes:
        folder = "%s/by-eprocess/%016x" % (mount, p.eprocess)
        vmem = os.open(folder + "/vmem", os.O_RDONLY)
        pages = {q.va: q for q in p.pages}
        for page in p.pages:
            if not is_lost(page, image_len):
                continue
            lost += 1
            for at, length in ((0, PAGE), (0, 1), (100, 8), (4095, 1),
                               (0, 1 << 20)):
                try:
                    os.pread(vmem, length, page.va + at)
                    fail("pid %d, %x (%s): can be read" % (
                        p.pid, page.va + at, page.state))
                except OSError as e:
                    expect(e.errno == errno.EIO, "%x: %s" % (page.va, e))
            before = pages.get(page.va - PAGE)
            if not before or not is_lost(before, image_len):
                got = os.pread(vmem, 3 * PAGE, page.va - PAGE)
                expect(len(got) == PAGE, "pid %d, into %x: %d bytes" % (
                    p.pid, page.va, len(got)))
                got = os.pread(vmem, 200, page.va - 100)
                expect(len(got) == 100, "pid %d, into %x: %d bytes" % (
                    p.pid, page.va, len(got)))
        for page in p.pages:
            if page.state in READABLE and page.pa + page.size <= image_len:
                got = os.pread(vmem, PAGE, page.va)
                expect(len(got) == PAGE, "%x: %d bytes" % (page.va, len(got)))
            elif page.state == "demandzero":
                expect(os.pread(vmem, PAGE, page.va) == bytes(PAGE),
                       "pid %d, %x: demand zero is not zeros" % (p.pid,
                                                                 page.va))
        expect(os.pread(vmem, 1 << 20, 0x1000) == bytes(1 << 20),
               "what the process does not have is not zeros")
        os.close(vmem)
    expect(lost > 10, "no lost page in this image")
    print("%d lost pages" % lost)


def check_zero(mount, truth_path):
    """holes=zero: lost pages are zeros."""
    for p in Truth(truth_path).processes:
        vmem = os.open("%s/by-eprocess/%016x/vmem" % (mount, p.eprocess),
                       os.O_RDONLY)
        for page in p.pages:
            if page.state in LOST | {"outside", "demandzero"}:
                expect(os.pread(vmem, page.size, page.va) == bytes(page.size),
                       "pid %d, %x: not zeros" % (p.pid, page.va))
        os.close(vmem)


def is_cut(line):
    return line.endswith("[cut: more tables or pages than an image of this"
                         " size can have]")


def check_space(folder, pmem):
    """An address space says the same everywhere: the ranges of maps ascend,
    are those of the data in vmem and of st_blocks, and read as the memory
    they name (some thousand of them where there are more)."""
    vmem = os.open(folder + "/vmem", os.O_RDONLY)
    pmem = os.open(pmem, os.O_RDONLY)
    st = os.fstat(vmem)
    mask = st.st_size - 1 if st.st_size & (st.st_size - 1) == 0 else -1
    lines = read_file(folder + "/maps", "r").splitlines()
    ranges, union, total = [], [], 0
    for line in lines[:-1] if lines and is_cut(lines[-1]) else lines:
        m = MAPS_LINE.match(line)
        expect(m, "%s: no maps line: %r" % (folder, line))
        start, end, pa = (int(m.group(i), 16) for i in (1, 2, 4))
        start, end = start & mask, ((end - 1) & mask) + 1
        expect(start < end and (not union or start >= union[-1][1]),
               "%s: does not ascend: %r" % (folder, line))
        ranges.append((start, end - start, pa))
        total += end - start
        if union and union[-1][1] == start:
            union[-1] = (union[-1][0], end)
        else:
            union.append((start, end))
    expect(st.st_blocks == (total + 511) // 512,
           "%s: %d blocks for %d bytes" % (folder, st.st_blocks, total))
    for va, size, pa in ranges[::max(1, len(ranges) // 4000)]:
        size = min(size, 1 << 20)
        expect(os.pread(vmem, size, va) ==
               os.pread(pmem, size, pa).ljust(size, b"\0"),
               "%s: vmem at %x is not pmem at %x" % (folder, va, pa))
    extents = extents_of(folder + "/vmem")
    expect(extents == union, "%s: %d extents of data, %d ranges in maps" % (
        folder, len(extents), len(union)))
    os.close(vmem)
    os.close(pmem)


def check_pagemap(folder):
    """pagemap has each page of maps, and no other that is present; its holes
    are where it has nothing, its blocks are what is left."""
    fd = os.open(folder + "/pagemap", os.O_RDONLY)
    st = os.fstat(fd)
    mask = os.stat(folder + "/vmem").st_size - 1
    expect(st.st_size == (mask + 1) // PAGE * 8, "%s: size" % folder)
    if mask & (mask + 1):
        mask = 0xffffffff
    n = 0
    for line in read_file(folder + "/maps", "r").splitlines():
        m = MAPS_LINE.match(line)
        start, end, offset = (int(m.group(i), 16) for i in (1, 2, 4))
        count = (end - start) // PAGE
        data = os.pread(fd, 8 * count, (start & mask) // PAGE * 8)
        for i, entry in enumerate(struct.unpack("<%dQ" % count, data)):
            path = m.group(5).strip()
            path = ORIGIN.search(path)
            path = path.group(0) if path else ""
            if path:
                ok = entry >> 62 == 1
                if path.startswith("[pagefile "):
                    ok = ok and entry & 31 == int(path[10:-1])
            else:
                ok = (entry >> 63 == 1 and entry & (1 << 55) - 1 ==
                      offset // PAGE + i)
            if m.group(3)[3] == "s":
                ok = ok and entry >> 61 & 1
            expect(ok, "%s/pagemap: %#x at %x" % (folder, entry,
                                                  start + i * PAGE))
            n += path == ""
    present = total = 0
    for start, end in extents_of(folder + "/pagemap"):
        expect(start % PAGE == 0, "%s: data at %x" % (folder, start))
        for at in range(start, end, PAGE):
            block = os.pread(fd, PAGE, at)
            expect(any(block), "%s: zeros at %x" % (folder, at))
            present += sum(e >> 63 for e in struct.unpack(
                "<%dQ" % (len(block) // 8), block))
            total += len(block)
    expect(present == n, "%s/pagemap: %d present, %d in maps" % (
        folder, present, n))
    expect(st.st_blocks == (total + 511) // 512, "%s: %d blocks" % (
        folder, st.st_blocks))
    os.close(fd)
    expect(n > 50, "only %d pages" % n)


def check_spaces(mount):
    """The same for all address spaces that are listed."""
    n = 0
    for top in ("proc", "dtb", "."):
        for name in sorted(os.listdir(mount + "/" + top)):
            folder = "%s/%s/%s" % (mount, top, name)
            if os.path.exists(folder + "/vmem"):
                check_space(folder, mount + "/image/pmem")
                n += 1
    expect(n, "no address spaces in " + mount)


def check_names(mount):
    """No name or line of the tree holds a control character or bad UTF-8."""
    bad = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e]")
    for folder, dirs, files in os.walk(os.fsencode(mount)):
        for name in dirs + files:
            text = name.decode("utf-8")
            expect(not bad.search(text) and text not in (".", ".."),
                   "name %r" % name)
            path = folder + b"/" + name
            if os.path.islink(path):
                target = os.readlink(path)
                if name in (b"exe", b"cwd"):
                    expect(b"/" not in target and b"\\" in target and
                           not bad.search(target.decode("utf-8")) and
                           not os.path.exists(path),
                           "%r leads to %r" % (path, target))
                    continue
                if name == b"self" and folder.endswith(b"/proc"):
                    expect(re.match(rb"^[0-9a-f-]+$", target),
                           "self is %r" % target)
                    continue
                # Of handles: they lead nowhere.
                if folder.endswith(b"/fd"):
                    expect(b"/" not in target and
                           not bad.search(target.decode("utf-8")) and
                           not os.path.exists(path),
                           "%r leads to %r" % (path, target))
                    continue
                expect(re.match(rb"^\.\./proc/[0-9a-f-]+$", target),
                       "link to %r" % target)
                expect(os.path.isdir(path), "%r leads nowhere" % name)
            elif os.path.isfile(path) and b"/regions" not in folder and \
                    (b"/modules" not in folder or name == b"list") and \
                    name not in (b"core", b"core32", b"dump", b"dump.idx",
                                 b"minidump.dmp") and \
                    os.stat(path).st_size < 1 << 20:
                text = read_file(path).decode("utf-8")
                if name in (b"cmdline", b"environ"):
                    expect(text[-1:] in ("", "\0"), "%r: its end" % path)
                    continue
                for line in text.splitlines():
                    expect(not bad.search(line.replace("\t", "")),
                           "%r: line %r" % (path, line))


def check_rss(limit, *command):
    """Runs a command; its output stays what it is, its exit code too; 98
    where it took more than LIMIT kB."""
    import resource
    import subprocess
    rc = subprocess.call(command)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if peak > int(limit):
        print("FAIL: %s took %d kB" % (command, peak), file=sys.stderr)
        sys.exit(98)
    sys.exit(rc)


def check_wait(seconds):
    time.sleep(float(seconds))


def check_live_truth(mount, truth_path, image):
    """Sizes, and some bytes of what is there now."""
    data = read_file(image)
    expect(read_file(mount + "/image/pmem") == data, "image/pmem")
    for line in read_file(truth_path, "r").splitlines():
        fields = line.split("\t")
        if fields[0] != "proc":
            continue
        folder = "%s/proc/%s" % (mount, fields[1])
        rows = parse_maps(folder + "/maps")
        with open(folder + "/vmem", "rb", buffering=0) as vmem:
            for va, pa, _, _ in rows[:8]:
                vmem.seek(va)
                expect(not pa or vmem.read(PAGE) == data[pa:pa + PAGE],
                       "%s: vmem at %#x" % (folder, va))


def check_live_mmap(path, image):
    """A private mapping shows what memory was when it was looked at."""
    data = read_file(image)
    with open(path, "rb") as f:
        m = mmap.mmap(f.fileno(), len(data), mmap.MAP_PRIVATE,
                      mmap.PROT_READ)
        expect(m[:] == data, "private mapping")
        m.close()


def churn_text(path):
    with open(path, "rb") as f:
        text = f.read()
        f.seek(0)
        expect(f.read() == text, path + ": changed while it was open")


def churn_once(mount, rng):
    """What a user may do, some of it; what is not there any more is no
    failure."""
    top = rng.choice(["", "proc", "dtb", "by-name", "image", "kernel"])
    folder = os.path.join(mount, top)
    names = sorted(os.listdir(folder))
    for name in rng.sample(names, min(3, len(names))):
        path = os.path.join(folder, name)
        if top in ("proc", "dtb"):
            path = os.path.join(path, rng.choice(
                ["maps", "memmap", "paging", "status", "cmdline", "environ",
                 "regions", "vmem", "exe", "comm", "vtop/0x10000", "core",
                 "dump", "dump.idx", "minidump.dmp"]))
        if os.path.islink(path):
            os.readlink(path)
        elif os.path.isdir(path):
            os.listdir(path)
        elif os.path.basename(path) in ("vmem", "pmem", "pagemap", "core",
                                        "core32", "dump",
                                        "minidump.dmp"):
            with open(path, "rb") as f:
                for _ in range(3):
                    f.seek(os.lseek(f.fileno(), rng.randrange(1 << 24),
                                    os.SEEK_DATA))
                    f.read(65536)
        else:
            churn_text(path)


def churn(mount, seed, stop, errors):
    rng = random.Random(seed)
    while not stop.is_set():
        try:
            churn_once(mount, rng)
        except OSError as e:
            if e.errno not in (errno.ENOENT, errno.ESTALE, errno.EIO,
                               errno.ENXIO, errno.ENOTDIR):
                errors.append(str(e))
                return
        except BaseException as e:
            errors.append(repr(e))
            return


def check_live_churn(mount, image, seconds, *machines):
    """8 readers while the image becomes one machine or another, piece by
    piece."""
    stop = threading.Event()
    errors = []
    threads = [threading.Thread(target=churn, args=(mount, i, stop, errors))
               for i in range(8)]
    rng = random.Random(99)
    data = [read_file(path) for path in machines]
    for t in threads:
        t.start()
    end = time.monotonic() + float(seconds)
    with open(image, "r+b") as f:
        while time.monotonic() < end and not errors:
            source = rng.choice(data)
            for at in range(0, len(source), 1 << 18):
                if rng.randrange(4):
                    f.seek(at)
                    f.write(source[at:at + (1 << 18)])
            f.flush()
    stop.set()
    for t in threads:
        t.join()
    expect(not errors, "; ".join(errors))


def rss_of(pid):
    for line in read_file("/proc/%s/status" % pid, "r").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    return 0


def check_live_rss(mount, pid, n, sanitized):
    """Memory does not grow with the number of sessions."""
    def count():
        text = read_file(mount + "/log", "r")
        return int(re.search(r"read (\d+) time\(s\)", text).group(1))

    def work():
        for name in os.listdir(mount + "/proc"):
            if not name[0].isdigit():
                continue
            try:
                read_file("%s/proc/%s/maps" % (mount, name))
                os.listdir("%s/proc/%s/regions" % (mount, name))
            except OSError as e:
                expect(e.errno == errno.ESTALE, str(e))
    first = count()
    before = 0
    while count() < first + int(n):
        work()
        if not before and count() > first + 20:
            before = rss_of(pid)
    after = rss_of(pid)
    expect(sanitized == "yes" or after < before + 16384,
           "from %d to %d kB" % (before, after))


def qmp(path, command, arguments):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        f = s.makefile("rw")
        f.readline()
        for c, a in (("qmp_capabilities", {}), (command, arguments)):
            f.write(json.dumps({"execute": c, "arguments": a}) + "\n")
            f.flush()
            answer = json.loads(f.readline())
            while "event" in answer:
                answer = json.loads(f.readline())
            expect("return" in answer, "QMP: %s" % answer)


def gdb(s, packet):
    """One exchange with a debugger stub."""
    s.sendall(b"$%s#%02x" % (packet, sum(packet) & 255))
    answer = b""
    while not re.search(rb"#..$", answer):
        got = s.recv(4096)
        expect(got, "the debugger stub has gone")
        answer += got
    s.sendall(b"+")
    return re.search(rb"\$(.*)#..$", answer, re.S).group(1)


def check_live_qemu(mount, qmp_path, gdb_path, saved):
    """What QEMU says is in the guest's memory, what it puts there."""
    pmem = mount + "/image/pmem"
    qmp(qmp_path, "pmemsave", {"val": 0, "size": 32 << 20,
                               "filename": saved})
    # Below 1 MiB the firmware lies over memory.
    mine, theirs = (read_file(p)[1 << 20:] for p in (pmem, saved))
    expect(len(mine) == 31 << 20 and mine == theirs, "pmem is not QEMU's")
    with socket.socket(socket.AF_UNIX) as s, \
            open(pmem, "rb", buffering=0) as f:
        s.connect(gdb_path)
        at = 0x1234560
        f.seek(at)
        old = f.read(16)
        expect(old != b"written by QEMU!", "nothing was written yet")
        expect(gdb(s, b"M%x,10:%s" % (at, b"written by QEMU!".hex().encode()))
               == b"OK", "gdb: M")
        f.seek(at)
        expect(f.read(16) == b"written by QEMU!", "pmem that is open")
        expect(read_file(pmem)[at:at + 16] == b"written by QEMU!", "pmem")
        gdb(s, b"M%x,10:%s" % (at, old.hex().encode()))
        # ImageFileName of smss.exe: 15 bytes, wherever such are.
        name = b"smss.exe".ljust(15, b"\0")
        places = [m.start() for m in re.finditer(re.escape(name), theirs)]
        expect(places, "no smss.exe")
        for place in places:
            gdb(s, b"M%x,4:%s" % (place + (1 << 20), b"qemu".hex().encode()))
        while not any(n.startswith("qemu.exe-")
                      for n in os.listdir(mount + "/by-name")):
            pass


def main():
    check = globals().get("check_" + sys.argv[1])
    if not check:
        sys.exit("no check " + sys.argv[1])
    check(*sys.argv[2:])


if __name__ == "__main__":
    main()
