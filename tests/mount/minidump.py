#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Are minidump.dmp of folders (proc/PID) what Microsoft's documentation
(MINIDUMP_*, CONTEXT) wants, and what the other files of the mount and the
truth of mkmem say?

	minidump.py TRUTH ARCH BUILD FOLDER...

ARCH: of the system, amd64, x86 or arm64. The first thing that is wrong is
said, with status 1; else how many streams, threads with registers, modules
with a PDB and ranges of memory there were.
"""

import mmap
import os
import struct
import sys

ARCHES = {"x86": 0, "amd64": 9, "arm64": 12}
MEM_COMMIT, MEM_RESERVE, MEM_FREE = 0x1000, 0x2000, 0x10000
TYPES = {0, 0x20000, 0x40000, 0x1000000}
# ContextFlags and where they, ip, sp, flags and the general registers are, of
# a CONTEXT of so many bytes.
CONTEXTS = {
    "amd64": (1232, 0x100000, 0x30, ("Q", 0xF8), ("Q", 0x98), ("I", 0x44),
              [("Q", 0x78 + 8 * i) for i in range(16)]),
    "x86": (716, 0x10000, 0, ("I", 0xB8), ("I", 0xC4), ("I", 0xC0),
            [("I", at) for at in (0xB0, 0xAC, 0xA8, 0xA4, 0xC4, 0xB4, 0xA0,
                                  0x9C)]),
    "arm64": (912, 0x400000, 0, ("Q", 0x108), ("Q", 0x100), ("I", 4),
              [("Q", 8 + 8 * i) for i in range(31)]),
}
counts = {"streams": 0, "threads": 0, "placed": 0, "pdbs": 0, "ranges": 0,
          "reserved": 0}


def expect(ok, what):
    if not ok:
        print("FAIL: " + what)
        sys.exit(1)


class Dump:
    """A file, and its directory."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.size = os.fstat(f.fileno()).st_size
            self.data = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
        magic, version, n, rva, _, self.time, self.flags = self.get("4sIIIIIQ",
                                                                    0)
        expect(magic == b"MDMP" and version & 0xFFFF == 0xA793,
               "%s: header" % path)
        self.streams = {}
        for i in range(n):
            kind, size, at = self.get("III", rva + 12 * i)
            expect(kind not in self.streams, "%s: %u twice" % (path, kind))
            expect(at % 4 == 0 and at + size <= self.size,
                   "%s: stream %u at %#x" % (path, kind, at))
            self.streams[kind] = (at, size)
            counts["streams"] += 1

    def get(self, form, at):
        expect(at + struct.calcsize("<" + form) <= self.size,
               "%s: %s at %#x" % (self.path, form, at))
        return struct.unpack_from("<" + form, self.data, at)

    def string(self, at):
        (n,) = self.get("I", at)
        expect(n % 2 == 0 and self.get("H", at + 4 + n)[0] == 0,
               "%s: string at %#x" % (self.path, at))
        return self.data[at + 4:at + 4 + n].decode("utf-16-le")

    def array(self, kind, head, form):
        """Entries of a list that begins with their number."""
        at, size = self.streams[kind]
        (n,) = self.get(head, at)
        start = at + struct.calcsize("<" + head)
        entry = struct.calcsize("<" + form)
        expect(size == start - at + n * entry,
               "%s: size of stream %u" % (self.path, kind))
        return [self.get(form, start + i * entry) for i in range(n)]

    def sized_array(self, kind, head, entry, form):
        """Entries of a list that says their size: the sizes, n."""
        at, size = self.streams[kind]
        got = self.get(head, at)
        expect(got[0] == struct.calcsize("<" + head) and got[1] == entry and
               struct.calcsize("<" + form) == entry and
               size == got[0] + got[2] * entry,
               "%s: head of stream %u" % (self.path, kind))
        return [self.get(form, at + got[0] + i * entry)
                for i in range(got[2])]


def read_truth(path):
    rows = []
    with open(path, encoding="utf-8") as f:
        for line in f:
            rows.append(line.rstrip("\n").split("\t"))
    return rows


def check_system(dump, arch, build):
    at, size = dump.streams[7]
    expect(size == 56, "%s: SystemInfo" % dump.path)
    got = dump.get("HHHBBIIIIIHH", at)
    expect(got[0] == ARCHES[arch], "%s: architecture %u" % (dump.path, got[0]))
    expect(got[7] == build and got[8] == 2 and
           (got[3] > 0 or arch == "arm64"),
           "%s: system %r" % (dump.path, got))
    dump.string(got[9])
    at, size = dump.streams[15]
    expect(size == 24, "%s: MiscInfo" % dump.path)
    pid = int(os.path.basename(os.path.dirname(dump.path)).split("-")[0])
    got = dump.get("IIIIII", at)
    expect(got[0] == 24 and got[2] == pid, "%s: MiscInfo" % dump.path)
    at, size = dump.streams[10]
    text = dump.data[at:at + size]
    expect(text[-1] == 0 and b"winprocfs" in text, "%s: comment" % dump.path)


def check_memory(dump, folder):
    """Each range against vmem, and that there are no others. Returns them."""
    at, size = dump.streams[9]
    n, base = dump.get("QQ", at)
    expect(size == 16 + 16 * n and base % 4096 == 0, "%s: memory" % dump.path)
    ranges = [dump.get("QQ", at + 16 + 16 * i) for i in range(n)]
    expect(base + sum(length for _, length in ranges) == dump.size,
           "%s: ends at %#x" % (dump.path, dump.size))
    want = []
    for name in sorted(os.listdir(folder + "/regions")):
        start, end = (int(x, 16) for x in name.split(".")[0].split("-"))
        if start >> 63: # with -o all, the kernel's
            continue
        if want and want[-1][1] == start:
            want[-1][1] = end
        else:
            want.append([start, end])
    expect([(s, e - s) for s, e in want] == ranges,
           "%s: ranges" % dump.path)
    counts["ranges"] += n
    vmem = os.open(folder + "/vmem", os.O_RDONLY)
    for start, length in ranges:
        for off in range(0, length, 1 << 20):
            part = min(1 << 20, length - off)
            expect(os.pread(vmem, part, start + off) ==
                   dump.data[base:base + part],
                   "%s: bytes of %#x" % (dump.path, start + off))
            base += part
    os.close(vmem)
    return ranges


def check_infos(dump, folder, pid, truth, ranges):
    infos = dump.sized_array(16, "IIQ", 48, "QQIIQIIII")
    at = 0
    for base, alloc, _, _, size, state, protect, kind, _ in infos:
        what = "%s: %#x" % (dump.path, base)
        expect(base == at and size > 0, what + ": gap")
        expect(state in (MEM_COMMIT, MEM_RESERVE, MEM_FREE), what)
        expect(kind in TYPES and alloc <= base, what + ": type")
        expect(state != MEM_RESERVE or protect == 0, what)
        expect(state != MEM_FREE or (alloc, kind) == (0, 0), what)
        counts["reserved"] += state == MEM_RESERVE
        at = base + size

    def at_address(va):
        low, high = 0, len(infos)
        while high - low > 1:
            mid = (low + high) // 2
            low, high = (mid, high) if infos[mid][0] <= va else (low, mid)
        return infos[low]

    for start, length in ranges:
        va = start
        while va < start + length:
            info = at_address(va)
            expect(info[5] == MEM_COMMIT, "%s: %#x is there, but not committed"
                   % (dump.path, va))
            va = info[0] + info[4]
    for row in truth:
        if row[0] != "vad" or row[1] != pid:
            continue
        start, end, private = int(row[2], 16), int(row[3], 16), row[6] == "1"
        if end >= at:
            continue
        for va in (start, (start + end) // 2 & ~0xFFF, end & ~0xFFF):
            info = at_address(va)
            kind = 0x20000 if private else \
                0x1000000 if row[5] == "2" else 0x40000
            expect(info[5] != MEM_FREE and info[1] == start and
                   info[7] == kind, "%s: %#x of a VAD: %r" % (dump.path, va,
                                                              info))


def hex_text(text):
    return bytes.fromhex(text).decode("utf-8", "replace")


def check_threads(dump, arch, pid, truth, ranges):
    want = {int(r[2]): r for r in truth
            if r[0] == "thread" and r[1] == pid and r[10] == "0"}
    regs = {int(r[2]): r for r in truth
            if r[0] == "regs" and r[1] == pid and r[3] == "user"}
    threads = dump.array(3, "I", "IIIIQQIIII")
    tids = [t[0] for t in threads]
    if want:
        expect(sorted(tids) == sorted(want), "%s: threads %r, not %r" %
               (dump.path, tids, sorted(want)))
    infos = dump.sized_array(17, "III", 64, "IIIIQQQQQQ")
    expect([i[0] for i in infos] == tids, "%s: ThreadInfo" % dump.path)
    names = {}
    if 24 in dump.streams:
        for tid, rva in dump.array(24, "I", "IQ"):
            names[tid] = dump.string(rva)
    for t, info in zip(threads, infos):
        counts["threads"] += 1
        check_thread(dump, arch, t, info, regs.get(t[0]), ranges)
        row = want.get(t[0])
        if not row:
            continue
        expect(t[4] == int(row[4], 16), "%s: TEB of %u" % (dump.path, t[0]))
        if arch == "amd64" and row[-1] != "-" and t[0] in names:
            expect(names[t[0]] == hex_text(row[-1]), "%s: name %r" %
                   (dump.path, names[t[0]]))


def check_thread(dump, arch, t, info, regs, ranges):
    size, is_arch, flags_at, ip, sp, flags, gprs = CONTEXTS[arch]
    stack, stack_len, stack_rva, ctx_len, ctx = t[5:]
    what = "%s: thread %u" % (dump.path, t[0])
    expect(ctx_len == size and ctx % 16 == 0, what + ": context")
    (known,) = dump.get("I", ctx + flags_at)
    expect(known & ~0xFF == is_arch, what + ": flags %#x" % known)
    known &= 0xFF
    expect(bool(info[1] & 0x10) == (known == 0), what + ": DumpFlags")
    got = [dump.get(form, ctx + at)[0] for form, at in (ip, sp, flags)]
    if not known & 1:
        expect(regs is None, what + ": no registers")
    elif regs is not None:
        counts["placed"] += 1
        expect(got == [int(regs[5], 16), int(regs[6], 16), int(regs[7], 16)],
               what + ": %r" % got)
        mask = int(regs[9], 16)
        for i, (form, at) in enumerate(gprs):
            value = dump.get(form, ctx + at)[0]
            expect(not known & 2 or i in (4, 5) or mask >> i & 1,
                   what + ": register %u is not known" % i)
            if mask >> i & 1 and i not in (4, 5):
                expect(value == int(regs[10 + i], 16),
                       what + ": register %u: %#x" % (i, value))
    if not stack_len:
        return
    expect(stack_rva + stack_len <= dump.size, what + ": stack")
    at = dump.get("QQ", dump.streams[9][0])[1]
    for start, length in ranges:
        if start <= stack < start + length:
            expect(stack_rva == at + stack - start and
                   stack + stack_len <= start + length, what + ": stack")
            expect(not known & 1 or stack <= got[1] < stack + stack_len,
                   what + ": sp")
            return
        at += length
    expect(False, what + ": stack %#x is nowhere" % stack)


def modules_of_list(folder):
    """Base: size, name of modules/list but of mappings alone."""
    ret = {}
    path = folder + "/modules/list"
    if not os.path.exists(path):
        return ret
    with open(path, encoding="utf-8") as f:
        for line in f.read().splitlines()[1:]:
            cells = line.split()
            if len(cells) >= 7 and cells[0].startswith("0x") and \
                    cells[4] != "mapping":
                ret[int(cells[0], 16)] = int(cells[1], 16)
    return ret


def check_modules(dump, folder, pid, truth):
    got = {}
    for i, m in enumerate(dump.array(4, "I", "QIIII13IIIIIQQ")):
        base, size, _, stamp, name = m[:5]
        cv_len, cv = m[18:20]
        rsds = None
        if cv_len:
            expect(dump.data[cv:cv + 4] == b"RSDS" and cv_len >= 25 and
                   dump.data[cv + cv_len - 1] == 0,
                   "%s: CodeView of %#x" % (dump.path, base))
            rsds = (dump.data[cv + 4:cv + 20].hex(),
                    dump.data[cv + 24:cv + cv_len - 1].decode("utf-8"))
            counts["pdbs"] += 1
        expect(m[5] in (0, 0xFEEF04BD), "%s: version of %#x" % (dump.path,
                                                                 base))
        got[base] = (size, stamp, dump.string(name), rsds,
                     "%u.%u.%u.%u" % (m[7] >> 16, m[7] & 0xFFFF, m[8] >> 16,
                                      m[8] & 0xFFFF))
    want = modules_of_list(folder)
    expect({b: g[0] for b, g in got.items()} == want,
           "%s: modules %r, not %r" % (dump.path, got, want))
    for row in truth:
        if row[0] != "module" or row[1] != pid or int(row[2], 16) not in got:
            continue
        g = got[int(row[2], 16)]
        what = "%s: module %s" % (dump.path, row[2])
        expect(row[8] == "-" or g[2] == hex_text(row[8]), what + " %r" %
               (g,))
        if row[9] != "-" and g[3]:
            expect(g[3] == (row[9], row[10]), what + " %r" % (g,))
        if row[11] != "-" and g[4] != "0.0.0.0":
            expect(g[4] == row[11], what + " %r" % (g,))


def check_handles(dump, folder):
    if 12 not in dump.streams:
        return
    at, size = dump.streams[12]
    head, entry, n, _ = dump.get("IIII", at)
    expect((head, entry) == (16, 32) and size == head + n * entry,
           "%s: handles" % dump.path)
    want = 0
    if os.path.exists(folder + "/handles"):
        with open(folder + "/handles", encoding="utf-8") as f:
            lines = [line.split() for line in f if line.startswith("0x")]
        want = len(lines)
    expect(n == want, "%s: %u handles, not %u" % (dump.path, n, want))
    for i in range(n):
        value, kind, name, _, access, _, _ = dump.get(
            "QIIIIII", at + head + i * entry)
        kind = dump.string(kind) if kind else "-"
        if name:
            dump.string(name)
        expect((value, access) == (int(lines[i][0], 16),
                                   int(lines[i][2], 16)) and
               (kind == lines[i][1] or lines[i][1] == "-" or
                not kind.isascii()),
               "%s: handle %r" % (dump.path, (value, kind, access)))


def check(folder, arch, build, truth):
    dump = Dump(folder + "/minidump.dmp")
    pid = os.path.basename(folder).split("-")[0]
    # Two processes of one id (the other's folder has its address): the truth
    # does not say which is meant.
    if sum(r[0] == "proc" and r[1] == pid for r in truth) > 1:
        truth = []
    check_system(dump, arch, build)
    ranges = check_memory(dump, folder)
    check_infos(dump, folder, pid, truth, ranges)
    check_threads(dump, arch, pid, truth, ranges)
    check_modules(dump, folder, pid, truth)
    check_handles(dump, folder)


def main():
    truth = read_truth(sys.argv[1])
    for folder in sys.argv[4:]:
        check(folder, sys.argv[2], int(sys.argv[3]), truth)
    print(" ".join("%s=%u" % item for item in counts.items()))


main()
