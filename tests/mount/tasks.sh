#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# task/ through a mount: its folders are the threads, stat is what Linux's tools
# read, status has the registers; and those that containers have.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires_fuse

make_image a --threads
must_mount a.img mnt

# Lines of the truth about a process's threads, or one column of them.
threads()
{
	awk -F '\t' -v pid="$1" '$1 == "thread" && $2 == pid' a.truth
}

n=0
for dir in mnt/proc/[0-9]*; do
	[ -d "$dir" ] || continue
	pid=$(sed -n 's/^Pid:\t//p' "$dir/status")
	threads "$pid" | cut -f 3 | sort -n >want
	# shellcheck disable=SC2012
	ls "$dir/task" | sort -n >got
	cmp want got || fail "threads of $pid"
	n=$((n + $(wc -l <got)))
done
[ "$n" -gt 40 ] || fail "$n threads"
[ -e mnt/kernel/task ] && fail "the kernel has tasks"
[ -e mnt/proc/4/task/1 ] && fail "a thread that is none"
[ -e mnt/proc/4/task/06660 ] && fail "a number written otherwise"

# Readers of stat look for the last ")": 50 fields follow it.
cat mnt/proc/[0-9]*/task/*/stat >stats || fail stat
expect_same "$(wc -l <stats)" "$n" "lines of stat"
awk '{
	tid = $1
	sub(/^.*\) /, "")
	if (NF != 50 || $1 !~ /^[RSDTZ]$/ || tid !~ /^[0-9]+$/)
		bad = 1
	for (i = 2; i <= NF; i++)
		if ($i !~ /^-?[0-9]+$/)
			bad = 1
} END { exit bad }' stats || fail "fields of stat"

# What all threads have of their process.
for file in cmdline statm; do
	for dir in mnt/proc/[0-9]*; do
		tid=$(head -n 1 <(ls "$dir/task"))
		[ -n "$tid" ] || continue
		cmp "$dir/$file" "$dir/task/$tid/$file" || fail "$file of $dir"
	done
done

# ps(1) itself, where a namespace can be had.
enter=$test_dir/../../contrib/winprocfs-enter
if command -v ps >/dev/null && "$enter" mnt true 2>/dev/null; then
	"$enter" mnt ps -eLo pid=,lwp= | awk '{ print $1, $2 }' | sort >got ||
		fail "ps -eL"
	awk -F '\t' '$1 == "thread" && $2 { print $2, $3 }' a.truth | sort >want
	cmp want got || fail "ps -eL: threads"
	pid=$(pid_of a.truth explorer.exe)
	"$enter" mnt ps -L -p "$pid" -o rss=,nlwp=,args= >got || fail "ps -L"
	expect_same "$(wc -l <got)" 4 "ps -L: lines"
	rss=$(sed -n 's/^VmRSS:[\t ]*\([0-9]*\) kB$/\1/p' "mnt/proc/$pid/status")
	awk -v rss="$rss" '{ if ($1 != rss || $2 != 3 || $3 != "explorer.exe")
		bad = 1 } END { exit bad }' got || fail "ps -L: $(cat got)"
fi

# Of explorer.exe: what lives and what has ended, times and names.
pid=$(pid_of a.truth explorer.exe)
threads "$pid" >rows
while IFS=$'\t' read -r _ _ tid ethread teb _ stack _ kstack _ end ktime utime \
	switches state _; do
	dir=mnt/proc/$pid/task/$tid
	sed 's/^\([A-Za-z0-9_]*\):\t/\1=/' "$dir/status" >status
	grep -q "^Ethread=$ethread\$" status || fail "$tid: Ethread"
	grep -q "^Teb=$teb\$" status || fail "$tid: Teb"
	grep -q "^Stack=$stack\$" status || fail "$tid: Stack"
	grep -q "^KernelStack=$kstack\$" status || fail "$tid: KernelStack"
	grep -q "^voluntary_ctxt_switches=$switches\$" status ||
		fail "$tid: switches"
	expect_same "$(stat -c %s "$dir/status")" "$(wc -c <"$dir/status")"
	read -r letter user kernel started < <(sed 's/^.*) //' "$dir/stat" |
		awk '{ print $1, $12, $13, $20 }')
	# Ticks of 1/64 s, in hundredths.
	expect_same "$user" $((utime * 156250 / 100000)) "$tid: utime"
	expect_same "$kernel" $((ktime * 156250 / 100000)) "$tid: stime"
	if [ "$started" -le 0 ] || [ "$started" -ge 720000 ]; then
		fail "$tid: started at $started"
	fi
	case $state/$end in
	4/*[1-9]*) expect_same "$letter" Z "$tid: state" ;;
	1/0 | 2/0) expect_same "$letter" R "$tid: state" ;;
	*) case $letter in [SDT]) ;; *) fail "$tid is $letter" ;; esac ;;
	esac
done <rows
expect_same "$(sed -n 's/^Threads:\t//p' "mnt/proc/$pid/status")" 3 Threads
[ "$(grep -c . rows)" -eq 4 ] || fail "threads of explorer.exe"
cat mnt/proc/[0-9]*/task/*/comm | grep -q '^worker ä$' || fail "no name"
cat mnt/proc/[0-9]*/task/*/comm | grep -q '\\033' || fail "no escaped name"

# Registers by the frames in memory.
awk -F '\t' '$1 == "regs" && $4 != "cpu" && $2 != 0' a.truth >regs
[ "$(grep -c . regs)" -gt 40 ] || fail "few registers"
while IFS=$'\t' read -r _ pid tid what from ip sp _; do
	key=UserRegs
	[ "$what" = user32 ] && key=UserRegs32
	[ "$what" = kernel ] && key=KernelRegs
	# What was interrupted in 32-bit code has one set alone.
	[ "$what" = user32 ] && ! grep -q "^$key:" \
		mnt/proc/"$pid"/task/"$tid"/status && continue
	sed -n "s/^$key:\t//p" mnt/proc/"$pid"/task/"$tid"/status >got
	grep -qw "[re]ip=$ip" got || fail "$tid: $what: $from: no $ip"
	grep -qw "[re]sp=$sp" got || fail "$tid: $what: $from: no $sp"
done <regs
umount_checked mnt

# Of processors, by what containers keep of them.
for format in elf kdump-zlib qevm xen-pfn; do
	"$mkmem" --threads --elf-notes --format "$format" --out b.img \
		--truth b.truth || fail "mkmem $format"
	awk -F '\t' '$1 == "regs" && $4 == "cpu"' b.truth >cpus
	expect_same "$(wc -l <cpus)" 2 "processors"
	while IFS=$'\t' read -r _ pid tid _ _ ip sp _ _ _ ax _ _ _ _ bp _ _ \
		_ _ _ _ _ _ _ r15; do
		"$winprocfs" -o container_regs \
			--cat "proc/$pid/task/$tid/status" b.img >status ||
			fail "$format: --cat"
		grep -q "RegsFrom:.processor state of the container" status ||
			fail "$format: $tid: not from the container"
		for reg in "rip=$ip" "rsp=$sp" "rax=$ax" "rbp=$bp" \
			"r15=$r15"; do
			grep -qw "$reg" status || fail "$format: $tid: $reg"
		done
	done <cpus
done
exit 0
