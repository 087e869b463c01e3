/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parts of the derivation share. */
#ifndef NT_DERIVE_PRIV_H
#define NT_DERIVE_PRIV_H

#include "nt/derive.h"

enum {
	/* No _EPROCESS up to 11 25H2 is larger (0xc00 bytes). */
	SAMPLE_BYTES = 0x1000,
	SAMPLES_MAX = 48,
};

/* A process of the list, its bytes read once. */
struct sample {
	uint64_t va;
	uint32_t pid;
	struct addr_space own;	/* has_space: its DTB is not 0 */
	bool has_space;
	size_t len;		/* bytes that could be read */
	uint8_t bytes[SAMPLE_BYTES];
};

struct samples {
	const struct addr_space *as;
	unsigned pointer_bytes;
	struct sample *system;	/* pid 4 */
	GPtrArray *all;		/* struct sample, owned */
	uint64_t list_head;	/* the node that is no process, or 0 */
	uint32_t extent;	/* no _EPROCESS is larger: where the nearest
				 * of two begins */
};

/* The list around the process at va, whose ActiveProcessLinks and pid are at
 * these offsets: up to SAMPLES_MAX, System among them where it is in the list
 * (system is NULL otherwise). */
void samples_gather(struct samples *s, const struct addr_space *as,
		    VirtAddr va, uint32_t links, uint32_t pid);
void samples_clear(struct samples *s);

/* A pointer-wide or 4-byte member of a sample; false where it is beyond what
 * could be read. */
bool sample_pointer(const struct samples *s, const struct sample *p,
		    uint32_t offset, uint64_t *ret);
bool sample_u32(const struct sample *p, uint32_t offset, uint32_t *ret);
bool sample_u64(const struct sample *p, uint32_t offset, uint64_t *ret);

/* What a test says of one offset in one process. */
enum verdict {
	VERDICT_NOTHING,  /* would fit a wrong place as well (0) */
	VERDICT_FOR,
	VERDICT_AGAINST,
};

/* A member of _EPROCESS that can be tested. profile: of the relative, as far
 * as it is known. */
struct member_test {
	const char *path;
	size_t slot;	/* offset of its uint32_t in nt_eprocess_layout */
	unsigned align;	/* of the member; 0: of a pointer */
	enum verdict (*test)(const struct samples *s,
			     const struct nt_profile *profile,
			     const struct sample *p, uint32_t offset);
	/* A second look at all processes together; NULL: none needed. */
	bool (*test_all)(const struct samples *s,
			 const struct nt_profile *profile, uint32_t offset);
};

/* Adds to k->derived. */
void derive_report(NtKernel *k, const struct nt_derived *derived);

/*
 * Where an _ETHREAD has its entry in the list of its process and the pointer
 * to it, if the profile's places do not fit: by the type of the objects in the
 * lists at ThreadListHead, and by what leads back.
 */
void derive_threads(NtKernel *k, const struct samples *s);

/*
 * What not valid PTEs of a few processes say of their form: InvalidPteMask
 * where no symbol told it; and, where the profile's source is not of this very
 * kernel, whether it is one from before the update that brought SwizzleBit
 * (2018-08, also for kernels whose structures did not change otherwise) or
 * after. Then the form is that of the layout of the same build that has it.
 */
void derive_ptes(NtKernel *k, Log *log);

extern const struct member_test derive_tests[];
extern const size_t derive_n_tests;

#endif
