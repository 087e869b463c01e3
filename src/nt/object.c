/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Learning and reading the marks of object headers. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/object.h"

enum {
	PROCESS_OBJECT = 3,	/* _DISPATCHER_HEADER.Type, in all versions */
	THREAD_OBJECT = 6,
	TYPE_MASK = 0x7f,
	BODY_MAX = 64,		/* bytes of a header that are looked at */
	VOTERS_MAX = 256,	/* processes that are asked */
	THREADS_MAX = 8,	/* threads of each that are asked */
	TYPES_MAX = 256,	/* of ObTypeIndexTable */
	TYPE_NAME_MAX = 64,
};

struct NtObjects {
	const NtKernel *kernel;
	NtPages *pages;
	struct nt_object_marks marks;
};

struct header {
	uint64_t va;
	uint8_t bytes[BODY_MAX];
};

/* False where it is not there, or nothing but zeros (a page that was wiped, or
 * never written). */
static bool read_header(NtObjects *o, VirtAddr body, struct header *ret)
{
	uint32_t len = o->kernel->profile.object.body;

	if (len == NT_ABSENT || len > BODY_MAX || len > body.v ||
	    !nt_is_kernel_address(&o->kernel->as, body.v))
		return false;
	ret->va = body.v - len;
	if (!nt_pages_read(o->pages, VIRT(ret->va), ret->bytes, len))
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (ret->bytes[i])
			return true;
	return false;
}

/* A mark as the header has it; mixed: without the part of the address. */
static bool get_mark(const NtObjects *o, const struct header *h, bool mixed,
		     uint64_t *ret)
{
	const struct nt_object_layout *l = &o->kernel->profile.object;
	unsigned n = o->kernel->profile.pointer_bytes;

	if (l->type_index != NT_ABSENT && l->type_index < l->body) {
		*ret = h->bytes[l->type_index];
		if (mixed)
			*ret ^= bits_get(h->va, 8, 8);
		return true;
	}
	if (l->type == NT_ABSENT || !range_fits(l->type, n, l->body))
		return false;
	*ret = n == 8 ? load_le64(h->bytes + l->type) :
			load_le32(h->bytes + l->type);
	return nt_is_kernel_address(&o->kernel->as, *ret);
}

/* What the voters say: the marks with and without the address mixed in. */
struct poll {
	uint64_t plain[VOTERS_MAX], mixed[VOTERS_MAX];
	unsigned n;
};

static void ask(NtObjects *o, struct poll *poll, VirtAddr body)
{
	struct header h;

	if (poll->n >= VOTERS_MAX || !read_header(o, body, &h) ||
	    !get_mark(o, &h, false, &poll->plain[poll->n]) ||
	    !get_mark(o, &h, true, &poll->mixed[poll->n]))
		return;
	poll->n++;
}

/* The most frequent value, and how often it is there. */
static unsigned majority(const uint64_t *values, unsigned n, uint64_t *ret)
{
	unsigned best = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned count = 0;

		for (unsigned j = i; j < n; j++)
			count += values[j] == values[i];
		if (count > best) {
			best = count;
			*ret = values[i];
		}
	}
	return best;
}

static unsigned outcome(const struct poll *poll, bool mixed, uint64_t *ret)
{
	return majority(mixed ? poll->mixed : poll->plain, poll->n, ret);
}

static bool has_type(NtObjects *o, VirtAddr va, uint8_t type)
{
	uint8_t raw;

	return nt_is_kernel_address(&o->kernel->as, va.v) &&
	       nt_pages_read(o->pages, va, &raw, 1) &&
	       (raw & TYPE_MASK) == type;
}

/* A pointer that is a kernel address. */
static bool read_pointer(NtObjects *o, uint64_t va, uint32_t offset,
			 uint64_t *ret)
{
	unsigned n = o->kernel->profile.pointer_bytes;
	uint8_t raw[8];

	if (offset == NT_ABSENT ||
	    !nt_pages_read(o->pages, VIRT(va + offset), raw, n))
		return false;
	*ret = n == 8 ? load_le64(raw) : load_le32(raw);
	return nt_is_kernel_address(&o->kernel->as, *ret);
}

bool nt_object_may_be_process(NtObjects *o, VirtAddr va)
{
	return has_type(o, va, PROCESS_OBJECT);
}

bool nt_objects_read(NtObjects *o, VirtAddr va, void *buf, size_t len_bytes)
{
	return nt_pages_read(o->pages, va, buf, len_bytes);
}

bool nt_object_thread_owner(NtObjects *o, VirtAddr va, VirtAddr *ret)
{
	const struct nt_thread_layout *l = &o->kernel->profile.thread;
	/* Where a layout is not quite that of the kernel, the one that is in
	 * the first part of _KTHREAD is the one that is right. */
	const uint32_t offsets[] = { l->process, l->apc_process };
	uint64_t process;

	if (!has_type(o, va, THREAD_OBJECT))
		return false;
	for (unsigned i = 0; i < G_N_ELEMENTS(offsets); i++) {
		if (!read_pointer(o, va.v, offsets[i], &process) ||
		    !has_type(o, VIRT(process), PROCESS_OBJECT))
			continue;
		*ret = VIRT(process);
		return true;
	}
	return false;
}

/* The first threads of a process, where they name it as theirs. */
static void ask_threads(NtObjects *o, struct poll *poll, VirtAddr process)
{
	const struct nt_profile *p = &o->kernel->profile;
	uint64_t head, link;

	if (p->eprocess.thread_list == NT_ABSENT ||
	    p->thread.list_entry == NT_ABSENT)
		return;
	head = link = process.v + p->eprocess.thread_list;
	for (unsigned i = 0; i < THREADS_MAX; i++) {
		VirtAddr thread, owner;

		if (!read_pointer(o, link, 0, &link) || link == head)
			return;
		thread = VIRT(link - p->thread.list_entry);
		if (nt_object_thread_owner(o, thread, &owner) &&
		    owner.v == process.v)
			ask(o, poll, thread);
	}
}

/* Is the address mixed in? As most voters agree; where that says nothing, as
 * the symbols have a cookie. */
static bool is_mixed(const NtObjects *o, const struct poll *a,
		     const struct poll *b)
{
	uint64_t ignored;
	unsigned plain = outcome(a, false, &ignored) +
			 outcome(b, false, &ignored);
	unsigned mixed = outcome(a, true, &ignored) +
			 outcome(b, true, &ignored);

	if (o->marks.by_pointer)
		return false;
	return plain == mixed ?
		       o->kernel->vars[NT_OB_HEADER_COOKIE].va.v != 0 :
		       mixed > plain;
}

static void learn(NtObjects *o, const VirtAddr *processes, size_t n)
{
	g_autofree struct poll *polls = g_new0(struct poll, 2);
	struct nt_object_marks *m = &o->marks;

	for (size_t i = 0; i < MIN(n, VOTERS_MAX); i++) {
		ask(o, &polls[0], processes[i]);
		ask_threads(o, &polls[1], processes[i]);
	}
	m->mixed = is_mixed(o, &polls[0], &polls[1]);
	m->has_process = outcome(&polls[0], m->mixed, &m->process) > 0;
	m->has_thread = outcome(&polls[1], m->mixed, &m->thread) > 0;
}

/* The index of a type in ObTypeIndexTable by its name; false where it is not
 * there or the table is not readable. */
static bool type_index(NtObjects *o, const char *name, uint8_t *ret)
{
	const struct nt_profile *p = &o->kernel->profile;
	uint64_t table = o->kernel->vars[NT_OB_TYPE_INDEX_TABLE].va.v;
	struct nt_object type = { &o->kernel->as, p->pointer_bytes,
				  VIRT(0) };

	if (!table || p->object.type_name == NT_ABSENT)
		return false;
	/* The first two are no types: NULL and a mark of damage. */
	for (unsigned i = 2; i < TYPES_MAX; i++) {
		g_autofree char *text = NULL;

		if (!read_pointer(o, table, i * p->pointer_bytes, &type.va.v))
			return false;
		text = nt_member_unicode(&type, p->object.type_name,
					 TYPE_NAME_MAX);
		if (g_strcmp0(text, name))
			continue;
		*ret = (uint8_t)i;
		return true;
	}
	return false;
}

/* Where the indexes are mixed, there is one, whether or not it is known. */
static bool read_cookie(const NtObjects *o, uint8_t *ret)
{
	VirtAddr va = o->kernel->vars[NT_OB_HEADER_COOKIE].va;

	*ret = 0;
	return va.v ? vtop_read(&o->kernel->as, va, ret, 1) : !o->marks.mixed;
}

/* What the symbols say of a type: it fills in what could not be learnt, and
 * else is compared. What was learnt wins: it is what the objects have. */
static void consult(NtObjects *o, const char *name, bool *has, uint64_t *mark,
		    Log *log)
{
	uint8_t index, cookie;

	if (o->marks.by_pointer || !type_index(o, name, &index) ||
	    !read_cookie(o, &cookie))
		return;
	if (!*has) {
		*has = true;
		*mark = index ^ cookie;
		if (cookie)
			o->marks.mixed = true;
	} else if (*mark != (uint64_t)(index ^ cookie)) {
		log_add(log, LOG_WARN, "objects",
			"ObTypeIndexTable and ObHeaderCookie make the type"
			" byte of a %s 0x%02x, its objects have 0x%02x; the"
			" objects are believed",
			name, index ^ cookie, (unsigned)*mark);
	}
}

NtObjects *nt_objects_new(const NtKernel *kernel, const VirtAddr *processes,
			  size_t n, Log *log)
{
	const struct nt_object_layout *l = &kernel->profile.object;
	NtObjects *o = g_new0(NtObjects, 1);

	o->kernel = kernel;
	o->pages = nt_pages_new(&kernel->as);
	o->marks.by_pointer = l->type_index == NT_ABSENT;
	learn(o, processes, n);
	consult(o, "Process", &o->marks.has_process, &o->marks.process, log);
	consult(o, "Thread", &o->marks.has_thread, &o->marks.thread, log);
	if (!o->marks.has_process)
		log_add(log, LOG_WARN, "objects",
			"no object header of a process could be read: objects"
			" are told apart by their contents alone");
	return o;
}

void nt_objects_free(NtObjects *objects)
{
	if (!objects)
		return;
	nt_pages_free(objects->pages);
	g_free(objects);
}

const struct nt_object_marks *nt_objects_marks(const NtObjects *objects)
{
	return &objects->marks;
}

enum nt_object_what nt_object_what(NtObjects *o, VirtAddr va)
{
	const struct nt_object_marks *m = &o->marks;
	struct header h;
	uint64_t mark;

	if (!m->has_process || !read_header(o, va, &h) ||
	    !get_mark(o, &h, m->mixed, &mark))
		return NT_OBJECT_UNKNOWN;
	if (mark == m->process)
		return NT_OBJECT_PROCESS;
	if (!m->has_thread)
		return has_type(o, va, THREAD_OBJECT) ? NT_OBJECT_THREAD :
							NT_OBJECT_OTHER;
	return mark == m->thread ? NT_OBJECT_THREAD : NT_OBJECT_OTHER;
}
