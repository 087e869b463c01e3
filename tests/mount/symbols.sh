#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# symbols=, profile=, profile_force: kernels that are known by a file.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires xz gzip

# What it was built with.
formats=$("$winprocfs" -V | sed -n 's/.*(compressed: \(.*\))/\1/p')
[ -n "$formats" ] || fail "$("$winprocfs" -V)"

# info OPTIONS IMAGE KEY
info()
{
	"$winprocfs" -o "$1" --cat image/info "$2" >info ||
		fail "$1 $2"
	sed -n "s/^$3:.//p" info
}

# Windows 11 22H2, whose GUIDs nobody has.
make_image a --layout amd64-10.0.22621 --isf a.json --pdb a.pdb
"$winprocfs" --cat processes a.img >list || fail processes
guid=$(info all a.img KernelGuid)
mkdir dir
expect_same "$(info symbols=dir a.img ProfileSource)" \
	"built-in by timestamp and size"
"$winprocfs" -o symbols=dir --cat log a.img >told
grep -q "symbols=.*/dir has nothing of ntkrnlmp.pdb GUID $guid age 1" told ||
	fail "log: $(cat told)"

# try NAME KIND: the file that is called so in dir, as found and as given.
try()
{
	local o

	for o in symbols=dir "profile=dir/$1"; do
		expect_same "$(info "$o" a.img ProfileSource)" "$2 file" "$o"
		expect_same "$(info "$o" a.img Profile)" "$1" "$o"
		expect_rc 0 "$winprocfs" -o "$o" --cat processes a.img
		cmp out list || fail "$o: processes"
		"$winprocfs" -o "$o" --cat log a.img >told
		if grep '^\(warn\|fail\)' told; then
			fail "$o: $(cat told)"
		fi
	done
	rm "dir/$1"
}

cp a.json dir/k.json
try k.json ISF
case $formats in
*gzip*)
	gzip -c a.json >"dir/$guid-1.json.gz"
	try "$guid-1.json.gz" ISF
	;;
esac
case $formats in
*xz*)
	xz -c a.json >"dir/$guid-1.json.xz"
	try "$guid-1.json.xz" ISF
	;;
esac
cp a.pdb dir/ntkrnlmp.pdb
try ntkrnlmp.pdb PDB
# A name that would be two lines of text.
cp a.pdb "dir/$(printf 'a\nb.pdb')"
expect_same "$(info symbols=dir a.img Profile)" 'a\012b.pdb'
rm dir/a*

# Through a mount whose daemon has left the folder.
if [ -r /dev/fuse ] && [ -w /dev/fuse ] && [ "$(id -u)" = 0 ]; then
	cp a.pdb dir/ntkrnlmp.pdb
	must_mount a.img mnt -o symbols=dir
	grep -q '^ProfileSource:.PDB file$' mnt/image/info ||
		fail "mounted: $(cat mnt/image/info)"
	umount_checked mnt
	rm dir/*
fi

# Of another kernel: refused, then forced.
make_image b --seed 2 --layout amd64-10.0.22621 --pdb b.pdb
expect_same "$(info profile=b.pdb a.img ProfileSource)" \
	"built-in by timestamp and size"
"$winprocfs" -o profile=b.pdb --cat log a.img | grep -q "$guid.*profile_force" ||
	fail "not said: $("$winprocfs" -o profile=b.pdb --cat log a.img)"
expect_same "$(info profile=b.pdb,profile_force a.img ProfileSource)" \
	"PDB file"
"$winprocfs" -o profile=b.pdb,profile_force --cat log a.img |
	grep -q "used all the same" || fail "forced, and not said"

# Nothing names the PDB: profile= is believed.
make_image c --layout amd64-10.0.22621 --no-rsds --pdb c.pdb
expect_same "$(info profile=c.pdb c.img ProfileSource)" "PDB file"

# Files that are none: one line each, and on without them.
head -c 1000 a.pdb >short.pdb
xz -c a.json | head -c 2000 >short.json.xz
gzip -c a.json | head -c 2000 >short.json.gz
head -c 9000 a.json >short.json
: >empty.json
head -c 100M /dev/zero | xz >bomb.json.xz
head -c 100M /dev/zero | gzip >bomb.json.gz
for file in short.pdb short.json.xz short.json.gz short.json empty.json \
	bomb.json.xz bomb.json.gz nonexistent.pdb a.img /dev/null .; do
	expect_rc 0 "$winprocfs" -o "profile=$file" --cat log a.img
	expect_same "$(grep -c 'going on without it' out)" 1 "$file"
	expect_rc 0 "$winprocfs" -o "profile=$file" --cat processes a.img
	cmp out list || fail "$file: processes"
done
