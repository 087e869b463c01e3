#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The same memory in every container that the builder writes gives the same
# tree, byte by byte and hash by hash; formats.sh has the odd kinds of ELF.
TEST_LIMIT=600
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

mkcontain=$top_builddir/mkcontain
[ -x "$mkcontain" ] || fail "mkcontain was not built"

# What must be equal: all but what names the container. vmem and pagemap are
# holes of hundreds of GiB: their pages are compared by regions/ and by sizes.
compare_trees()
{
	local name=$1 dir

	for dir in proc dtb kernel by-name by-eprocess; do
		diff -r --no-dereference --exclude vmem --exclude pagemap \
			"raw/$dir" "mnt/$dir" >differences ||
			fail "$name: $dir differs: $(head -5 differences)"
	done
	cmp raw/processes mnt/processes || fail "$name: processes"
	expect_same "$(find mnt/proc \( -name vmem -o -name pagemap \) \
		-printf '%p %s %b\n' | cut -c4- | sort)" "$sizes" \
		"$name: sizes of vmem and pagemap"
}

# Raw images have holes as data, others leave them out: of those that are not
# flat, what is in them is compared.
compare_pmem()
{
	local name=$1 start end rest

	if [ "$(stat -c %s mnt/image/pmem)" = "$(stat -c %s raw/image/pmem)" ]
	then
		expect_same "$(sha256sum <mnt/image/pmem)" "$pmem_hash" \
			"$name: hash of pmem"
	fi
	while IFS='- ' read -r start end rest; do
		cmp -i "$((16#$start))" -n "$((16#$end - 16#$start + 1))" \
			raw/image/pmem mnt/image/pmem ||
			fail "$name: pmem from $start"
	done <mnt/image/iomem
}

# check_kind NAME FORMAT FLAGS: flags as in tests/lib/mkfmt.h.
check_kind()
{
	local name=$1 format=$2 flags=$3

	"$mkmem" "${machine[@]}" --format "$name" --out "c.img" ||
		fail "$name cannot be written"
	must_mount c.img mnt
	grep -q "^Format:.$format\$" mnt/image/info ||
		fail "$name is seen as $(grep ^Format: mnt/image/info)"
	if [ $((flags & 1024)) != 0 ]; then
		grep -q '^Wrapped:' mnt/image/info || fail "$name: no wrapper"
	fi
	if [ $((flags & 2)) = 0 ]; then
		compare_trees "$name"
		compare_pmem "$name"
	else
		grep -q . mnt/log || fail "$name: an empty log"
	fi
	umount_checked mnt
	rm -f c.*
}

# check_all FLAG: the writers for machines with 32 or 64 bits; those for both
# are tried with 64.
check_all()
{
	local wanted=$1 other=$2 n=0 name format flags rest

	make_image raw "${machine[@]}"
	must_mount raw.img raw
	sizes=$(find raw/proc \( -name vmem -o -name pagemap \) \
		-printf '%p %s %b\n' | cut -c4- | sort)
	pmem_hash=$(sha256sum <raw/image/pmem)
	while IFS=$'\t' read -r name format flags rest; do
		[ $((flags & other)) = 0 ] || continue
		if [ "$wanted" = 32 ] && [ $((flags & 32)) = 0 ]; then
			continue
		fi
		check_kind "$name" "$format" "$flags"
		n=$((n + 1))
	done <writers
	umount_checked raw
	echo "$n containers"
	[ "$n" -gt 0 ] || fail "no container was tried"
}

"$mkcontain" --list >writers || fail "no list of writers"
machine=(--size 48 --seed 11)
check_all 64 32
if awk -F'\t' 'int($3 / 32) % 2 { n++ } END { exit !n }' writers; then
	machine=(--size 48 --seed 11 --layout x86pae-6.1.7601)
	check_all 32 64
fi
