#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is no image, or half of one: an exit code, one line, no hang, no memory.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires python3
requires_fuse

mkdir mnt dir
: >empty
printf x >one
seq 100000 >text
truncate -s 16G hole
cp "$(command -v cat)" prog
mkfifo fifo
ln -s loop loop
make_image core --format elf --elf-notes --xnum --phdrs 20
make_image raw
for n in 4 16 40 63 64 100 200 500 1000 1300; do
	head -c $n core.img >"core.$n"
done
head -c 100000 core.img >core.some
head -c 9000000 core.img >core.more
head -c 5000001 raw.img >raw.cut
# Numbers of headers that are too many or impossible.
python3 - <<'P'
core = bytearray(open("core.img", "rb").read(1 << 20))
def write(name, changes):
    data = bytearray(core)
    for at, value, size in changes:
        data[at:at + size] = value.to_bytes(size, "little")
    open(name, "wb").write(data)
shoff = int.from_bytes(core[40:48], "little")
write("bad.phnum", [(shoff + 44, 0xffffffff, 4)])
write("bad.phoff", [(32, 2**64 - 8, 8)])
write("bad.shoff", [(40, 2**64 - 8, 8)])
write("bad.phentsize", [(54, 1, 2)])
write("bad.phentsize2", [(54, 0xffff, 2)])
write("bad.class", [(4, 7, 1)])
write("bad.endian", [(5, 2, 1)])
write("bad.filesz", [(64 + 56 + 32, 2**64 - 1, 8)])
write("bad.offset", [(64 + 56 + 8, 2**63, 8)])
write("bad.paddr", [(64 + 56 + 24, 2**64 - 4096, 8)])
write("bad.notes", [(64 + 32, 2**62, 8)])
for name, magic in (("crash", b"PAGEDU64"), ("lime", b"EMiL\1\0\0\0"),
                    ("hiber", b"HIBR"), ("vmss", b"\xd2\xbe\xd2\xbe")):
    open("is." + name, "wb").write(magic + bytes(8192))
P

# Refused: 2, and one line that names the file.
refused()
{
	local file

	for file in "$@"; do
		for mode in --check "--ls=/" "--cat=log"; do
			expect_rc 2 timeout 20 python3 -B "$test_dir/probe.py" \
				rss "$max_rss" "$winprocfs" $mode "$file"
			expect_same "$(wc -l <err)" 1 "$mode $file: $(cat err)"
			grep -q "^winprocfs: $file: " err ||
				fail "$file: $(cat err)"
			[ -s out ] && fail "$file: output"
		done
		expect_rc 2 timeout 20 "$winprocfs" -f "$file" mnt
		expect_same "$(wc -l <err)" 1 "mount of $file: $(cat err)"
	done
}

refused empty dir prog fifo missing loop /dev/null /dev/zero one/two \
	core.4 core.16 core.40 core.63 core.64 core.100 core.200 core.500 \
	core.1000 is.crash is.lime is.hiber is.vmss bad.phentsize bad.endian

# Half: a mount of what is there; --check says 1 (2 where there is nothing).
for file in one text hole raw.cut core.some core.more bad.*; do
	timeout 60 python3 -B "$test_dir/probe.py" rss "$max_rss" \
		"$winprocfs" --check "$file" >out 2>err
	rc=$?
	case $rc in
	1) [ -s err ] && fail "$file: $(cat err)" ;;
	2) expect_same "$(wc -l <err)" 1 "$file: $(cat err)" ;;
	*) fail "--check $file: $rc: $(cat err)" ;;
	esac
	if mount_image "$file" half; then
		[ $rc = 1 ] || fail "$file: mounted in spite of --check's $rc"
		timeout 60 ls -lR half >/dev/null || fail "$file: ls"
		cat half/log half/image/info half/image/runs >out ||
			fail "$file: cat"
		[ "$(daemon_peak half)" -lt "$max_rss" ] ||
			fail "$file: $(daemon_peak half) kB"
		umount_checked half
	else
		expect_same "$daemon_rc" "$rc" "mount of $file"
	fi
done
# What was cut is said, and what is before the cut is there.
expect_rc 1 "$winprocfs" --check core.more
grep -q 'cut short' out || fail "no word of the cut: $(cat out)"

# With format=raw anything is memory.
expect_rc 1 "$winprocfs" -o format=raw --check prog
expect_rc 2 "$winprocfs" -o format=elf --check raw.img
expect_same "$(wc -l <err)" 1 "$(cat err)"
# A file that cannot be opened.
if [ "$(id -u)" != 0 ]; then
	chmod 0 raw.img
	refused raw.img
fi
