#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# The layers of src/: what a folder may include, and who may print.
#
#	check-layers.sh [SRCDIR]	checks SRCDIR/src, or the one above
#	check-layers.sh --self-test	proves that it catches what it should
set -u
LC_ALL=C
export LC_ALL
layers="base image pmem vtop nt procs tree front"

rank() {
	n=0
	for layer in $layers; do
		n=$((n + 1))
		if [ "$layer" = "$1" ]; then
			echo "$n"
			return
		fi
	done
	echo 0
}

complain() {
	echo "$1" >&2
	bad=1
}

# Quoted includes of a file: "folder/file.h", lower or the same folder.
check_includes() {
	own=$(rank "$2")
	includes=$(sed -n \
		's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' \
		"$1")
	for inc in $includes; do
		case $inc in
		config.h) continue ;;
		esac
		other=$(rank "${inc%%/*}")
		if [ "$other" -eq 0 ]; then
			complain "$1: \"$inc\" is in no layer"
		elif [ "$other" -gt "$own" ]; then
			complain "$1: layer $2 includes \"$inc\", above it"
		fi
	done
}

# Only front/ talks to libfuse and to the terminal.
check_outside() {
	if grep -En '^[[:space:]]*#[[:space:]]*include[[:space:]]*<fuse' \
		"$1" >&2; then
		complain "$1: libfuse outside front/"
	fi
	# printf() and its like that write to a stream; not snprintf(),
	# g_strdup_printf(), sink_printf() and attributes.
	if grep -En '(^|[^_[:alnum:]])(v?printf|puts|putchar|perror|g_print|g_printerr|v?dprintf)[[:space:]]*\(|(fprintf|fputs|fputc|fwrite|putc)[[:space:]]*\(.*std(out|err)|(f|vf)printf[[:space:]]*\([[:space:]]*std' \
		"$1" | grep -Ev 'G_GNUC_PRINTF|__attribute__' >&2; then
		complain "$1: prints below front/"
	fi
}

check_tree() {
	bad=0
	found=0
	for layer in $layers; do
		for file in "$1/src/$layer"/*.[ch] "$1/src/$layer"/*/*.[ch]; do
			[ -f "$file" ] || continue
			found=1
			check_includes "$file" "$layer"
			[ "$layer" = front ] || check_outside "$file"
		done
	done
	for dir in "$1"/src/*/; do
		name=$(basename "$dir")
		[ "$(rank "$name")" -ne 0 ] ||
			complain "src/$name: no such layer"
	done
	[ "$found" -eq 1 ] || complain "$1/src: no sources"
	return "$bad"
}

# expect_caught NAME FILE LINE: with LINE in FILE the check must fail.
expect_caught() {
	file=$tmp/src/$2
	mkdir -p "$(dirname "$file")"
	[ ! -f "$file" ] || cp "$file" "$tmp/saved"
	printf '%s\n' "$3" >>"$file"
	if (check_tree "$tmp") 2>/dev/null; then
		echo "self-test: $1 was not caught" >&2
		failed=1
	fi
	rm -f "$file"
	[ ! -f "$tmp/saved" ] || mv "$tmp/saved" "$file"
}

self_test() {
	tmp=$(mktemp -d) || exit 99
	trap 'rm -rf "$tmp"' EXIT
	failed=0
	cp -R "$1/src" "$tmp/src"
	if ! (check_tree "$tmp") 2>/dev/null; then
		echo "self-test: a good tree was refused" >&2
		failed=1
	fi
	expect_caught "an include upward" vtop/vtop.c \
		'#include "nt/kernel.h"'
	expect_caught "an include of no layer" base/log.c \
		'#include "misc/x.h"'
	expect_caught "libfuse in tree/" tree/tree.c '#include <fuse.h>'
	expect_caught "libfuse of version 3 in image/" image/io.h \
		'# include <fuse_lowlevel.h>'
	expect_caught "printf" pmem/physmem.c '	printf("%d", 1);'
	expect_caught "fprintf to stderr" nt/pe.c '	fprintf(stderr, "x");'
	expect_caught "g_print" procs/method.c '	g_print("x");'
	expect_caught "g_printerr" base/text.c '	g_printerr("x");'
	expect_caught "fputs" base/text.c '	fputs("x", stdout);'
	expect_caught "a folder of no layer" extra/x.c 'int x;'
	rm -rf "$tmp/src/extra"
	return "$failed"
}

if [ "${1-}" = --self-test ]; then
	srcdir=${top_srcdir:-$(dirname "$0")/..}
	self_test "$srcdir"
	exit
fi
srcdir=${1:-${top_srcdir:-$(dirname "$0")/..}}
check_tree "$srcdir" || exit 1
self_test "$srcdir"
