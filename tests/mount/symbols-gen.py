# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of a kernel with given structures and addresses, for a compiler.

	symbols-gen.py c DUMP		C, whose structures are those of DUMP
	symbols-gen.py asm DUMP BASE	assembler, variables where DUMP has them,
					in a section that is linked at BASE
	symbols-gen.py guid FILE	GUID of the debug record of a PE image
	symbols-gen.py set-guid PDB GUID GUID	replaces one by another

DUMP is what symdump prints.
"""
import re
import sys
import uuid

BASES = {"char", "long", "long long", "unsigned char", "unsigned short",
         "unsigned long", "unsigned long long"}


def read(path):
    fields, sizes, types, symbols = {}, {}, {}, {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            word, name, *rest = line.split(" ", 2)
            rest = rest[0].rstrip("\n") if rest else ""
            if word == "field":
                fields[name] = (int(rest.split()[0], 16),
                                *map(int, rest.split()[1:]))
            elif word == "size":
                sizes[name] = int(rest)
            elif word == "type":
                types[name] = rest
            elif word == "symbol":
                symbols[name] = int(rest, 16)
    return fields, sizes, types, symbols


def declare(kind, name):
    """A C declaration of a type in the words of symdump."""
    if kind.startswith("ptr:"):
        return declare(kind[4:], "*" + name)
    array = re.match(r"arr(\d+):(.*)", kind)
    if array:
        return declare(array[2], "%s[%s]" % (name, array[1]))
    if kind in BASES or kind == "void":
        return "%s %s" % (kind, name)
    if kind.startswith("_"):
        return "struct %s %s" % (kind, name)
    return "union { char a; } " + name


class Within:
    """Members at offsets, as a union of structures with padding."""

    def __init__(self):
        self.members = []
        self.within = {}

    def body(self, types, path, base):
        lines = []
        for name, (offset, pos, bits) in self.members:
            full = path + "." + name
            pad = "char p%d_%s[%d]; " % (len(lines), name, offset - base) \
                if offset > base else ""
            if name in self.within:
                what = "union {\n%s} %s" % (
                    self.within[name].body(types, full, offset), name)
            elif bits:
                unit = "unsigned long long" if pos + bits > 32 else \
                    "unsigned int"
                skip = "%s : %d; " % (unit, pos) if pos else ""
                what = "%s%s %s : %d" % (skip, unit, name, bits)
            else:
                what = declare(types.get(full, "unsigned char"), name)
            lines.append("struct { %s%s; };\n" % (pad, what))
        return "".join(lines)


def tree(fields):
    top = {}
    for path, field in fields.items():
        first, *parts = path.split(".")
        at = top.setdefault(first, Within())
        offset = 0
        for part in parts[:-1]:
            # The member itself comes first where it is there at all, for
            # names are sorted.
            if part not in [m[0] for m in at.members]:
                at.members.append((part, (offset, 0, 0)))
            offset = dict(at.members)[part][0]
            at = at.within.setdefault(part, Within())
        at.members.append((parts[-1], field))
    return top


def write_c(path):
    fields, sizes, types, symbols = read(path)
    top = tree(fields)
    embedded = {re.sub(r"^arr\d+:", "", t) for t in types.values()}
    embedded = {t for t in embedded if t.startswith("_")}
    for name in embedded | set(sizes):
        top.setdefault(name, Within())
    print("#pragma pack(1)")
    for name in sorted(top, key=lambda n: (n not in embedded, n)):
        size = sizes.get(name)
        print("struct %s { union {\n%s%s}; };" % (
            name, top[name].body(types, name, 0),
            "char size[%d];\n" % size if size else ""))
    for name in sorted(top):
        print("struct %s v%s;" % (name, name))
    print("int boot(void) { return 0; }")


def write_asm(path, base):
    symbols = read(path)[3]
    print('\t.section .kern,"dw"\n\t.globl kern_start\nkern_start:')
    at = int(base, 16)
    for name, rva in sorted(symbols.items(), key=lambda s: s[1]):
        print("\t.zero %d\n\t.globl %s\n%s:" % (rva - at, name, name))
        at = rva
    print("\t.zero 64")


def main(what, path, *args):
    if what == "c":
        write_c(path)
    elif what == "asm":
        write_asm(path, *args)
    elif what == "guid":
        with open(path, "rb") as file:
            data = file.read()
        at = data.index(b"RSDS") + 4
        print(uuid.UUID(bytes_le=data[at:at + 16]).hex.upper(),
              int.from_bytes(data[at + 16:at + 20], "little"))
    elif what == "set-guid":
        old, new = (uuid.UUID(hex=a).bytes_le for a in args)
        with open(path, "rb") as file:
            data = file.read()
        assert data.count(old) == 1
        with open(path, "wb") as file:
            file.write(data.replace(old, new))


main(*sys.argv[1:])
