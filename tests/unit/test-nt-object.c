/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of object headers: what marks a process, of every generation. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/object.h"

enum { BODY = 0x30, TYPE = 0x10, TYPE_INDEX = 0x18, NAME = 0x10 };
enum { THREAD_LIST = 0x60, LIST_ENTRY = 0x80, OWNER = 0x50 };
enum { ATTACHED = 0x58 };
enum { N_OBJECTS = 40, INDEX_PROCESS = 7, INDEX_THREAD = 8 };

enum how { BY_POINTER, BY_INDEX, MIXED };

struct fixture {
	struct unit_kmem k;
	NtKernel kernel;
	Log *log;
	NtObjects *objects;
	enum how how;
	uint8_t cookie;
	uint64_t types[2];
	VirtAddr processes[N_OBJECTS];
	VirtAddr threads[N_OBJECTS];
	VirtAddr others[N_OBJECTS];
	uint64_t pool;
	unsigned n;	/* objects made */
};

/* An object with its header, at places that differ in their second byte. */
static VirtAddr make(struct fixture *f, unsigned index, unsigned type)
{
	uint64_t header = f->pool + 0x140 * f->n++;

	unit_kmem_put(&f->k, header, 3, 8);
	if (f->how == BY_POINTER)
		unit_kmem_put(&f->k, header + TYPE, f->types[index == 8], 8);
	else
		unit_kmem_put(&f->k, header + TYPE_INDEX,
			      f->how == BY_INDEX ?
				      index :
				      index ^ f->cookie ^
					      (header >> 8 & 0xff),
			      1);
	unit_kmem_put(&f->k, header + BODY, type, 1);
	return VIRT(header + BODY);
}

static void set_profile(struct nt_profile *p, enum how how)
{
	memset(p, 0, sizeof *p);
	p->pointer_bytes = 8;
	p->object = (struct nt_object_layout){
		.body = BODY,
		.type = how == BY_POINTER ? TYPE : NT_ABSENT,
		.type_index = how == BY_POINTER ? NT_ABSENT : TYPE_INDEX,
		.type_name = NAME,
	};
	p->eprocess.thread_list = THREAD_LIST;
	p->thread.list_entry = LIST_ENTRY;
	p->thread.process = OWNER;
	p->thread.apc_process = ATTACHED;
}

static void link_thread(struct fixture *f, unsigned i)
{
	uint64_t head = f->processes[i].v + THREAD_LIST;
	uint64_t link = f->threads[i].v + LIST_ENTRY;

	unit_kmem_put(&f->k, head, link, 8);
	unit_kmem_put(&f->k, link, head, 8);
	unit_kmem_put(&f->k, f->threads[i].v + OWNER, f->processes[i].v, 8);
}

static void start(struct fixture *f, enum how how, uint8_t cookie)
{
	*f = (struct fixture){ .how = how, .cookie = cookie };
	unit_kmem_init(&f->k, MK_MODE_AMD64);
	set_profile(&f->kernel.profile, how);
	f->log = log_new();
	f->pool = unit_kmem_page(&f->k, 16);
	f->types[0] = unit_kmem_page(&f->k, 1);
	f->types[1] = f->types[0] + 0x100;
	for (unsigned i = 0; i < N_OBJECTS; i++) {
		f->processes[i] = make(f, INDEX_PROCESS, 3);
		f->threads[i] = make(f, INDEX_THREAD, 6);
		f->others[i] = make(f, how == BY_POINTER ? 8 : 20 + i, 9);
		link_thread(f, i);
	}
}

/* ObTypeIndexTable, with the types' names; *index_process: what it says. */
static void make_table(struct fixture *f, unsigned index_process)
{
	uint64_t table = unit_kmem_page(&f->k, 1);
	uint64_t types = unit_kmem_page(&f->k, 1);

	for (unsigned i = 2; i < 30; i++) {
		const char *name = i == index_process ? "Process" :
				   i == INDEX_THREAD  ? "Thread" :
							"Another";
		uint64_t type = types + 0x80 * i;

		unit_kmem_put(&f->k, table + 8 * i, type, 8);
		unit_kmem_put(&f->k, type + NAME, 2 * strlen(name), 2);
		unit_kmem_put(&f->k, type + NAME + 2, 2 * strlen(name), 2);
		unit_kmem_put(&f->k, type + NAME + 8, type + 0x30, 8);
		for (unsigned c = 0; name[c]; c++)
			unit_kmem_put(&f->k, type + 0x30 + 2 * c,
				      (uint8_t)name[c], 2);
	}
	unit_kmem_put(&f->k, types, f->cookie, 1);
	f->kernel.vars[NT_OB_TYPE_INDEX_TABLE].va = VIRT(table);
	if (f->how == MIXED)
		f->kernel.vars[NT_OB_HEADER_COOKIE].va = VIRT(types);
}

static void learn(struct fixture *f, size_t n)
{
	unit_kmem_ready(&f->k);
	f->kernel.as = f->k.as;
	f->objects = nt_objects_new(&f->kernel, f->processes, n, f->log);
}

static void stop(struct fixture *f)
{
	nt_objects_free(f->objects);
	log_free(f->log);
	unit_kmem_clear(&f->k);
}

static void assert_all(struct fixture *f)
{
	for (unsigned i = 0; i < N_OBJECTS; i++) {
		VirtAddr owner;

		ck_assert_int_eq(nt_object_what(f->objects, f->processes[i]),
				 NT_OBJECT_PROCESS);
		ck_assert_int_eq(nt_object_what(f->objects, f->threads[i]),
				 NT_OBJECT_THREAD);
		ck_assert_int_ne(nt_object_what(f->objects, f->others[i]),
				 NT_OBJECT_PROCESS);
		ck_assert(nt_object_thread_owner(f->objects, f->threads[i],
						 &owner));
		ck_assert_uint_eq(owner.v, f->processes[i].v);
		ck_assert(!nt_object_thread_owner(f->objects, f->processes[i],
						  &owner));
	}
}

/* From one process, or many, in each generation. */
START_TEST(test_generations)
{
	static const size_t counts[] = { 1, 2, N_OBJECTS };
	struct fixture f;

	start(&f, (enum how)(_i % 3), 0x5c);
	/* with one voter, the presence of a cookie decides */
	if (_i % 3 == MIXED)
		make_table(&f, INDEX_PROCESS);
	learn(&f, counts[_i / 3]);
	assert_all(&f);
	ck_assert(nt_objects_marks(f.objects)->mixed == (_i % 3 == MIXED));
	ck_assert_uint_eq(log_count(f.log, LOG_WARN), 0);
	stop(&f);
}
END_TEST

/* Every cookie, so that each type byte, 0 among them, is there. */
START_TEST(test_encoded_zero)
{
	struct fixture f;
	unsigned zeros = 0;

	start(&f, MIXED, (uint8_t)_i);
	for (unsigned i = 0; i < N_OBJECTS; i++) {
		uint64_t header = f.processes[i].v - BODY;

		zeros += !(INDEX_PROCESS ^ f.cookie ^ (header >> 8 & 0xff));
	}
	learn(&f, N_OBJECTS);
	assert_all(&f);
	stop(&f);
	/* the pool begins at a multiple of 64 KiB */
	if (_i == INDEX_PROCESS)
		ck_assert_uint_gt(zeros, 0);
}
END_TEST

/* Where the one member does not lead to a process, the other may. */
START_TEST(test_owner)
{
	VirtAddr owner;
	struct fixture f;

	start(&f, MIXED, 1);
	unit_kmem_put(&f.k, f.threads[0].v + OWNER, f.others[0].v, 8);
	unit_kmem_put(&f.k, f.threads[0].v + ATTACHED, f.processes[3].v, 8);
	unit_kmem_put(&f.k, f.threads[1].v + OWNER, 0x1000, 8);
	learn(&f, N_OBJECTS);
	ck_assert(nt_object_thread_owner(f.objects, f.threads[0], &owner));
	ck_assert_uint_eq(owner.v, f.processes[3].v);
	ck_assert(!nt_object_thread_owner(f.objects, f.threads[1], &owner));
	stop(&f);
}
END_TEST

/* Garbage among those that are asked is outvoted. */
START_TEST(test_majority)
{
	struct fixture f;

	start(&f, (enum how)_i, 0xa5);
	for (unsigned i = 0; i < N_OBJECTS / 3; i++)
		f.processes[i] = f.others[i];
	learn(&f, N_OBJECTS);
	for (unsigned i = N_OBJECTS / 3; i < N_OBJECTS; i++)
		ck_assert_int_eq(nt_object_what(f.objects, f.processes[i]),
				 NT_OBJECT_PROCESS);
	stop(&f);
}
END_TEST

/* Symbols that do not fit are said to, and not believed. */
START_TEST(test_disagreement)
{
	g_autofree char *text = NULL;
	struct fixture f;

	start(&f, MIXED, 0x11);
	make_table(&f, INDEX_PROCESS + 4);
	learn(&f, N_OBJECTS);
	assert_all(&f);
	ck_assert_uint_eq(log_count(f.log, LOG_WARN), 1);
	text = log_text(f.log);
	ck_assert_ptr_nonnull(strstr(text, "the objects are believed"));
	stop(&f);
}
END_TEST

/* Nobody to learn from: symbols alone; or nothing. */
START_TEST(test_symbols_alone)
{
	struct fixture f;

	start(&f, (enum how)_i, 0x77);
	make_table(&f, INDEX_PROCESS);
	learn(&f, 0);
	if (_i == BY_POINTER)
		ck_assert_int_eq(nt_object_what(f.objects, f.processes[0]),
				 NT_OBJECT_UNKNOWN);
	else
		assert_all(&f);
	ck_assert_uint_eq(log_count(f.log, LOG_WARN), _i == BY_POINTER);
	stop(&f);
}
END_TEST

START_TEST(test_unknown)
{
	struct fixture f;
	VirtAddr hole, wiped;

	start(&f, (enum how)_i, 3);
	hole = VIRT(unit_kmem_hole(&f.k) + 0x100);
	wiped = VIRT(unit_kmem_page(&f.k, 1) + 0x100);
	learn(&f, N_OBJECTS);
	ck_assert_int_eq(nt_object_what(f.objects, hole), NT_OBJECT_UNKNOWN);
	ck_assert_int_eq(nt_object_what(f.objects, wiped), NT_OBJECT_UNKNOWN);
	ck_assert_int_eq(nt_object_what(f.objects, VIRT(0)),
			 NT_OBJECT_UNKNOWN);
	ck_assert_int_eq(nt_object_what(f.objects, VIRT(0x10000)),
			 NT_OBJECT_UNKNOWN);
	ck_assert_int_eq(nt_object_what(f.objects, VIRT(UINT64_MAX)),
			 NT_OBJECT_UNKNOWN);
	f.kernel.profile.object.body = NT_ABSENT;
	ck_assert_int_eq(nt_object_what(f.objects, f.processes[0]),
			 NT_OBJECT_UNKNOWN);
	stop(&f);
}
END_TEST

/* The cache of pages gives what a plain read gives. */
START_TEST(test_pages)
{
	uint8_t a[3 * MK_PAGE_SIZE], b[3 * MK_PAGE_SIZE];
	g_autoptr(NtPages) pages = NULL;
	struct mk_random random = { 5 };
	struct fixture f;

	start(&f, MIXED, 9);
	(void)unit_kmem_hole(&f.k);
	(void)unit_kmem_page(&f.k, 1);
	unit_kmem_ready(&f.k);
	pages = nt_pages_new(&f.k.as);
	for (unsigned i = 0; i < 2000; i++) {
		VirtAddr va = VIRT(f.pool + mk_random_below(&random, 0x14000));
		size_t n = (size_t)mk_random_below(&random, sizeof a);
		bool want = vtop_read(&f.k.as, va, a, n);

		ck_assert(nt_pages_read(pages, va, b, n) == want);
		ck_assert(!want || !memcmp(a, b, n));
	}
	ck_assert(!nt_pages_read(pages, VIRT(UINT64_MAX), b, 2));
	stop(&f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-object");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_generations, 0, 9);
	tcase_add_loop_test(tcase, test_encoded_zero, 0, 256);
	tcase_add_test(tcase, test_owner);
	tcase_add_loop_test(tcase, test_majority, 0, 3);
	tcase_add_test(tcase, test_disagreement);
	tcase_add_loop_test(tcase, test_symbols_alone, 0, 3);
	tcase_add_loop_test(tcase, test_unknown, 0, 3);
	tcase_add_test(tcase, test_pages);
	return unit_main(suite);
}
