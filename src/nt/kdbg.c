/* SPDX-License-Identifier: GPL-3.0-or-later */
/* _KDDEBUGGER_DATA64: reading and decoding. */
#include "config.h"

#include "base/bytes.h"
#include "nt/kdbg-priv.h"

enum { VERSION_BYTES = 0x28 };

/* Where each 64-bit address goes; offsets are in layouts/kdbg.txt. */
static const struct {
	const char *name;
	size_t member;
} addresses[] = {
	{ "PsLoadedModuleList", offsetof(struct nt_kdbg, loaded_module_list) },
	{ "MmUnloadedDrivers", offsetof(struct nt_kdbg, unloaded_drivers) },
	{ "PsActiveProcessHead", offsetof(struct nt_kdbg, active_head) },
	{ "PspCidTable", offsetof(struct nt_kdbg, cid_table) },
	{ "MmHighestUserAddress", offsetof(struct nt_kdbg, highest_user) },
	{ "MmSystemRangeStart",
	  offsetof(struct nt_kdbg, system_range_start) },
	{ "KiProcessorBlock", offsetof(struct nt_kdbg, processor_block) },
	{ "CmNtCSDVersion", offsetof(struct nt_kdbg, csd_version) },
	{ "NtBuildLab", offsetof(struct nt_kdbg, build_lab) },
	{ "MmPfnDatabase", offsetof(struct nt_kdbg, pfn_database) },
	{ "MmPhysicalMemoryBlock", offsetof(struct nt_kdbg, memory_block) },
	{ "MmSubsectionBase", offsetof(struct nt_kdbg, mm_subsection_base) },
	{ "MmPagedPoolStart", offsetof(struct nt_kdbg, mm_paged_pool_start) },
	{ "MmNonPagedPoolEnd",
	  offsetof(struct nt_kdbg, mm_nonpaged_pool_end) },
};

/* The same for sizes and offsets, 16 bits each. */
static const struct {
	const char *name;
	size_t member;
} shorts[] = {
	{ "OffsetKThreadApcProcess",
	  offsetof(struct nt_kdbg, kthread_apc_process) },
	{ "SizeEProcess", offsetof(struct nt_kdbg, eprocess_size) },
	{ "OffsetEprocessPeb", offsetof(struct nt_kdbg, eprocess_peb) },
	{ "OffsetEprocessParentCID",
	  offsetof(struct nt_kdbg, eprocess_ppid) },
	{ "OffsetEprocessDirectoryTableBase",
	  offsetof(struct nt_kdbg, eprocess_dtb) },
	{ "SizeEThread", offsetof(struct nt_kdbg, ethread_size) },
	{ "SizePrcb", offsetof(struct nt_kdbg, prcb_size) },
	{ "OffsetPrcbCurrentThread",
	  offsetof(struct nt_kdbg, prcb_current_thread) },
	{ "OffsetPrcbNumber", offsetof(struct nt_kdbg, prcb_number) },
	{ "OffsetPrcbProcStateSpecialReg",
	  offsetof(struct nt_kdbg, prcb_special_registers) },
	{ "OffsetPrcbProcStateContext",
	  offsetof(struct nt_kdbg, prcb_context) },
	{ "SizePcr", offsetof(struct nt_kdbg, pcr_size) },
	{ "OffsetPcrSelfPcr", offsetof(struct nt_kdbg, pcr_self) },
	{ "OffsetPcrCurrentPrcb",
	  offsetof(struct nt_kdbg, pcr_current_prcb) },
	{ "OffsetPcrContainedPrcb", offsetof(struct nt_kdbg, pcr_prcb) },
};

bool nt_kdbg_address(const struct addr_space *as, unsigned pointer_bytes,
		     uint64_t word, uint64_t *ret)
{
	/* 32-bit pointers are sign-extended in the block. */
	if (pointer_bytes == 4) {
		if (word >> 32 != 0 && word >> 32 != UINT32_MAX)
			return false;
		word &= UINT32_MAX;
	}
	if (!nt_is_kernel_address(as, word))
		return false;
	*ret = word;
	return true;
}

static void fill(const struct addr_space *as, unsigned pointer_bytes,
		 const uint8_t *bytes, size_t len_bytes, struct nt_kdbg *k)
{
	uint32_t at;

	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++)
		if (kdbg_field(addresses[i].name, &at) &&
		    range_fits(at, 8, len_bytes))
			(void)nt_kdbg_address(
				as, pointer_bytes, load_le64(bytes + at),
				(uint64_t *)(void *)((char *)k +
						     addresses[i].member));
	for (size_t i = 0; i < G_N_ELEMENTS(shorts); i++)
		if (kdbg_field(shorts[i].name, &at) &&
		    range_fits(at, 2, len_bytes))
			*(uint16_t *)(void *)((char *)k + shorts[i].member) =
				load_le16(bytes + at);
}

/* The list entry that the block begins with. 32-bit kernels link it with
 * 32-bit pointers and leave the second half 0; wide ones are taken, too. */
static bool has_links(const struct addr_space *as, unsigned pointer_bytes,
		      const uint8_t *bytes)
{
	uint64_t link;

	if (pointer_bytes == 4 && !load_le64(bytes + 8))
		return nt_is_kernel_address(as, load_le32(bytes)) &&
		       nt_is_kernel_address(as, load_le32(bytes + 4));
	return nt_kdbg_address(as, pointer_bytes, load_le64(bytes), &link) &&
	       nt_kdbg_address(as, pointer_bytes, load_le64(bytes + 8),
			       &link);
}

bool nt_kdbg_parse(const struct addr_space *as, unsigned pointer_bytes,
		   const uint8_t *bytes, size_t len_bytes,
		   struct nt_kdbg *ret)
{
	struct nt_kdbg k = { 0 };

	if (len_bytes < KDBG_HEAD_BYTES ||
	    load_le32(bytes + KDBG_TAG_AT) != KDBG_TAG)
		return false;
	k.size = load_le32(bytes + KDBG_SIZE_AT);
	if (k.size < KDBG_SIZE_MIN || k.size > KDBG_SIZE_MAX)
		return false;
	if (!has_links(as, pointer_bytes, bytes) ||
	    !nt_kdbg_address(as, pointer_bytes,
			     load_le64(bytes + KDBG_BASE_AT), &k.kern_base) ||
	    k.kern_base & PAGE_MASK_4K)
		return false;
	fill(as, pointer_bytes, bytes, MIN(len_bytes, k.size), &k);
	*ret = k;
	return true;
}

/* How much of max bytes can be read at once: a page at the most, but of a list
 * as much as there is. */
static size_t chunk_at(const struct addr_space *as, uint64_t at, size_t max)
{
	struct vtop_leaf leaf;

	if (!as->direct)
		return (size_t)MIN(PAGE_SIZE_4K - (at & PAGE_MASK_4K), max);
	leaf = vtop_translate(as, VIRT(at));
	return leaf.state == PAGE_DIRECT ?
		       (size_t)MIN(leaf.len - (at - leaf.va.v), max) : 0;
}

size_t nt_kdbg_bytes(const struct addr_space *as, VirtAddr va,
		     uint8_t buf[KDBG_BYTES])
{
	size_t n = 0;

	while (n < KDBG_BYTES) {
		uint64_t at = va.v + n;
		size_t len = chunk_at(as, at, KDBG_BYTES - n);

		if (!len || !vtop_read(as, VIRT(at), buf + n, len))
			break;
		n += len;
	}
	return n;
}

bool nt_kdbg_read(const struct addr_space *as, unsigned pointer_bytes,
		  VirtAddr va, struct nt_kdbg *ret)
{
	uint8_t bytes[KDBG_BYTES];
	size_t n = nt_kdbg_bytes(as, va, bytes);

	if (!nt_kdbg_parse(as, pointer_bytes, bytes, n, ret))
		return false;
	ret->va = va;
	return true;
}

/* The compiler makes one instruction of each; n is taken modulo 64, as the
 * processor's ROL does. */
static uint64_t rotate_left(uint64_t v, unsigned n)
{
	n &= 63;
	return n ? v << n | v >> (64 - n) : v;
}

uint64_t nt_kdbg_decode_word(const struct nt_kdbg_key *key, uint64_t word)
{
	word ^= key->wait_never;
	word = rotate_left(word, (unsigned)(key->wait_never & 0xff));
	word ^= key->flag.v | UINT64_C(0xffff000000000000);
	return GUINT64_SWAP_LE_BE(word) ^ key->wait_always;
}

static void store_le64(uint8_t *p, uint64_t v)
{
	v = GUINT64_TO_LE(v);
	memcpy(p, &v, sizeof v);
}

/* An encoded block is whole words; the rest of the buffer is not read. */
static bool parse_decoded(const struct addr_space *as, VirtAddr va,
			  const uint8_t *bytes, size_t len_bytes,
			  struct nt_kdbg *ret)
{
	if (!nt_kdbg_parse(as, 8, bytes, len_bytes, ret))
		return false;
	ret->va = va;
	ret->encoded = true;
	return true;
}

bool nt_kdbg_decode(const struct addr_space *as, VirtAddr va,
		    const struct nt_kdbg_key *key, struct nt_kdbg *ret)
{
	uint8_t bytes[KDBG_BYTES];
	size_t n = nt_kdbg_bytes(as, va, bytes) & ~(size_t)7;

	for (size_t i = 0; i < n; i += 8)
		store_le64(bytes + i,
			   nt_kdbg_decode_word(key, load_le64(bytes + i)));
	return parse_decoded(as, va, bytes, n, ret);
}

uint64_t nt_kdbg_difference(VirtAddr base, uint32_t size, unsigned rotation)
{
	uint64_t plain = base.v ^ (KDBG_TAG | (uint64_t)size << 32);

	return rotate_left(GUINT64_SWAP_LE_BE(plain), 64 - rotation);
}

bool nt_kdbg_base_of(uint64_t difference, unsigned rotation, VirtAddr block,
		     uint64_t reach, VirtAddr *ret)
{
	uint64_t v = rotate_left(difference, rotation), base;
	uint64_t size;

	v = GUINT64_SWAP_LE_BE(v) ^ KDBG_TAG;
	/* The high half is size ^ high half of the base, which is that of the
	 * block, or one less. */
	base = (block.v & ~(uint64_t)UINT32_MAX) | (v & UINT32_MAX);
	if (base > block.v)
		base -= UINT64_C(1) << 32;
	size = v >> 32 ^ base >> 32;
	if (base & PAGE_MASK_4K || block.v - base >= reach || size % 8 ||
	    size < KDBG_ENCODED_MIN || size > KDBG_ENCODED_MAX)
		return false;
	*ret = VIRT(base);
	return true;
}

bool nt_kdbg_decode_rotated(const struct addr_space *as, VirtAddr va,
			    VirtAddr base, unsigned rotation,
			    struct nt_kdbg *ret)
{
	uint8_t bytes[KDBG_BYTES];
	size_t n = nt_kdbg_bytes(as, va, bytes) & ~(size_t)7;
	uint64_t reference;

	if (n < KDBG_HEAD_BYTES)
		return false;
	reference = load_le64(bytes + KDBG_BASE_AT);
	for (size_t i = 0; i < n; i += 8) {
		uint64_t d = load_le64(bytes + i) ^ reference;

		d = rotate_left(d, rotation);
		store_le64(bytes + i, GUINT64_SWAP_LE_BE(d) ^ base.v);
	}
	return parse_decoded(as, va, bytes, n, ret);
}

bool nt_kdbg_decode_by_base(const struct addr_space *as, VirtAddr va,
			    VirtAddr base, struct nt_kdbg *ret)
{
	uint8_t head[KDBG_HEAD_BYTES];
	uint64_t d;

	if (!vtop_read(as, va, head, sizeof head))
		return false;
	d = load_le64(head + KDBG_TAG_AT) ^ load_le64(head + KDBG_BASE_AT);
	for (uint32_t size = KDBG_ENCODED_MIN; size <= KDBG_ENCODED_MAX;
	     size += 8)
		for (unsigned r = 0; r < 64; r++)
			if (nt_kdbg_difference(base, size, r) == d)
				return nt_kdbg_decode_rotated(as, va, base, r,
							      ret);
	return false;
}

/* IMAGE_FILE_MACHINE_I386, _AMD64, _ARM64 (PE/COFF specification). */
static bool machine_fits(uint16_t machine, unsigned pointer_bytes)
{
	return pointer_bytes == 4 ? machine == 0x14c :
				    machine == 0x8664 || machine == 0xaa64;
}

bool nt_version_block_read(const struct addr_space *as,
			   unsigned pointer_bytes, VirtAddr va,
			   struct nt_version_block *ret)
{
	uint8_t b[VERSION_BYTES];
	struct nt_version_block v = { 0 };

	if (!vtop_read(as, va, b, sizeof b))
		return false;
	v.build = load_le16(b + 2);
	v.machine = load_le16(b + 8);
	if (!machine_fits(v.machine, pointer_bytes) ||
	    !nt_kdbg_address(as, pointer_bytes, load_le64(b + 0x10),
			     &v.kern_base) ||
	    v.kern_base & PAGE_MASK_4K)
		return false;
	(void)nt_kdbg_address(as, pointer_bytes, load_le64(b + 0x18),
			      &v.loaded_module_list);
	(void)nt_kdbg_address(as, pointer_bytes, load_le64(b + 0x20),
			      &v.data_list);
	*ret = v;
	return true;
}

bool nt_kdbg_by_version(const struct addr_space *as, unsigned pointer_bytes,
			const struct nt_version_block *version,
			struct nt_kdbg *ret)
{
	uint64_t first;

	if (!version->data_list)
		return false;
	if (nt_kdbg_read(as, pointer_bytes, VIRT(version->data_list), ret))
		return true;
	return nt_pointer_at(as, pointer_bytes, VIRT(version->data_list),
			     &first) &&
	       nt_is_kernel_address(as, first) &&
	       nt_kdbg_read(as, pointer_bytes, VIRT(first), ret);
}
