# SPDX-License-Identifier: GPL-3.0-or-later
"""maps, vads, smaps and maps.json of a mount compared with the truth.

    names.py TRUTH MOUNT [coalesce]
"""

import json
import sys

KINDS = {2: "image", 5: "large-pages"}
PROTECTIONS = ["NOACCESS", "READONLY", "EXECUTE", "EXECUTE_READ", "READWRITE",
               "WRITECOPY", "EXECUTE_READWRITE", "EXECUTE_WRITECOPY"]
PAGE = 4096


class Process:
    def __init__(self):
        self.vads, self.marks, self.uses = [], [], []

    def name(self, va):
        """What maps should say of a page."""
        vad = next((v for v in self.vads if v[0] <= va <= v[1]), None)
        if vad and vad[6] != "-":
            return vad[6]
        for start, last, name in self.marks:
            if start <= va <= last:
                return name
        for at, name in self.uses:
            if vad and vad[0] <= at <= vad[1]:
                return name
        return ""


def read_truth(path):
    out = {}
    for line in open(path, encoding="utf-8"):
        f = line.rstrip("\n").split("\t")
        if f[0] == "proc" and f[4] != "-":
            out.setdefault(int(f[1]), Process())
        elif f[0] == "vad":
            out[int(f[1])].vads.append(
                (int(f[2], 16), int(f[3], 16), int(f[4]), int(f[5]),
                 int(f[6]), int(f[7], 16), f[8], f[9]))
        elif f[0] == "name":
            p, mark = out[int(f[1])], (int(f[2], 16), int(f[3], 16), f[4])
            if f[4] == "[heap]":
                p.uses.append((mark[0], mark[2]))
            else:
                p.marks.append(mark)
        elif f[0] == "thread" and int(f[4], 16):
            p = out[int(f[1])]
            teb = int(f[4], 16)
            wide = int(f[3], 16) >> 32  # where the kernel is
            p.marks.append((teb, teb + (2 if wide else 1) * PAGE - 1, "[teb]"))
            if int(f[5], 16):
                p.marks.append((int(f[5], 16), int(f[5], 16) + PAGE - 1,
                                "[teb]"))
            for stack in f[6:8]:
                if stack != "-":
                    p.uses.append((int(stack.split("-")[1], 16) - 1,
                                   "[stack]"))
    for p in out.values():
        p.marks.append((0x7ffe0000, 0x7ffe0fff, "[kuser]"))
    return out


def text(mount, pid, name):
    with open("%s/proc/%d/%s" % (mount, pid, name), encoding="utf-8") as f:
        return f.read()


def expect(ok, why):
    if not ok:
        sys.exit("names.py: " + why)


def check_maps(mount, pid, p, coalesce):
    """Each line has one name; coalesced, none could be longer."""
    rows, last = [], None
    for line in text(mount, pid, "maps").splitlines():
        span, perms, pa, _, _ = line.split()[:5]
        start, end = (int(x, 16) for x in span.split("-"))
        name = line[73:]
        origin = name.rfind("[pagefile ")
        if origin >= 0:
            name = name[:origin].rstrip(" ")
        for va in range(start, end, PAGE):
            expect(p.name(va) == name, "%d, %x: %r, not %r" % (
                pid, va, name, p.name(va)))
        row = (end, int(pa, 16) + end - start, perms, line[73:])
        if last and coalesce and origin < 0:
            expect(last != (start, int(pa, 16), perms, line[73:]),
                   "%d, %x: could be one line" % (pid, start))
        last = row
        rows.append((start, end, perms, name))
    return rows


def check_vads(mount, pid, p):
    lines = text(mount, pid, "vads").splitlines()
    expect(lines[0].split() == ["start", "end", "type", "protection",
                                "commit", "file"], "head of vads")
    expect(len(lines) == len(p.vads) + 1, "%d: %d lines" % (pid, len(lines)))
    for line, vad in zip(lines[1:], p.vads):
        f = line.split(None, 5)
        kind = KINDS.get(vad[3], "private" if vad[4] else "data")
        expect(f == [hex(vad[0]), hex(vad[1] + 1), kind,
                     "PAGE_" + PROTECTIONS[vad[2] & 7], vad[7], vad[6]],
               "%d: %r, not %r" % (pid, line, vad))


def check_smaps(mount, pid, p):
    """All of the VADs, in order, and nothing twice."""
    at, spans = 0, []
    for line in text(mount, pid, "smaps").splitlines():
        if not line[0].isupper():
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            expect(start >= at, "%d: smaps goes back at %x" % (pid, start))
            at = end
            spans.append((start, end))
            expect(p.name(start) == line[73:], "%d: %r" % (pid, line))
    for vad in p.vads:
        size = sum(e - s for s, e in spans
                   if s >= vad[0] and e <= vad[1] + 1)
        expect(size == vad[1] + 1 - vad[0], "%d: no VAD at %x" % (
            pid, vad[0]))


def check_json(mount, pid, rows, coalesce):
    ranges = json.loads(text(mount, pid, "maps.json"))
    if not coalesce:
        return
    expect([(int(r["start"], 16), int(r["end"], 16), r["perms"],
             r["path"] or "") for r in ranges] == rows,
           "%d: maps.json is not maps" % pid)
    for r in ranges:
        expect((r["physical"] is None) == (r["state"] == "pagefile"),
               "%d: %r" % (pid, r))
        expect(r["size"] == int(r["end"], 16) - int(r["start"], 16),
               "%d: %r" % (pid, r))


def main():
    mount, coalesce = sys.argv[2], len(sys.argv) > 3
    n = 0
    for pid, p in read_truth(sys.argv[1]).items():
        try:
            rows = check_maps(mount, pid, p, coalesce)
        except FileNotFoundError:
            continue
        check_vads(mount, pid, p)
        check_smaps(mount, pid, p)
        check_json(mount, pid, rows, coalesce)
        n += bool(rows)
    expect(n > 10, "only %d processes" % n)


main()
