#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# cmdline, comm, environ, exe and cwd through a mount: contents, links that
# lead nowhere, sizes, and the same without a mount.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)
dir=mnt/proc/$pid
exe='C:\Windows\System32\explorer.exe'

# Asked for by name, before anything has listed the folder.
expect_same "$(readlink "$dir/exe")" "$exe" exe
expect_same "$(stat -c %s "$dir/exe")" "${#exe}" "size of exe"
expect_same "$(stat -c %F "$dir/exe")" "symbolic link"
expect_same "$(readlink "mnt/by-name/explorer.exe-$pid/exe")" "$exe" by-name
[ -e "$dir/exe" ] && fail "exe leads somewhere"
cat "$dir/exe" 2>/dev/null && fail "exe can be read"
[ -L mnt/proc/4/exe ] && fail "System has an image"
[ -L mnt/proc/4/cwd ] && fail "System has a directory"
[ -L mnt/kernel/exe ] && fail "the kernel has an image"

printf 'explorer.exe\0' >want
cmp want "$dir/cmdline" || fail "cmdline"
expect_same "$(stat -c %s "$dir/cmdline")" 13 "size of cmdline"
expect_same "$(cat "$dir/comm")" explorer.exe
expect_same "$(stat -c %s mnt/proc/4/cmdline)" 0 "cmdline of System"
expect_same "$(stat -c %s mnt/proc/4/environ)" 0 "environ of System"
expect_same "$(cat mnt/proc/4/comm)" System

key()
{
	sed -n "s/^$1:\t//p" "$2/status"
}
expect_same "$(key Exe "$dir")" "$exe"
expect_same "$(key CmdLine "$dir")" explorer.exe
expect_same "$(key ImagePath "$dir")" \
	'\Device\HarddiskVolume2\Windows\System32\explorer.exe'
expect_same "$(key Exe mnt/proc/4)" "- (no PEB)"
expect_same "$(key ExitStatus "$dir")" -
exited=mnt/proc/$(pid_of a.truth exited.exe)
case $(key ExitStatus "$exited") in
0x103 | -) fail "exited with $(key ExitStatus "$exited")" ;;
esac
expect_same "$(readlink "$exited/exe")" \
	'\Device\HarddiskVolume2\Windows\System32\exited.exe'

# Whoever goes through all of it meets links that lead nowhere, no errors.
find mnt/proc -maxdepth 2 -type l -printf '%p %s %l\n' >links || fail find
awk '{ n = index($0, $3); exit length(substr($0, n)) != $2 }' links ||
	fail "sizes of links"
[ "$(wc -l <links)" -gt 5 ] || fail "few links"
find -L mnt/proc -maxdepth 2 -name exe -type f | grep . && fail "a file"
umount_checked mnt

"$winprocfs" --cat "proc/$pid/cmdline" a.img >got || fail "--cat cmdline"
cmp want got || fail "--cat cmdline: contents"
"$winprocfs" --ls "proc/$pid" a.img >got || fail "--ls"
grep -F " exe -> $exe" got >/dev/null || fail "--ls: $(cat got)"
if "$winprocfs" --cat "proc/$pid/exe" a.img 2>err; then
	fail "--cat exe"
fi
grep -q 'is a link' err || fail "--cat exe: $(cat err)"
