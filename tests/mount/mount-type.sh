#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# mount -t fuse.winprocfs, and a line of fstab.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires mount mount.fuse3 findmnt unshare pgrep
requires_root
requires_fuse

# mount(8) looks for the command in a PATH of its own: in a namespace of
# mounts that only this test sees, it is there.
if [ "${in_namespace:-no}" = no ]; then
	unshare -m true || skip "no namespaces here"
	export top_builddir in_namespace=yes
	WINPROCFS_TEST_TMP=$tmp unshare -m bash \
		"$test_dir/${0##*/}"
	exit
fi
mount -t tmpfs none /usr/local/sbin || exit 99
ln -s "$winprocfs" /usr/local/sbin/winprocfs

wait_end()
{
	local pid

	pid=$(pgrep -f "^winprocfs .*$tmp/a.img")
	[ -n "$pid" ] || fail "no daemon"
	echo "$pid" >>daemons
	umount mnt || fail umount
	tail -s 0.1 --pid="$pid" -f /dev/null
}

make_image a
mkdir mnt
mount -t fuse.winprocfs "$tmp/a.img" "$tmp/mnt" -o ro,coalesce,pids=4:340 \
	2>err || fail "mount: $(cat err)"
expect_same "$(find mnt/proc -mindepth 1 -maxdepth 1 -type d -printf '%f ')" "4 340 "
options=$(findmnt -n -o FSTYPE,OPTIONS mnt)
case $options in
fuse.winprocfs*ro,nosuid,nodev*) ;;
*) fail "mounted as $options" ;;
esac
expect_same "$(findmnt -n -o SOURCE mnt)" "$tmp/a.img"
wait_end

# The options that fstab and systemd add mean nothing to it.
cat >fstab <<F
$tmp/a.img $tmp/mnt fuse.winprocfs ro,noauto,nofail,x-systemd.automount,coalesce,holes=eio,uid=5 0 0
F
mount -T fstab "$tmp/mnt" 2>err || fail "fstab: $(cat err)"
expect_same "$(stat -c %u mnt/processes)" 5
wait_end

# mount(8) passes an error on.
if mount -t fuse.winprocfs "$tmp/a.img" "$tmp/mnt" -o nonsense 2>err; then
	fail "mounted with nonsense"
fi
grep -q nonsense err || fail "no word of the reason: $(cat err)"
if mount -t fuse.winprocfs "$tmp/none" "$tmp/mnt" 2>err; then
	fail "mounted nothing"
fi
