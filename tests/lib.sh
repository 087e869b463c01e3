# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# For tests in shell, to be sourced first thing:
#
#	#!/usr/bin/env bash
#	# What it tests.
#	. "${0%/*}/../lib.sh"
#
# A test is run in the top build directory (as automake does) and ends with 0,
# 1 (failed), 77 (skipped, for a reason that it prints) or 99 (could not be
# done). Each has a temporary directory of its own, $tmp, where it starts, and
# a limit of wall-clock time ($TEST_LIMIT seconds). At the limit the FUSE
# connections of its mounts are aborted: a program that waits for a mount that
# hangs can be killed in no other way.

set -u

top_builddir=${top_builddir:-$PWD}
top_builddir=$(cd "$top_builddir" && pwd) || exit 99
test_dir=$(cd "${0%/*}" && pwd) || exit 99
: "${TEST_LIMIT:=180}"

winprocfs=$top_builddir/winprocfs
mkmem=$top_builddir/mkmem

# Lines that a daemon may print without that being a fault; each with why.
# - libfuse 3.14 says this of its own default when no maximum is set.
stderr_allowed='^Ignoring invalid max threads value 4294967295'

skip()
{
	echo "SKIP: $*"
	exit 77
}

fail()
{
	local i=1

	# Where in the test it was, not in this file.
	while [ "${BASH_SOURCE[i]##*/}" = lib.sh ]; do
		i=$((i + 1))
	done
	echo "FAIL: $* (${BASH_SOURCE[i]##*/}:${BASH_LINENO[i - 1]})" >&2
	exit 1
}

# Where the same tests have just been run: a few that find what a tarball may
# lack.
if [ -n "${TESTS_SHORT:-}" ]; then
	case ${0##*/} in
	options.sh | tree.sh | truth.sh | symbols.sh | hostile-tables.sh) ;;
	*) skip "TESTS_SHORT is set" ;;
	esac
fi

# "MINOR MOUNTPOINT" of each FUSE mount beneath a directory, deepest last.
fuse_mounts_below()
{
	awk -v d="$1/" 'index($5, d) == 1 && / - fuse/ {
		split($3, dev, ":")
		print dev[2], $5
	}' /proc/self/mountinfo
}

mounts_below()
{
	awk -v d="$1/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo
}

# Makes all that waits for these mounts fail. The number of a connection is
# the minor number of the mount; asking the mount itself could hang.
abort_mounts()
{
	local n

	fuse_mounts_below "$1" | while read -r n _; do
		if [ -w "/sys/fs/fuse/connections/$n/abort" ]; then
			echo 1 >"/sys/fs/fuse/connections/$n/abort"
		fi
	done
}

# Kills the daemons that a test has left, and unmounts what they served.
clear_mounts()
{
	local pid mnt

	while read -r pid; do
		if [ "$(readlink "/proc/$pid/exe")" = "$winprocfs" ]; then
			echo "daemon $pid was left running" >&2
			kill -KILL "$pid"
		fi
	done 2>/dev/null <"$1/daemons"
	abort_mounts "$1"
	mounts_below "$1" | tac | while read -r mnt; do
		umount -l "$mnt" 2>/dev/null || fusermount3 -uz "$mnt"
	done
}

# The test runs below this shell, which looks after it.
supervise()
{
	local tmp rc watchdog

	tmp=$(mktemp -d "${TMPDIR:-/tmp}/winprocfs-test.XXXXXX") || exit 99
	: >"$tmp/daemons"
	(
		trap 'kill $!; exit' TERM
		sleep "$TEST_LIMIT" &
		wait $!
		abort_mounts "$tmp"
	) >/dev/null 2>&1 </dev/null &
	watchdog=$!
	WINPROCFS_TEST_TMP=$tmp timeout -k 10 "$TEST_LIMIT" \
		bash "$0" "$@" </dev/null
	rc=$?
	kill "$watchdog" 2>/dev/null
	case $rc in
	124 | 137)
		echo "FAIL: not done after $TEST_LIMIT seconds" >&2
		rc=1
		;;
	esac
	clear_mounts "$tmp"
	if [ -z "$(mounts_below "$tmp")" ]; then
		rm -rf --one-file-system "$tmp"
	else
		echo "FAIL: $tmp cannot be unmounted" >&2
		rc=1
	fi
	exit "$rc"
}

if [ -z "${WINPROCFS_TEST_TMP:-}" ]; then
	supervise "$@"
fi

tmp=$WINPROCFS_TEST_TMP
# What the tests of the tests start is no test of theirs.
unset WINPROCFS_TEST_TMP
cd "$tmp" || exit 99
export LC_ALL=C.UTF-8
export G_DEBUG=fatal-warnings
: "${ASAN_OPTIONS:=detect_leaks=1:halt_on_error=1:abort_on_error=0}"
: "${UBSAN_OPTIONS:=halt_on_error=1:print_stacktrace=1}"
export ASAN_OPTIONS UBSAN_OPTIONS

# What a program may need, in kB: a sanitizer's shadow comes on top.
max_rss=150000
sanitized=no
if grep -q -e __asan_init -e __tsan_init "$winprocfs"; then
	sanitized=yes
	max_rss=1500000
	export G_SLICE=always-malloc
fi
export sanitized max_rss

# cleanup_fn CMD [ARG...]: to be done however the test ends; last one first.
cleanup_list=()
cleanup_fn()
{
	cleanup_list+=("$(printf '%q ' "$@")")
}

run_cleanup()
{
	local rc=$? i

	for ((i = ${#cleanup_list[@]} - 1; i >= 0; i--)); do
		eval "${cleanup_list[i]}"
	done
	exit "$rc"
}
trap run_cleanup EXIT
trap 'exit 1' TERM INT HUP

# requires CMD...: skips the test where one of the commands is not there.
requires()
{
	local cmd

	for cmd in "$@"; do
		command -v "$cmd" >/dev/null 2>&1 || skip "no $cmd here"
	done
}

requires_root()
{
	[ "$(id -u)" = 0 ] || skip "has to be run as root"
}

# Skips where nothing can be mounted: no device, or no right to.
requires_fuse()
{
	local caps

	[ -c /dev/fuse ] || skip "no /dev/fuse here"
	if ! [ -r /dev/fuse ] || ! [ -w /dev/fuse ]; then
		skip "/dev/fuse is closed to us"
	fi
	if [ "$(id -u)" = 0 ]; then
		caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
		# CAP_SYS_ADMIN is bit 21.
		(((0x$caps >> 21) & 1)) || skip "no right to mount (CAP_SYS_ADMIN)"
	else
		requires fusermount3
	fi
}

# Program of this folder's helpers, in Python.
probe()
{
	python3 -B "$test_dir/probe.py" "$@"
}

# make_image NAME [OPTION...]: NAME.img, and NAME.truth with what is in it.
make_image()
{
	local name=$1

	shift
	"$mkmem" "$@" --out "$name.img" --truth "$name.truth" ||
		fail "mkmem $*"
}

# truth_proc TRUTH FIELD KEY VALUE: FIELD of the first process whose KEY is
# VALUE; fields by their names in mkmem.c.
truth_proc()
{
	awk -F '\t' -v want="$2" -v key="$3" -v value="$4" '
		BEGIN {
			n = split("rec pid ppid namehex eprocess dtbraw" \
				" userdtb create exit session threads wow64" \
				" inlist peb", names, " ")
			for (i = 1; i <= n; i++)
				at[names[i]] = i
		}
		$1 == "proc" && $at[key] == value { print $at[want]; exit }
	' "$1"
}

to_hex()
{
	printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}

# pid_of TRUTH NAME
pid_of()
{
	truth_proc "$1" pid namehex "$(to_hex "$2")"
}

# mount_image IMAGE DIR [OPTION...]: OPTIONs as winprocfs takes them. Returns
# when the mount answers; 1 where the daemon ended instead. The daemon's
# standard error goes to DIR.log, its pid to daemon_pid[DIR].
declare -A daemon_pid
launcher=() # what to run the daemon with, if it replaces itself by it
mount_image()
{
	local image=$1 mnt=$2 line=

	shift 2
	mkdir -p "$mnt"
	rm -f "$mnt.ready"
	mkfifo "$mnt.ready"
	"${launcher[@]}" "$winprocfs" -f --ready-fd 9 "$@" "$image" "$mnt" \
		9>"$mnt.ready" 2>"$mnt.log" &
	daemon_pid[$mnt]=$!
	echo $! >>"$tmp/daemons"
	# End of file, not a line, is what comes from one that gave up.
	read -r line <"$mnt.ready"
	[ "$line" = ready ] && return 0
	wait "${daemon_pid[$mnt]}"
	daemon_rc=$?
	unset "daemon_pid[$mnt]"
	return 1
}

must_mount()
{
	mount_image "$@" || {
		cat "$2.log" >&2
		fail "winprocfs ${*:3} ended with $daemon_rc"
	}
}

# The daemon must have ended well, and must not have said anything.
check_daemon()
{
	local mnt=$1 pid=${daemon_pid[$1]}

	wait "$pid"
	daemon_rc=$?
	unset "daemon_pid[$mnt]"
	if grep -v -e "$stderr_allowed" "$mnt.log" >&2; then
		fail "the daemon of $mnt had something to say"
	fi
	[ "$daemon_rc" = 0 ] || fail "the daemon of $mnt ended with $daemon_rc"
	if grep -qF " $tmp/$mnt " /proc/self/mountinfo; then
		fail "$mnt is still mounted"
	fi
}

# unmount DIR [OPTION]
unmount()
{
	if [ "$(id -u)" = 0 ]; then
		umount "${@:2}" "$1"
	else
		fusermount3 -u "${@:2}" "$1"
	fi
}

umount_checked()
{
	unmount "$1" || fail "umount $1"
	check_daemon "$1"
}

# Highest resident set of a daemon so far, in kB.
daemon_peak()
{
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' \
		"/proc/${daemon_pid[$1]}/status"
}

# expect_rc CODE CMD...: output goes to out and err.
expect_rc()
{
	local want=$1 rc

	shift
	"$@" >out 2>err
	rc=$?
	[ "$rc" = "$want" ] || {
		head -5 out err >&2
		fail "$* ended with $rc, not $want"
	}
}

# expect_error ERRNO CMD...: fails, and says so in the words of strerror().
expect_error()
{
	local words

	case $1 in
	EROFS) words='Read-only file system' ;;
	ENOENT) words='No such file or directory' ;;
	ENOTDIR) words='Not a directory' ;;
	EIO) words='Input/output error' ;;
	EACCES) words='Permission denied' ;;
	*) fail "expect_error: $1" ;;
	esac
	shift
	if "$@" >out 2>err; then
		fail "$*: worked"
	fi
	grep -qF "$words" err || {
		cat err >&2
		fail "$*: not '$words'"
	}
}

expect_same()
{
	[ "$1" = "$2" ] || fail "got '$1', expected '$2'${3:+: $3}"
}
