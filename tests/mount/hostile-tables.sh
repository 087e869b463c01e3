#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Tables that lead to more pages than can be listed: all is answered, in time
# and in memory that the image's size bounds, and what was cut is said.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

cut='cut: more tables or pages than an image of this size can have'

# check_text NAME: its size, its last line.
check_text()
{
	local file=mnt/dtb/10000/$1 last

	timeout 60 cat "$file" >text || fail "$what: $1"
	expect_same "$(stat -c %s "$file")" "$(stat -c %s text)" "$what: size"
	last=$(tail -n 1 text)
	case $walk:$1 in
	complete:*)
		if grep -q cut: text; then
			fail "$what: $1 is cut"
		fi
		;;
	*:maps)
		printf '%s\n' "$last" | grep -Eq \
			"^[0-9a-f]{8,16}-10*0 ---p 00000000 00:00 0 \[$cut\]$" ||
			fail "$what: maps end with '$last'"
		# from where the line before ends
		expect_same "${last%%-*}" \
			"$(tail -n 2 text | sed -n '1s/^[^-]*-\([^ ]*\) .*/\1/p')" \
			"$what: maps go on"
		;;
	*:memmap)
		printf '%s\n' "$last" | grep -q "^From 0x[0-9a-f]* on $cut$" ||
			fail "$what: memmap ends with '$last'"
		;;
	esac
}

for mode in x86 pae amd64 la57 arm64; do
	for kind in self chain page large; do
		what="$mode, $kind"
		python3 -B "$test_dir/hostile-tables.py" $mode $kind 64 h.img ||
			fail "$what"
		must_mount h.img mnt -o paging=$mode
		timeout 60 cat mnt/dtb/10000/paging >paging || fail "$what"
		walk=stopped
		# 32-bit addresses have few large pages
		case $what in
		x86,\ large | pae,\ large) walk=complete ;;
		esac
		grep -q "^Walk:	$walk" paging || fail "$what: $(cat paging)"
		check_text maps
		check_text memmap
		timeout 60 ls -f mnt/dtb/10000/regions >/dev/null ||
			fail "$what: regions"
		if [ $kind = page ]; then # half a million lines in Python
			probe space mnt/dtb/10000 mnt/image/pmem ||
				fail "$what: vmem"
		fi
		[ "$(daemon_peak mnt)" -lt "$max_rss" ] ||
			fail "$what took $(daemon_peak mnt) kB"
		umount_checked mnt
		timeout 60 "$winprocfs" --check -o paging=$mode h.img \
			>/dev/null 2>&1
		[ $? != 124 ] || fail "$what: --check"
	done
done
exit 0
