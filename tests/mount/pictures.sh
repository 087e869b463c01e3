#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Pictures, the report and the files for programs through a mount, as other
# people's programs see them: jq, xmllint, a browser.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

make_image a --hostile-names --cast=full --states
must_mount a.img mnt
pid=$(pid_of a.truth explorer.exe)

# Sizes are right, and reading again gives the same bytes.
for file in processes.json processes.tsv report.html image/physical.svg \
	"proc/$pid/map.svg" "proc/$pid/status.json" kernel/map.svg; do
	cat "mnt/$file" >got || fail "$file"
	expect_same "$(stat -c %s "mnt/$file")" "$(stat -c %s got)" "$file"
	cmp got "mnt/$file" || fail "$file: differs when read again"
done

n=$(grep -c '^proc' a.truth)
expect_same "$(wc -l <mnt/processes.tsv)" $((n + 1))
expect_same "$(awk -F '\t' '{ print NF }' mnt/processes.tsv | sort -u)" 19
if command -v jq >/dev/null; then
	expect_same "$(jq length mnt/processes.json)" "$n" processes.json
	jq -r '.[] | .pid' mnt/processes.json | sort -n >got
	awk -F '\t' '$1 == "proc" { print $2 }' a.truth | sort -n | cmp got - ||
		fail "processes.json: pids"
	expect_same "$(jq -r '.[] | select(.pid == 4040) | .name' \
		mnt/processes.json)" '<script>a&b'
	expect_same "$(jq -r '.[] | select(.hidden) | .name' \
		mnt/processes.json | head -1)" \
		"$(awk '$11 ~ /hidden/ { print $3; exit }' mnt/processes)"
	# Each folder is there, and its own twin says the same.
	jq -r '.[] | [.folder, .pid, .eprocess] | @tsv' mnt/processes.json \
		>folders
	while IFS=$'\t' read -r folder p eprocess; do
		expect_same "$(jq -r '"\(.Pid) \(.Eprocess)"' \
			"mnt/$folder/status.json")" "$p $eprocess" "$folder"
	done <folders
	jq -e .VmRSS "mnt/proc/$pid/status.json" >got || fail VmRSS
	expect_same "$(awk '/^VmRSS/ { print $2 }' "mnt/proc/$pid/status")" \
		"$(cat got)" VmRSS
fi
if command -v xmllint >/dev/null; then
	xmllint --noout mnt/proc/[0-9]*/map.svg mnt/kernel/map.svg \
		mnt/dtb/*/map.svg mnt/image/physical.svg mnt/report.html ||
		fail "not well-formed"
fi

command -v chromium >/dev/null || {
	umount_checked mnt
	skip "no chromium here"
}

# shoot NAME WIDTH,HEIGHT FILE: a picture of it, and what the console said.
# Without a display or a bus it grumbles; only what pages do counts.
shoot()
{
	timeout 60 chromium --headless --no-sandbox --disable-gpu \
		--disable-dev-shm-usage --hide-scrollbars \
		--enable-logging=stderr --user-data-dir="$tmp/browser" \
		--screenshot="$tmp/$1.png" --window-size="$2" \
		"file://$tmp/$3" >"$1.out" 2>&1
	grep -e CONSOLE -e net_error -e ERR_ "$1.out" >"$1.said"
	[ -s "$1.png" ] || {
		tail -5 "$1.out"
		fail "no picture of $3"
	}
}

# colours NAME AT_LEAST: it is no blank page.
colours()
{
	local size

	size=$("$test_dir/png-colours.py" "$1.png" "${@:3}") || fail "$1.png"
	echo "$size" >"$1.colours"
	[ "$(awk 'NR == 1 { print $3 }' "$1.colours")" -ge "$2" ] ||
		fail "$1: $(head -1 "$1.colours")"
	[ -s "$1.said" ] && fail "$1: $(cat "$1.said")"
}

# A page that does what ours must not is told from them.
echo '<!DOCTYPE html><script>console.log("hello")</script>' >evil.html
shoot evil 100,100 evil.html
[ -s evil.said ] || fail "a script that says something is not heard"

shoot report 1280,1200 mnt/report.html
colours report 60 c0002a
# The hidden ones are there, in red.
[ "$(awk '$1 == "c0002a" { print $2 }' report.colours)" -gt 100 ] ||
	fail "report: $(cat report.colours)"

shoot map 1180,900 "mnt/proc/$pid/map.svg"
colours map 30 4c78a8 54a24b
awk 'NR > 1 && $2 < 200 { exit 1 }' map.colours ||
	fail "map: $(cat map.colours)"

shoot physical 1180,800 mnt/image/physical.svg
colours physical 15 5d6675 4c78a8 b05fb0
awk 'NR > 1 && $2 < 200 { exit 1 }' physical.colours ||
	fail "physical: $(cat physical.colours)"
umount_checked mnt
