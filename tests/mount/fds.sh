#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# fd/ and handles through a mount: every handle of the truth under both of its
# names, ls, find, and what hostile names do to those; and the SIDs of status.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

# All handles: links, the table, what is not there.
check='
import os, re, sys

mnt, truth = sys.argv[1:3]
folders = {}
for d in os.listdir(mnt + "/by-eprocess"):
    folders[int(d, 16)] = mnt + "/by-eprocess/" + d
want = {}
for line in open(truth):
    f = line.rstrip("\n").split("\t")
    if f[0] == "handle" and int(f[2], 16) in folders:
        want.setdefault(int(f[2], 16), {})[int(f[3], 16)] = f[4:]

def plain_of(text):
    bare = re.sub(rb"\\([0-3][0-7]{2})",
                  lambda m: bytes([int(m.group(1), 8)]), text.encode())
    return bare.decode()

n = 0
for eprocess, handles in want.items():
    folder = folders[eprocess]
    names = os.listdir(folder + "/fd")
    both = ["0x%x" % v for v in sorted(handles)]
    both += ["%d" % v for v in sorted(handles)]
    assert names == both, (folder, names)
    rows = [l for l in open(folder + "/handles") if l.startswith("0x")]
    assert len(rows) == len(handles), folder
    for row, value in zip(rows, sorted(handles)):
        access, body, kind, name = handles[value]
        f = row.rstrip("\n").split(None, 4)
        assert int(f[0], 16) == value, row
        assert f[1] == kind.replace(" ", "\\040"), row
        assert int(f[2], 16) == int(access, 16), row
        assert int(f[3], 16) == int(body, 16), row
        link = os.readlink("%s/fd/0x%x" % (folder, value))
        plain = os.readlink("%s/fd/%d" % (folder, value))
        assert not os.path.exists("%s/fd/%d" % (folder, value))
        assert os.lstat("%s/fd/%d" % (folder, value)).st_size == \
            len(plain.encode())
        assert "/" not in link + plain and "\n" not in link + plain
        n += 1
        if name == "?":
            continue
        if name == "-":
            assert link == "%s:[%s]" % (kind, body), link
            assert f[4] == "-", row
            continue
        # Some have what looks like an escape.
        name = plain_of(bytes.fromhex(name).decode())
        assert plain_of(f[4]) == name, (row, name)
        assert plain_of(link) == kind + ":" + name, (link, name)
        assert plain_of(plain) in (name, kind + " " + name), (plain, name)
assert n > 100, n
sids = {}
for line in open(truth):
    f = line.split()
    if f[0] == "sid" and int(f[2], 16) in folders:
        sids.setdefault(int(f[2], 16), []).append(f[3])
for eprocess, folder in folders.items():
    got = [l.split() for l in open(folder + "/status")
           if l.startswith("Sids:")]
    assert got[0][1:] == sids.get(eprocess, ["-"]), (folder, got)
assert sids
print(n, "handles")
'

# see NAME MKMEM-OPTIONS...
see()
{
	local name=$1

	shift
	make_image "$name" --objects --procs 8 "$@"
	must_mount "$name.img" mnt
	python3 -c "$check" "$PWD/mnt" "$name.truth" || fail "$name"
	ls -l mnt/proc/*/fd >ls.out || fail "ls -l: $name"
	find mnt/proc/4/fd -type l >find.out || fail "find: $name"
	expect_same "$(wc -l <find.out)" \
		$((2 * $(grep -c ^0x mnt/proc/4/handles)))
	find mnt/proc/4/fd/ -xtype l |
		sort >loose.out
	sort find.out | cmp - loose.out ||
		fail "a link leads somewhere"
}

# lsof of a process, as if the machine were this one: all handles, with names up
# to the first colon. In a mount namespace that goes with the command.
see_lsof()
{
	local pid=$1

	if ! command -v lsof >/dev/null || ! unshare -m true 2>/dev/null; then
		echo "no lsof, or no namespaces"
		return
	fi
	unshare -m --propagation private sh -c "mount --bind mnt/proc /proc &&
		exec lsof -w -p $pid -F fn" >lsof.out
	# A line for the descriptor (fNUMBER), one for the name (nNAME).
	awk '/^f[0-9]/ { fd = substr($0, 2) }
		/^f[^0-9]/ { fd = "" }
		/^n/ && fd != "" { print fd, substr($0, 2) }' lsof.out |
		sed 's/\\\\/\\/g' | sort >lsof.got
	find "mnt/proc/$pid/fd" -name '[1-9]*' -printf '%f %l\n' |
		sed 's/:.*//' | sort >lsof.want
	cmp lsof.got lsof.want || fail "lsof -p $pid"
	[ "$(wc -l <lsof.got)" -gt 20 ] || fail "lsof has few lines"
}

see 10 --handle-level 1
see_lsof 4
see_lsof "$(pid_of 10.truth csrss.exe)"
[ -L mnt/proc/4/fd/0x4 ] || fail "no handle 4"
[ -L mnt/proc/4/fd/0x0004 ] && fail "a name with zeros"
expect_same "$(head -c 6 mnt/proc/4/handles)" HANDLE
[ -e mnt/kernel/fd ] && fail "the kernel has fd/"
umount_checked mnt
see hostile --hostile-names --layout amd64-6.1.7601-d
umount_checked mnt
see old --hostile-names --layout x86-5.1.2600
umount_checked mnt
