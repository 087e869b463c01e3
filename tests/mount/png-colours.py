#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What colours a PNG has: "WIDTH HEIGHT COLOURS", and for each colour that is
asked for (RRGGBB) a line with how many pixels have it.

usage: png-colours.py FILE [RRGGBB...]

Pixels of 8 bits, RGB or RGBA, not interlaced (what browsers write); alpha is
left out."""

import collections
import struct
import sys
import zlib


def chunks(data):
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        sys.exit("not a PNG")
    at = 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        yield kind, data[at + 8:at + 8 + length]
        at += length + 12


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    if pa <= pb and pa <= pc:
        return a
    return b if pb <= pc else c


def unfilter(kind, line, before, step):
    line = bytearray(line)
    if kind == 2:
        return bytes((x + y) & 255 for x, y in zip(line, before))
    for i in range(len(line) if kind else 0):
        left = line[i - step] if i >= step else 0
        corner = before[i - step] if i >= step else 0
        line[i] = (line[i] + (left if kind == 1 else
                              (left + before[i]) // 2 if kind == 3 else
                              paeth(left, before[i], corner))) & 255
    return bytes(line)


def main():
    with open(sys.argv[1], "rb") as f:
        parts = list(chunks(f.read()))
    width, height, depth, kind, _, _, interlace = struct.unpack(
        ">IIBBBBB", parts[0][1])
    if depth != 8 or kind not in (2, 6) or interlace:
        sys.exit("not the kind of PNG that is read here")
    step = 3 if kind == 2 else 4
    raw = zlib.decompress(b"".join(d for k, d in parts if k == b"IDAT"))
    before = bytes(width * step)
    found = collections.Counter()
    for y in range(height):
        at = y * (width * step + 1)
        before = unfilter(raw[at], raw[at + 1:at + 1 + width * step], before,
                          step)
        found.update(zip(before[::step], before[1::step], before[2::step]))
    print(width, height, len(found))
    for colour in sys.argv[2:]:
        print(colour, found[tuple(bytes.fromhex(colour))])


main()
