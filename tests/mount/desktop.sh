#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What makes it at home on a system: mount's helper, completion in shells, the
# script for file managers, desktop files, units of systemd.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

requires_fuse
contrib=$test_dir/../../contrib
make_image a

# The helper is found beside the program.
mkdir bin mnt
ln -s "$winprocfs" bin/winprocfs
cp "$contrib/mount.winprocfs" bin
bin/mount.winprocfs a.img mnt -o rw,nodev,coalesce -t winprocfs ||
	fail "mount.winprocfs"
pgrep -f "bin/winprocfs -q -o ro,rw,nodev,coalesce" >>daemons
grep -q " $PWD/mnt fuse.winprocfs ro,nosuid,nodev" /proc/self/mounts ||
	fail "mounted as $(grep "$PWD/mnt" /proc/self/mounts)"
[ -s mnt/proc/4/status ] || fail "nothing there"
unmount mnt
expect_rc 0 bin/mount.winprocfs a.img mnt -f
expect_rc 1 bin/mount.winprocfs a.img
expect_rc 1 bin/mount.winprocfs a.img mnt -o nosuch
grep -q nosuch err || fail "no word of the option: $(cat err)"

# winprocfs-open: once, again, and closed.
export XDG_RUNTIME_DIR=$PWD/run
mkdir -m 700 run
cp "$contrib/winprocfs-open" bin
folder=$(bin/winprocfs-open --no-show a.img) || fail "winprocfs-open"
pgrep -f "bin/winprocfs -q -- $PWD/a.img" >>daemons
[ -s "$folder/processes" ] || fail "$folder: nothing is mounted"
expect_same "$(bin/winprocfs-open --no-show a.img)" "$folder"
bin/winprocfs-open --close a.img || fail "--close"
[ ! -e "$folder" ] || fail "$folder was left"
bin/winprocfs-open --close a.img || fail "--close a second time"
printf '7z\274\257\047\034and more' >b.img
expect_rc 2 bin/winprocfs-open --no-show b.img
find run -mindepth 2 | grep . && fail "a folder was left"

# complete WORD PREVIOUS: what bash offers.
complete_as()
{
	PATH=$PWD/bin:$PATH bash -c '
		complete() { :; }
		compopt() { :; }
		. "$1"
		_winprocfs winprocfs "$2" "$3"
		printf "%s\n" "${COMPREPLY[@]}"' - \
		"$contrib/completion/winprocfs" "$1" "$2" | sort
}

expect_same "$(complete_as --l winprocfs | tr '\n' ' ')" \
	"--list --list-profiles --ls "
expect_same "$(complete_as coal -o)" coalesce
expect_same "$(complete_as all,holes= -o | tr '\n' ' ')" \
	"all,holes=eio all,holes=zero "
expect_same "$(complete_as format=li -o)" "format=lime"
expect_same "$(complete_as a.i winprocfs)" a.img
# All options of the help are offered.
"$winprocfs" -h | sed -n '/^mount options/,$s/^  \([a-z_]*\).*/\1/p' |
	grep . >options
while read -r option; do
	grep -Eq "(^|[ 	'])${option}([= '[]|\$)" "$contrib/completion/winprocfs" ||
		fail "bash: no $option"
	grep -q "'${option}\[" "$contrib/completion/_winprocfs" ||
		fail "zsh: no $option"
done <options
if command -v zsh >/dev/null; then
	zsh -n "$contrib/completion/_winprocfs" || fail "zsh"
fi

if command -v desktop-file-validate >/dev/null; then
	desktop-file-validate "$contrib/desktop/winprocfs.desktop" ||
		fail "desktop file"
fi
if command -v update-mime-database >/dev/null; then
	mkdir -p mime/packages
	cp "$contrib/desktop/winprocfs.xml" mime/packages
	update-mime-database mime 2>err || fail "$(cat err)"
	sed -n 's/^MimeType=//p' "$contrib/desktop/winprocfs.desktop" |
		tr ';' '\n' | grep . >types
	while read -r type; do
		[ -f "mime/$type.xml" ] || fail "$type is not defined"
	done <types
fi
if command -v systemd-analyze >/dev/null; then
	systemd-analyze verify --man=no "$contrib/systemd/mnt-case7.mount" \
		"$contrib/systemd/mnt-case7.automount" >err 2>&1
	grep winprocfs err && fail "unit"
	grep case7 err && fail "unit"
fi
exit 0
