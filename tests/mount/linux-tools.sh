#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# ps, top, pstree and their like, as they are, in a mount namespace in which
# proc/ is /proc: they show what was made. And contrib/winprocfs-enter.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse
requires unshare ps pgrep pidof pmap top uptime free vmstat pstree lsof
unshare --mount --propagation private true 2>/dev/null ||
	unshare --user --map-root-user --mount true 2>/dev/null ||
	skip "no mount namespaces here"

export TZ=UTC LC_ALL=C.UTF-8 COLUMNS=400
make_image a --cast full --page-files
must_mount a.img mnt

# inside CMD...: with proc/ in place of /proc, for it alone.
inside()
{
	local user=()

	[ "$(id -u)" = 0 ] || user=(--user --map-root-user)
	# shellcheck disable=SC2016 # it is for the shell in there
	unshare "${user[@]}" --mount --propagation private \
		bash -c 'mount --bind "$0" /proc && exec "$@"' \
		"$tmp/mnt/proc" "$@"
}

# What is to be seen: pid, ppid, threads, resident memory, name of each process
# that has a folder named by its pid alone (of two with one pid, one has). ps
# counts one thread at the least.
awk 'NR > 1 { print $1, $2, $3, $4 }' mnt/processes | sort -n >listed
while read -r pid ppid name eprocess; do
	[ "$(readlink "mnt/by-eprocess/${eprocess#0x}")" = "../proc/$pid" ] ||
		continue
	rss=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' \
		"mnt/proc/$pid/status")
	n=$(sed -n 's/^Threads:[^0-9]*//p' "mnt/proc/$pid/status")
	[ "$n" -gt 0 ] || n=1
	echo "$pid $ppid $n $rss $name"
done <listed >want
[ "$(wc -l <want)" -gt 20 ] || fail "few processes"

inside ps -eo pid=,ppid=,nlwp=,rss=,comm= >out || fail "ps -eo"
# The folder of the other process with a pid (PID-EPROCESS) begins with that
# pid: ps takes it for the one that it has seen.
sed 's/ <defunct>$//' out |
	awk '{ print $1, $2, $3, $4, NF == 5 ? $5 : "(odd)" }' |
	sort -nu >got
# Names that are not plain are cut and escaped in other places.
plain()
{
	awk '$5 ~ /[^a-zA-Z.]/ || length($5) > 15 { $5 = "(odd)" }
		{ print }' "$1"
}
[ "$(plain want | grep -vc "(odd)")" -gt 20 ] || fail "few plain names"
plain want >want.plain
plain got | diff want.plain - || fail "ps -eo: not what is in the image"

inside ps -ef >out || fail "ps -ef"
awk 'NR > 1 { print $2, $3 }' out | sort -nu >got
awk '{ print $1, $2 }' want | diff - got || fail "ps -ef"
explorer=$(pid_of a.truth explorer.exe)
exe='C:\Windows\System32\explorer.exe'
awk -v p="$explorer" '$2 == p' out | grep -qF " $exe " ||
	fail "ps -ef: $(cat out)"
# n_pids COLUMN: how many different ones are in out, below its title.
n_pids()
{
	awk -v n="$1" 'NR > 1 { print $n }' out | sort -u | wc -l
}

inside ps aux >out || fail "ps aux"
expect_same "$(n_pids 2)" "$(wc -l <want)" "ps aux"
grep -q "^[^ ]* *4 .*\[System\]" out || fail "ps aux: $(cat out)"

# Times of creation, to the second; FILETIME counts from 1601.
inside ps -eo pid=,lstart= >out || fail lstart
for pid in 4 "$explorer" "$(pid_of a.truth lsass.exe)"; do
	create=$(truth_proc a.truth create pid "$pid")
	unix=$((create / 10000000 - 11644473600))
	expect_same "$(awk -v pid="$pid" '$1 == pid { $1 = ""; print }' out |
		sed 's/^ //')" "$(date -u -d "@$unix" '+%a %b %-d %H:%M:%S %Y')" \
		"lstart of $pid"
done
inside ps -p "$explorer" -o etimes=,times= >out || fail "ps -p"
read -r elapsed _ <out
if [ "$elapsed" -le 0 ] || [ "$elapsed" -ge 10800 ]; then
	fail "etimes: $elapsed"
fi
inside ps -ejH >out || fail "ps -ejH"
inside ps fax >out || fail "ps fax"
expect_same "$(n_pids 1)" "$(wc -l <want)" "ps fax"

# One tree, with all of them.
inside pstree -p >out || fail pstree
while read -r pid _; do
	grep -q "($pid)" out || fail "pstree -p: no $pid: $(cat out)"
done <want
inside pgrep -a lsass >out || fail "pgrep -a"
expect_same "$(awk '{ print $1 }' out)" "$(pid_of a.truth lsass.exe)" pgrep
expect_same "$(inside pgrep -P "$(pid_of a.truth explorer.exe)" | sort -u)" \
	"$(awk -v p="$explorer" '$2 == p { print $1 }' want | sort)" "pgrep -P"
expect_same "$(inside pidof "$exe")" \
	"$explorer" pidof
expect_same "$(inside pidof System)" 4 "pidof System"

inside pmap -x "$explorer" >out || fail "pmap -x"
rss=$(awk -v p="$explorer" '$1 == p { print $4 }' want)
awk -v rss="$rss" '/^total/ { found = 1; exit $4 != rss }
	END { if (!found) exit 1 }' out || fail "pmap -x: $(tail -n 1 out)"
inside lsof -p "$explorer" >out 2>err || :
grep -q "^explorer. *$explorer " out || fail "lsof: $(cat out err)"

inside top -b -n1 -w 300 >out || fail top
awk '$1 ~ /^[0-9]+$/ && NF > 10 { print $1, $6 }' out | sort -nu >got
awk '{ print $1, $4 }' want | diff - got || fail "top: $(cat out)"
grep -q '^MiB Mem : *64.0 total' out || fail "top: $(head -n 5 out)"

# 10780 seconds, as long as it was up.
inside uptime >out || fail uptime
grep -q ' up  *2:59, ' out || fail "uptime: $(cat out)"
inside free -k >out || fail free
expect_same "$(awk '/^Mem:/ { print $2, $7 }' out)" "65536 17284" free
inside vmstat >out || fail vmstat
expect_same "$(wc -l <out)" 3 vmstat
inside cat /proc/version | grep -q '^Windows NT version 10\.0\.' ||
	fail version

# Nobody else sees a thing. Who asks for its own pid finds what self is; others
# do not find that.
[ -r "/proc/$$/stat" ] || fail "proc/ is everybody's"
[ -e "mnt/proc/$$/stat" ] || fail "proc/ has no answer to who asks"
# shellcheck disable=SC2016 # it is for the shell in there
bash -c '[ -e "mnt/proc/$PPID" ]' &&
	fail "a process of this machine is in the image"
find mnt/proc -maxdepth 1 -name "$$" | grep . && fail "proc/$$ is listed"
[ -e mnt/proc/0 ] && fail "proc/0"
umount_checked mnt

# Whose processes are: who mounted.
must_mount a.img mnt -o uid=1234,gid=5678
expect_same "$(inside ps -o uid=,gid= -p 4 | tr -s ' ')" " 1234 5678" "uid"
enter=$test_dir/../../contrib/winprocfs-enter
export WINPROCFS=$winprocfs
unset PROMPT_COMMAND PS1

left_behind()
{
	find "$tmp/t" -mindepth 1 | grep . && fail "$1: a folder was left"
	grep -F "$tmp/t/" /proc/self/mountinfo && fail "$1: still mounted"
	return 0
}

mkdir t
export TMPDIR=$tmp/t
"$enter" --help | grep -q '^usage: winprocfs-enter' || fail "--help"
expect_rc 1 "$enter"
expect_rc 1 "$enter" -x
expect_rc 1 "$enter" nothing.img ps
expect_rc 1 "$enter" -o nonsense a.img ps
# A folder that is mounted is left as it is.
"$enter" mnt ps -e -o pid= >got 2>err || fail "enter mnt: $(cat err)"
expect_same "$(sort -u got | wc -l)" "$(wc -l <want)" "enter mnt"
[ -e mnt/proc/4/stat ] || fail "mnt was unmounted"
umount_checked mnt

"$enter" a.img ps -e -o pid=,ppid= >got || fail "enter"
awk '{ print $1, $2 }' want >short
awk '{ print $1, $2 }' got | sort -nu | diff short - || fail "enter: ps"
# With command lines as they are, by name: those that pidof can compare, of
# processes that have not ended.
must_mount a.img raw -o raw_cmdline
while read -r pid _ _ _ name; do
	grep -q ') Z ' "raw/proc/$pid/stat" || echo "$pid $name"
done <want >alive
awk '$2 !~ /[^a-zA-Z.]/ && length($2) < 15 { print $2 }' alive | sort -u >names
[ "$(wc -l <names)" -gt 8 ] || fail "few names: $(cat names)"
while read -r name; do
	expect_same "$("$enter" raw pidof "$name" | tr ' ' '\n' | sort -nu)" \
		"$(awk -v name="$name" '$2 == name { print $1 }' alive |
			sort -n)" "pidof $name"
done <names
while read -r pid _; do
	tr -d '\0' <"raw/proc/$pid/cmdline" | sed 's/ $//' >got
	expect_same "$(cat got)" "$(sed -n 's/^CmdLine:\t//p' \
		"raw/proc/$pid/status" | sed -e 's/ $//' -e '/^- (/d')" \
		"raw_cmdline of $pid"
	for task in "raw/proc/$pid"/task/*; do
		[ ! -d "$task" ] || cmp "raw/proc/$pid/cmdline" \
			"$task/cmdline" || fail "cmdline of $task"
	done
done <want
umount_checked raw
expect_same "$("$enter" a.img pidof explorer.exe)" "$explorer" "enter: pidof"

expect_rc 7 "$enter" -o uid=1234 a.img bash -c 'ps -o uid= -p 4; exit 7'
expect_same "$(tr -d ' ' <out)" 1234 "enter -o"
# Its own programs have other ids than Windows'.
"$enter" a.img bash -c 'echo $$' >out || fail "enter: pid"
last=$(tail -n 1 listed)
[ "$(cat out)" -gt "${last%% *}" ] || [ "$(cat out)" != 4 ] ||
	fail "a program has Windows' id $(cat out)"
echo 'ps -e -o pid= | sort -u | wc -l; exit 3' |
	SHELL=/bin/sh "$enter" a.img >out 2>err && fail "enter: status of a shell"
expect_same "$(tr -d ' ' <out)" "$(wc -l <want)" "enter: a shell"
grep -q 'is that of a.img' err || fail "enter: $(cat err)"

# However it ends.
"$enter" a.img sleep 100 &
pid=$!
for _ in $(seq 300); do
	pgrep -P "$pid" >/dev/null && [ -z "$(ls t)" ] && break
	sleep 0.1
done
kill -KILL "$pid"
wait "$pid" 2>/dev/null
for _ in $(seq 300); do
	pgrep -f "$winprocfs a.img $tmp/t/" >/dev/null || break
	sleep 0.1
done
pgrep -f "$winprocfs a.img $tmp/t/" && fail "a daemon was left"
for _ in $(seq 300); do
	[ -z "$(ls t)" ] && break
	sleep 0.1
done
left_behind killed

# Nothing but Windows can be entered.
make_image n --no-windows
expect_rc 1 "$enter" n.img ps
grep -q 'no Windows process' err || fail "$(cat err)"
for _ in $(seq 300); do
	[ -z "$(ls t)" ] && break
	sleep 0.1
done
left_behind "no Windows"
