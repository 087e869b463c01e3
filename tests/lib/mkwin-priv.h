/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the Windows builder share. */
#ifndef MKWIN_PRIV_H
#define MKWIN_PRIV_H

#include "lib/mkldr.h"
#include "lib/mkwin.h"
#include "nt/layouts.h"

#define MK_MIB (UINT64_C(1) << 20)
#define MK_GIB (UINT64_C(1) << 30)
#define MK_KUSER_KERNEL UINT64_C(0xfffff78000000000)
#define MK_KUSER_KERNEL32 UINT64_C(0xffdf0000)
#define MK_KUSER_USER UINT64_C(0x7ffe0000)
#define MK_PEB32 UINT64_C(0x7efdf000)
#define MK_LOWSTUB UINT64_C(0x13000)
/* Room for a KPCR with the KPRCB in it. */
#define MK_KPCR_SIZE 0xc000u

/* Byte that object headers' type indexes are mixed with, 10 and later. */
#define MK_OB_COOKIE 0xccu

/* Builds where something changes that is not in the layouts. */
#define MK_BUILD_2003 3790u
#define MK_BUILD_VISTA 6000u
#define MK_BUILD_8 9200u
#define MK_SYSTEM_PID 4u
#define MK_IDS_PER_PAGE 1024u	     /* of x64; 32-bit: each second one */
#define MK_SECOND UINT64_C(10000000) /* FILETIME */
#define MK_TYPES_MAX 64u
#define MK_BUILD_81 9600u    /* user space of 128 TiB */
#define MK_BUILD_10 10240u   /* type indexes mixed with a cookie */
#define MK_BUILD_1607 14393u /* kernel regions at random places */
#define MK_BUILD_22H2 22621u /* an entry form of its own for files */
#define MK_BUILD_1803 17134u /* the Registry process */

/* Protection field of software PTEs and VADs. */
#define MK_PROT_R 1u
#define MK_PROT_RX 3u
#define MK_PROT_RW 4u
#define MK_PROT_WC 5u
#define MK_PROT_RWX 6u
#define MK_PROT_XWC 7u
#define MK_PROT_GUARD 0x10u
#define MK_PROT_NOACCESS 0x18u

/* A region of kernel addresses that grows by pages. */
struct mk_pool {
	uint64_t base;
	uint64_t next;
};

#define MK_NONPAGED_LEN UINT64_C(0x4000000)

/* Addresses of a session, one large page or table of them. */
#define MK_SESSION_LEN UINT64_C(0x100000)

/* A session: its _MM_SESSION_SPACE, and where that is mapped. */
struct mk_session {
	uint64_t space;
	struct mk_pool pool;
	MkPaging *paging; /* not System's, or NULL: in System's as well */
};

/* What a process is not found by. */
#define MK_HIDE_LIST 0x01u
#define MK_HIDE_CID 0x02u
#define MK_HIDE_CSRSS 0x04u
#define MK_HIDE_CSRSS_PROCESS 0x08u /* but csrss knows its threads */
#define MK_HIDE_SESSION 0x10u
#define MK_HIDE_HANDLES 0x20u

/* What is wrong with the VADs of a process. */
enum mk_odd {
	MK_ODD_NOTHING,
	MK_ODD_CYCLE, /* the tree is a ring */
	MK_ODD_VADS,
	MK_ODD_HUGE,
};

/* struct mk_process with what only the builder needs. */
typedef struct MkProc {
	struct mk_process info;
	struct mk_random random;
	MkPaging *paging;      /* NULL: no address space */
	MkPaging *user_paging; /* KVA shadow; or NULL */
	GArray *pages;
	GArray *vads;
	GArray *regions; /* struct mk_region */
	GArray *modules; /* struct mk_module */
	GArray *threads; /* uint64_t, _ETHREADs */
	GArray *tids;	 /* uint32_t, their ids */
	uint64_t thread; /* first _ETHREAD; or 0 */
	uint64_t image, stacks; /* with threads: where code and stacks are */
	bool minimal;	 /* no PEB, no user pages (System, Registry) */
	bool large;	 /* maps 2 MiB pages */
	bool marker;
	bool bulk;
	bool exited;
	bool no_dtb;
	bool running; /* on the last processor */
	enum mk_odd odd;
	bool store; /* has the compressed store */
	unsigned int hide; /* MK_HIDE_... */
} MkProc;

/* A range that a VAD is to cover; proto: kernel VA of its prototypes. */
struct mk_region {
	uint64_t start;
	uint64_t end; /* exclusive */
	uint64_t proto;
	unsigned int protection;
	unsigned int type;
	bool is_private;
	/* What the VAD says of a section; or NULL, and where in it. */
	const struct mk_section *section;
	unsigned int first;
	const char *file; /* of an image; NULL: the program's */
};

/* A prototype PTE, and what it says of its page. */
struct mk_proto {
	uint64_t va;
	uint64_t raw;
	uint64_t pa;   /* or MK_NO_PA */
	uint64_t swap; /* or MK_NO_PA */
	enum mk_state state;
	bool lost; /* cannot be read */
};

#define MK_SUBSECTIONS_MAX 4u

enum mk_array_place {
	MK_ARRAY_POOL,
	/* The second half of the array is in a page of its own: */
	MK_ARRAY_TWO_PAGES,
	MK_ARRAY_TRANSITION, /* ... that is in transition */
	MK_ARRAY_PAGED,	     /* ... that is in the page file */
	MK_ARRAY_LOST,	     /* ... whose frame is not in the image */
};

/* What a section is to be. */
struct mk_section_form {
	const char *file;  /* or NULL: backed by the page file */
	const char *kinds; /* of the pages in turn: v t f p z or 0 */
	bool image;
	bool one_array; /* of all subsections */
	unsigned int protection;
	unsigned int n;
	unsigned int ptes[MK_SUBSECTIONS_MAX];
	enum mk_array_place place;
};

struct mk_subsection {
	uint64_t va;
	unsigned int first; /* index of its first prototype PTE */
	unsigned int ptes;
};

struct mk_section {
	const struct mk_section_form *form;
	uint64_t area; /* its control area */
	struct mk_subsection subs[MK_SUBSECTIONS_MAX];
	GArray *protos; /* struct mk_proto, of all subsections */
};

/* A page of prototype PTEs that is taken away at the end. */
struct mk_array_page {
	uint64_t va;
	enum mk_array_place place;
	uint64_t swap;
};

/* A page that is in a page file. */
struct mk_swapped {
	unsigned int number;
	uint32_t pid;
	uint64_t place; /* page index in the file */
	uint64_t va;
};

#define MK_PAGE_FILES_MAX 4u

struct mk_made_symbol {
	const char *name;
	uint32_t rva;
};

/* Where things are in user space. */
struct mk_places {
	uint64_t image;
	uint64_t image_step; /* of the random part, in 1024 steps */
	uint64_t high;
	uint64_t low;
	uint64_t peb;
	uint64_t bulk;
};

#define MK_VOLUME "HarddiskVolume2"
#define MK_DEVICES_MAX 16u

struct mk_device {
	const char *name; /* NULL: the end */
	uint64_t va;
};

struct MkWin {
	struct mk_options options;
	struct mk_kernel kernel;
	struct mk_random random;
	char guid[33];
	MkPhys *phys;
	const struct nt_layout *layout;
	const struct nt_kernel *known; /* or NULL */
	uint32_t build; /* the layout's; the kernel may say another */
	const char *version;
	const char *pdb;
	uint32_t timestamp;
	enum mk_mode mode;
	uint64_t system_start; /* first address of the kernel half */
	bool single;	       /* kernel for one processor */
	bool kva;
	MkPaging *paging; /* System's */
	struct mk_pool nonpaged;
	struct mk_pool paged;
	GArray *symbols; /* struct mk_symbol, made when asked */
	GArray *made;	 /* struct mk_made_symbol */
	GArray *threads; /* struct mk_thread */
	uint32_t made_next;
	uint32_t export_rva;
	uint32_t rsds_rva;
	uint64_t kuser_pa;
	struct mk_session sessions[2];
	uint64_t partial_pa; /* last frame with --tail; or 0 */
	uint64_t dtb_next;   /* with dtb_at_mib */
	uint64_t pdpt_next;  /* PAE: next free PDPT; or 0 */
	uint64_t time;
	GPtrArray *procs;     /* MkProc, owned */
	GArray *kernel_pages; /* struct mk_page, made when asked */
	GArray *bulk;	      /* uint64_t, runs for bulk.exe */
	uint64_t bulk_run;    /* bytes of each */
	struct mk_cpu cpus[2];
	size_t n_cpus;
	uint32_t next_tid;
	uint64_t types[MK_TYPES_MAX]; /* _OBJECT_TYPEs by index */
	uint64_t root_folder, device_folder; /* "\\", "\\Device"; or 0 */
	struct mk_device devices[MK_DEVICES_MAX];
	unsigned int n_named; /* objects with names */
	MkProc *self_tables;	      /* selfmap.exe, or NULL */
	struct mk_page_file page_files[MK_PAGE_FILES_MAX];
	size_t n_page_files;
	uint64_t page_file_table; /* address of the array */
	GArray *swapped;	  /* struct mk_swapped */
	MkProc *idle;		      /* PsIdleProcess; not in procs */
	uint64_t idle_threads[2];
	/* With states only: */
	GPtrArray *sections;  /* struct mk_section, owned */
	GArray *array_pages;  /* struct mk_array_page */
	GArray *paged_out;    /* struct mk_paged */
	GArray *kernel_extra; /* struct mk_page */
	uint64_t swap_next[2];
	uint64_t mask_va;		 /* where InvalidPteMask is; or 0 */
	const struct mk_section *common; /* that all processes map */
	GArray *store_pages; /* struct mk_store_page */
	struct mk_dll dlls[MK_DLLS_MAX];
	GArray *drivers; /* struct mk_module */
	uint64_t sm_globals;
	GArray *handled; /* struct mk_handled */
	GArray *handles; /* struct mk_handle */
	GArray *gifts;	 /* struct mk_gift */
};

/* mkkmem.c: layout, and kernel memory. */
/* A member as the machine has it: of its layout, or what stands in. */
bool mk_field(const MkWin *win, const char *path, struct nt_field *field);
bool mk_has(const MkWin *win, const char *path);
uint32_t mk_offset(const MkWin *win, const char *path);
uint32_t mk_type_size(const MkWin *win, const char *type);
/* Of _ETHREAD; and where the KPRCB in a KPCR is. */
uint32_t mk_ethread_size(const MkWin *win);
uint32_t mk_kpcr_prcb(const MkWin *win);
/* Set a member of the object at va; nothing where it does not exist. */
void mk_put64(MkWin *win, uint64_t va, const char *path, uint64_t value);
/* A member as wide as a pointer of the machine. */
void mk_put_ptr(MkWin *win, uint64_t va, const char *path, uint64_t value);
unsigned int mk_pointer_bytes(const MkWin *win);
bool mk_is_32bit(const MkWin *win);
void mk_put32(MkWin *win, uint64_t va, const char *path, uint32_t value);
void mk_put_bits(MkWin *win, uint64_t va, const char *path, uint64_t value);
/* A bit field in a value; 0 where it does not exist. */
uint64_t mk_bits(const MkWin *win, const char *path, uint64_t value);
/* UNICODE_STRING at va, its characters in paged pool. */
void mk_put_unicode(MkWin *win, uint64_t va, const char *text);

void mk_kwrite(MkWin *win, uint64_t va, const void *buf, size_t len);
void mk_kread(MkWin *win, uint64_t va, void *buf, size_t len);
void mk_kwrite64(MkWin *win, uint64_t va, uint64_t value);
void mk_kwrite32(MkWin *win, uint64_t va, uint32_t value);
uint64_t mk_kread64(MkWin *win, uint64_t va);
void mk_kwrite_ptr(MkWin *win, uint64_t va, uint64_t value);
uint64_t mk_kread_ptr(MkWin *win, uint64_t va);
/* Body of a fresh pool block behind a header with the tag. */
uint64_t mk_pool_alloc(MkWin *win, struct mk_pool *pool, size_t size,
		       const char *tag);
/* Page-aligned, without a header. */
uint64_t mk_pool_pages(MkWin *win, struct mk_pool *pool, size_t n);
/* List heads and entries, both given by address. */
void mk_list_init(MkWin *win, uint64_t head);
void mk_list_append(MkWin *win, uint64_t head, uint64_t entry);
void mk_list_unlink(MkWin *win, uint64_t entry);

/* mkspace.c: page tables of the machine's form, the kernel half. */
/* Place for a top-level table, where the options want them. */
uint64_t mk_root_page(MkWin *win);
/* What of the hardware bits of an x64 entry this form has. */
uint64_t mk_pte_bits(const MkWin *win, uint64_t bits);
/* The entry for a page with these bits, and Windows' own among them. */
uint64_t mk_leaf(const MkWin *win, uint64_t pa, uint64_t size, uint64_t bits);
/* Whether a valid entry of that level is a page; its rights. */
bool mk_is_leaf(const MkWin *win, uint64_t raw, int level);
unsigned int mk_raw_rights(const MkWin *win, uint64_t raw);
MkPaging *mk_space_new(MkWin *win, uint64_t root);
void mk_space_claim_system(MkWin *win);
void mk_space_choose(MkWin *win);
void mk_space_fill(MkWin *win);
/* Gives all processes System's kernel half and a self-map; last of all. */
void mk_space_share(MkWin *win);
/* Whether a kernel address is in the page tables' own map. */
bool mk_space_is_self(const MkWin *win, uint64_t va);
uint64_t mk_kuser_va(const MkWin *win);

/* mkkernel.c: the kernel image and what lies in it. */
void mk_kernel_choose(MkWin *win);
void mk_kernel_build(MkWin *win);
uint16_t mk_machine(const MkWin *win);
uint64_t mk_kernel_rights(const MkWin *win, uint64_t va);

/* mksymbol.c */
uint32_t mk_page_round(uint64_t value);
/* First pages at or after rva that no known symbol is in or just before. */
uint32_t mk_free_rva(const MkWin *win, uint32_t rva, uint32_t pages);
/* Makes the image so large that all known symbols are in it. */
void mk_symbols_grow(MkWin *win);
/* Address of a symbol: the known one, or one made up. */
uint64_t mk_symbol(MkWin *win, const char *name);

/* mkdata.c: the kernel's variables, modules, shared page. */
void mk_data_build(MkWin *win);
/* One more in PsLoadedModuleList. */
void mk_driver_add(MkWin *win, const char *name, uint64_t base, uint64_t size);
/* Where it has to be, in a page that nothing else is in; or 0. */
uint64_t mk_mask_va(MkWin *win);

/* mkdebug.c: KDBG, the version block; when all else is there. */
void mk_debug_build(MkWin *win);

/* mkcpu.c: processors and what they run. */
void mk_cpus_build(MkWin *win);

/* mkobject.c: object headers and types. */
void mk_objects_build(MkWin *win);
/* An object of a type by name, in nonpaged pool; the address of its body. */
uint64_t mk_object_new(MkWin *win, const char *type, uint32_t size,
		       const char *tag);
/* The next object of that type will have a TypeIndex of 0 in its header as
 * that is kept from 10 on; false where it is kept as it is. */
bool mk_object_next_zero(MkWin *win, const char *type);
uint32_t mk_object_body(const MkWin *win);
uint8_t mk_object_cookie(const MkWin *win);

/* An object's header, of a type by name. */
void mk_object_header(MkWin *win, uint64_t header, const char *type);

/* mkfile.c: named objects, and files. */
/* As mk_object_new(), with a name before its header; folder: the address of
 * the Directory that it is in, or 0. */
uint64_t mk_object_named(MkWin *win, const char *type, uint32_t size,
			 const char *tag, const char *name, uint64_t folder);
/* The device object of that name in \Device, made when first asked for. */
uint64_t mk_device(MkWin *win, const char *name);
/* A file object; on MK_VOLUME. Its path as users see it (interned), NULL of
 * NULL. */
uint64_t mk_file_on(MkWin *win, uint64_t device, const char *file);
uint64_t mk_file_object(MkWin *win, const char *file);
const char *mk_file_path(const char *file);

/* mkeprocess.c */
void mk_eprocess_end(MkWin *win, MkProc *proc);
void mk_eprocess_write(MkWin *win, const MkProc *proc);
void mk_threads_add(MkWin *win, MkProc *proc, uint32_t n);
uint32_t mk_next_id(uint32_t id);
uint8_t mk_protection(const MkWin *win, const MkProc *proc);

/* mkhandle.c: tables of all processes, and the ids; when all are there. */
void mk_handles_build(MkWin *win);

/* mksession.c */
void mk_sessions_build(MkWin *win);
/* Makes a process a member of its session, or one that was. */
void mk_session_join(MkWin *win, MkProc *proc);

/* mkproc.c */
void mk_procs_build(MkWin *win);
/* Unlinks those that hide, when all lists are complete. */
void mk_procs_hide(MkWin *win);
void mk_proc_free(gpointer data);
/* One more, made ready but for its flags; then built and linked. */
MkProc *mk_proc_add(MkWin *win, const void *name, size_t len, uint32_t pid,
		    uint32_t ppid);
void mk_proc_build(MkWin *win, MkProc *proc);

/* mkpte.c: entries that are not valid, without the L1TF mask. */
uint64_t mk_pte_transition(const MkWin *win, uint64_t pa,
			   unsigned int protection);
uint64_t mk_pte_demandzero(const MkWin *win, unsigned int protection);
uint64_t mk_pte_pagefile(const MkWin *win, unsigned int number, uint64_t place,
			 unsigned int protection);
/* Pointer to the prototype PTE at a kernel address; to where the VAD says. */
uint64_t mk_pte_proto(const MkWin *win, uint64_t proto,
		      unsigned int protection);
uint64_t mk_pte_in_vad(const MkWin *win, unsigned int protection);
/* In an array of prototype PTEs: the page is in a file. */
uint64_t mk_pte_subsection(const MkWin *win, uint64_t subsection);
/* Another form of it: told from the pool's end, with the ColdPage bit, or as
 * the first where the layout has neither. */
uint64_t mk_pte_subsection_other(const MkWin *win, uint64_t subsection);

/* With the L1TF mask where it has a place (a frame, a place in a page file);
 * an entry that has the bit anyway is marked as not masked. */
uint64_t mk_pte_swizzle(const MkWin *win, struct mk_random *random,
			uint64_t raw);
unsigned int mk_pte_bytes(const MkWin *win);

/* mksection.c: sections with all that belongs to them. */
/* form is kept. (transfer none) */
const struct mk_section *mk_section_new(MkWin *win,
					const struct mk_section_form *form);
void mk_section_free(gpointer data);
const struct mk_proto *mk_section_proto(const struct mk_section *section,
					unsigned int index);
/* What a VAD of it that starts at page first points to, and says. */
uint64_t mk_section_subsection(const MkWin *win,
			       const struct mk_section *section,
			       unsigned int first);
uint64_t mk_section_last(const MkWin *win, const struct mk_section *section,
			 unsigned int first);
/* The control area of a file. */
void mk_area_fill(MkWin *win, uint64_t area, uint64_t file, bool image);
/* A free place in page file 0 or 1, with the label of pid and va, or bytes
 * (transfer full) in it. */
uint64_t mk_swap_label(MkWin *win, unsigned int number, uint32_t pid,
		       uint64_t va);
uint64_t mk_swap_bytes(MkWin *win, unsigned int number, uint8_t *bytes);
/* Takes away what is not to be read, when all is there. */
void mk_sections_finish(MkWin *win);

/* mkstates.c: pages in all states. */
void mk_states_build(MkWin *win, MkProc *proc, uint64_t low);
/* A file of eight pages, in place of that of other machines. */
void mk_states_file(MkWin *win, MkProc *proc, uint64_t va);

/* mkuser.c, mkvad.c */
/* Rights of pages by MM's protection, valid or not; bits of a leaf. */
unsigned int mk_user_rights(const MkWin *win, unsigned int protection,
			    bool valid);
uint64_t mk_user_bits(MkProc *proc, unsigned int protection);
void mk_user_build(MkWin *win, MkProc *proc);
/* Private pages that are written to, not labelled. */
void mk_user_pages(MkWin *win, MkProc *proc, uint64_t va, unsigned int n);
void mk_user_write(MkWin *win, MkProc *proc, uint64_t va, const void *buf,
		   size_t len);
/* A page that is at a place of a page file. */
void mk_user_paged(MkWin *win, MkProc *proc, uint64_t va, unsigned int number,
		   uint64_t place, unsigned int protection);
/* The L1TF mask on an entry that holds a frame or a place in a page file; an
 * entry that has the bit anyway is marked as not masked. */
uint64_t mk_user_swizzle(MkWin *win, MkProc *proc, uint64_t raw);
void mk_vads_build(MkWin *win, MkProc *proc);
/* First and last page, in a VAD. */
void mk_vad_set(MkWin *win, uint64_t node, uint64_t first, uint64_t last);
/* The links of its node. */
void mk_vad_link(MkWin *win, uint64_t node, uint64_t left, uint64_t right);

/* mkbadvads.c: one process of each kind; its regions. */
void mk_bad_vads_add(MkWin *win);
void mk_bad_vads_regions(MkWin *win, MkProc *proc, uint64_t low);

/* mkstripes.c: bulk_mib in the same few frames again and again, writable and
 * not by turns. */
void mk_stripes_map(MkWin *win, MkProc *proc, uint64_t va);

/* mkstored.c: pages of a process that are in the compressed store. */
void mk_store_pages(MkWin *win, MkProc *proc, uint64_t va);

/* mkstore.c: MemCompression, when all who have pages in its store are there;
 * its regions and the kernel's records, while its user half is made; whether
 * the machine can have a store. */
void mk_store_build(MkWin *win);
void mk_store_map(MkWin *win, MkProc *proc);
bool mk_store_possible(const MkWin *win);

/* mkpeb.c: the PEB and what it leads to; of WoW64 processes two of them, the
 * second ones 64 KiB behind the parameters and at MK_PEB32. */
struct mk_peb_places {
	uint64_t peb;
	uint64_t parameters;
	uint64_t image;
};

void mk_peb_build(MkWin *win, MkProc *proc, const struct mk_peb_places *places);
/* Its heap; when the PEB is there. */
void mk_peb_heap(MkWin *win, MkProc *proc, uint64_t heap);

/* mkdamage.c: processes that only damaged machines have; then the damage. */
void mk_damage_extra(MkWin *win);
void mk_damage_apply(MkWin *win);

/* The number that Windows' table, with page_files, says is the store's. */
#define MK_STORE_IN_TABLE 2u

/* mkplaces.c: of a process. */
const struct mk_places *mk_user_places(const MkWin *win, bool wow64);

/* mkpagefile.c: Windows' table of paging files, with page_files. */
void mk_page_files_build(MkWin *win);
/* Size of a page file by its number in pages; 0 where there is none. */
uint64_t mk_page_file_pages(const MkWin *win, unsigned int number);
/* Puts a page at a place of a page file, or at the next one that is free;
 * where it is. Without page_files, and of numbers that have no file, nothing
 * is put anywhere. */
uint64_t mk_page_file_put(MkWin *win, unsigned int number, uint64_t place,
			  uint32_t pid, uint64_t va);

/* A range of such pages: both ends of the files, large places, all numbers,
 * and one that Windows does not have. */
void mk_page_file_map(MkWin *win, MkProc *proc, uint64_t va);
/* mkbaddtb.c */
void mk_bad_dtb_apply(MkWin *win);

/* mkplain.c: page tables without Windows. */
void mk_plain_build(MkWin *win);

#endif
