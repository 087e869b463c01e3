#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What of the style of the sources can be counted.
#
#	check-style.sh [SRCDIR]		checks SRCDIR, or the one above
#	check-style.sh --self-test	proves that it catches what it should
set -u
LC_ALL=C
export LC_ALL
max_function=60
max_file=600
max_columns=80

# Files that people write, with the given test of find; not tables, not finds
# of the fuzzers.
list() {
	root=$1
	shift
	for dir in src tests contrib; do
		[ ! -d "$root/$dir" ] || find "$root/$dir" -type f "$@" \
			-not -path '*/src/nt/layouts/*' \
			-not -path '*/fuzz/regress/*' \
			-not -path '*/fuzz/seeds/*' | sort
	done
}

# One line for each finding, on stdout.
check_c() {
	list "$1" -name '*.[ch]' | while read -r file; do
		expand -t 8 "$file" | awk -v file="$file" \
			-v max_columns="$max_columns" \
			-v max_function="$max_function" \
			-v max_file="$max_file" '
		length($0) > max_columns {
			print file ":" NR ": " length($0) " columns"
		}
		# A brace alone in the first column opens a function; tables
		# and types open theirs at the end of a line.
		/^\{/ { start = NR }
		/^\}/ {
			if (start && NR - start - 1 > max_function)
				print file ":" start ": a function of " \
					NR - start - 1 " lines"
			start = 0
		}
		END {
			if (NR > max_file)
				print file ": " NR " lines"
		}'
	done
}

check_text() {
	list "$1" \( -name '*.[ch]' -o -name '*.sh' -o -name '*.mk' -o \
		-name '*.py' -o -name '*.awk' -o -name '*.m4' \) |
		while read -r file; do
			grep -Hn '[[:space:]]$' "$file" |
				sed 's/$/: space at the end of the line/'
			head -n 2 "$file" |
				grep -q 'SPDX-License-Identifier: ' ||
				echo "$file: no SPDX line"
			# Paths of one machine (put together here, or this
			# file would be one that has them).
			grep -HnE "/(wor""k|hom""e|roo""t)/[[:alnum:]]" \
				"$file" | sed 's/$/: path of one machine/'
		done
}

check_tree() {
	findings=$(check_c "$1"; check_text "$1")
	[ -z "$findings" ] || echo "$findings" >&2
	[ -z "$findings" ]
}

spdx='/* SPDX-License-Identifier: GPL-3.0-or-later */'

repeat() {
	awk -v line="$1" -v n="$2" 'BEGIN { while (n-- > 0) print line }'
}

# expect NAME STATUS: whether what is in $tmp passes.
expect() {
	(check_tree "$tmp") 2>/dev/null
	if [ $? -ne "$2" ]; then
		echo "self-test: $1: expected $2" >&2
		failed=1
	fi
	rm -f "$tmp"/src/base/*
}

self_test() {
	tmp=$(mktemp -d) || exit 99
	trap 'rm -rf "$tmp"' EXIT
	failed=0
	mkdir -p "$tmp/src/base"
	file=$tmp/src/base/x.c
	{ echo "$spdx"; echo 'int f(void)'; echo '{'; repeat '	;' 60
		echo '}'; } >"$file"
	expect "a function of 60 lines" 0
	{ echo "$spdx"; echo 'int f(void)'; echo '{'; repeat '	;' 61
		echo '}'; } >"$file"
	expect "a function of 61 lines" 1
	{ echo "$spdx"; echo 'int t[] = {'; repeat '	1,' 200
		echo '};'; } >"$file"
	expect "a table" 0
	{ echo "$spdx"; repeat 'int x;' 599; } >"$file"
	expect "a file of 600 lines" 0
	{ echo "$spdx"; repeat 'int x;' 600; } >"$file"
	expect "a file of 601 lines" 1
	{ echo "$spdx"; printf '\t%072d\n' 0; } >"$file"
	expect "80 columns" 0
	{ echo "$spdx"; printf '\t%073d\n' 0; } >"$file"
	expect "81 columns" 1
	{ echo "$spdx"; echo 'int x; '; } >"$file"
	expect "space at the end" 1
	echo 'int x;' >"$file"
	expect "no SPDX line" 1
	{ echo "$spdx"; echo "/* see /wor""k/notes */"; } >"$file"
	expect "a path of one machine" 1
	return "$failed"
}

if [ "${1-}" = --self-test ]; then
	self_test
	exit
fi
srcdir=${1:-${top_srcdir:-$(dirname "$0")/..}}
check_tree "$srcdir" || exit 1
self_test
