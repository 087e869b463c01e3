#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# cp, tar, rsync: what is copied is what is there, holes stay holes. A vmem is
# 128 TiB long: only filesystems that allow such files can hold a copy (tmpfs,
# xfs; not ext4), and tar keeps it whatever the filesystem.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires cp tar
requires_root
requires_fuse

make_image a
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)
source=mnt/proc/$pid
mkdir big
# What is too long to be read through.
long=(--exclude vmem --exclude pagemap)
texts=(--no-dereference "${long[@]}")
mount -t tmpfs -o size=64m none big || skip "no tmpfs can be mounted"
cleanup_fn umount -l "$tmp/big"

for how in always auto; do
	timeout 60 cp --sparse=$how "$source/vmem" big/vmem || fail "cp $how"
	expect_same "$(stat -c %s big/vmem)" "$(stat -c %s "$source/vmem")"
	expect_same "$(du -B1 big/vmem | cut -f1)" \
		"$(du -B1 "$source/vmem" | cut -f1)" "du of the copy ($how)"
	while read -r name; do
		start=0x${name%%-*}
		cmp -i $((start)):0 -n "$(stat -c %s "$source/regions/$name")" \
			big/vmem "$source/regions/$name" || fail "$name"
	done < <(ls "$source/regions")
	rm big/vmem
done

timeout 60 tar -C mnt -cSf a.tar "proc/$pid" || fail "tar -S"
# vmem, regions, core and dump: four times what is resident.
[ "$(stat -c %s a.tar)" -lt 12000000 ] || fail "holes in the archive"
mkdir big/x
timeout 60 tar -C big/x -xSf a.tar || fail "tar -x"
diff -r "${texts[@]}" "$source" "big/x/proc/$pid" ||
	fail "extracted"
expect_same "$(stat -c '%s %b %Y' "big/x/proc/$pid/vmem")" \
	"$(stat -c '%s %b %Y' "$source/vmem")" "extracted vmem"
expect_same "$(stat -c '%a %Y' "big/x/proc/$pid/regions")" \
	"$(stat -c '%a %Y' "$source/regions")" "extracted folder"
rm -rf big/x

timeout 60 cp -a --sparse=always "$source" big/y || fail "cp -a"
diff -r "${texts[@]}" "$source" big/y ||
	fail "cp -a: contents"
expect_same "$(stat -c '%s %b %Y %a' big/y/vmem)" \
	"$(stat -c '%s %b %Y %a' "$source/vmem")" "cp -a: vmem"
chmod -R u+w big/y
rm -rf big/y

if command -v rsync >/dev/null; then
	timeout 60 rsync -a "${long[@]}" mnt/proc/ big/z || fail rsync
	diff -r "${texts[@]}" mnt/proc big/z ||
		fail "rsync: diff"
	timeout 60 rsync -ain "${long[@]}" mnt/proc/ big/z >again ||
		fail rsync
	[ -s again ] && fail "rsync wants to copy again: $(head -3 again)"
fi
if command -v bsdtar >/dev/null; then
	timeout 60 bsdtar -C mnt -cf b.tar "proc/$pid" || fail bsdtar
	[ "$(stat -c %s b.tar)" -lt 12000000 ] || fail "holes in bsdtar's archive"
fi
umount_checked mnt
