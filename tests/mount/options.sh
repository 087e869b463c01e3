#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Options that make no sense are refused with 1 and one line that names them.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

make_image a
mkdir mnt

# refused WORD ARG...
refused()
{
	local word=$1

	shift
	expect_rc 1 timeout 20 "$winprocfs" "$@"
	[ -s out ] && fail "$*: output"
	expect_same "$(wc -l <err)" 1 "$*: $(cat err)"
	grep -qF -e "$word" err || fail "$*: no '$word' in $(cat err)"
}

refused IMAGE
refused IMAGE a.img
refused IMAGE a.img mnt more
refused IMAGE --check
refused IMAGE --ls /
refused IMAGE --check a.img mnt
refused time --check --ls / a.img
refused --nonsense --nonsense a.img mnt
refused -z -z a.img mnt
refused -o a.img mnt -o
refused ready-fd --ready-fd x a.img mnt
refused ready-fd --ready-fd -5 a.img mnt
for option in nonsense nonsense=1 coalesce=1 all=yes pids pids= pids=x \
	pids=4: pids=:4 pids=-1 pids=4294967296 pids=0x pids=4x \
	eprocess= eprocess=xyz eprocess=0x10000000000000000 proc_regex= \
	'proc_regex=(' 'proc_regex=[a' method= method=foo \
	method=CSRSS:foo method=CSRSS: holes holes=no holes= format=xyz \
	format= dtb= dtb=z dtb=0x10000000000000 kernel_base=q \
	paging=arm paging= uid=-1 uid=root gid= gid=4294967295 umask=8 \
	umask=1000 umask=-1 umask= allow_other=1; do
	refused "${option%%=*}" -o "$option" a.img mnt
	refused "${option%%=*}" -o "ro,$option" --check a.img
done
refused 5 -o pids=4,5 a.img mnt
grep -q ' mnt ' /proc/self/mountinfo && fail "mounted"

# These are fine.
for option in '' ro rw nosuid nodev,noexec,relatime defaults _netdev user \
	x-systemd.automount,nofail default_permissions pids=0x4 umask=0 \
	'proc_regex=a{1\,2}' method=CSRSS:Handles,holes=zero,format=raw; do
	expect_rc 0 "$winprocfs" -o "$option" --cat README a.img
done
expect_rc 0 "$winprocfs" -o ro,coalesce -o all --cat README a.img
expect_rc 0 "$winprocfs" -oro,coalesce --cat README a.img
# What a name with a dash in front needs.
cp a.img ./-a.img
expect_rc 0 "$winprocfs" --cat README -- -a.img
