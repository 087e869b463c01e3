# SPDX-License-Identifier: GPL-3.0-or-later
"""hostile-tables.py MODE KIND MIB FILE: an image with nothing in it but page
tables that lead to more than there is. The top-level table is at 0x10000.

self    every entry of every level leads to the one table
chain   every entry of a level leads to the one table of the next level
page    the same, and in the last level every entry to another page
large   the same, with large pages below the top-level tables
"""
import struct
import sys

ROOT = 0x10000
PAGE = 4096


class Tables:
    def __init__(self, mode, mib, file):
        self.file, self.bytes = file, mib << 20
        file.truncate(self.bytes)
        self.size = 4 if mode == "x86" else 8
        self.levels = {"x86": 2, "pae": 3, "amd64": 4, "la57": 5,
                       "arm64": 4}[mode]
        self.mode = mode
        self.table = 0x703 if mode == "arm64" else 0x67
        self.large = 0x701 if mode == "arm64" else 0xe7

    def fill(self, table, level, entries):
        """All entries of a table; level 0 is the top."""
        n = PAGE // self.size
        top_of_pae = self.mode == "pae" and level == 0
        if top_of_pae:
            n = 4
        self.file.seek(table)
        for i in range(n):
            entry = entries(i)
            if top_of_pae:
                entry = entry & ~0xfff | 1
            self.file.write(struct.pack("<I" if self.size == 4 else "<Q",
                                        entry))

    def to_one(self, table):
        return lambda i: table | self.table

    def self_map(self):
        other = ROOT + PAGE if self.mode == "pae" else ROOT
        self.fill(ROOT, 0, self.to_one(other))
        if other != ROOT:
            self.fill(other, 1, self.to_one(other))

    def chain(self, kind):
        last = self.levels - 1
        for level in range(last):
            table = ROOT + level * PAGE
            if kind == "large" and level == last - 1:
                step = 4 << 20 if self.mode == "x86" else 2 << 20
                self.fill(table, level,
                          lambda i: i * step % self.bytes | self.large)
                return
            self.fill(table, level, self.to_one(table + PAGE))
        pages = self.bytes // PAGE
        table = ROOT + last * PAGE
        if kind == "page":
            self.fill(table, last,
                      lambda i: i * 7919 % pages * PAGE | self.table)
        else:
            self.fill(table, last, self.to_one(table + PAGE))


def main(mode, kind, mib, path):
    with open(path, "wb") as file:
        tables = Tables(mode, int(mib), file)
        if kind == "self":
            tables.self_map()
        else:
            tables.chain(kind)


main(*sys.argv[1:])
