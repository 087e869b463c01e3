#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# hexdump, xxd, dd, strings, file, grep on the memory of a process.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires hexdump xxd dd strings file grep
requires_fuse

make_image a
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)
vmem=mnt/proc/$pid/vmem
marker=$(awk -F '\t' -v p="$pid" \
	'$1 == "page" && $2 == p && $8 == "marker" { print $3, $4 }' a.truth)
read -r va pa <<<"$marker"
label=$(printf 'WINPROCFS pid=%d va=%016x' "$pid" "$va")

dd if=a.img bs=4096 skip=$((pa / 4096)) count=1 of=want 2>/dev/null
dd if="$vmem" bs=4096 skip=$((va / 4096)) count=1 of=got 2>err || fail dd
cmp want got || fail "dd of a page"
dd if="$vmem" bs=1 iflag=skip_bytes skip=$((va + 9)) count=8 of=got 2>err
expect_same "$(cat got)" "${label:9:8}"
expect_same "$(xxd -s "$va" -l 64 -p "$vmem" | tr -d '\n')" \
	"$(head -c 64 want | xxd -p | tr -d '\n')" xxd
expect_same "$(hexdump -s "$va" -n 32 -e '32/1 "%c"' "$vmem" | head -c 32)" \
	"${label:0:32}" hexdump
xxd -s "$va" -l 16 "$vmem" | grep -qi "^0*${va#0x}:" ||
	fail "xxd does not show the address"

region=$(find "mnt/proc/$pid/regions" -name "$(printf '%016x' "$va")-*")
cmp want "$region" || fail "region of the marker"
strings -n 8 "$region" >strings.out || fail strings
grep -q '^EVIL-MARKER-STRING' strings.out || grep -q EVIL-MARKER strings.out ||
	fail "strings does not find the marker"
file -b "$region" "$vmem" mnt/processes >file.out || fail file
grep -q text file.out || fail "file: processes is no text"

# GNU grep skips holes of what it takes for binary (so not with -a alone: it
# would make one line of 128 TiB of zeros), and with -z. What it prints with -b
# does not count the holes.
(
	ulimit -v 4000000
	[ "$sanitized" = no ] || ulimit -v unlimited
	expect_same "$(timeout 20 grep -c EVIL-MARKER-STRING "$vmem")" 1
	expect_same "$(timeout 20 grep -acz EVIL-MARKER-STRING "$vmem")" 1
	expect_same "$(timeout 20 grep -c password "$vmem")" 1
) || exit 1
for dir in mnt/proc/*/; do
	n=$(timeout 20 grep -c EVIL-MARKER-STRING "${dir}vmem")
	want=0
	[ "$dir" = "mnt/proc/$pid/" ] && want=1
	expect_same "$n" "$want" "marker in $dir"
done
umount_checked mnt
