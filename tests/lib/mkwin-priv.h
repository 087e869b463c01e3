/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the Windows builder share. */
#ifndef MKWIN_PRIV_H
#define MKWIN_PRIV_H

#include "lib/mkwin.h"
#include "nt/layouts.h"

#define MK_MIB (UINT64_C(1) << 20)
#define MK_GIB (UINT64_C(1) << 30)
#define MK_KUSER_KERNEL UINT64_C(0xfffff78000000000)
#define MK_KUSER_USER UINT64_C(0x7ffe0000)
#define MK_PEB32 UINT64_C(0x7efdf000)
#define MK_LOWSTUB UINT64_C(0x13000)

/* Byte that object headers' type indexes are mixed with, 10 and later. */
#define MK_OB_COOKIE 0xccu

/* Builds where something changes that is not in the layouts. */
#define MK_BUILD_81 9600u    /* user space of 128 TiB */
#define MK_BUILD_1607 14393u /* kernel regions at random places */
#define MK_BUILD_1803 17134u /* the Registry process */

/* Protection field of software PTEs and VADs. */
#define MK_PROT_R 1u
#define MK_PROT_RX 3u
#define MK_PROT_RW 4u
#define MK_PROT_WC 5u
#define MK_PROT_RWX 6u
#define MK_PROT_XWC 7u
#define MK_PROT_GUARD 0x10u

/* A region of kernel addresses that grows by pages. */
struct mk_pool {
	uint64_t base;
	uint64_t next;
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
	uint64_t thread; /* first _ETHREAD; or 0 */
	bool minimal;	 /* no PEB, no user pages (System, Registry) */
	bool large;	 /* maps 2 MiB pages */
	bool marker;
	bool bulk;
	bool exited;
	bool no_dtb;
} MkProc;

/* A range that a VAD is to cover; proto: kernel VA of its prototypes. */
struct mk_region {
	uint64_t start;
	uint64_t end; /* exclusive */
	uint64_t proto;
	unsigned int protection;
	unsigned int type;
	bool is_private;
};

struct mk_made_symbol {
	const char *name;
	uint32_t rva;
};

struct MkWin {
	struct mk_options options;
	struct mk_kernel kernel;
	struct mk_random random;
	char guid[33];
	MkPhys *phys;
	const struct nt_layout *layout;
	const struct nt_kernel *known; /* or NULL */
	const char *version;
	uint32_t timestamp;
	bool kva;
	MkPaging *paging; /* System's */
	struct mk_pool nonpaged;
	struct mk_pool paged;
	GArray *made; /* struct mk_made_symbol */
	uint32_t made_next;
	uint32_t export_rva;
	uint32_t rsds_rva;
	uint64_t kuser_pa;
	uint64_t session[2]; /* _MM_SESSION_SPACE */
	uint64_t partial_pa; /* last frame with --tail; or 0 */
	uint64_t dtb_next;   /* with dtb_at_mib */
	uint64_t time;
	GPtrArray *procs;     /* MkProc, owned */
	GArray *kernel_pages; /* struct mk_page, made when asked */
	GArray *bulk;	      /* uint64_t, runs for bulk.exe */
	uint64_t bulk_run;    /* bytes of each */
	struct mk_cpu cpus[2];
};

/* mkwin.c: layout, and kernel memory. */
bool mk_has(const MkWin *win, const char *path);
uint32_t mk_offset(const MkWin *win, const char *path);
uint32_t mk_type_size(const MkWin *win, const char *type);
/* Set a member of the object at va; nothing where it does not exist. */
void mk_put64(MkWin *win, uint64_t va, const char *path, uint64_t value);
/* A member as wide as a pointer of the machine. */
void mk_put_ptr(MkWin *win, uint64_t va, const char *path, uint64_t value);
unsigned int mk_pointer_bytes(const MkWin *win);
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
/* Body of a fresh pool block behind a header with the tag. */
uint64_t mk_pool_alloc(MkWin *win, struct mk_pool *pool, size_t size,
		       const char *tag);
/* List heads and entries, both given by address. */
void mk_list_init(MkWin *win, uint64_t head);
void mk_list_append(MkWin *win, uint64_t head, uint64_t entry);
/* Page for a PML4, where the options want them. */
uint64_t mk_root_page(MkWin *win);

/* mkkernel.c: the kernel image and what lies in it. */
void mk_kernel_choose(MkWin *win);
void mk_kernel_build(MkWin *win);
uint64_t mk_kernel_rights(const MkWin *win, uint64_t va);
/* Address of a symbol: the known one, or one made up. */
uint64_t mk_symbol(MkWin *win, const char *name);

/* mkdata.c: the kernel's variables, shared page, low stub, processors. */
void mk_data_build(MkWin *win);
void mk_data_finish(MkWin *win);

/* mkproc.c */
void mk_procs_build(MkWin *win);
void mk_proc_free(gpointer data);
/* One more, made ready but for its flags; then built and linked. */
MkProc *mk_proc_add(MkWin *win, const void *name, size_t len, uint32_t pid,
		    uint32_t ppid);
void mk_proc_build(MkWin *win, MkProc *proc);

/* mkuser.c, mkvad.c */
void mk_user_build(MkWin *win, MkProc *proc);
void mk_vads_build(MkWin *win, MkProc *proc);

/* mkdamage.c: processes that only damaged machines have; then the damage. */
void mk_damage_extra(MkWin *win);
void mk_damage_apply(MkWin *win);

/* mkplain.c: page tables without Windows. */
void mk_plain_build(MkWin *win);

#endif
