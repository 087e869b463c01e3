#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# PDBs as clang and lld-link make them, of kernels with our own structures.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"
requires clang lld-link python3

symdump=$top_builddir/symdump

# build NAME TARGET SOURCE...: NAME.exe, NAME.pdb, NAME.map
build()
{
	local name=$1 target=$2 source debug objects=()

	shift 2
	for source; do
		debug=(-w -g -gcodeview)
		[ "${source%.s}" = "$source" ] || debug=()
		clang "--target=$target-pc-windows-msvc" "${debug[@]}" \
			-c "$source" -o "$source.$target.o" ||
			fail "clang $source"
		objects+=("$source.$target.o")
	done
	lld-link /debug "/pdb:$name.pdb" /pdbaltpath:ntkrnlmp.pdb \
		/entry:boot /subsystem:native /nodefaultlib /safeseh:no \
		"/out:$name.exe" "/map:$name.map" "${objects[@]}" ||
		fail "lld-link $name"
}

# rva MAP NAME: as the linker says it.
rva()
{
	awk -v name="$2" '
		/Preferred load address is/ { base = $NF }
		$2 == name { print base, $3; exit }
	' "$1" | {
		read -r base va
		printf '%x\n' $((0x$va - 0x$base))
	}
}

# What the compiler is asked to agree to by _Static_assert, and the PDB has to
# say: path, offset for 64 and 32 bits, first bit, bits.
facts='
_EPROCESS.Pcb 0 0 0 0
_EPROCESS.UniqueProcessId 130 130 0 0
_EPROCESS.ActiveProcessLinks 138 138 0 0
_EPROCESS.Peb 148 140 0 0
_EPROCESS.ImageFileName 150 144 0 0
_EPROCESS.Flags 164 158 0 0
_EPROCESS.VadRoot 168 15c 0 0
_EPROCESS.WoW64Process 170 160 0 0
_KPROCESS.DirectoryTableBase 28 28 0 0
_MMVAD_SHORT.StartingVpn 18 c 0 0
_MMVAD_SHORT.EndingVpn 1c 10 0 0
_MMVAD_SHORT.u 20 14 0 0
_MMVAD_SHORT.u.LongFlags 20 14 0 0
_MMVAD_SHORT.u.VadFlags 20 14 0 0
_MMVAD_SHORT.StartingVpnHigh 28 18 0 0
_MMVAD_SHORT.EndingVpnHigh 29 19 0 0
_MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask 28 28 0 0
_MMVAD_FLAGS.VadType 0 0 0 3
_MMVAD_FLAGS.Protection 0 0 3 5
_MMVAD_FLAGS.PrivateMemory 0 0 15 1
_MMPTE_HARDWARE.PageFrameNumber 0 0 12 36
_MMPTE_HARDWARE.NoExecute 0 0 63 1'

cat >own.c <<'END'
typedef unsigned long long u64;
typedef unsigned long u32;
typedef unsigned char u8;
#ifdef __cplusplus
extern "C" {
#endif
struct _LIST_ENTRY { struct _LIST_ENTRY *Flink, *Blink; };
struct _PEB;
struct _MMPTE_HARDWARE {
	u64 Valid : 1; u64 Dirty1 : 1; u64 Owner : 1; u64 x : 9;
	u64 PageFrameNumber : 36; u64 r : 15; u64 NoExecute : 1;
};
struct _MMPTE { union { u64 Long; struct _MMPTE_HARDWARE Hard; } u; };
struct _KPROCESS { u8 pad[0x28]; u64 DirectoryTableBase; u8 more[0x100]; };
struct _MMVAD_FLAGS {
	u32 VadType : 3; u32 Protection : 5; u32 PreferredNode : 6;
	u32 NoChange : 1; u32 PrivateMemory : 1;
};
struct _MMVAD_SHORT {
	void *a[3]; u32 StartingVpn; u32 EndingVpn;
	union { u32 LongFlags; struct _MMVAD_FLAGS VadFlags; } u;
	union {
		struct { u8 StartingVpnHigh; u8 EndingVpnHigh; };
		u64 all;
	};
};
enum kind { KIND_A = -1, KIND_B = 70000 };
struct _RTL_AVL_TREE { void *Root; };
struct _EPROCESS {
	struct _KPROCESS Pcb; const volatile u64 UniqueProcessId;
	struct _LIST_ENTRY ActiveProcessLinks; struct _PEB *Peb;
	u8 ImageFileName[15]; enum kind kind;
	union { u32 Flags; struct { u32 low : 3; u32 high : 7; }; };
	struct _RTL_AVL_TREE VadRoot; void (*WoW64Process)(int);
#ifdef __cplusplus
	_EPROCESS() : UniqueProcessId(4) {}
	static int count;
	int twice(int n) { return 2 * n; }
	struct inner { int x; };
#endif
};
struct _MI_HARDWARE_STATE { u64 z[4]; u64 InvalidPteMask; };
struct _MI_SYSTEM_INFORMATION { u64 a; struct _MI_HARDWARE_STATE Hardware; };
struct _EPROCESS PsIdleProcess;
struct _LIST_ENTRY PsActiveProcessHead = { &PsActiveProcessHead,
					   &PsActiveProcessHead };
struct _MMPTE pte; struct _MMVAD_SHORT vad;
struct _MI_SYSTEM_INFORMATION MiState; struct _MMPTE_HARDWARE hard;
u32 NtBuildNumber = 19041;
int __stdcall KiSystemStartup(int n) { return n + (int)vad.StartingVpn; }
int boot(void) { return KiSystemStartup((int)NtBuildNumber); }
#ifdef __cplusplus
}
#endif
END
echo "$facts" | awk '$5 == 0 && NF {
	n = index($1, ".")
	printf "_Static_assert(__builtin_offsetof(struct %s, %s) == " \
		"(sizeof(void *) == 8 ? 0x%s : 0x%s), \"\");\n",
		substr($1, 1, n - 1), substr($1, n + 1), $2, $3
}' >asserts
cat own.c asserts >kernel.c
# In C++ nested structures have decorated names, and are known by forward
# references alone until the end.
cat own.c asserts >kernel.cc

# check NAME COLUMN MACHINE: the PDB says what the compiler and linker say.
check()
{
	local name=$1 column=$2 arch=$3 symbol

	"$symdump" "$name.pdb" >"$name.dump" || fail "symdump $name.pdb"
	echo "$facts" | awk -v c="$column" 'NF {
		print "field", $1, $c, $4, $5 }' | while read -r line; do
		grep -qx "$line" "$name.dump" || fail "$name: no $line"
	done || exit 1
	for symbol in PsIdleProcess PsActiveProcessHead MiState \
		NtBuildNumber; do
		grep -qx "symbol $symbol $(rva "$name.map" "$prefix$symbol")" \
			"$name.dump" || fail "$name: $symbol"
	done
	grep -qx "id PDB $name.pdb $(probe_guid "$name.exe") $arch" \
		"$name.dump" || fail "$name: $(head -1 "$name.dump")"
	grep -qx "type _EPROCESS.ImageFileName arr15:unsigned char" \
		"$name.dump" || fail "$name: type"
	grep -qx "type _EPROCESS.VadRoot _RTL_AVL_TREE" "$name.dump" ||
		fail "$name: type of VadRoot"
	grep -qx "size _MMPTE 8" "$name.dump" || fail "$name: size"
}

generate()
{
	python3 -B "$test_dir/symbols-gen.py" "$@"
}

probe_guid()
{
	generate guid "$1"
}

prefix=
build x64 x86_64 kernel.c
check x64 2 2
grep -q '^symbol KiSystemStartup ' x64.dump || fail "x64: KiSystemStartup"
build cc x86_64 kernel.cc
check cc 2 2
build arm aarch64 kernel.c
check arm 2 3
prefix=_
build x86 i686 kernel.c
check x86 3 1
expect_same "$(sed -n 's/^symbol KiSystemStartup //p' x86.dump)" \
	"$(rva x86.map _KiSystemStartup@4)"

# A whole kernel: all structures of a layout by way of the compiler, variables
# where the image has them, GUID as in the image (which clang cannot be told).
make_image a --layout amd64-10.0.22621 --isf a.json
"$symdump" a.json >a.dump || fail "symdump a.json"
generate c a.dump >k.c
generate asm a.dump 1000 >k.s
build k x86_64 k.c k.s
generate asm a.dump "$(rva k.map kern_start)" >k.s
build k x86_64 k.c k.s
mkdir symbols
mv k.pdb symbols/ntkrnlmp.pdb
read -r guid _ <<<"$(generate guid k.exe)"
read -r _ _ _ own _ <a.dump
"$winprocfs" --cat processes a.img >built-in || fail "processes"

# Of another kernel as yet.
expect_rc 0 "$winprocfs" -o symbols=symbols --cat log a.img
grep -q "ntkrnlmp.pdb is not of this kernel and not used: it has GUID $guid" \
	out || fail "log: $(cat out)"
expect_rc 0 "$winprocfs" -o symbols=symbols --cat image/info a.img
grep -q '^ProfileSource:.built-in' out || fail "a stranger is used"

generate set-guid symbols/ntkrnlmp.pdb "$guid" "$own"
"$symdump" symbols/ntkrnlmp.pdb | sed 1d >pdb.dump
sed 1d a.dump | diff - pdb.dump || fail "the PDB says otherwise"
expect_rc 0 "$winprocfs" -o symbols=symbols --cat image/info a.img
grep -q '^ProfileSource:.PDB file$' out || fail "info: $(cat out)"
grep -q '^Profile:.ntkrnlmp.pdb$' out || fail "info: $(cat out)"
expect_rc 0 "$winprocfs" -o profile=symbols/ntkrnlmp.pdb --cat processes a.img
cmp out built-in || fail "processes differ"
