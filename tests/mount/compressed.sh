#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What the real xz, zstd, pzstd and gzip make of a raw image, cut as well; and
# one line of advice for what cannot be read in parts.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires xz zstd gzip
"$winprocfs" --version >version
grep -q liblzma version || skip "built without liblzma"
grep -q libzstd version || skip "built without libzstd"
grep -q zlib version || skip "built without zlib"

cat_of()
{
	"$winprocfs" --cat "$2" "$1" 2>err || fail "$1: $(cat err)"
}

# same_as_raw WHAT FILE: all of memory, and what was found in it.
same_as_raw()
{
	cat_of "$2" image/pmem | cmp - a.img || fail "$1: other memory"
	expect_same "$(cat_of "$2" processes)" "$processes" "$1"
	grep -q "^Wrapped:.*$3" <(cat_of "$2" image/info) ||
		fail "$1 is not seen as wrapped"
	expect_rc 0 "$winprocfs" --check "$2"
}

make_image a --size 32 --seed 4
processes=$(cat_of a.img processes)
xz -T2 --block-size=1MiB -1 -c a.img >blocks.xz
same_as_raw "xz with sizes in its blocks" blocks.xz xz
xz -T1 --block-size=3MiB -0 -c a.img >plain.xz
same_as_raw "xz without sizes in its blocks" plain.xz xz
xz -0 -C none -c a.img >one.xz
same_as_raw "xz of one block" one.xz xz
xz --delta --x86 --lzma2=preset=0 -T1 --block-size=8MiB -c a.img >filters.xz
same_as_raw "xz with filters" filters.xz xz
{
	head -c 12M a.img | xz -0 --block-size=1MiB -c
	tail -c +12582913 a.img | xz -0 -C sha256 -c
} >streams.xz
same_as_raw "xz of two streams" streams.xz xz
zstd -q -1 a.img -o one.zst
same_as_raw "zstd of one frame" one.zst zstd
split -b 5000000 a.img part.
for part in part.*; do
	zstd -q -1 -c "$part"
done >frames.zst
rm -f part.*
same_as_raw "zstd of frames" frames.zst zstd
zstd -q -1 -c <a.img >stream.zst
same_as_raw "zstd without a length" stream.zst zstd
if command -v pzstd >/dev/null; then
	pzstd -q -p 2 -1 -c a.img >p.zst
	same_as_raw "pzstd" p.zst zstd
fi
gzip -1 -c a.img >one.gz
same_as_raw "gzip" one.gz gzip
if command -v bgzip >/dev/null; then
	bgzip -c a.img >b.gz
	same_as_raw "bgzip" b.gz gzip
fi
# One within another.
xz -0 --block-size=4MiB -c frames.zst >both.xz
same_as_raw "zstd in xz" both.xz xz

# Cut: what is before the cut is there, and the same. Its length is known to
# a block of what the cut leaves.
for file in blocks.xz plain.xz one.xz frames.zst one.zst one.gz; do
	head -c $(($(stat -c %s "$file") * 2 / 3)) "$file" >short
	expect_rc 0 "$winprocfs" --cat image/pmem short
	n=$(stat -c %s out)
	[ "$n" -gt 1000000 ] || fail "$file, cut: $n bytes are left"
	[ "$n" -lt "$(stat -c %s a.img)" ] || fail "$file, cut: all is there"
	cmp -n "$n" out a.img || fail "$file, cut: other memory"
done

# Too large to be decoded as one: advice, in one line.
truncate -s 80M b.img
dd if=a.img of=b.img bs=1M conv=notrunc status=none
advised()
{
	local words=$1 file=$2

	expect_rc 2 "$winprocfs" --check "$file"
	expect_same "$(wc -l <err)" 1
	grep -qF -e "$words" err || fail "$file: $(cat err)"
}
xz -0 -c b.img >b.xz
advised 'xz -T0 --block-size=1MiB' b.xz
zstd -q -1 b.img -o b.zst
advised 'xz -T0 --block-size=1MiB' b.zst
zstd -q -1 -c <b.img >stream.zst
advised 'xz -T0 --block-size=1MiB' stream.zst
gzip -1 -c b.img >b.gz
advised 'gunzip' b.gz
xz -T2 --block-size=8MiB -0 -c b.img >b.xz
expect_rc 0 "$winprocfs" --cat image/pmem b.xz
cmp out b.img || fail "xz of 80 MiB: other memory"
if command -v bzip2 >/dev/null; then
	head -c 1M a.img | bzip2 >b.bz2
	advised 'bunzip2' b.bz2
fi
if command -v lz4 >/dev/null; then
	head -c 1M a.img | lz4 -q -c >b.lz4
	advised 'unlz4' b.lz4
fi

# A damaged block reads as an error where it is, and nowhere else.
cp blocks.xz damaged.xz
size=$(stat -c %s damaged.xz)
printf 'XXXXXXXX' | dd of=damaged.xz bs=1 seek=$((size - 9000)) conv=notrunc \
	status=none
"$winprocfs" --cat image/pmem damaged.xz >out 2>err && fail "damage passed"
n=$(stat -c %s out)
cmp -n "$n" out a.img || fail "damaged: other memory"
