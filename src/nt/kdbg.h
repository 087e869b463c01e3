/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The block that the kernel keeps for its debugger, _KDDEBUGGER_DATA64: where
 * its variables are and how its structures are laid out; and the smaller
 * _DBGKD_GET_VERSION64, which leads to it. Layout: docs/formats.md, "KDBG".
 */
#ifndef NT_KDBG_H
#define NT_KDBG_H

#include "nt/member.h"

/*
 * What is read of the block. Addresses are those of the variables, 0 where
 * the block is shorter, is not in the image there, or holds something that is
 * no kernel address; offsets and sizes are in bytes, 0 where not known (none
 * of them is 0 in Windows).
 */
struct nt_kdbg {
	VirtAddr va;		/* 0: not found */
	bool encoded;		/* it was, in memory */
	const char *how;	/* static: how it was found */
	uint32_t size;		/* as its header says, bytes */
	uint64_t kern_base;
	uint64_t loaded_module_list;
	uint64_t unloaded_drivers; /* MmUnloadedDrivers */
	uint64_t active_head;	/* PsActiveProcessHead */
	uint64_t cid_table;	/* PspCidTable */
	uint64_t highest_user;	/* MmHighestUserAddress */
	uint64_t system_range_start; /* MmSystemRangeStart */
	uint64_t processor_block; /* KiProcessorBlock */
	uint64_t csd_version;	/* CmNtCSDVersion */
	uint64_t build_lab;	/* NtBuildLab */
	uint64_t pfn_database;	/* MmPfnDatabase */
	uint64_t memory_block;	/* MmPhysicalMemoryBlock */
	uint64_t mm_subsection_base; /* MmSubsectionBase; where the variable
				      * is, as the next two */
	uint64_t mm_paged_pool_start;
	uint64_t mm_nonpaged_pool_end;
	uint16_t eprocess_size, eprocess_peb, eprocess_ppid, eprocess_dtb;
	uint16_t kthread_apc_process; /* of _KTHREAD.ApcState.Process */
	uint16_t ethread_size, prcb_size, prcb_current_thread, prcb_number;
	uint16_t prcb_special_registers, prcb_context;
	uint16_t pcr_size, pcr_self, pcr_current_prcb, pcr_prcb;
};

/*
 * A plain block at va: its tag is "KDBG", its size 0x100 to 0x1000, its list
 * entry and KernBase are kernel addresses, KernBase that of a page. `how` is
 * left NULL, as by the readers below.
 */
bool nt_kdbg_read(const struct addr_space *as, unsigned pointer_bytes,
		  VirtAddr va, struct nt_kdbg *ret);

/* What the block is encoded with on x64 since Windows 8. */
struct nt_kdbg_key {
	uint64_t wait_never;	/* value of KiWaitNever */
	uint64_t wait_always;	/* value of KiWaitAlways */
	VirtAddr flag;		/* address of KdpDataBlockEncoded */
};

/* One of the words that it consists of, decoded. */
uint64_t nt_kdbg_decode_word(const struct nt_kdbg_key *key, uint64_t word);
/* An encoded block; false where what comes out is none. */
bool nt_kdbg_decode(const struct addr_space *as, VirtAddr va,
		    const struct nt_kdbg_key *key, struct nt_kdbg *ret);
/*
 * The same without a key, by what is known to be in it: KernBase (base), the
 * tag and the size. The encoding only exclusive-ors with constants, rotates
 * and reverses bytes, so the difference of two words depends on the rotation
 * alone (one of 64), and KernBase ^ (tag, size) tells which; every other word
 * follows from its difference to KernBase.
 */
bool nt_kdbg_decode_by_base(const struct addr_space *as, VirtAddr va,
			    VirtAddr base, struct nt_kdbg *ret);

/*
 * Searches the kernel's image, what is in memory of [base, base + len_bytes)
 * but 32 MiB at the most, for a block, plain or (x64) encoded, whose KernBase
 * is base; where base is not certain, its KernBase may be any that is less than
 * 32 MiB below it (an encoded one is then known by its links, too).
 */
bool nt_kdbg_find_in_image(const struct addr_space *as,
			   unsigned pointer_bytes, VirtAddr base,
			   uint64_t len_bytes, bool certain,
			   struct nt_kdbg *ret);

/* The same over all that is mapped where kernels are, 512 MiB at the most: for
 * want of an image. */
bool nt_kdbg_find_in_area(const struct addr_space *as, unsigned pointer_bytes,
			  struct nt_kdbg *ret);

/* A plain block in physical memory: says where a kernel may be. */
struct nt_kdbg_hit {
	PhysAddr pa;
	uint64_t kern_base;	/* 32-bit ones zero-extended */
	uint32_t size;
	unsigned pointer_bytes; /* 4 or 8, by the form of kern_base */
};

/*
 * Calls fn for each block in all physical memory, ascending, 4096 at the
 * most, until it returns false. Reads the whole image: a last resort. An
 * encoded block cannot be found so.
 */
typedef bool (*nt_kdbg_fn)(void *ctx, const struct nt_kdbg_hit *hit);
void nt_kdbg_find_phys(const PhysMem *pm, nt_kdbg_fn fn, void *ctx);

/* _DBGKD_GET_VERSION64, KdVersionBlock; 0 where it makes no sense. */
struct nt_version_block {
	uint16_t build;		/* MinorVersion: NtBuildNumber */
	uint16_t machine;	/* IMAGE_FILE_MACHINE_* */
	uint64_t kern_base;
	uint64_t loaded_module_list;
	uint64_t data_list;	/* DebuggerDataList */
};

/* False where there is none: KernBase is no kernel's or the machine type
 * none that fits pointer_bytes. */
bool nt_version_block_read(const struct addr_space *as,
			   unsigned pointer_bytes, VirtAddr va,
			   struct nt_version_block *ret);
/* The plain block that it leads to: DebuggerDataList is the head of a list
 * that the block is in, or (seen) the block itself. */
bool nt_kdbg_by_version(const struct addr_space *as, unsigned pointer_bytes,
			const struct nt_version_block *version,
			struct nt_kdbg *ret);

#endif
