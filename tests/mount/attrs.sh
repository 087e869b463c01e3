#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Times, modes, owners.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

filetime() # to seconds of Unix
{
	echo $(($1 / 10000000 - 11644473600))
}

make_image a
must_mount a.img mnt
captured=$(filetime "$(awk -F '\t' '$1 == "kernel" { print $15 }' a.truth)")
for file in mnt mnt/README mnt/processes mnt/log mnt/image mnt/image/info \
	mnt/proc mnt/kernel mnt/kernel/maps mnt/image/pmem mnt/dtb; do
	expect_same "$(stat -c '%X %Y %Z' "$file")" \
		"$captured $captured $captured" "times of $file"
done
while read -r pid create; do
	for file in "mnt/proc/$pid" "mnt/proc/$pid/maps" "mnt/proc/$pid/vmem"; do
		expect_same "$(stat -c %Y "$file")" "$(filetime "$create")" \
			"time of $file"
	done
done < <(awk -F '\t' '$1 == "proc" { print $2, $8 }' a.truth)
expect_same "$(find mnt -printf '%U:%G\n' | sort -u)" "$(id -u):$(id -g)"
expect_same "$(find mnt -type f -printf '%m\n' | sort -u)" 400
expect_same "$(find mnt -type d -printf '%m\n' | sort -u)" 500
umount_checked mnt

must_mount a.img mnt -o uid=1234,gid=0x10,umask=027
expect_same "$(find mnt -printf '%U:%G\n' | sort -u)" 1234:16
expect_same "$(find mnt -type f -printf '%m\n' | sort -u)" 440
expect_same "$(find mnt -type d -printf '%m\n' | sort -u)" 550
umount_checked mnt

# Others are kept out, and let in with allow_other as far as the modes go.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	other=(setpriv --reuid 65534 --regid 65534 --clear-groups)
	chmod 755 .
	must_mount a.img mnt
	expect_error EACCES "${other[@]}" cat mnt/README
	umount_checked mnt
	must_mount a.img mnt -o allow_other
	expect_error EACCES "${other[@]}" cat mnt/README
	umount_checked mnt
	must_mount a.img mnt -o allow_other,umask=0
	"${other[@]}" cmp mnt/README mnt/README || fail "allow_other"
	umount_checked mnt
fi

# Without a time of its own the image has that of its file.
make_image b --no-kuser
touch -d '2020-02-03 04:05:06 UTC' b.img
must_mount b.img mnt
expect_same "$(stat -c %Y mnt/README)" 1580702706
umount_checked mnt
