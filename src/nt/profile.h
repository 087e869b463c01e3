/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the readers of kernel structures need to know of one kernel: plain
 * data, filled once from a layout. No reader asks for a version.
 */
#ifndef NT_PROFILE_H
#define NT_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "nt/layouts.h"
#include "nt/symbols.h"

/* A member that this kernel does not have. */
#define NT_ABSENT UINT32_MAX

/* Offsets in bytes from the start of the structure, NT_ABSENT where the
 * member does not exist. */
struct nt_eprocess_layout {
	uint32_t type;		/* Pcb.Header.Type, u8, 3 for a process */
	uint32_t dtb;		/* Pcb.DirectoryTableBase */
	uint32_t user_dtb;	/* Pcb.UserDirectoryTableBase */
	uint32_t pid;
	uint32_t links;		/* ActiveProcessLinks */
	uint32_t ppid;
	uint32_t name;		/* ImageFileName, 15 or 16 bytes */
	uint32_t create_time;
	uint32_t exit_time;
	uint32_t peb;
	uint32_t wow64;
	uint32_t session;
	uint32_t active_threads;
	uint32_t object_table;
	uint32_t vad_root;
	uint32_t exit_status;
	uint32_t flags;
	uint32_t session_links;	/* SessionProcessLinks */
	uint32_t thread_list;	/* ThreadListHead, of _ETHREADs */
	uint32_t section_base;	/* SectionBaseAddress */
	uint32_t audit_name;	/* SeAuditProcessCreationInfo.ImageFileName:
				 * pointer to an _OBJECT_NAME_INFORMATION */
	uint32_t protection;	/* _PS_PROTECTION, u8 */
	struct nt_field minimal; /* a process without a user half of its own */
};

/* _ETHREAD, _KTHREAD. */
struct nt_thread_layout {
	uint32_t list_entry;	/* ThreadListEntry, in _EPROCESS's list */
	uint32_t process;	/* its _KPROCESS: Tcb.Process (Vista and later),
				 * ThreadsProcess before */
	uint32_t apc_process;	/* Tcb.ApcState.Process: whose memory it
				 * uses */
};

/* The rest of _ETHREAD and _KTHREAD (thread.h). */
struct nt_ethread_layout {
	uint32_t pid, tid;	/* Cid.UniqueProcess, Cid.UniqueThread */
	uint32_t create_time, exit_time;
	uint32_t start;		/* StartAddress */
	uint32_t win32_start;	/* Win32StartAddress */
	uint32_t cross_flags;	/* CrossThreadFlags */
	uint32_t name;		/* ThreadName: pointer to a UNICODE_STRING */
	/* Tcb: */
	uint32_t initial_stack, stack_base, stack_limit, kernel_stack;
	uint32_t trap_frame;
	uint32_t teb;
	uint32_t state, wait_reason;
	uint32_t kernel_time, user_time;
	uint32_t switches;	/* ContextSwitches */
	uint32_t priority, base_priority;
	uint32_t klist_entry;	/* ThreadListEntry of _KTHREAD, in the list */
	uint32_t kprocess_list;	/* ThreadListHead of _KPROCESS */
	uint32_t prcb_context;	/* _KPRCB.ProcessorState.ContextFrame */
};

/* _OBJECT_HEADER and _OBJECT_TYPE. */
struct nt_object_layout {
	uint32_t body;		/* of the object behind its header */
	uint32_t type;		/* pointer to _OBJECT_TYPE; absent since 7 */
	uint32_t type_index;	/* u8; absent before 7 */
	uint32_t type_name;	/* UNICODE_STRING in _OBJECT_TYPE */
};

/* _HANDLE_TABLE and its entries. */
struct nt_handle_layout {
	uint32_t table_code;
	uint32_t quota_process;
	uint32_t table_list;	/* HandleTableList */
	uint32_t handle_count;	/* absent since 8 */
	uint32_t next_pool;	/* NextHandleNeedingPool: the first handle value
				 * beyond the pages that the table has */
	unsigned entry_bytes;
	/* The bits of the entry's first word that are the object's address,
	 * and how far they are shifted: the address is
	 * sign_extend(bits << pointer_shift). bit_len 0: the word without its
	 * lowest 3 bits (before 8). */
	struct nt_field pointer;
	unsigned pointer_shift;
	struct nt_field access; /* GrantedAccessBits or GrantedAccess */
	bool known;
};

/* _MM_SESSION_SPACE, from 24H2 _PSP_SESSION_SPACE. */
struct nt_session_layout {
	uint32_t id;		/* SessionId */
	uint32_t process_list;	/* ProcessList */
};

/* _KPCR and _KPRCB. */
struct nt_cpu_layout {
	uint32_t self;		/* _KPCR.Self or SelfPcr: its own address */
	uint32_t prcb_pointer;	/* _KPCR.CurrentPrcb or Prcb */
	uint32_t prcb;		/* _KPCR.Prcb or PrcbData: the _KPRCB in it */
	uint32_t version_block;	/* _KPCR.KdVersionBlock, not on all */
	/* In the _KPRCB: */
	uint32_t current_thread, next_thread, idle_thread;
	uint32_t cr3;		/* ProcessorState.SpecialRegisters.Cr3 */
};

/* Bits of a PTE, mostly of one that is not valid; len 0 where the form has no
 * such field. */
struct nt_pte_layout {
	struct nt_field transition_pfn;
	struct nt_field protection;	/* of transition and software PTEs */
	struct nt_field pagefile_low;
	struct nt_field pagefile_high;
	struct nt_field swizzle;
	/* Prototype and subsection PTEs: an address, or (two-level tables)
	 * the low and the high part of one. */
	struct nt_field proto_address, proto_low, proto_high;
	struct nt_field proto_protection;
	struct nt_field sub_address, sub_low, sub_high;
	struct nt_field sub_pool;	/* WhichPool */
	bool file_form;			/* pages of files have a form of their
					 * own */
	/* In a valid entry: the bit by which MM marks a page as writable
	 * although the processor may not write it yet (clean), and copy on
	 * write; 0 where there is none. */
	uint64_t writable, copy_on_write;
};

/* _FILE_OBJECT, and the names before object headers. */
struct nt_file_layout {
	uint32_t type;		/* u16, 5 for a file object */
	uint32_t device;	/* DeviceObject: a pointer */
	uint32_t name;		/* FileName, UNICODE_STRING */
	/* In the header; one of them is absent. */
	uint32_t info_mask;		/* u8, since 7 */
	uint32_t name_info_offset;	/* u8, before */
	/* Optional headers that lie before it. */
	uint32_t name_info_bytes, creator_info_bytes;
	uint32_t info_directory;	/* in _OBJECT_HEADER_NAME_INFO */
	uint32_t info_name;		/* UNICODE_STRING */
};

/* _MMVAD_SHORT and the tree it is in. */
struct nt_vad_layout {
	bool known;
	bool root_is_node; /* VadRoot is a sentinel node, else a pointer */
	uint32_t left, right;
	uint32_t start_vpn, end_vpn;
	uint32_t start_vpn_high, end_vpn_high; /* u8, or NT_ABSENT */
	unsigned vpn_bytes;
	uint32_t flags;
	unsigned flags_bytes;
	uint32_t bytes; /* of a node, up to the last member that is read */
	struct nt_field protection, type, private_memory;
	/* Before there was a type (up to 2003 without a service pack): a flag
	 * of each, by its number. */
	struct nt_field type_flags[8];
	/* The commit charge, in pages: low part in the integer at commit, of
	 * commit_bytes; a byte of more. */
	struct nt_field commit_bits;
	uint32_t commit, commit_high;
	unsigned commit_bytes;
	/* _MMVAD, which those that map sections are. */
	uint32_t first_proto, last_proto; /* FirstPrototypePte,
					   * LastContiguousPte */
	uint32_t subsection;	/* since Vista */
	uint32_t control_area;	/* before */
};

/* _SUBSECTION. */
struct nt_section_layout {
	bool known;
	uint32_t control_area;
	uint32_t base;		/* SubsectionBase: prototype PTEs */
	uint32_t n_ptes;	/* PtesInSubsection, u32 */
	uint32_t next;		/* NextSubsection */
	uint32_t control_area_bytes; /* size of a _CONTROL_AREA; 0: not known */
	/* In that: */
	uint32_t file;		/* FilePointer: of a _FILE_OBJECT, in the low
				 * bits a count of references (since Vista) */
	uint32_t area_flags;	/* u.Flags, u32 */
	struct nt_field image, mapped_file; /* in area_flags: Image, File */
};

/* _PEB, and _RTL_USER_PROCESS_PARAMETERS. */
struct nt_peb_layout {
	uint32_t image_base;	/* _PEB.ImageBaseAddress */
	uint32_t parameters;	/* _PEB.ProcessParameters: a pointer */
	uint32_t directory;	/* the rest: in those; CurrentDirectory.DosPath,
				 * a UNICODE_STRING, and the next two */
	uint32_t image_path;
	uint32_t command_line;
	uint32_t environment;
	uint32_t environment_size; /* absent before Vista */
};

/* _MMPAGING_FILE, and where pointers to all of them are. */
struct nt_paging_layout {
	bool known;
	uint32_t size;		/* pages, size_bytes wide */
	unsigned size_bytes;
	uint32_t file;		/* pointer to a _FILE_OBJECT */
	uint32_t name;		/* UNICODE_STRING */
	struct nt_field number, is_virtual; /* PageFileNumber,
					     * VirtualStorePagefile */
	uint32_t bytes;		/* up to the last of the members above */
	uint32_t node;		/* FileObjectNode, in the tree */
	uint32_t partition;	/* _MI_PARTITION.Vp.PagingFile */
	uint32_t tree;		/* _MI_SYSTEM_INFORMATION.PagingIo.PageFileHead,
				 * a pointer to the first node */
	uint32_t file_type;	/* _FILE_OBJECT.Type, u16 */
	uint32_t file_name;	/* _FILE_OBJECT.FileName, UNICODE_STRING */
};

/* What leads from an object to what it is called (objname.h). */
struct nt_objname_layout {
	uint32_t thread_id;	/* _ETHREAD.Cid.UniqueThread, pointer-wide */
	uint32_t section_area;	/* _SECTION.u1: _CONTROL_AREA or, with a bit
				 * set, _FILE_OBJECT; since 10 */
	uint32_t section_segment; /* _SECTION_OBJECT.Segment; before 10 */
	uint32_t segment_area;	/* _SEGMENT.ControlArea */
	uint32_t area_file;	/* _CONTROL_AREA.FilePointer, _EX_FAST_REF */
	uint32_t key_block;	/* _CM_KEY_BODY.KeyControlBlock */
	uint32_t token;		/* _EPROCESS.Token, _EX_FAST_REF */
};

/* Where the facts come from: symbols are asked first, then the layout; either
 * may be NULL. Borrowed. */
struct nt_source {
	const struct nt_layout *layout;
	const NtSymbols *symbols;
};

struct nt_profile {
	struct nt_source source;
	bool guessed;	/* a member came from the fallback of the layout */
	enum nt_arch arch;
	unsigned pointer_bytes;
	struct nt_eprocess_layout eprocess;
	struct nt_thread_layout thread;
	struct nt_ethread_layout ethread;
	struct nt_object_layout object;
	struct nt_handle_layout handle;
	struct nt_session_layout session;
	struct nt_cpu_layout cpu;
	struct nt_pte_layout pte;
	struct nt_file_layout file;
	struct nt_vad_layout vad;
	struct nt_section_layout section;
	struct nt_peb_layout peb;
	struct nt_paging_layout paging;
	struct nt_objname_layout objname;
	uint32_t invalid_pte_mask; /* from MiState, or NT_ABSENT */
};

/* The value of a bit-field in the integer that holds it, 0 where this kernel
 * has no such field. */
uint64_t nt_field_get(struct nt_field field, uint64_t value);

/* A member, a type of a source (layout_field() and its kin). guessed may be
 * NULL. */
bool nt_source_field(const struct nt_source *source, const char *path,
		     struct nt_field *ret, bool *guessed);
const char *nt_source_type(const struct nt_source *source, const char *path);
/* Bytes of a structure. */
bool nt_source_size(const struct nt_source *source, const char *type,
		    uint32_t *ret);

/* False where the source lacks what no process can be read without (pid,
 * links, name, DTB). */
bool nt_profile_fill(const struct nt_source *source, struct nt_profile *ret);

/* What the profile is called: the layout's id or the file's name. Borrowed
 * from the source. */
const char *nt_profile_name(const struct nt_profile *profile);

#endif
