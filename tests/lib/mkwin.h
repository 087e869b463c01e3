/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes the memory of a small machine that runs Windows, with known contents,
 * from any of the compiled-in layouts: XP to 11, two-level, PAE, x64, 5-level
 * and (as far as that is known) ARM64; and says what is in it, and what finds
 * each process. Or, with no_windows, page tables alone in any of the forms.
 *
 * The same options give the same memory, byte for byte.
 */
#ifndef MKWIN_H
#define MKWIN_H

#include "lib/mkpaging.h"
#include "lib/mkphys.h"
#include "lib/mkwrite.h"

#define MK_NO_PA UINT64_MAX
#define MK_NAME_MAX 15

/* What the EPROCESS of explorer.exe (without one, of the last process) says of
 * its page tables, which are still there. The truth tells where. */
enum mk_bad_dtb {
	MK_DTB_GOOD,
	MK_DTB_RANDOM,	/* one of its own pages, of random bytes */
	MK_DTB_BEYOND,	/* where the machine has no memory */
	MK_DTB_BLANK,	/* a page of zeros */
	MK_DTB_OTHER,	/* that of another process */
	MK_DTB_SYSTEM,	/* System's */
	MK_DTB_USER,	/* KVA shadow: its user's table, and where that should
			 * be, the kernel's */
	MK_DTB_ZERO,	/* 0 */
	MK_DTB_SWAPPED, /* another's, which in turn has its own */
	MK_DTB_NO_SELF, /* its own, but the self-map entry in it is 0 */
	MK_DTBS
};

/* What may be left out or broken; all zeros is a healthy machine. */
struct mk_damage {
	bool zero_kernel_header;  /* first page of the kernel is zeros */
	bool unmap_kernel_header; /* the same page is not mapped */
	bool no_rsds;		  /* debug record wiped */
	bool no_smss;		  /* no process named smss.exe */
	bool no_lowstub;
	bool no_kuser;		  /* shared page is zeros, not mapped */
	bool loop_list;		  /* list runs in a ring without head */
	bool list_to_user;	  /* one Flink points to user space */
	bool dup_pid;		  /* a second, exited EPROCESS of a pid */
	bool self_tables;	  /* a PML4 of 512 entries to itself */
	bool kernel_unknown;	  /* build, time, GUID that no table has */
	bool no_exports;	  /* export directory wiped */
	uint32_t shift_eprocess;  /* members behind Pcb, by so many bytes */
	bool cid_level3;	  /* PspCidTable of a level that is none */
	bool lost_handle_pages;	  /* of csrss, of ids: not in the image */
	bool lost_mask;		  /* page with InvalidPteMask is not mapped */
	bool bad_vads;		  /* processes whose VADs lead astray */
	unsigned int break_flink; /* n-th entry, 1 is System; 0 none */
	unsigned int break_blink;
	enum mk_bad_dtb bad_dtb;
	uint64_t zero_first_mib; /* start of memory wiped at the end */
};

struct mk_options {
	uint64_t seed;
	const char *guid;    /* known kernel; NULL: layout or the default */
	uint32_t age;	     /* 0: 1 */
	const char *layout;  /* "amd64-10.0.19041-b", for want of a GUID */
	uint32_t build;	     /* the kernel calls itself; 0: the layout's */
	uint64_t size_mib;   /* 0: 64 */
	uint64_t bulk_mib;   /* bulk.exe maps so much; 0: none */
	bool scatter;	     /* all of that page by page, none in runs */
	bool stripes;	     /* all of that in 16 frames, rights by turns */
	uint64_t dtb_at_mib; /* place of all PML4s; 0: usual */
	unsigned int procs;  /* 0: the whole cast */
	bool full;	     /* and those that hide from something */
	unsigned int handle_level; /* of csrss, System, ids: at least */
	unsigned int tail;	   /* bytes of RAM behind the last whole page */
	bool hole;		   /* a hole in RAM and RAM above 4 GiB */
	uint64_t hole_at_mib; /* no RAM from there to 4 GiB, but behind; 0 */
	bool gig;		   /* explorer.exe maps 1 GiB pages */
	bool trans_table;	   /* a page table that is in transition */
	bool states;		   /* every state that a page can be in */
	bool no_mask;	       /* InvalidPteMask is 0, whatever the layout */
	bool no_kva;	       /* no KVA shadow where the layout has it */
	bool three_gb;	       /* 32-bit: 3 GiB of user addresses */
	bool private_sessions; /* not in System's page tables */
	uint32_t cookie;       /* of object headers, 1 to 0x100; 0: the usual */
	bool plain_kdbg;       /* not encoded, as once a debugger was there */
	bool shared_sessions;  /* in them, though that was not so up to 7 */
	/* Number (1 to 15) of the virtual page file: there is a compressed
	 * store, and pages in it; from 10 1607 on. 0: none. */
	unsigned int store;
	bool hostile_names;
	bool objects; /* handles to named objects of all kinds */
	/* Threads have TEBs, stacks, frames and registers (mkthread.c). */
	bool threads;
	bool modules;	 /* images, and the loaders' lists of them */
	bool page_files; /* Windows' table of them, and what is in them */
	bool no_windows;
	enum mk_mode paging; /* of no_windows */
	struct mk_damage damage;
};

enum mk_state {
	MK_STATE_VALID,
	MK_STATE_LARGE,	  /* 2 MiB, 4 MiB or 1 GiB, all in RAM */
	MK_STATE_PARTIAL, /* valid, part of the frame outside RAM */
	MK_STATE_OUTSIDE, /* valid, the frame is not RAM */
	MK_STATE_TRANSITION,
	MK_STATE_TABLE, /* valid entry of a table in transition */
	MK_STATE_PROTOTYPE,
	MK_STATE_PAGEFILE, /* MK_CONTENT_LABEL: what is in the file */
	MK_STATE_STORE,	     /* in the compressed store */
	MK_STATE_COMPRESSED, /* that too, but it cannot be read */
	MK_STATE_DEMANDZERO,
	MK_STATE_RESERVED, /* a reserved bit is set on the way */
	/* With states only: */
	MK_STATE_FILE, /* in a mapped file, not in memory */
	MK_STATE_DECOMMITTED,
	MK_STATE_PROTO_LOST,  /* the prototype PTE cannot be read */
	MK_STATE_ABSENT,      /* an entry that is not 0, but no page */
	MK_STATE_PAGED_TABLE, /* valid entry of a table in a page file */
};

enum mk_content {
	MK_CONTENT_NONE,   /* no memory behind it */
	MK_CONTENT_LABEL,  /* mk_page_fill(seed, pid, va of each 4 KiB) */
	MK_CONTENT_MARKER, /* that, and MK_MARKER at MK_MARKER_OFFSET */
	MK_CONTENT_OTHER,
	MK_CONTENT_SHARED, /* mk_page_fill(seed, 0, va of prototype PTE) */
	MK_CONTENT_PAGED,  /* not in memory: what struct mk_paged says */
	MK_CONTENT_PACKED, /* a label in bytes that repeat: mk_content_fill */
	MK_CONTENT_ZERO,
};

/* What leads from an entry to the prototype PTE that tells of the page. */
enum mk_how {
	MK_HOW_NONE,
	MK_HOW_DIRECT, /* the entry has its address */
	MK_HOW_MARKER, /* the entry says: where the VAD says */
	MK_HOW_VAD,    /* there is no entry, or it is 0 */
};

/* What a page of the compressed store is like. */
enum mk_store_kind {
	MK_STORE_PACKED,
	MK_STORE_RAW,	   /* as it is; the record says size 0, and a hash */
	MK_STORE_RAW_SIZE, /* as it is; the record says 0x1000 */
	MK_STORE_ZERO,	   /* no size, no hash: zeros */
	MK_STORE_CHAIN,	   /* its record names another one */
	/* That cannot be read: */
	MK_STORE_NO_KEY,   /* not in the tree of all keys */
	MK_STORE_INVALID,  /* marked there as invalid */
	MK_STORE_NO_STORE, /* there with a store that is none */
	MK_STORE_NO_PAGE,  /* not in the tree of its store */
	MK_STORE_NO_CHUNK, /* no such record */
	MK_STORE_NO_REGION,
	MK_STORE_LOST_REGION, /* itself in a page file */
	MK_STORE_OVER_END,    /* reaches out of its region */
	MK_STORE_LOOP,	      /* its record names itself */
	MK_STORE_TRUNCATED,
	MK_STORE_KINDS
};

struct mk_store_page {
	uint32_t pid;
	uint64_t va;
	uint32_t place; /* page index in the virtual page file */
	enum mk_store_kind kind;
	enum mk_content content; /* what it was, also where nothing can tell */
};

#define MK_MARKER "EVIL-MARKER-STRING password=hunter2"
#define MK_MARKER_OFFSET 0x200

/* Rights: of the leaf if valid, else those of the protection field. */
#define MK_RIGHT_W 0x01u     /* hardware writable */
#define MK_RIGHT_CLEAN 0x02u /* writable for Windows (bit 11), not clean */
#define MK_RIGHT_U 0x04u
#define MK_RIGHT_X 0x08u
#define MK_RIGHT_C 0x10u /* copy on write */

struct mk_page {
	uint64_t va;
	uint64_t pa; /* MK_NO_PA where there is none */
	uint64_t size;
	uint64_t raw; /* the entry that decides */
	unsigned int rights;
	enum mk_state state;
	enum mk_content content;
	/* With states only: */
	enum mk_how how;
	uint64_t proto;	    /* address of the prototype PTE; 0: none */
	uint64_t proto_raw; /* it */
	/* Page, its table (PAGED_TABLE) or its prototype PTE (PROTO_LOST) in
	 * a page file: mk_swap_place(); MK_NO_PA: not in one. */
	uint64_t swap;
};

/* A page of a page file that has something. */
struct mk_paged {
	unsigned int number;
	uint64_t page;
	uint8_t *bytes; /* MK_PAGE_SIZE of them; or NULL: the label of */
	uint32_t pid;
	uint64_t va;
};

/* A place in a page file as one number. */
static inline uint64_t mk_swap_place(unsigned int number, uint64_t page)
{
	return (uint64_t)number << 44 | page << 12;
}

struct mk_vad {
	uint64_t node; /* kernel address */
	uint64_t start;
	uint64_t end; /* last byte */
	unsigned int protection;
	unsigned int type;
	bool is_private;
	uint64_t commit;  /* pages */
	const char *file; /* mapped file, with its device; or NULL */
};

#define MK_NAME_ANY "?"

/* A handle of a process. */
struct mk_handle {
	uint32_t pid;
	uint64_t eprocess;
	uint32_t value;
	uint32_t access;
	uint64_t object;  /* its body */
	const char *type;
	/* As users are to see it; NULL: none; MK_NAME_ANY: it misleads. */
	const char *name;
};

/* With modules: an image that something says is there. */
struct mk_module {
	uint64_t base;
	uint32_t size, timestamp;
	const char *name; /* NULL: nobody says */
	const char *path;
	const char *from;  /* "ldr,vad", ...: as modules/list has it */
	const char *marks; /* "unlinked", ..., or "-" */
	const char *pdb;   /* NULL: there is no image */
	uint8_t guid[16];
	uint32_t version[2];
};

/* What csrss of a session has handles to. */
enum mk_csrss {
	MK_CSRSS_NO,
	MK_CSRSS_PROCESS,
	MK_CSRSS_THREADS, /* threads of it, not the process */
};

struct mk_process {
	uint32_t pid;
	uint32_t ppid;
	uint8_t name[MK_NAME_MAX];
	uint8_t name_len;
	uint64_t eprocess;
	uint64_t dtb_raw;
	uint64_t user_dtb_raw;
	uint64_t create_time;
	uint64_t exit_time;
	uint64_t peb;
	uint64_t peb32;
	uint64_t heap; /* the PEB's ProcessHeap, start of a VAD; or 0 */
	/* What it was started with, UTF-8; of a WoW64 process by its 32-bit
	 * PEB; the other one has "PEB=64 bits" in the environment. NULL where
	 * it has no PEB. */
	char *image_path;
	char *command_line;
	char *directory;	/* or NULL: empty, as is the environment then */
	GPtrArray *environment; /* char * */
	uint32_t exit_status;
	uint8_t protection; /* PS_PROTECTION */
	int session;	    /* -1: none */
	uint32_t threads;
	bool wow64;
	bool in_list;
	enum mk_csrss in_csrss;
	bool in_cid;
	bool in_session; /* linked in the list of its session */
	bool in_handles;
	bool type_zero;	       /* TypeIndex in its header is 0 */
	bool running;	       /* on a processor */
	uint64_t object_table; /* or 0 */
	unsigned int handle_level;
	unsigned int handles;
	const char *const *sids; /* of its token, with objects; or NULL */
	unsigned int n_sids;
	const GArray *pages; /* struct mk_page, ascending */
	const GArray *vads;  /* struct mk_vad, ascending */
	const GArray *modules; /* struct mk_module; of any order */
};

struct mk_kernel {
	uint64_t base;
	uint64_t size;
	uint64_t dtb;
	uint32_t build;
	const char *guid;
	uint32_t age;
	const char *layout;
	unsigned int self_map; /* index in the PML4 */
	uint64_t invalid_pte_mask;
	uint64_t highest_user;
	uint64_t active_head; /* PsActiveProcessHead */
	uint64_t kdbg;
	bool kdbg_encoded;
	uint64_t cid_table;
	unsigned int cid_level;
	uint64_t idle; /* _EPROCESS of pid 0, in no list */
	uint64_t time; /* FILETIME of the capture */
};

/* Registers, by the numbers of instructions: ax cx dx bx sp bp si di r8 to
 * r15. */
struct mk_regs {
	const char *from; /* what has them in memory; NULL: nothing */
	uint16_t cs, ss;
	uint32_t known; /* which of gpr */
	uint64_t ip, flags;
	uint64_t gpr[16];
};

/* How long the machine has been up, in 100 ns: InterruptTime. */
#define MK_UPTIME UINT64_C(0x1919254d38)

/* Of each process, where the layout has a place for it. */
struct mk_counters {
	uint32_t kernel_time, user_time; /* ticks of 15.625 ms */
	uint8_t priority;
	uint32_t faults, hard_faults;
	uint64_t peak_virtual; /* bytes */
	uint64_t commit, working_set, peak_working_set; /* pages */
};

/* Of the machine, with page_files; in MiSystemPartition only where the layout
 * says where. */
#define MK_AVAILABLE_PAGES 4321u
#define MK_COMMITTED_PAGES 23456u
#define MK_COMMIT_LIMIT 34567u

/* With the option threads. */
struct mk_thread {
	uint32_t pid, tid;
	uint64_t ethread, process;
	uint64_t teb, teb32; /* 0: none */
	uint64_t stack_limit, stack_base;
	uint64_t stack32_limit, stack32_base;
	uint64_t kstack_limit, kstack_base;
	uint64_t create_time, exit_time;
	uint32_t kernel_time, user_time, switches; /* where the layout has */
	uint8_t state, reason, priority, base_priority;
	const char *name; /* or NULL */
	int cpu; /* that runs it, or -1 */
	/* user: by the trap frame; user32: by WoW64's context; kernel: by the
	 * switch frame; of one that runs by the KPRCB. cpu_regs: those that the
	 * notes of containers have. */
	struct mk_regs user, user32, kernel, cpu_regs;
};

/* An entry of Windows' table of paging files. */
struct mk_page_file {
	unsigned int number;
	const char *name; /* as Windows has it; NULL: of the store, no file */
	const char *file; /* name in its file object; or NULL */
	uint64_t pages;
	uint64_t va; /* _MMPAGING_FILE */
};

/* A variable of the kernel. */
struct mk_symbol {
	const char *name;
	uint64_t va;
};

typedef struct MkWin MkWin;

/* (transfer full) NULL with error set where the options make no sense. */
MkWin *mk_win_new(const struct mk_options *options, GError **error);
void mk_win_free(MkWin *win);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MkWin, mk_win_free)

/* All (transfer none). Processes in the order of their making. */
MkPhys *mk_win_phys(MkWin *win);
const struct mk_kernel *mk_win_kernel(const MkWin *win);
size_t mk_win_n_processes(const MkWin *win);
const struct mk_process *mk_win_process(const MkWin *win, size_t index);
/* By name, first one; NULL where there is none. */
const struct mk_process *mk_win_find(const MkWin *win, const char *name);
/* The page of the truth that has va, or NULL. */
const struct mk_page *mk_process_page(const struct mk_process *process,
				      uint64_t va);
/* Whose DTB bad_dtb is about; and the other one where there is one. */
const struct mk_process *mk_win_bad_dtb(const MkWin *win, bool other);
/* "random", ... */
const char *mk_bad_dtb_name(enum mk_bad_dtb bad);
/* struct mk_store_page: what is in the compressed store; SmGlobals, 0: none. */
const GArray *mk_win_store_pages(const MkWin *win);
uint64_t mk_win_sm_globals(const MkWin *win);
/* Kernel half of System without the self-map; with no_windows: all pages. */
const GArray *mk_win_kernel_pages(MkWin *win);
/* struct mk_symbol: all that are known of the kernel or were made up; of a
 * made-up kernel's, those that have a value. */
const GArray *mk_win_symbols(MkWin *win);
/* struct mk_handle: by process, ascending. */
const GArray *mk_win_handles(const MkWin *win);
/* struct mk_paged: with states, what is in the page files, in no order;
 * that of page files with a number of 2 and more is not told. */
const GArray *mk_win_paged(const MkWin *win);
/* The bytes of one. */
void mk_paged_fill(const MkWin *win, const struct mk_paged *paged,
		   uint8_t page[MK_PAGE_SIZE]);
struct mk_counters mk_win_counters(const struct mk_process *process);
/* struct mk_thread, in the order of their making; empty without the option. */
const GArray *mk_win_threads(const MkWin *win);
const struct mk_cpu *mk_win_cpus(const MkWin *win, size_t *n);
/* With page_files: ascending. The array of pointers to them is at *table (may
 * be NULL). */
const struct mk_page_file *mk_win_page_files(const MkWin *win, size_t *n,
					     uint64_t *table);
/* Makes the page file of that number, sparse: pages that page table entries
 * name have the label of their process and address (MK_CONTENT_LABEL), those
 * beside them and the first one other bytes. */
bool mk_win_write_page_file(const MkWin *win, unsigned int number,
			    const char *path, GError **error);

/* What a crash dump of the machine says in its header. */
void mk_win_dump(MkWin *win, struct mk_dump *ret);
/* An image with notes. */
bool mk_win_write(MkWin *win, const char *path, enum mk_format format,
		  GError **error);
/* What is in it, as the head of mkmem.c says. */
bool mk_win_write_truth(MkWin *win, const char *path, GError **error);

/* The symbols of its kernel as a PDB and as ISF; NULL: not that one. */
bool mk_win_write_symbols(const MkWin *win, const char *pdb, const char *isf,
			  GError **error);

/* "valid", "large", ...; and "wu-x"-like rights (static buffer of caller). */
const char *mk_state_name(enum mk_state state);
void mk_rights_text(unsigned int rights, char text[5]);

/* The bytes of an ordinary page: ASCII label, then random numbers. */
void mk_page_fill(uint64_t seed, uint32_t pid, uint64_t va,
		  uint8_t page[MK_PAGE_SIZE]);
/* Those of a page whose contents are LABEL, PACKED (the first bytes of the
 * label's page again and again, 16 to 1024 by its address, with the address
 * and the pid at 0x800) or ZERO; zeros for others. */
void mk_content_fill(uint64_t seed, uint32_t pid, uint64_t va,
		     enum mk_content content, uint8_t page[MK_PAGE_SIZE]);

#endif
