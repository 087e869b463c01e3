/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Windows kernel of an image: where it is and which one it is. */
#ifndef NT_KERNEL_H
#define NT_KERNEL_H

#include "image/pagefile.h"
#include "nt/kdbg.h"
#include "nt/kimage.h"
#include "nt/profile.h"
#include "nt/softpte.h"
#include "nt/sysproc.h"

/* What the user said; 0 and NULL: find out. */
struct nt_hints {
	uint64_t dtb;
	uint64_t kernel_base;
	const struct paging_form *form;
	const char *symbols_dir;  /* folder with symbol files */
	const char *profile_file; /* symbol file */
	bool profile_force;	  /* though it is of another kernel */
	bool no_profile;	  /* nothing built in, no file: derive */
	/* Where the kernel was when the same machine was looked at before:
	 * spares a search of all memory, no more; nothing is believed. */
	uint64_t former_dtb, former_base;
};

/* _KUSER_SHARED_DATA as far as it is needed; valid: it was there. */
struct nt_kuser {
	bool valid;
	uint64_t system_time;	/* FILETIME */
	uint32_t major, minor;
	uint32_t build;		/* 0 before Windows 10 */
	uint32_t product_type;	/* 1 workstation, 2 domain controller,
				 * 3 server */
};

/* Variables of the kernel that are of use here. */
enum nt_var_id {
	NT_PS_ACTIVE_PROCESS_HEAD, /* LIST_ENTRY */
	NT_PS_INITIAL_SYSTEM_PROCESS, /* pointer to System's EPROCESS */
	NT_PS_IDLE_PROCESS,	   /* pointer to Idle's EPROCESS */
	NT_PSP_CID_TABLE,	   /* pointer to a _HANDLE_TABLE */
	NT_HANDLE_TABLE_LIST_HEAD, /* LIST_ENTRY */
	NT_OB_TYPE_INDEX_TABLE,	   /* array of pointers to _OBJECT_TYPEs */
	NT_OB_HEADER_COOKIE,	   /* u8, u32 wide */
	NT_KI_PROCESSOR_BLOCK,	   /* array of pointers to _KPRCBs */
	NT_KD_DEBUGGER_DATA_BLOCK, /* _KDDEBUGGER_DATA64 */
	NT_MM_HIGHEST_USER_ADDRESS, /* pointer-wide */
	NT_VARS
};

/* Where one is. */
struct nt_var {
	VirtAddr va;	 /* of the variable itself; 0: not known */
	const char *how; /* static: "symbol", "export", "KDBG", "derived" */
};

typedef struct NtSymload NtSymload;
/* How often sources that do not depend on each other said the same thing, and
 * not. */
struct nt_evidence {
	unsigned n_agree, n_conflict;
};

typedef struct NtKernel NtKernel;
struct NtKernel {
	struct addr_space as;	/* System's, with the software PTE hook */
	struct nt_soft_ctx soft;
	/* System's tables once more, for reading what the hook itself needs
	 * (see softkernel.h). */
	struct nt_soft_ctx soft_flat;
	struct addr_space flat;
	DirectMap *direct;	/* of as, where there are no page tables, or
				 * NULL; owned */
	struct nt_swap swap;
	NtStore *store;		/* the compressed store, or NULL; owned */
	const char *pte_mask_how; /* static: where soft.invalid_pte_mask comes
				   * from; NULL: it is not known */
	const char *dtb_source;	/* static */
	struct nt_kimage image;
	bool has_image;
	struct nt_profile profile;
	bool has_profile;
	const char *profile_source; /* static: "built-in by GUID", ... */
	const char *profile_misfit; /* the layout of the build, where it does
				     * not fit memory; or NULL. Static. */
	bool profile_exact; /* of this very kernel: nothing to be tested */
	GArray *derived; /* struct nt_derived (derive.h), or NULL */
	struct nt_system system;
	bool has_system;
	struct nt_kuser kuser;
	uint32_t build;		/* 0: not known */
	char *version;		/* "10.0.19041.1", as far as known, or NULL */
	struct nt_var vars[NT_VARS];
	unsigned n_processors;	/* 0: not known */
	uint64_t user_end;	/* highest user address + 1; 0: not known */
	NtSymload *symload;	/* owns image.symbols; see symload.h */
	struct nt_kdbg kdbg;	/* va 0: not found */
	GArray *cpus;		/* struct nt_cpu (nt/cpus.h), owned */
	/* Registers of what processors ran are those that the container has,
	 * not those that are in memory. */
	bool container_regs;
	struct nt_evidence evidence;
	GArray *paging_files;	/* Windows' table, or NULL: nt/pagingfile.h */
	const char *paging_how;	/* static */
};

/*
 * Finds the kernel: tries the DTB that the user gave, those of
 * the container's processors, the low stub, then every self-referencing page
 * of the image. NULL where there is no Windows; log says what was tried. What
 * is not found of a kernel (its image, System) is missing in the result, and
 * said in the log. pm and image are borrowed.
 */
NtKernel *nt_kernel_find(const PhysMem *pm, const Image *image,
			 const struct nt_hints *hints, Log *log);
void nt_kernel_free(NtKernel *kernel);

/* The address space of a DTB on this machine (raw: flag bits are masked). */
struct addr_space nt_kernel_space(const NtKernel *kernel, uint64_t dtb_raw);

/* "Windows 10 2004-22H2"; (transfer full), NULL where nothing is known. */
char *nt_kernel_os(const NtKernel *kernel);

/* The name of a variable in the symbols. */
const char *nt_var_name(enum nt_var_id id);
/* Where the kernel's extent is not known: its variables are as near each other,
 * on either side. */
#define NT_AROUND_VARIABLES (UINT64_C(16) << 20)
/* Where the kernel's variables are: in its image, or, where that is not known,
 * in what is mapped around PsActiveProcessHead; 32 MiB at the most, which no
 * kernel has. False where neither is known. */
bool nt_kernel_variables(const NtKernel *kernel, uint64_t *start,
			 uint64_t *len_bytes);
/* What a variable that is a pointer holds; false where it is not known or not
 * readable or no kernel address. */
bool nt_kernel_var(const NtKernel *kernel, enum nt_var_id id, uint64_t *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtKernel, nt_kernel_free)

#endif
