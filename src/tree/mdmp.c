/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The streams of a minidump. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "tree/mdmp.h"

/* MINIDUMP_SIGNATURE, MINIDUMP_VERSION */
#define SIGNATURE 0x504d444du
#define FORMAT_VERSION 0xa793u
/* MiniDumpWithFullMemory, HandleData, FullMemoryInfo, ThreadInfo,
 * IgnoreInaccessibleMemory: pages are missing, and are meant to. */
#define TYPE_FULL_MEMORY 2u
#define TYPE_HANDLES 4u
#define TYPE_MEMORY_INFO 0x800u
#define TYPE_THREAD_INFO 0x1000u
#define TYPE_IGNORE_MISSING 0x20000u

#define VER_PLATFORM_WIN32_NT 2u
/* MINIDUMP_THREAD_INFO_* */
#define THREAD_EXITED 4u
#define THREAD_INVALID_CONTEXT 0x10u
#define THREAD_INVALID_TEB 0x20u
/* MINIDUMP_MISC1_PROCESS_ID, _TIMES */
#define MISC_PROCESS_ID 1u
#define MISC_PROCESS_TIMES 2u

/* What all names may take: far more than there are, but for hostile ones. */
#define NAMES_BYTES_MAX ((size_t)32 << 20)

struct writer {
	const struct mdmp *m;
	GByteArray *out;
	GArray *stacks; /* guint: where descriptors of stacks are */
	size_t names_left; /* bytes that names may still take */
};

static void put16(struct writer *w, uint16_t v)
{
	v = GUINT16_TO_LE(v);
	g_byte_array_append(w->out, (const uint8_t *)&v, sizeof v);
}

static void put32(struct writer *w, uint32_t v)
{
	v = GUINT32_TO_LE(v);
	g_byte_array_append(w->out, (const uint8_t *)&v, sizeof v);
}

static void put64(struct writer *w, uint64_t v)
{
	v = GUINT64_TO_LE(v);
	g_byte_array_append(w->out, (const uint8_t *)&v, sizeof v);
}

static void put_zeros(struct writer *w, guint n)
{
	guint at = w->out->len;

	g_byte_array_set_size(w->out, at + n);
	memset(w->out->data + at, 0, n);
}

static void align(struct writer *w, guint n)
{
	put_zeros(w, (n - w->out->len % n) % n);
}

static void set32(struct writer *w, guint at, uint32_t v)
{
	v = GUINT32_TO_LE(v);
	memcpy(w->out->data + at, &v, sizeof v);
}

static void set64(struct writer *w, guint at, uint64_t v)
{
	v = GUINT64_TO_LE(v);
	memcpy(w->out->data + at, &v, sizeof v);
}

static guint count(const GArray *array)
{
	return array ? array->len : 0;
}

/* A MINIDUMP_STRING, of no more than MDMP_NAME_MAX units; where it is. */
static uint32_t put_string(struct writer *w, const char *utf8)
{
	g_autofree gunichar2 *units = NULL;
	glong n = 0;
	uint32_t rva;

	align(w, 4);
	rva = w->out->len;
	units = g_utf8_to_utf16(utf8 ? utf8 : "", -1, NULL, &n, NULL);
	n = units ? MIN(n, (glong)MDMP_NAME_MAX) : 0;
	/* Not in the middle of a pair. */
	if (n == MDMP_NAME_MAX && (units[n - 1] & 0xfc00) == 0xd800)
		n--;
	if (2 * (size_t)n > w->names_left)
		n = 0;
	w->names_left -= 2 * (size_t)n;
	put32(w, 2 * (uint32_t)n);
	for (glong i = 0; i < n; i++)
		put16(w, units[i]);
	put16(w, 0);
	return rva;
}

static void put_system(struct writer *w)
{
	const struct mdmp *m = w->m;
	guint csd;

	put16(w, (uint16_t)m->architecture);
	put16(w, (uint16_t)m->level);
	put16(w, (uint16_t)m->revision);
	g_byte_array_append(w->out,
			    (const uint8_t[]){ (uint8_t)MIN(m->n_processors,
							    UINT8_MAX),
					       m->product_type },
			    2);
	put32(w, m->major);
	put32(w, m->minor);
	put32(w, m->build);
	put32(w, VER_PLATFORM_WIN32_NT);
	csd = w->out->len;
	put32(w, 0);
	put16(w, m->suite_mask);
	put16(w, 0);
	/* CPU_INFORMATION: of x86, what CPUID says, which is not known. */
	put64(w, m->architecture == MDMP_INTEL ? 0 : m->features);
	put_zeros(w, 16);
	set32(w, csd, put_string(w, m->service_pack));
}

static void put_misc(struct writer *w)
{
	const struct mdmp *m = w->m;

	put32(w, 24); /* SizeOfInfo: MINIDUMP_MISC_INFO */
	put32(w, MISC_PROCESS_ID | (m->has_create_time || m->has_times ?
					    MISC_PROCESS_TIMES :
					    0));
	put32(w, m->pid);
	put32(w, m->create_time);
	put32(w, m->user_time);
	put32(w, m->kernel_time);
}

static const struct mdmp_thread *thread_at(const struct mdmp *m, guint i)
{
	return &g_array_index(m->threads, struct mdmp_thread, i);
}

static void put_threads(struct writer *w)
{
	guint n = count(w->m->threads), at;

	put32(w, n);
	at = w->out->len;
	for (guint i = 0; i < n; i++) {
		const struct mdmp_thread *t = thread_at(w->m, i);
		guint stack;

		put32(w, t->tid);
		put32(w, 0); /* SuspendCount */
		put32(w, 0); /* PriorityClass */
		put32(w, t->priority);
		put64(w, t->teb);
		stack = w->out->len;
		g_array_append_val(w->stacks, stack);
		put_zeros(w, 16);
		put32(w, (uint32_t)mdmp_context_size(w->m->architecture));
		put32(w, 0);
	}
	for (guint i = 0; i < n; i++) {
		align(w, 16);
		set32(w, at + 48 * i + 44, w->out->len);
		mdmp_put_context(w->out, w->m->architecture,
				 &thread_at(w->m, i)->regs);
	}
}

static void put_thread_info(struct writer *w)
{
	guint n = count(w->m->threads);

	put32(w, 12);
	put32(w, 64);
	put32(w, n);
	for (guint i = 0; i < n; i++) {
		const struct mdmp_thread *t = thread_at(w->m, i);

		put32(w, t->tid);
		put32(w, (t->exited ? THREAD_EXITED : 0) |
				 (t->regs.known ? 0 : THREAD_INVALID_CONTEXT) |
				 (t->teb ? 0 : THREAD_INVALID_TEB));
		put32(w, 0); /* DumpError */
		put32(w, t->exit_status);
		put64(w, t->create_time);
		put64(w, t->exit_time);
		put64(w, t->kernel_time);
		put64(w, t->user_time);
		put64(w, t->start);
		put64(w, 0); /* Affinity */
	}
}

static guint count_names(const struct mdmp *m)
{
	guint n = 0;

	for (guint i = 0; i < count(m->threads); i++)
		n += thread_at(m, i)->name != NULL;
	return n;
}

static void put_thread_names(struct writer *w)
{
	guint n = count_names(w->m), at;

	put32(w, n);
	at = w->out->len;
	put_zeros(w, 12 * n);
	for (guint i = 0; i < count(w->m->threads); i++) {
		const struct mdmp_thread *t = thread_at(w->m, i);

		if (!t->name)
			continue;
		set32(w, at, t->tid);
		set64(w, at + 4, put_string(w, t->name));
		at += 12;
	}
}

/* CV_INFO_PDB70 */
static void put_rsds(struct writer *w, const struct mdmp_module *mod, guint at)
{
	size_t len = mod->pdb ? MIN(strlen(mod->pdb), MDMP_NAME_MAX) : 0;
	guint start;

	len = len <= w->names_left ? len : 0;
	w->names_left -= len;
	align(w, 4);
	start = w->out->len;
	put32(w, 0x53445352); /* "RSDS" */
	g_byte_array_append(w->out, mod->guid, sizeof mod->guid);
	put32(w, mod->age);
	if (len)
		g_byte_array_append(w->out, (const uint8_t *)mod->pdb,
				    (guint)len);
	put_zeros(w, 1);
	set32(w, at, w->out->len - start);
	set32(w, at + 4, start);
}

static void put_module(struct writer *w, const struct mdmp_module *mod)
{
	put64(w, mod->base);
	put32(w, mod->size);
	put32(w, mod->checksum);
	put32(w, mod->timestamp);
	put32(w, 0); /* ModuleNameRva, set below */
	for (size_t i = 0; i < G_N_ELEMENTS(mod->version); i++)
		put32(w, mod->has_version ? mod->version[i] : 0);
	put_zeros(w, 32); /* CvRecord, MiscRecord, reserved */
}

static void put_modules(struct writer *w)
{
	guint n = count(w->m->modules), at;

	put32(w, n);
	at = w->out->len;
	for (guint i = 0; i < n; i++)
		put_module(w, &g_array_index(w->m->modules, struct mdmp_module,
					     i));
	for (guint i = 0; i < n; i++, at += 108) {
		const struct mdmp_module *mod =
			&g_array_index(w->m->modules, struct mdmp_module, i);

		set32(w, at + 20, put_string(w, mod->path));
		if (mod->has_rsds)
			put_rsds(w, mod, at + 76);
	}
}

static void put_handles(struct writer *w)
{
	guint n = count(w->m->handles), at;

	put32(w, 16);
	put32(w, 32); /* MINIDUMP_HANDLE_DESCRIPTOR */
	put32(w, n);
	put32(w, 0);
	at = w->out->len;
	put_zeros(w, 32 * n);
	for (guint i = 0; i < n; i++, at += 32) {
		const struct mdmp_handle *h =
			&g_array_index(w->m->handles, struct mdmp_handle, i);

		set64(w, at, h->handle);
		if (h->type)
			set32(w, at + 8, put_string(w, h->type));
		if (h->name)
			set32(w, at + 12, put_string(w, h->name));
		set32(w, at + 16, h->attributes);
		set32(w, at + 20, h->access);
		set32(w, at + 24, h->handle_count);
		set32(w, at + 28, h->pointer_count);
	}
}

static void put_comment(struct writer *w)
{
	g_byte_array_append(w->out, (const uint8_t *)w->m->comment,
			    (guint)strlen(w->m->comment) + 1);
}

static void put_infos(struct writer *w)
{
	put32(w, 16);
	put32(w, 48);
	put64(w, count(w->m->infos));
	for (guint i = 0; i < count(w->m->infos); i++) {
		const struct mdmp_info *info =
			&g_array_index(w->m->infos, struct mdmp_info, i);

		put64(w, info->base);
		put64(w, info->alloc_base);
		put32(w, info->alloc_protect);
		put32(w, 0);
		put64(w, info->len);
		put32(w, info->state);
		put32(w, info->protect);
		put32(w, info->type);
		put32(w, 0);
	}
}

/* The last one: the memory begins behind it. */
static void put_memory(struct writer *w)
{
	guint n = count(w->m->ranges), at = w->out->len;

	put64(w, n);
	put64(w, 0);
	for (guint i = 0; i < n; i++) {
		const struct mdmp_range *r =
			&g_array_index(w->m->ranges, struct mdmp_range, i);

		put64(w, r->va);
		put64(w, r->len);
	}
	set64(w, at + 8, page_ceil(w->out->len));
}

/* The range that has an address; its bytes begin *off behind the start of all
 * memory. NULL: none has. */
static const struct mdmp_range *find_range(const struct mdmp *m,
					   const uint64_t *offs, uint64_t va,
					   uint64_t *off)
{
	guint low = 0, high = count(m->ranges);

	while (low < high) {
		guint mid = low + (high - low) / 2;
		const struct mdmp_range *r =
			&g_array_index(m->ranges, struct mdmp_range, mid);

		*off = offs[mid];
		if (va >= r->va && va - r->va < r->len)
			return r;
		if (va < r->va)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* For each range, how many bytes of memory come before it. (transfer full) */
static uint64_t *range_offsets(const struct mdmp *m)
{
	uint64_t *offs = g_new(uint64_t, count(m->ranges) + 1), sum = 0;

	for (guint i = 0; i < count(m->ranges); i++) {
		offs[i] = sum;
		sum += g_array_index(m->ranges, struct mdmp_range, i).len;
	}
	return offs;
}

/* An address of the stack that should be there: where it is now, or its
 * base. */
static uint64_t stack_top(const struct mdmp *m, const struct mdmp_thread *t)
{
	uint64_t sp = t->regs.gpr[m->architecture == MDMP_ARM64 ? 31 : 4];

	return t->regs.known & MDMP_REGS_CONTROL && sp >= t->stack_limit &&
			       sp < t->stack_base ?
		       sp :
		       t->stack_base - 1;
}

/* Where each stack is, now that it is known where the memory begins. What an
 * RVA cannot say has none, and is to be found in the list of memory. */
static void set_stacks(struct writer *w)
{
	g_autofree uint64_t *offs = range_offsets(w->m);
	uint64_t memory = w->out->len;

	for (guint i = 0; i < w->stacks->len; i++) {
		const struct mdmp_thread *t = thread_at(w->m, i);
		guint at = g_array_index(w->stacks, guint, i);
		const struct mdmp_range *r;
		uint64_t start, len, off;

		if (t->stack_base <= t->stack_limit)
			continue;
		r = find_range(w->m, offs, stack_top(w->m, t), &off);
		if (!r)
			continue;
		start = MAX(r->va, t->stack_limit);
		len = MIN(r->va + r->len, t->stack_base) - start;
		off += memory + start - r->va;
		set64(w, at, start);
		if (!range_fits(off, len, UINT32_MAX))
			continue;
		set32(w, at + 8, (uint32_t)len);
		set32(w, at + 12, (uint32_t)off);
	}
}

static bool always(const struct mdmp *m)
{
	(void)m;
	return true;
}

static bool has_names(const struct mdmp *m)
{
	return count_names(m) > 0;
}

static bool has_handles(const struct mdmp *m)
{
	return m->handles != NULL;
}

static bool has_comment(const struct mdmp *m)
{
	return m->comment != NULL;
}

/* MINIDUMP_STREAM_TYPE, in the order of the file. */
static const struct stream {
	uint32_t type;
	bool (*is_there)(const struct mdmp *m);
	void (*put)(struct writer *w);
	bool sized_by_count; /* what it leads to comes behind it: not its own */
	guint head, entry;   /* bytes, where sized_by_count */
} streams[] = {
	{ 7, always, put_system, true, 56, 0 },
	{ 15, always, put_misc, false, 0, 0 },
	{ 10, has_comment, put_comment, false, 0, 0 },
	{ 3, always, put_threads, true, 4, 48 },
	{ 17, always, put_thread_info, false, 0, 0 },
	{ 24, has_names, put_thread_names, true, 4, 12 },
	{ 4, always, put_modules, true, 4, 108 },
	{ 12, has_handles, put_handles, true, 16, 32 },
	{ 16, always, put_infos, false, 0, 0 },
	{ 9, always, put_memory, false, 0, 0 },
};

static guint entries_of(const struct mdmp *m, uint32_t type)
{
	return type == 3  ? count(m->threads) :
	       type == 24 ? count_names(m) :
	       type == 4  ? count(m->modules) :
	       type == 12 ? count(m->handles) :
			    0;
}

static void put_stream(struct writer *w, const struct stream *s, guint entry)
{
	guint start, size;

	align(w, 8);
	start = w->out->len;
	s->put(w);
	size = s->sized_by_count ?
		       s->head + s->entry * entries_of(w->m, s->type) :
		       w->out->len - start;
	set32(w, entry, s->type);
	set32(w, entry + 4, size);
	set32(w, entry + 8, start);
}

static void put_header(struct writer *w, uint32_t n_streams)
{
	put32(w, SIGNATURE);
	put32(w, FORMAT_VERSION);
	put32(w, n_streams);
	put32(w, 32); /* StreamDirectoryRva */
	put32(w, 0);
	put32(w, w->m->time);
	put64(w, TYPE_FULL_MEMORY | TYPE_MEMORY_INFO | TYPE_THREAD_INFO |
			 TYPE_IGNORE_MISSING |
			 (w->m->handles ? TYPE_HANDLES : 0));
}

GByteArray *mdmp_build(const struct mdmp *m)
{
	g_autoptr(GArray) stacks = g_array_new(FALSE, FALSE, sizeof(guint));
	struct writer w = { m, g_byte_array_new(), stacks, NAMES_BYTES_MAX };
	guint n = 0, entry = 32;

	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++)
		n += streams[i].is_there(m);
	put_header(&w, n);
	put_zeros(&w, 12 * n);
	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
		if (!streams[i].is_there(m))
			continue;
		put_stream(&w, &streams[i], entry);
		entry += 12;
	}
	align(&w, PAGE_SIZE_4K);
	set_stacks(&w);
	return w.out;
}
