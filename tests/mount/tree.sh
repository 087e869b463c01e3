#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ls, find, stat, wc, md5sum, du, df: what a tree is to those who walk it.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a
must_mount a.img mnt

# list DIR: the names in it, in a line.
list()
{
	find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' '
}

ls -lR mnt >ls.1 2>ls.err || fail "ls -lR"
[ -s ls.err ] && fail "ls -lR: $(head -3 ls.err)"
ls -lR mnt >ls.2
cmp ls.1 ls.2 || fail "two listings differ"
# One name in a line: what is there, and nothing else.
has_names()
{
	cat >names
	list "$1" | tr ' ' '\n' | sed '/^$/d' | cmp names - ||
		fail "$1: $(list "$1")"
}

has_names mnt <<'T'
README
by-eprocess
by-name
dtb
image
kernel
log
proc
processes
processes.json
processes.tsv
report.html
T
has_names mnt/image <<'T'
info
iomem
physical.svg
pmem
ptov
runs
T
has_names mnt/proc/4 <<'T'
cmdline
comm
core
dtb
dump
dump.idx
environ
fd
handles
map.svg
maps
maps.json
memmap
methods
minidump.dmp
modules
pagemap
paging
regions
smaps
stat
statm
status
status.json
task
vads
vmem
vtop
T
has_names mnt/kernel <<'T'
core
dtb
dump
dump.idx
map.svg
maps
maps.json
memmap
modules
pagemap
paging
regions
unloaded-modules
vmem
vtop
T
expect_same "$(find mnt/proc -mindepth 1 -maxdepth 1 -type d | wc -l)" \
	"$(grep -c '^proc' a.truth)" "processes"
ls -f mnt/proc >ls.3
expect_same "$(head -2 ls.3 | tr '\n' ' ')" ". .. "
find mnt -printf '%y %s %b %p\n' >find.out || fail find
expect_same "$(awk '$1 !~ /^[fdl]$/' find.out)" ""
# Each has its place in the manual.
for file in $(list mnt) $(list mnt/image) $(list mnt/kernel) \
	$(list mnt/proc/3204) $(find mnt/proc -mindepth 1 -maxdepth 1 -name '[a-z]*' \
		-printf '%f '); do
	sed 's/\\-/-/g' "$test_dir/../../docs/winprocfs-tree.5" |
		tr ' ,/' '[\n*]' | grep -qx "$file" ||
		fail "winprocfs-tree(5) lacks $file"
done
# Links of a folder: 2, and one for each folder in it (find relies on it).
find mnt -type d -printf '%n %p\n' | while read -r links dir; do
	subs=$(find "$dir" -mindepth 1 -maxdepth 1 -type d -printf x | wc -c)
	expect_same "$links" $((subs + 2)) "links of $dir"
done || exit 1

probe sizes mnt || exit 1
find mnt -type f -size -1024 ! -name vmem ! -name pagemap >files
while read -r file; do
	expect_same "$(wc -c <"$file")" "$(stat -c %s "$file")" "$file"
done <files
xargs -d '\n' md5sum <files >md5.1 || fail md5sum
xargs -d '\n' md5sum <files >md5.2
cmp md5.1 md5.2 || fail "contents change"
cat mnt/README mnt/processes mnt/log mnt/image/info mnt/image/iomem \
	mnt/image/runs >cat.out || fail cat
[ -s cat.out ] || fail "nothing in the files of the top"
[ "$(wc -l <mnt/README)" -gt 10 ] || fail "README is too short"

for pid in 4 340 800 3204; do
	mapped=$(awk '{ split($1, a, "-")
			print "0x" a[2] " - 0x" a[1] }' "mnt/proc/$pid/maps" |
		while read -r e _ s; do echo $((e - s)); done |
		awk '{ n += $1 } END { print n + 0 }')
	expect_same "$(du -B1 "mnt/proc/$pid/vmem" | cut -f1)" "$mapped" \
		"du of $pid"
	expect_same "$(du -B1 --apparent-size -s "mnt/proc/$pid/regions" |
		cut -f1)" "$mapped" "regions of $pid"
	expect_same "$(sed -n 's/^BytesResident:\t//p' "mnt/proc/$pid/paging")" \
		"$mapped" "resident bytes of $pid"
	expect_same "$(stat -c %s "mnt/proc/$pid/vmem")" $((1 << 47))
done
expect_same "$(stat -c %s mnt/kernel/vmem)" $((1 << 48))
expect_same "$(stat -c %s mnt/image/pmem)" "$(stat -c %s a.img)"
cmp mnt/image/pmem a.img || fail "pmem is not the image"

expect_same "$(stat -f -c '%s %b %f %a' mnt)" "4096 16384 0 0" statfs
df mnt >/dev/null || fail df
umount_checked mnt
