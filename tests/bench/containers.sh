#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How fast image/pmem of compressed containers is, against the formats' own
# decoders alone on all processors (bench-decode); what a look-up of a page in
# a bitmap costs, and opening a dump with a bitmap. By `make bench`, or in the
# build directory.
#
# "ratio" is that of the rates, which is only of worth on a machine that does
# nothing else; "processors" that of the time that processors spend, the
# decoders' over that of the daemon and dd together, which is so on any.
#
# The memory is a made-up machine of 64 MiB and the bytes of programs and
# libraries of this machine, a quarter of zeros, a tenth of noise. What is
# measured is the second reading: the cache (64 MiB) is full, and too small.
#
# BENCH_FORMATS: mkcontain's, with spaces between. BENCH_MIB: how much memory.
set -euo pipefail

top_builddir=${top_builddir:-$PWD}
winprocfs=$top_builddir/winprocfs
: "${BENCH_FORMATS:=avml ewf aff4 kdump-zlib kdump-snappy kdump-zstd hibr-7x64 \
	hibr-10 hibr-11 raw-zstd raw-bgzf raw-xz}"
: "${BENCH_MIB:=256}"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/winprocfs-bench.XXXXXX")
mnt=$tmp/mnt

unmount()
{
	if [ "$(id -u)" = 0 ]; then
		umount "$mnt"
	else
		fusermount3 -u "$mnt"
	fi
}

# shellcheck disable=SC2317 # it is called by the trap
finish()
{
	if grep -qF " $mnt " /proc/self/mountinfo; then
		unmount || true
	fi
	rm -rf --one-file-system "$tmp"
}
trap finish EXIT

programs()
{
	find /usr/lib /usr/bin -xdev -type f -size +256k -print0 |
		sort -z | xargs -0 cat 2>/dev/null || true
}

# Like memory: what programs are made of, zeros, noise; 2.5 MiB at a time.
fill()
{
	for ((i = 0; i < BENCH_MIB * 2 / 5; i++)); do
		head -c 1703936
		head -c 655360 /dev/zero
		head -c 262144 /dev/urandom
	done < <(programs)
}

now() # in microseconds
{
	echo "${EPOCHREALTIME/[^0-9]/}"
}

ticks() # of processors, by a process
{
	awk '{ print $14 + $15 }' "/proc/$1/stat"
}

read_all()
{
	dd if="$mnt/image/pmem" of=/dev/null bs=1M 2>/dev/null
}

# pmem IMAGE: MB/s and processors' seconds.
pmem()
{
	local daemon size t0 t1 c0 c1 dd

	mkfifo "$tmp/ready"
	"$winprocfs" -f --ready-fd 9 -o cache=64M "$1" "$mnt" 9>"$tmp/ready" &
	daemon=$!
	read -r _ <"$tmp/ready"
	rm "$tmp/ready"
	size=$(stat -c %s "$mnt/image/pmem")
	read_all
	c0=$(ticks "$daemon")
	t0=$(now)
	dd=$({ TIMEFORMAT='%U %S' && time read_all; } 2>&1)
	t1=$(now)
	c1=$(ticks "$daemon")
	unmount
	wait "$daemon"
	awk -v size="$size" -v t=$((t1 - t0)) -v c=$((c1 - c0)) \
		-v hz="$(getconf CLK_TCK)" -v dd="$dd" 'BEGIN {
		split(dd, d, " ")
		printf "%.0f %.3f\n", size / t, c / hz + d[1] + d[2]
	}'
}

mkdir "$mnt"
"$top_builddir/mkmem" --size 64 --out "$tmp/raw" --truth "$tmp/truth"
fill >>"$tmp/raw"
echo
printf '%-14s %10s %10s %8s %11s\n' "pmem, dd bs=1M" "decoders" mount ratio \
	processors
for format in $BENCH_FORMATS; do
	"$top_builddir/mkcontain" "$tmp/raw" "$tmp/image" "$format" \
		2>"$tmp/err" || {
		printf '%-14s not made: %s\n' "$format" "$(tail -1 "$tmp/err")"
		continue
	}
	cat "$tmp/image" >/dev/null
	read -r rate seconds _ < <("$top_builddir/bench-decode" "$(nproc)" \
		"$tmp/image")
	read -r mounted spent < <(pmem "$tmp/image")
	awk -v f="$format" -v r="$rate" -v s="$seconds" -v m="$mounted" \
		-v p="$spent" 'BEGIN {
		printf "%-14s %10d %10d %8.2f %11.2f\n", f, r, m, m / r, s / p
	}'
	rm -f "$tmp"/image*
done
rm -f "$tmp/raw"
echo
echo "a page by a bitmap of 2^24: $("$top_builddir/bench-decode" --bitmap \
	$((1 << 24)))"
exit 0
