#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Whatever would change something is refused; what is not there is not there.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a
sum=$(md5sum <a.img)
must_mount a.img mnt

expect_error EROFS dd if=/dev/zero of=mnt/processes bs=1 count=1 conv=notrunc
expect_error EROFS dd if=/dev/zero of=mnt/proc/4/vmem bs=1 count=1 conv=notrunc
expect_error EROFS touch mnt/new
expect_error EROFS touch mnt/processes
expect_error EROFS mkdir mnt/new
expect_error EROFS mkdir mnt/proc/4/new
expect_error EROFS rmdir mnt/proc/4
expect_error EROFS rm -f mnt/processes
expect_error EROFS mv mnt/processes mnt/other
expect_error EROFS ln mnt/processes mnt/other
expect_error EROFS ln -s x mnt/other
expect_error EROFS mkfifo mnt/fifo
expect_error EROFS truncate -s 0 mnt/processes
expect_error EROFS truncate -s 0 mnt/proc/4/vmem
expect_error EROFS chmod 777 mnt/processes
expect_error EROFS chown 1 mnt/processes
expect_error EROFS touch -d '2001-01-01' mnt/proc/4

for name in x proc/x proc/1 proc/04 proc/4x proc/-4 proc/0x4 proc/4/x \
	proc/4/regions/x proc/4/regions/0-1.r--p by-name/x by-eprocess/0 \
	by-eprocess/4 by-eprocess/FFFFB90080000530x by-eprocess/ffff dtb/xyz \
	dtb/0x dtb/12345678901234567 dtb/-1 image/x kernel/status \
	kernel/methods kernel/fd proc/4/fd/0x04 proc/4/fd/5; do
	expect_error ENOENT stat "mnt/$name"
	# And once more: what the kernel has learnt.
	expect_error ENOENT cat "mnt/$name"
done
for name in processes/x proc/4/maps/x image/pmem/x proc/4/vmem/1; do
	expect_error ENOTDIR cat "mnt/$name"
done
expect_error ENOTDIR ls mnt/processes/
long=$(printf 'a%.0s' {1..300})
if stat "mnt/$long" 2>err; then
	fail "a name of 300 characters"
fi
if cat mnt/proc 2>err || ! grep -q 'Is a directory' err; then
	fail "a folder can be read"
fi
umount_checked mnt
expect_same "$(md5sum <a.img)" "$sum" "the image was changed"
