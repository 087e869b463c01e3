/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Object headers: what kind of object lies at an address. The marks of
 * processes and threads are learnt from objects that are known to be such, so
 * that neither symbols nor ObHeaderCookie are needed; symbols are compared
 * where there are any (docs/methods.md).
 */
#ifndef NT_OBJECT_H
#define NT_OBJECT_H

#include "base/log.h"
#include "nt/kernel.h"
#include "nt/pages.h"

enum nt_object_what {
	NT_OBJECT_PROCESS,
	NT_OBJECT_THREAD,
	NT_OBJECT_OTHER,
	NT_OBJECT_UNKNOWN, /* the header is not in the image, or wiped, or the
			    * mark is not known */
};

/* How this kernel's headers tell what they are of: before 7 by a pointer to
 * an _OBJECT_TYPE, then by an index; since 10 the index is mixed with a cookie
 * and with the second byte of the header's own address. */
struct nt_object_marks {
	bool by_pointer;
	bool mixed;	/* with the address */
	bool has_process, has_thread;
	/* The pointer, or the index, still mixed with the cookie where there
	 * is one. 0 can be a good one. */
	uint64_t process, thread;
};

typedef struct NtObjects NtObjects;

/*
 * Learns from n process objects that are known (some may be wrong: the
 * majority counts) and from their threads; what cannot be learnt comes from
 * ObTypeIndexTable where its address is known. The kernel is borrowed. log
 * may be NULL.
 */
NtObjects *nt_objects_new(const NtKernel *kernel, const VirtAddr *processes,
			  size_t n, Log *log);
void nt_objects_free(NtObjects *objects);

const struct nt_object_marks *nt_objects_marks(const NtObjects *objects);

/* What the object with its body at va is by its header. Not thread safe. */
enum nt_object_what nt_object_what(NtObjects *objects, VirtAddr va);

/* Is the object at va a process by its dispatcher header (a first look; much
 * else has that byte)? */
bool nt_object_may_be_process(NtObjects *objects, VirtAddr va);

/* Bytes of kernel memory through the same small cache of pages. */
bool nt_objects_read(NtObjects *objects, VirtAddr va, void *buf,
		     size_t len_bytes);

/* Is the object at va a thread by its dispatcher header? Which process it
 * belongs to; false where that cannot be read or does not look like one. */
bool nt_object_thread_owner(NtObjects *objects, VirtAddr va, VirtAddr *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NtObjects, nt_objects_free)

#endif
