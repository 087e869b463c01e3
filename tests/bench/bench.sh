#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How fast it is, against reading the image's file, and against libfuse's own
# example of a filesystem that passes files through. By `make bench`, or in the
# build directory. Each number is the median of RUNS (3) runs; each run has a
# mount of its own, so that nothing comes from the kernel's cache of it. The
# image itself is in the page cache.
#
# BENCH_IMAGE and BENCH_TRUTH: another image than mkmem --big.
set -euo pipefail

top_builddir=${top_builddir:-$PWD}
winprocfs=$top_builddir/winprocfs
mkmem=$top_builddir/mkmem
here=$(cd "$(dirname "$0")" && pwd)
: "${RUNS:=3}"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/winprocfs-bench.XXXXXX")
mnt=$tmp/mnt
pass_pid=

unmount()
{
	if [ "$(id -u)" = 0 ]; then
		umount "$1"
	else
		fusermount3 -u "$1"
	fi
}

# shellcheck disable=SC2317 # it is called by the trap
finish()
{
	for dir in "$mnt" "$tmp/pass"; do
		if grep -qF " $dir " /proc/self/mountinfo; then
			unmount "$dir" || true
		fi
	done
	rm -rf --one-file-system "$tmp"
}
trap finish EXIT

now() # in microseconds
{
	echo "${EPOCHREALTIME/[^0-9]/}"
}

median()
{
	sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# start IMAGE [OPTION...]: sets daemon to the pid.
start()
{
	local image=$1

	shift
	rm -f "$tmp/ready"
	mkfifo "$tmp/ready"
	"$winprocfs" -f --ready-fd 9 "$@" "$image" "$mnt" 9>"$tmp/ready" &
	daemon=$!
	read -r _ <"$tmp/ready"
}

stop()
{
	unmount "$mnt"
	wait "$daemon"
}

# rate MIB COMMAND...: MB/s (10^6) of a command that reads so many MiB.
rate()
{
	local mib=$1 t0 t1

	shift
	t0=$(now)
	"$@" >/dev/null 2>"$tmp/err" || {
		cat "$tmp/err" >&2
		return 1
	}
	t1=$(now)
	awk -v b=$((mib * 1048576)) -v t=$((t1 - t0)) \
		'BEGIN { printf "%.0f\n", b / t }'
}

# since T: seconds since T = $(now)
since()
{
	awk -v t=$(($(now) - $1)) 'BEGIN { printf "%.4f\n", t / 1e6 }'
}

# timed COMMAND...: seconds; what it prints is in $tmp/out
timed()
{
	local t0

	t0=$(now)
	"$@" >"$tmp/out" 2>"$tmp/err"
	since "$t0"
}

# read_mib FILE SKIP COUNT, in MiB
read_mib()
{
	dd if="$1" of=/dev/null bs=1M skip="$2" count="$3"
}

# through NAME SKIP COUNT: rate of a file of a new mount.
through()
{
	for ((i = 0; i < RUNS; i++)); do
		start "$image"
		stat "$mnt/$1" >/dev/null # the walk is measured below
		rate "$3" read_mib "$mnt/$1" "$2" "$3"
		stop
	done | median
}

plain()
{
	for ((i = 0; i < RUNS; i++)); do
		rate "$2" read_mib "$image" "$1" "$2"
	done | median
}

random_reads()
{
	python3 "$here/random_reads.py" "$@"
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN {
		if (b > 0) printf "%.2f", a / b; else printf "-" }'
}

row()
{
	printf '%-42s %10s %12s %14s\n' "$@"
}

mkdir "$mnt" "$tmp/pass" "$tmp/files"
"$mkmem" --out "$tmp/files/demo.img" --truth "$tmp/demo.truth"
image=${BENCH_IMAGE:-$tmp/files/big.img}
truth=${BENCH_TRUTH:-$tmp/big.truth}
if [ -z "${BENCH_IMAGE:-}" ]; then
	"$mkmem" --big --out "$tmp/sparse" --truth "$truth"
	# Reading a hole is faster than any file.
	cp --sparse=never "$tmp/sparse" "$image"
	rm "$tmp/sparse"
fi

# bulk.exe has half of its memory in long runs, half page by page.
bulk=$(awk -F '\t' '$1 == "proc" && $4 == "62756c6b2e657865" { print $2 }' \
	"$truth")
read -r first last < <(awk -F '\t' -v p="$bulk" \
	'$1 == "vad" && $2 == p { print $3, $4 }' "$truth" |
	while read -r a b; do echo "$((b - a)) $((a)) $((b + 1))"; done |
	sort -n | tail -1 | cut -d ' ' -f 2-)
mib=$(((last - first) / 1048576 / 2))
at=$((first / 1048576))
vmem=proc/$bulk/vmem
cat "$image" >/dev/null

file=$(plain 1024 512)
passthrough=0 pass_random=0
if source=/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c &&
	[ -f $source ] || source=$source.gz && [ -f $source ]; then
	case $source in
	*.gz) zcat $source >"$tmp/passthrough_ll.c" ;;
	*) cp $source "$tmp" ;;
	esac
	cp "${source%/*}/passthrough_helpers.h" "$tmp" 2>/dev/null || true
	read -ra flags < <(pkg-config --cflags --libs fuse3)
	"${CC:-gcc}" -O2 -w -o "$tmp/passthrough_ll" "$tmp/passthrough_ll.c" \
		"${flags[@]}" || rm -f "$tmp/passthrough_ll"
fi
# pass COMMAND...: of a new mount of the example.
pass()
{
	"$tmp/passthrough_ll" -f -o "source=${image%/*},cache=always" \
		"$tmp/pass" 2>/dev/null &
	pass_pid=$!
	until grep -qF " $tmp/pass " /proc/self/mountinfo; do
		kill -0 "$pass_pid"
	done
	"$@"
	unmount "$tmp/pass"
	wait "$pass_pid"
}
if [ -x "$tmp/passthrough_ll" ]; then
	passthrough=$(for ((i = 0; i < RUNS; i++)); do
		pass rate 512 read_mib "$tmp/pass/${image##*/}" 1024 512
	done | median)
	pass_random=$(for ((i = 0; i < RUNS; i++)); do
		pass random_reads "$tmp/pass/${image##*/}" \
			0 $((1 << 30)) 50000
	done | median)
fi

echo "$(nproc) processors, kernel $(uname -r), $("$winprocfs" -V | tail -1)"
echo "image: $(du -h --apparent-size "$image" | cut -f1)," \
	"region: 2 x $mib MiB of pid $bulk"
echo
row "sequential, dd bs=1M, first read" MB/s "of the file" "passthrough_ll"
line()
{
	row "$1" "$2" "$(ratio "$2" "$file")" "$(ratio "$2" "$passthrough")"
}
line "image file" "$file"
line "passthrough_ll, cache=always" "$passthrough"
contiguous=$(through "$vmem" "$at" "$mib")
line "vmem, contiguous" "$contiguous"
scattered=$(through "$vmem" $((at + mib)) "$mib")
line "vmem, scattered pages" "$scattered"
pmem=$(through image/pmem 1024 512)
line "image/pmem" "$pmem"
echo
row "random, 4 KiB, one reader" reads/s "of the file" "passthrough_ll"
plain_random=$(for ((i = 0; i < RUNS; i++)); do
	random_reads "$image" 0 $((1 << 30)) 50000
done | median)
vmem_random=$(for ((i = 0; i < RUNS; i++)); do
	start "$image"
	random_reads "$mnt/$vmem" "$first" $((last - first)) 50000
	stop
done | median)
for pair in "image file:$plain_random" "passthrough_ll:$pass_random" \
	"vmem:$vmem_random"; do
	row "${pair%:*}" "${pair#*:}" "$(ratio "${pair#*:}" "$plain_random")" \
		"$(ratio "${pair#*:}" "$pass_random")"
done
echo

# seconds IMAGE COMMAND: from the start of the program to the command's end.
first_ls()
{
	for ((i = 0; i < RUNS; i++)); do
		t0=$(now)
		start "$1"
		ls "$mnt/proc" >/dev/null
		since "$t0"
		stop
	done | median
}
all_memmap()
{
	for ((i = 0; i < RUNS; i++)); do
		start "$1" ${2:+-o "$2"}
		t0=$(now) # finding the names counts
		cat "$mnt"/proc/*/memmap >"$tmp/out"
		since "$t0"
		stop
	done | median
}
printf '%-42s %10s %12s\n' "seconds" "64 MiB" "2 GiB"
demo_ls=$(first_ls "$tmp/files/demo.img")
big_ls=$(first_ls "$image")
printf '%-42s %10s %12s\n' "start to first ls of proc/" "$demo_ls" "$big_ls"
"$mkmem" --size 65536 --format dump-bitmap --out "$tmp/dump.img"
dump_ls=$(first_ls "$tmp/dump.img")
rm "$tmp/dump.img"
printf '%-42s %10s %12s\n' "the same, bitmap dump of 64 GiB" - "$dump_ls"
demo_cat=$(all_memmap "$tmp/files/demo.img")
big_cat=$(all_memmap "$image")
printf '%-42s %10s %12s   %s lines, %s bytes\n' "cat proc/*/memmap" \
	"$demo_cat" "$big_cat" "$(wc -l <"$tmp/out")" \
	"$(stat -c %s "$tmp/out")"
printf '%-42s %10s %12s   %s lines\n' "the same with coalesce" \
	"$(all_memmap "$tmp/files/demo.img" coalesce)" \
	"$(all_memmap "$image" coalesce)" "$(wc -l <"$tmp/out")"
echo

# A machine of 200 processes with threads, handles and modules, all of its
# tree; and yara over all regions, against copies of them in a folder.
"$mkmem" --size 512 --procs 200 --threads --objects --modules \
	--out "$tmp/files/many.img" --truth "$tmp/many.truth"
many_ls=$(for ((i = 0; i < RUNS; i++)); do
	start "$tmp/files/many.img"
	timed ls -lR "$mnt"
	stop
done | median)
printf '%-42s %10s %12s   %s lines\n' "200 processes" seconds "of files" \
	"$(wc -l <"$tmp/out")"
printf '%-42s %10s %12s\n' "ls -lR" "$many_ls" -
# yara_over IMAGE: seconds over files, the first time, again
yara_over()
{
	start "$1"
	(cd "$mnt" && find proc -type f -path '*/regions/*' -print0 |
		xargs -0 cp --parents --sparse=never -t "$tmp/plain")
	(cd "$mnt" && ls -d proc/[0-9]*/regions) >"$tmp/dirs"
	stop
	for ((i = 0; i < RUNS; i++)); do
		(cd "$tmp/plain" && timed yara -r --scan-list "$tmp/rules.yar" \
			"$tmp/dirs") >>"$tmp/yara.files"
		start "$1"
		(cd "$mnt" && for k in first again; do
			timed yara -r --scan-list "$tmp/rules.yar" \
				"$tmp/dirs" >>"$tmp/yara.$k"
		done)
		stop
	done
	for k in files first again; do
		median <"$tmp/yara.$k"
		rm "$tmp/yara.$k"
	done
	rm -r "$tmp/plain/proc"
}
cat >"$tmp/rules.yar" <<'R'
rule marker { strings: $a = "EVIL-MARKER-STRING" condition: $a }
rule word { strings: $a = "password" nocase wide ascii condition: $a }
rule program { strings: $a = { 4D 5A 90 00 03 } condition: $a at 0 }
rule address { strings: $a = /https?:\/\/[a-z0-9.]{4,40}/ condition: $a }
R
worst_yara=0
if command -v yara >"$tmp/out"; then
	mkdir "$tmp/plain"
	for pair in "200 processes:$tmp/files/many.img" "2 GiB:$image"; do
		mapfile -t yara < <(yara_over "${pair#*:}")
		row "yara -r over regions, ${pair%%:*}" "${yara[1]}" \
			"$(ratio "${yara[1]}" "${yara[0]}")"  ""
		again=$(ratio "${yara[2]}" "${yara[0]}")
		row "the same again" "${yara[2]}" "$again" ""
		worst_yara=$(printf '%s\n' "$again" "$worst_yara" | sort -n |
			tail -1)
	done
fi
rm "$tmp/files/many.img"
echo

# A process of 2 GiB, no two pages of which follow each other: the walk, the
# index of the lines, the lines. Against cat of a file of as many bytes.
"$mkmem" --size 2560 --bulk 2048 --scatter --out "$tmp/scatter.img" \
	--truth "$tmp/scatter.truth"
bulk=$(awk -F '\t' '$1 == "proc" && $4 == "62756c6b2e657865" { print $2 }' \
	"$tmp/scatter.truth")
# first_cat FILE [OPTION]: seconds until a file of the process is read.
first_cat()
{
	for ((i = 0; i < RUNS; i++)); do
		start "$tmp/scatter.img" ${2:+-o "$2"}
		timed cat "$mnt/proc/$bulk/$1"
		stop
	done | median
}
printf '%-42s %10s %12s\n' "first cat, 2 GiB in scattered pages" seconds \
	"of a file"
maps_cat=$(first_cat maps)
t0=$(now)
cat "$tmp/out" >"$tmp/out2"
file_cat=$(since "$t0")
printf '%-42s %10s %12s   %s lines, %s bytes\n' maps "$maps_cat" \
	"$(ratio "$maps_cat" "$file_cat")" "$(wc -l <"$tmp/out")" \
	"$(stat -c %s "$tmp/out")"
for what in "memmap" "paging" "maps coalesce" "maps all"; do
	# shellcheck disable=SC2086 # two words
	seconds=$(first_cat $what)
	printf '%-42s %10s %12s\n' "$what" "$seconds" \
		"$(ratio "$seconds" "$file_cat")"
done
rm "$tmp/scatter.img"
echo

# What it holds itself; pages of the image that it has passed on count in
# VmHWM, but they are the page cache's.
memory()
{
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$daemon/status"
}
printf '%-42s %10s %12s\n' "kB of memory, 2 GiB image" RssAnon VmHWM
start "$image"
printf '%-42s %10s %12s\n' "mounted" "$(memory RssAnon)" "$(memory VmHWM)"
find "$mnt" -type f ! -name vmem ! -name pagemap ! -name pmem \
	! -path '*/regions/*' -exec cat {} + >/dev/null
printf '%-42s %10s %12s\n' "after cat of all text files" \
	"$(memory RssAnon)" "$(memory VmHWM)"
read_mib "$mnt/$vmem" "$at" $((2 * mib)) 2>/dev/null
printf '%-42s %10s %12s\n' "after reading $((2 * mib)) MiB of vmem" \
	"$(memory RssAnon)" "$(memory VmHWM)"
stop
echo


expect()
{
	if awk -v a="$2" -v b="$4" "BEGIN { exit !(a $3 b) }"; then
		echo "ok: $1 ($2 $3 $4)"
	else
		echo "SLOW: $1 ($2, expected $3 $4)"
	fi
}
if [ "$passthrough" != 0 ]; then
	expect "vmem, contiguous, against passthrough_ll" \
		"$(ratio "$contiguous" "$passthrough")" '>=' 3
	expect "vmem, scattered, against passthrough_ll" \
		"$(ratio "$scattered" "$passthrough")" '>=' 3
	expect "pmem, against passthrough_ll" \
		"$(ratio "$pmem" "$passthrough")" '>=' 3
fi
expect "first ls, 64 MiB" "$demo_ls" '<' 0.1
expect "first ls, 2 GiB" "$big_ls" '<' 0.1
expect "first ls, bitmap dump of 64 GiB" "$dump_ls" '<' 1
expect "ls -lR, 200 processes" "$many_ls" '<' 2
expect "yara again, of files" "$worst_yara" '<=' 1.2
expect "maps, 2 GiB in scattered pages" "$maps_cat" '<' 0.3
exit 0
