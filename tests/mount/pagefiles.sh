#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# pagefile= and swapfile=: numbers, names with colons, what cannot be opened.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

make_image a --page-files --page-file-out pg
make_image b

# Number, and what is said of it.
page_files()
{
	local image=$1

	shift
	expect_rc 0 "$winprocfs" "$@" --cat image/info "$image"
	sed -n 's/^PageFile:.\([0-9]*\) [^ ]* [^ ]* /\1=/p' out | tr '\n' ' '
}

none='0=not given 1=not given 2=virtual store 3=not given '
expect_same "$(page_files a.img)" "$none"
expect_rc 0 "$winprocfs" --check a.img
expect_same "$(page_files a.img -o pagefile=pg0:pg3,swapfile=pg1)" \
	"0=given 1=given 2=virtual store 3=given "
expect_rc 0 "$winprocfs" -o pagefile=pg0:pg3,swapfile=pg1 --check a.img
# without the swap file: then this one is missing
expect_same "$(page_files a.img -o pagefile=pg0 -o pagefile=pg3)" \
	"0=given 1=not given 2=virtual store 3=given "
expect_rc 1 "$winprocfs" -o pagefile=pg0:pg3 --check a.img
grep -q '^warning: page files: Windows has 1 (.*swapfile.sys), not' out ||
	fail "nothing said of it: $(cat out)"
expect_same "$(page_files a.img -o pagefile=pg0:pg1:pg3)" \
	"0=given 1=given 2=virtual store 3=given "
expect_same "$(page_files b.img -o pagefile=pg0::pg3)" "0=given 2=given "
expect_same "$(page_files b.img)" ""

# Files with odd names, and sparse copies of them.
cp --sparse=always pg0 'a:b,c'
expect_same "$(page_files a.img -o 'pagefile=a\:b\,c:pg3')" \
	"0=given 1=not given 2=virtual store 3=given "

# Refused: one line, with the file in it.
mkfifo fifo
: >empty
for file in nope . fifo empty a.img/x; do
	expect_rc 2 timeout 20 "$winprocfs" -o "pagefile=pg0:$file" \
		--check a.img
	expect_same "$(wc -l <err)" 1
	grep -q "pagefile=.*: " err || fail "$(cat err)"
	expect_rc 2 timeout 20 "$winprocfs" -o "swapfile=$file" a.img .
	expect_same "$(wc -l <err)" 1
done
expect_rc 1 "$winprocfs" -o pagefile=: --check a.img
expect_same "$(wc -l <err)" 1

# They stay as they are, and may be read-only.
sum=$(sha256sum pg1)
chmod 400 pg1
expect_same "$(page_files a.img -o swapfile=pg1)" \
	"0=not given 1=given 2=virtual store 3=not given "
expect_same "$(sha256sum pg1)" "$sum"

# Found by themselves, if they are as long as Windows has them.
mkdir beside
cp a.img beside/mem.raw
ln pg0 beside/PAGEFILE.SYS
ln pg1 beside/mem.raw.swapfile.sys
found='found beside the image'
expect_same "$(page_files beside/mem.raw)" \
	"0=$found 1=$found 2=virtual store 3=not given "
expect_rc 0 "$winprocfs" --check beside/mem.raw
expect_same "$(page_files beside/mem.raw -o pagefile=none)" "$none"
expect_same "$(page_files beside/mem.raw -o nocompanions)" "$none"
expect_same "$(page_files beside/mem.raw -o pagefile=pg0)" \
	"0=given 1=not given 2=virtual store 3=not given "
ln -f pg3 beside/PAGEFILE.SYS
expect_same "$(page_files beside/mem.raw)" \
	"0=not given 1=$found 2=virtual store 3=$found "
ln -f empty beside/PAGEFILE.SYS
expect_same "$(page_files beside/mem.raw)" \
	"0=not given 1=$found 2=virtual store 3=not given "
expect_rc 1 "$winprocfs" --check beside/mem.raw
grep -q '^warning: page files: .*PAGEFILE.SYS was found, but' out ||
	fail "nothing said of it: $(cat out)"
