/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A user minidump (MDMP) out of plain facts: everything but the bytes of
 * memory, which follow it. Source of the formats: minidumpapiset.h and
 * winnt.h of the Windows SDK (MINIDUMP_*, CONTEXT), learn.microsoft.com.
 */
#ifndef TREE_MDMP_H
#define TREE_MDMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

/* PROCESSOR_ARCHITECTURE_* */
#define MDMP_INTEL 0u
#define MDMP_AMD64 9u
#define MDMP_ARM64 12u

/* What is beyond is left out, and counted. So all that is not memory lies far
 * below 4 GiB, which an RVA can say. */
#define MDMP_THREADS_MAX 16384u
#define MDMP_MODULES_MAX 16384u
#define MDMP_HANDLES_MAX 65536u
#define MDMP_INFOS_MAX (1u << 19)
#define MDMP_RANGES_MAX (1u << 20)
/* UTF-16 units of a name; longer ones are cut. */
#define MDMP_NAME_MAX 1024u

/* Memory that the dump has. */
struct mdmp_range {
	uint64_t va;
	uint64_t len;
};

/* MEM_*, PAGE_* of winnt.h. */
enum mdmp_mem {
	MDMP_COMMIT = 0x1000,
	MDMP_RESERVE = 0x2000,
	MDMP_FREE = 0x10000,
	MDMP_PRIVATE = 0x20000,
	MDMP_MAPPED = 0x40000,
	MDMP_IMAGE = 0x1000000,
};
#define MDMP_PAGE_NOACCESS 1u
#define MDMP_PAGE_READONLY 2u
#define MDMP_PAGE_READWRITE 4u
#define MDMP_PAGE_WRITECOPY 8u
#define MDMP_PAGE_EXECUTE 0x10u
#define MDMP_PAGE_EXECUTE_READ 0x20u
#define MDMP_PAGE_EXECUTE_READWRITE 0x40u
#define MDMP_PAGE_EXECUTE_WRITECOPY 0x80u
#define MDMP_PAGE_GUARD 0x100u
#define MDMP_PAGE_NOCACHE 0x200u
#define MDMP_PAGE_WRITECOMBINE 0x400u

/* MINIDUMP_MEMORY_INFO; bases and protections 0 where there are none. */
struct mdmp_info {
	uint64_t base;
	uint64_t len;
	uint64_t alloc_base;
	uint32_t alloc_protect;
	uint32_t state;
	uint32_t protect;
	uint32_t type;	/* 0: committed, and no VAD says as what */
};

/* STILL_ACTIVE: the exit status of what has not exited. */
#define MDMP_STILL_ACTIVE 0x103u

/* CONTEXT_*, the part that all architectures share. */
enum mdmp_regs_known {
	MDMP_REGS_CONTROL = 1,
	MDMP_REGS_INTEGER = 2,
	MDMP_REGS_SEGMENTS = 4,
	MDMP_REGS_DEBUG = 0x10,
};

/* Registers; what is not known is 0. */
struct mdmp_regs {
	unsigned known;
	uint64_t ip, flags;
	/* INTEL, AMD64: by number (NT_AX, ...); ARM64: x0 to x30, sp. */
	uint64_t gpr[32];
	uint16_t cs, ss, ds, es, fs, gs;
	uint64_t dr[6]; /* dr0 to dr3, dr6, dr7 */
};

struct mdmp_thread {
	uint32_t tid;
	uint32_t priority;
	uint64_t teb;
	uint64_t stack_limit, stack_base; /* of the stack; 0: not known */
	uint64_t create_time, exit_time;  /* FILETIME */
	uint64_t kernel_time, user_time;  /* 100 ns */
	uint64_t start;
	uint32_t exit_status;
	bool exited;
	const char *name; /* UTF-8, borrowed; or NULL */
	struct mdmp_regs regs;
};

struct mdmp_module {
	uint64_t base;
	uint32_t size, checksum, timestamp;
	const char *path; /* UTF-8, borrowed */
	bool has_version;
	uint32_t version[13]; /* VS_FIXEDFILEINFO */
	bool has_rsds;
	uint8_t guid[16];
	uint32_t age;
	const char *pdb; /* borrowed; or NULL */
};

struct mdmp_handle {
	uint64_t handle;
	const char *type, *name; /* borrowed; or NULL */
	uint32_t attributes, access;
	uint32_t handle_count, pointer_count;
};

/* Everything; all is borrowed. Arrays may be NULL: none. */
struct mdmp {
	unsigned architecture; /* MDMP_INTEL, ... */
	unsigned level, revision, n_processors;
	uint8_t product_type;
	uint32_t major, minor, build;
	uint16_t suite_mask;
	const char *service_pack; /* "Service Pack 1"; or NULL */
	uint64_t features;	  /* PF_*: bit n is feature n */
	uint32_t time;		  /* Unix time of the capture */
	uint32_t pid;
	bool has_create_time, has_times;
	uint32_t create_time;		/* Unix time */
	uint32_t user_time, kernel_time; /* seconds */
	const char *comment;		/* ASCII */
	const GArray *threads, *modules, *handles;
	const GArray *ranges; /* ascending, without overlaps */
	const GArray *infos;
};

/*
 * All that comes before the memory, with zeros up to a page; the bytes of
 * m->ranges are to follow in their order. (transfer full)
 */
GByteArray *mdmp_build(const struct mdmp *m);

/* Appends the CONTEXT of an architecture. */
void mdmp_put_context(GByteArray *out, unsigned architecture,
		      const struct mdmp_regs *regs);
/* Bytes of one. */
size_t mdmp_context_size(unsigned architecture);

#endif
