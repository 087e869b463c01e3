#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What each method finds, what is marked as hidden and from what, how many
# handles each process has; by the program, on one image of each generation.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires awk
requires_fuse

# EPROCESS and who finds it: PsActiveProcessHead, CSRSS, PspCidTable,
# Sessions, Handles.
want_methods()
{
	awk -F '\t' '$1 == "proc" && ($13 || $15 || $16 || $17 || $18 || $26) {
		e = "0000000000000000" substr($5, 3)
		print "0x" substr(e, length(e) - 15), $13, $15 != 0, $16, $17,
			$18
	}' "$1" | sort
}

got_methods()
{
	awk 'NR > 1 { print $4, $12 == "yes", $13 == "yes", $14 == "yes",
		$15 == "yes", $16 == "yes" }' "$1" | sort
}

# What is MISSING, by name; nothing where the truth says it is there.
hidden='cloak.exe PspCidTable
ghost.exe PsActiveProcessHead
nocsrss.exe CSRSS
nosession.exe Sessions
notable.exe Handles
onlycpu.exe PsActiveProcessHead CSRSS PspCidTable Sessions Handles
phantom.exe PsActiveProcessHead CSRSS PspCidTable Sessions'

got_hidden()
{
	awk 'NR == 1 { split($0, name) ; next }
	$11 ~ /,hidden$/ {
		line = $3
		for (i = 12; i <= NF; i++)
			if ($i == "MISSING")
				line = line " " name[i]
		print line
	}' "$1" | sort
}

level=0
for layout in x86-5.1.2600 amd64-5.2.3790-b x86pae-6.0.6001 amd64-6.1.7601-d \
	amd64-6.2.9200 x86pae-6.2.9200 amd64-6.3.9600-b amd64-10.0.14393-b \
	amd64-10.0.26100 amd64la57-10.0.26100; do
	make_image m --layout "$layout" --cast full --size 96 \
		--handle-level $level
	level=$(((level + 1) % 3))
	"$winprocfs" --cat processes m.img >table || fail "$layout"
	want_methods m.truth >want
	got_methods table >got
	cmp want got || fail "$layout: $(diff want got | head -5)"
	expect_same "$(got_hidden table)" "$hidden" "$layout"
done

make_image a --cast full
must_mount a.img mnt
awk -F '\t' '$1 == "proc" && $22 != "0x0" && $22 != "-" && $24 {
	print $5, $24
}' a.truth | sort >want
for status in mnt/proc/[0-9]*/status; do
	awk -F '\t' '$1 == "Eprocess:" { e = $2 }
		$1 == "Handles:" && $2 != "-" { print e, $2 }' "$status"
done | sort >got
cmp want got || fail "handles: $(diff want got | head -5)"

status_of()
{
	echo "mnt/proc/$(pid_of a.truth "$1")/$2"
}
expect_same "$(sed -n 's/^State:\t//p' "$(status_of ghost.exe status)")" \
	"S (running; hidden from PsActiveProcessHead)"
expect_same "$(sed -n 's/^MissingFrom:\t//p' "$(status_of cloak.exe status)")" \
	PspCidTable
expect_same "$(cat "$(status_of phantom.exe methods)")" Handles
expect_same "$(wc -c <"$(status_of onlycpu.exe methods)")" 0
grep -q '^RunningOn:	[0-9]' "$(status_of onlycpu.exe status)" ||
	fail "RunningOn"
expect_same "$(sed -n 's/^RunningOn:\t//p' "$(status_of ghost.exe status)")" -
umount_checked mnt

# One method alone: what it finds, of which nothing is said to be hidden; and
# what no list has, where a processor ran it.
i=12
for method in PsActiveProcessHead CSRSS PspCidTable Sessions Handles; do
	"$winprocfs" --cat processes -o "method=$method" a.img >table ||
		fail "$method"
	expect_same "$(awk -v i=$i 'NR > 1 && $3 != "onlycpu.exe" &&
		$i != "yes"' table)" "" "$method"
	expect_same "$(awk -v i=$i 'NR > 1 && $i == "yes" { n++ }
		END { print n }' table)" \
		"$(want_methods a.truth | awk -v i=$((i - 10)) '
			$i { n++ }
			END { print n }')" "$method"
	i=$((i + 1))
done
"$winprocfs" --cat processes \
	-o method=Sessions:PspCidTable,proc_regex=phantom a.img >table
expect_same "$(wc -l <table)" 1
