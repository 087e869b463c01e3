#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# All ways to end it: umount, lazily while in use, SIGTERM, SIGINT, SIGHUP.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

# A shell's background jobs ignore SIGINT, and libfuse leaves ignored signals
# ignored.
env --default-signal=INT true 2>/dev/null ||
	skip "no env --default-signal here (coreutils 8.31)"
launcher=(env --default-signal=INT --default-signal=TERM --default-signal=HUP)

make_image a
for signal in TERM INT HUP; do
	must_mount a.img mnt
	cat mnt/processes >/dev/null || fail cat
	kill -s "$signal" "${daemon_pid[mnt]}"
	check_daemon mnt
done

# One thread only.
must_mount a.img mnt -s
ls -lR mnt >/dev/null || fail "ls with -s"
kill -TERM "${daemon_pid[mnt]}"
check_daemon mnt

# In use: refused; lazily: gone, but what is open can still be read.
must_mount a.img mnt
exec 5<mnt/processes 6<mnt/proc/4/vmem
if unmount mnt 2>err; then
	fail "unmounted while in use"
fi
grep -qi busy err || fail "$(cat err)"
if [ "$(id -u)" = 0 ]; then
	unmount mnt -l || fail "umount -l"
else
	unmount mnt -z || fail "fusermount3 -z"
fi
[ -e mnt/processes ] && fail "still there"
grep -q System <&5 || fail "open file cannot be read"
exec 5<&- 6<&-
check_daemon mnt

# Killed with files open: others get errors, and can unmount.
must_mount a.img mnt
exec 5<mnt/proc/4/vmem
kill -KILL "${daemon_pid[mnt]}"
wait "${daemon_pid[mnt]}" 2>/dev/null
if cat mnt/log >/dev/null 2>err; then
	fail "read from a dead mount"
fi
exec 5<&-
unmount mnt || fail "umount of a dead mount"

# A mount on top of another one, and the same folder again.
for _ in 1 2 3; do
	must_mount a.img mnt
	umount_checked mnt
done
