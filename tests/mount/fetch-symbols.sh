#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# contrib/winprocfs-symbols, against a server of our own.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires curl python3

fetch=${test_dir%/tests/mount}/contrib/winprocfs-symbols
export WINPROCFS=$winprocfs no_proxy='*' http_proxy=
unset WINPROCFS_SYMBOL_SERVER WINPROCFS_SYMBOLS

# A kernel that is not built in, and where a symbol server has its PDB.
make_image a --layout amd64-10.0.22621 --pdb k.pdb
"$winprocfs" --cat image/info a.img >info || fail info
guid=$(sed -n 's/^KernelGuid:.//p' info)
path=ntkrnlmp.pdb/${guid}1/ntkrnlmp.pdb
mkdir -p "www/${path%/*}"
cp k.pdb "www/$path"

python3 -u -m http.server --bind 127.0.0.1 --directory www 0 >server 2>&1 &
cleanup_fn kill $!
for ((i = 0; i < 100; i++)); do
	port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' server)
	[ -z "$port" ] || break
	read -rt 0.1 <> <(:) || true
done
[ -n "$port" ] || fail "no server: $(cat server)"
url=http://127.0.0.1:$port

# From the image to its processes.
expect_rc 0 "$fetch" --server "$url" --dir dir a.img
expect_same "$(cat out)" "dir/$path"
cmp "dir/$path" k.pdb || fail "another file"
expect_same "$(find dir -type f | wc -l)" 1
expect_rc 0 "$winprocfs" -o symbols=dir --cat image/info a.img
grep -q '^ProfileSource:.PDB file$' out || fail "not used: $(cat out)"

# What is there is not fetched again; by environment and by name as well.
expect_rc 0 "$fetch" --server http://127.0.0.1:1 --dir dir a.img
expect_same "$(grep -c GET server)" 1
WINPROCFS_SYMBOL_SERVER=$url/ WINPROCFS_SYMBOLS=dir2 \
	expect_rc 0 "$fetch" "{${guid,,}}" 1 ntkrnlmp.pdb
cmp "dir2/$path" k.pdb || fail "by name"

# told WORD...: each is in what was said.
told()
{
	local word

	for word; do
		grep -qF -e "$word" err || fail "no '$word' in $(cat err)"
	done
}

# Without a server, with a dead one, not there, not a PDB: what to fetch
# where, and nothing is left behind.
expect_rc 3 "$fetch" --dir dir3 a.img
told "$path" "$guid" "dir3/$path" "--server"
expect_rc 3 "$fetch" --server http://127.0.0.1:1 --dir dir3 a.img
told "$path" "dir3/$path"
expect_rc 3 "$fetch" --server "$url" --dir dir3 "$guid" 2 ntkrnlmp.pdb
told "ntkrnlmp.pdb/${guid}2/ntkrnlmp.pdb"
mkdir -p "www/x.pdb/${guid}1F"
echo "<html>" >"www/x.pdb/${guid}1F/x.pdb"
expect_rc 3 "$fetch" --server "$url" --dir dir3 "$guid" 31 x.pdb
told "no PDB"
expect_same "$(find dir3 -type f | wc -l)" 0
expect_rc 0 "$fetch" --print --dir dir3 a.img
told "$path"

# What makes no sense, or would lead elsewhere.
expect_rc 1 "$fetch"
expect_rc 1 "$fetch" a b
expect_rc 1 "$fetch" --nonsense a.img
expect_rc 1 "$fetch" "$guid" 1 ../x.pdb
expect_rc 1 "$fetch" "$guid" 1 a/b.pdb
expect_rc 1 "$fetch" "$guid" -1 x.pdb
expect_rc 1 "$fetch" "${guid}0" 1 x.pdb
expect_rc 0 "$fetch" --help
make_image b --no-rsds
expect_rc 2 "$fetch" --server "$url" --dir dir3 b.img
expect_rc 2 "$fetch" --server "$url" --dir dir3 nonexistent.img
