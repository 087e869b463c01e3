/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of threads whose lists, objects and stacks are not what they should
 * be. */
#include "config.h"

#include "unit/unit-win.h"
#include "unit/unit.h"

#include <string.h>

#include "base/bytes.h"
#include "nt/thread.h"

static const char *const machines[] = { "amd64-10.0.19041-b", "x86-6.1.7601",
					"amd64-5.2.3790-a" };

static void start(struct unit_win *w, int machine)
{
	const struct mk_options options = {
		.seed = 3, .layout = machines[machine], .size_mib = 32,
		.threads = true,
	};

	unit_win_init(w, &options);
	ck_assert(w->kernel && w->kernel->has_system);
}

static GArray *read_of(const NtKernel *k, uint64_t eprocess)
{
	struct nt_process p;
	struct addr_space own;
	GArray *threads;

	ck_assert(nt_process_read(&k->as, &k->profile, VIRT(eprocess), &p));
	own = nt_kernel_space(k, p.dtb_raw);
	threads = nt_threads_read(k, &p, p.dtb_raw ? &own : NULL);
	nt_process_clear(&p);
	return threads;
}

static const struct nt_thread *find(const GArray *threads, uint64_t ethread)
{
	for (guint i = 0; i < threads->len; i++)
		if (g_array_index(threads, struct nt_thread, i).ethread.v ==
		    ethread)
			return &g_array_index(threads, struct nt_thread, i);
	return NULL;
}

static uint8_t *bytes_at(const struct unit_win *w, uint64_t va)
{
	struct vtop_leaf leaf = vtop_translate(&w->kernel->as, VIRT(va));
	struct phys_slice slice;

	ck_assert(page_state_in_memory(leaf.state));
	slice = physmem_slice(w->mem.pm, PHYS(leaf.pa.v + (va - leaf.va.v)),
			      8);
	ck_assert(slice.present && slice.map);
	/* The test's own memory. */
	return (uint8_t *)(uintptr_t)slice.map;
}

static uint64_t peek(const struct unit_win *w, uint64_t va)
{
	return w->kernel->profile.pointer_bytes == 8 ?
		       load_le64(bytes_at(w, va)) :
		       load_le32(bytes_at(w, va));
}

static void poke(const struct unit_win *w, uint64_t va, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	memcpy(bytes_at(w, va), &value, w->kernel->profile.pointer_bytes);
}

/* Heads and entries of the two lists of a process. */
struct lists {
	uint64_t head, khead;
	uint32_t entry, kentry;
	unsigned bytes;
};

static struct lists lists_of(const struct unit_win *w, uint64_t eprocess)
{
	const struct nt_profile *p = &w->kernel->profile;

	return (struct lists){
		.head = eprocess + p->eprocess.thread_list,
		.khead = eprocess + p->ethread.kprocess_list,
		.entry = p->thread.list_entry,
		.kentry = p->ethread.klist_entry,
		.bytes = p->pointer_bytes,
	};
}

static guint count(const struct unit_win *w, uint64_t eprocess)
{
	g_autoptr(GArray) threads = read_of(w->kernel, eprocess);

	return threads->len;
}

/* The last entry leads back to the second, and the second list is empty. */
START_TEST(test_cycle)
{
	struct unit_win w;
	struct lists l;
	uint64_t eprocess, first, last;

	start(&w, _i);
	eprocess = mk_win_find(w.win, "explorer.exe")->eprocess;
	l = lists_of(&w, eprocess);
	poke(&w, l.khead, l.khead);
	poke(&w, l.khead + l.bytes, l.khead);
	first = peek(&w, l.head);
	last = peek(&w, l.head + l.bytes);
	poke(&w, last, first);
	ck_assert_uint_eq(count(&w, eprocess), 4);
	/* it stops at the second, and what follows is reached backwards */
	poke(&w, first, first);
	ck_assert_uint_eq(count(&w, eprocess), 4);
	poke(&w, last + l.bytes, l.head + 0x20);
	ck_assert_uint_eq(count(&w, eprocess), 2);
	unit_win_clear(&w);
}
END_TEST

/* Unlinked from the one list: the other has it; what is no kernel address ends
 * the walk. */
START_TEST(test_unlinked)
{
	struct unit_win w;
	struct lists l;
	uint64_t eprocess, first, second;
	g_autoptr(GArray) threads = NULL;

	start(&w, _i);
	eprocess = mk_win_find(w.win, "explorer.exe")->eprocess;
	l = lists_of(&w, eprocess);
	first = peek(&w, l.head);
	second = peek(&w, first);
	poke(&w, l.head, second);
	poke(&w, second + l.bytes, l.head);
	threads = read_of(w.kernel, eprocess);
	ck_assert_uint_eq(threads->len, 4);
	ck_assert_uint_eq(find(threads, first - l.entry)->seen &
				  ~(unsigned)NTT_ON_CPU,
			  NTT_IN_KPROCESS);
	poke(&w, l.head, 0x1000);
	poke(&w, l.khead, 0);
	poke(&w, l.head + l.bytes, 0x2000);
	poke(&w, l.khead + l.bytes, UINT64_MAX);
	ck_assert_uint_eq(count(&w, eprocess), 0);
	unit_win_clear(&w);
}
END_TEST

/* Whole lists of another process; a thread that names another one. */
START_TEST(test_foreign)
{
	struct unit_win w;
	struct lists mine, other;
	uint64_t eprocess, theirs, thread;
	uint32_t tid, pid;

	start(&w, _i);
	eprocess = mk_win_find(w.win, "explorer.exe")->eprocess;
	theirs = mk_win_find(w.win, "lsass.exe")->eprocess;
	mine = lists_of(&w, eprocess);
	other = lists_of(&w, theirs);
	poke(&w, mine.khead, mine.khead);
	poke(&w, mine.khead + mine.bytes, mine.khead);
	thread = peek(&w, mine.head) - mine.entry;
	tid = w.kernel->profile.ethread.tid;
	pid = w.kernel->profile.ethread.pid;
	/* its Cid says something else than its pointers */
	poke(&w, thread + pid, 4);
	ck_assert_uint_eq(count(&w, eprocess), 3);
	poke(&w, thread + pid, 3204);
	/* two of one id: both are there, and the one that lives is first */
	poke(&w, thread + tid,
	     peek(&w, peek(&w, mine.head + mine.bytes) - mine.entry + tid));
	{
		g_autoptr(GArray) threads = read_of(w.kernel, eprocess);

		ck_assert_uint_eq(threads->len, 4);
		ck_assert_uint_eq(g_array_index(threads, struct nt_thread,
						2).ethread.v, thread);
	}
	poke(&w, mine.head, peek(&w, other.head));
	poke(&w, mine.head + mine.bytes, peek(&w, other.head + other.bytes));
	ck_assert_uint_eq(count(&w, eprocess), 0);
	unit_win_clear(&w);
}
END_TEST

/* A list of a million entries, none of them a thread. */
START_TEST(test_endless)
{
	enum { PAGES = 4096, EACH = 256 };
	const uint64_t base = UINT64_C(0xffffb90000000000);
	struct nt_source source = { .layout = layouts_find(machines[0]) };
	MkPhys *phys = mk_phys_new(1);
	MkPaging *paging;
	struct unit_mem mem;
	struct nt_process p = { .eprocess = VIRT(base), .pid = 4 };
	NtKernel k = { .has_profile = true };
	g_autoptr(GArray) threads = NULL;
	uint64_t at, pa;

	mk_phys_add_ram(phys, 0, 24 * MIB);
	paging = mk_paging_new(phys, MK_MODE_AMD64, 0);
	ck_assert(nt_profile_fill(&source, &k.profile));
	k.profile.eprocess.thread_list = 0x10;
	k.profile.ethread.kprocess_list = 0x20;
	for (unsigned i = 0; i < PAGES; i++) {
		pa = mk_phys_page(phys);
		mk_paging_map(paging, base + i * PAGE_SIZE_4K, pa,
			      PAGE_SIZE_4K, MK_PTE_P | MK_PTE_W);
		for (unsigned j = 0; j < EACH; j++) {
			at = base + i * PAGE_SIZE_4K + j * 16;
			mk_phys_write64(phys, pa + j * 16, at + 16);
			mk_phys_write64(phys, pa + j * 16 + 8, at - 16);
		}
	}
	unit_mem_init(&mem, phys);
	k.as = (struct addr_space){ .pm = mem.pm, .form = &paging_amd64,
				    .root = PHYS(mk_paging_root(paging)) };
	threads = nt_threads_read(&k, &p, NULL);
	ck_assert_uint_eq(threads->len, 0);
	unit_mem_clear(&mem);
	mk_paging_free(paging);
	mk_phys_free(phys);
}
END_TEST

/* What is said of registers must make sense, whatever there is. */
static void assert_sane(const struct unit_win *w, const struct nt_thread *t)
{
	uint64_t end = w->kernel->user_end;

	if (t->user_from) {
		ck_assert_uint_lt(t->user.ip, end);
		ck_assert_uint_lt(t->user.sp, end);
		ck_assert(nt_regs_is_user(&t->user));
	}
	if (t->kernel_from == NT_REGS_SWITCH) {
		ck_assert_uint_ge(t->kernel.sp, t->kstack_limit);
		ck_assert_uint_le(t->kernel.sp, t->kstack_base);
	}
	if (t->known & NTT_USER_STACK)
		ck_assert_uint_lt(t->stack_limit, t->stack_base);
}

/* Random bytes and pointers in threads and on their stacks. */
START_TEST(test_garbage)
{
	struct mk_random random = { .state = (uint64_t)_i };
	const GArray *truth;
	struct unit_win w;

	start(&w, _i);
	truth = mk_win_threads(w.win);
	for (unsigned round = 0; round < 4000; round++) {
		const struct mk_thread *t = &g_array_index(
			truth, struct mk_thread,
			mk_random_below(&random, truth->len));
		uint64_t values[] = { mk_random_next(&random), 0, UINT64_MAX,
				      t->kstack_base - 0x190,
				      t->kstack_base - 8, t->kstack_limit,
				      t->ethread, t->kstack_base - 0x590 };
		bool stack = mk_random_below(&random, 2);
		uint64_t some = mk_random_below(&random, 0xc0);
		uint64_t at = stack ? t->kstack_base - 0x600 + 8 * some :
				      t->ethread + 0x28 + 4 * some;
		g_autoptr(GArray) threads = NULL;

		poke(&w, at & ~7ull, values[mk_random_below(&random, 8)]);
		threads = read_of(w.kernel, t->process);
		for (guint i = 0; i < threads->len; i++)
			assert_sane(&w, &g_array_index(threads,
						       struct nt_thread, i));
	}
	unit_win_clear(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nt-thread-hostile");
	TCase *tcase = unit_case(suite, "hostile");
	const int n = (int)G_N_ELEMENTS(machines);

	tcase_add_loop_test(tcase, test_cycle, 0, n);
	tcase_add_loop_test(tcase, test_unlinked, 0, n);
	tcase_add_loop_test(tcase, test_foreign, 0, n);
	tcase_add_test(tcase, test_endless);
	tcase_add_loop_test(tcase, test_garbage, 0, n);
	return unit_main(suite);
}
