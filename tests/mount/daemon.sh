#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# In the background: when the command returns the mount is there, and its exit
# code tells; relative paths; --ready-fd.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

# The daemon's pid is not known here: what is mounted tells.
is_mounted()
{
	grep -qF " $tmp/$1 " /proc/self/mountinfo
}

# A name of the image that no other test has, so that this finds none of
# theirs; noted for the clean-up.
image=${tmp##*/}.img
find_daemon()
{
	pgrep -f "^$winprocfs .*$image" | tee -a daemons
}

make_image "${image%.img}"
mkdir mnt
"$winprocfs" "$image" mnt >out 2>err || fail "ended with $?"
is_mounted mnt || fail "not mounted when the command came back"
[ -s out ] || [ -s err ] && fail "said: $(cat out err)"
head -1 mnt/processes | grep -q '^pid' || fail "does not answer"
pid=$(find_daemon)
[ -n "$pid" ] || fail "no daemon"
expect_same "$(readlink "/proc/$pid/cwd")" / "working directory"
expect_same "$(ps -o sid= -p "$pid" | tr -d ' ')" "$pid" session
for fd in 0 1 2; do
	expect_same "$(readlink "/proc/$pid/fd/$fd")" /dev/null "fd $fd"
done
unmount mnt || fail umount
tail -s 0.1 --pid="$pid" -f /dev/null # until it has ended
is_mounted mnt && fail "still mounted"

# --ready-fd in the background too; another descriptor than 9.
mkfifo ready
"$winprocfs" --ready-fd 7 "$image" mnt 7>ready 2>err &
read -r line <ready || fail "not ready"
expect_same "$line" ready
wait $! || fail "ended with $?"
cat mnt/log >/dev/null || fail "does not answer"
pid=$(find_daemon)
unmount mnt || fail umount
tail -s 0.1 --pid="$pid" -f /dev/null

# What cannot be mounted: 3, before the image is looked at.
expect_rc 3 "$winprocfs" "$image" missing
expect_same "$(wc -l <err)" 1 "lines of $(cat err)"
expect_rc 3 "$winprocfs" "$image" "$image"
expect_same "$(wc -l <err)" 1 "lines of $(cat err)"
# An image that cannot be used: 2, and the same with -f.
expect_rc 2 "$winprocfs" missing mnt
expect_rc 2 "$winprocfs" -f missing mnt
is_mounted mnt && fail "mounted"
if mount_image missing other; then
	fail "ready without an image"
fi
expect_same "$daemon_rc" 2
