/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of the rules that say which method should have seen a process, and of
 * the rings that their silence rests on. */
#include "config.h"

#include "unit/unit-kmem.h"
#include "unit/unit.h"

#include "base/bytes.h"
#include "procs/crossview.h"
#include "procs/ring.h"

enum { SESSION = 0x1000, BORN = 500 };

static char app[] = "app.exe", csrss[] = "csrss.exe", smss[] = "smss.exe";

/* An ordinary process, and lists that are whole. */
struct fixture {
	NtKernel kernel;
	struct proc_evidence evidence[METHODS];
	struct proc_entry e;
};

static void add_part(struct fixture *f, enum proc_method_id method,
		     uint64_t session, uint64_t since, bool whole)
{
	struct proc_part part = { session, since, whole };

	g_array_append_val(f->evidence[method].parts, part);
}

static void start(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	f->kernel.profile.handle.quota_process = NT_ABSENT;
	for (unsigned i = 0; i < METHODS; i++) {
		f->evidence[i].parts = g_array_new(FALSE, FALSE,
						   sizeof(struct proc_part));
		f->evidence[i].lost = g_array_new(FALSE, FALSE,
						  sizeof(struct proc_lost));
	}
	add_part(f, METHOD_CSRSS, SESSION, BORN - 100, true);
	add_part(f, METHOD_SESSIONS, SESSION, 0, true);
	f->e = (struct proc_entry){
		.p = { .pid = 1000, .name = app,
		       .create_time = BORN, .object_table = 0x8000,
		       .peb = VIRT(0x7ff000), .known = NTP_PEB },
		.session_va = SESSION,
		.session_key = SESSION,
	};
}

static void stop(struct fixture *f)
{
	for (unsigned i = 0; i < METHODS; i++) {
		g_array_unref(f->evidence[i].parts);
		g_array_unref(f->evidence[i].lost);
	}
}

/* Expects one letter for each method, in their order: Expected, Not, ? */
static void assert_expects(struct fixture *f, const char *want)
{
	char got[METHODS + 1] = "";

	for (unsigned i = 0; i < METHODS; i++)
		got[i] = "NE?"[crossview_expects(&f->kernel, &f->evidence[i],
						 i, &f->e)];
	ck_assert_str_eq(got, want);
	stop(f);
}

START_TEST(test_kinds)
{
	struct fixture f;

	start(&f);
	assert_expects(&f, "EEEEE");
	start(&f); /* Idle */
	f.e.p.pid = 0;
	assert_expects(&f, "NNNNN");
	start(&f); /* System, Registry */
	f.e.session_va = f.e.session_key = 0;
	f.e.p.peb = VIRT(0);
	assert_expects(&f, "ENENE");
	start(&f);
	f.e.p.name = csrss;
	assert_expects(&f, "ENEEE");
	start(&f);
	f.e.p.name = smss;
	assert_expects(&f, "ENEEE");
	start(&f);
	f.e.minimal = true;
	assert_expects(&f, "ENEEE");
	start(&f);
	f.e.p.peb = VIRT(0);
	assert_expects(&f, "ENEEE");
	start(&f); /* a PEB that could not be read is not none */
	f.e.p.peb = VIRT(0);
	f.e.p.known = 0;
	assert_expects(&f, "EEEEE");
	start(&f); /* before its csrss.exe */
	f.e.p.create_time = BORN - 101;
	assert_expects(&f, "ENEEE");
	start(&f); /* exited */
	f.e.p.exit_time = BORN + 1;
	f.e.p.object_table = 0;
	assert_expects(&f, "NNNNN");
	start(&f); /* says so, and is not */
	f.e.p.exit_time = BORN + 1;
	assert_expects(&f, "ENENE");
	start(&f); /* no handle table */
	f.e.p.object_table = 0;
	assert_expects(&f, "EEEEN");
}
END_TEST

START_TEST(test_evidence)
{
	struct proc_lost lost = { 992, 3 };
	struct fixture f;

	start(&f);
	for (unsigned i = 0; i < METHODS; i++)
		f.evidence[i].unusable = "for want of a nail";
	assert_expects(&f, "?????");
	start(&f);
	for (unsigned i = 0; i < METHODS; i++)
		f.evidence[i].broken = true;
	assert_expects(&f, "???E?");
	start(&f); /* the page with its pid; the one before */
	g_array_append_val(f.evidence[METHOD_PSPCIDTABLE].lost, lost);
	assert_expects(&f, "EE?EE");
	start(&f);
	lost.n = 2;
	g_array_append_val(f.evidence[METHOD_PSPCIDTABLE].lost, lost);
	assert_expects(&f, "EEEEE");
	start(&f); /* parts of another session, or not whole */
	f.e.session_key++;
	assert_expects(&f, "E?E?E");
	start(&f);
	g_array_index(f.evidence[METHOD_CSRSS].parts, struct proc_part, 0)
		.whole = false;
	g_array_index(f.evidence[METHOD_SESSIONS].parts, struct proc_part, 0)
		.whole = false;
	assert_expects(&f, "E?E?E");
	start(&f); /* an impostor that came later speaks for nobody */
	g_array_index(f.evidence[METHOD_CSRSS].parts, struct proc_part, 0)
		.whole = false;
	add_part(&f, METHOD_CSRSS, SESSION, BORN - 1, true);
	assert_expects(&f, "E?EEE");
}
END_TEST

START_TEST(test_mark)
{
	const unsigned ps = 1u << METHOD_PSACTIVEPROCESSHEAD;
	const unsigned cid = 1u << METHOD_PSPCIDTABLE;
	struct fixture f;

	start(&f);
	f.e.seen = METHODS_ALL & ~ps;
	crossview_mark(&f.kernel, f.evidence, METHODS_ALL, &f.e);
	ck_assert_uint_eq(f.e.missing, ps);
	ck_assert_uint_eq(f.e.no_evidence, 0);
	stop(&f);
	start(&f);
	f.evidence[METHOD_PSACTIVEPROCESSHEAD].broken = true;
	f.e.seen = METHODS_ALL & ~ps & ~cid;
	crossview_mark(&f.kernel, f.evidence, METHODS_ALL, &f.e);
	ck_assert_uint_eq(f.e.missing, cid);
	ck_assert_uint_eq(f.e.no_evidence, ps);
	stop(&f);
	start(&f); /* of what was not asked for, nothing is said */
	crossview_mark(&f.kernel, f.evidence, cid, &f.e);
	ck_assert_uint_eq(f.e.missing, cid);
	ck_assert_uint_eq(f.e.no_evidence, 0);
	stop(&f);
}
END_TEST

enum { NODES = 12, NODE_BYTES = 0x40 };

/* A ring of nodes; node 0 is the head. */
struct nodes {
	struct unit_kmem k;
	NtKernel kernel;
	Log *log;
	uint64_t base;
	unsigned seen;	/* bits */
	unsigned garbage; /* bits: no nodes */
	unsigned stop_at; /* bits */
};

static uint64_t node(const struct nodes *n, unsigned i)
{
	return n->base + i % NODES * NODE_BYTES;
}

static void set_links(struct nodes *n, unsigned i, uint64_t flink,
		      uint64_t blink)
{
	unit_kmem_put_ptr(&n->k, node(n, i), flink);
	unit_kmem_put_ptr(&n->k, node(n, i) + n->k.pointer_bytes, blink);
}

static void start_nodes(struct nodes *n, enum mk_mode mode)
{
	*n = (struct nodes){ .garbage = 1 };
	unit_kmem_init(&n->k, mode);
	n->kernel.profile.pointer_bytes = n->k.pointer_bytes;
	n->log = log_new();
	n->base = unit_kmem_page(&n->k, 1) + 0x100;
	for (unsigned i = 0; i < NODES; i++)
		set_links(n, i, node(n, i + 1), node(n, i + NODES - 1));
}

static void stop_nodes(struct nodes *n)
{
	log_free(n->log);
	unit_kmem_clear(&n->k);
}

static enum ring_answer visit(void *ctx, uint64_t link)
{
	struct nodes *n = ctx;
	uint64_t i = (link - n->base) / NODE_BYTES;

	if (link < n->base || i >= NODES || n->garbage & 1u << i)
		return RING_GARBAGE;
	ck_assert_uint_eq(link, node(n, (unsigned)i));
	ck_assert(!(n->seen & 1u << i));
	n->seen |= 1u << i;
	return n->stop_at & 1u << i ? RING_STOP_HERE : RING_GO_ON;
}

static struct ring_result walk(struct nodes *n, bool head, uint64_t first)
{
	struct ring ring = {
		.area = "test", .what = "is garbage", .kernel = &n->kernel,
		.log = n->log, .visit = visit, .ctx = n,
		.head = head ? node(n, 0) : 0,
	};

	unit_kmem_ready(&n->k);
	ring.as = n->kernel.as = n->k.as;
	return ring_walk(&ring, &first, first ? 1 : 0);
}

#define ALL_BUT_HEAD (((1u << NODES) - 1) & ~1u)

START_TEST(test_whole_ring)
{
	struct ring_result r;
	struct nodes n;

	start_nodes(&n, (enum mk_mode)_i);
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD);
	ck_assert(r.head_read && ring_is_evidence(&r));
	ck_assert_uint_eq(log_count(n.log, LOG_INFO), 0);
	stop_nodes(&n);
	/* the head is not known: found by its links, nothing is amiss */
	start_nodes(&n, (enum mk_mode)_i);
	r = walk(&n, false, node(&n, 5));
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD);
	ck_assert(!r.head_read && ring_is_evidence(&r));
	ck_assert_uint_eq(log_count(n.log, LOG_INFO), 0);
	stop_nodes(&n);
}
END_TEST

static const uint64_t bad_links[] = { 0, 0x1000, 0x7fff0000, 0xfffff000,
				      UINT64_MAX - 7 };

/* One bad link hides nothing; one in each direction what is between. */
START_TEST(test_broken_ring)
{
	uint64_t bad = bad_links[_i];
	struct ring_result r;
	struct nodes n;

	start_nodes(&n, MK_MODE_AMD64);
	set_links(&n, 4, bad, node(&n, 3));
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD);
	ck_assert(ring_is_evidence(&r));
	ck_assert_uint_eq(r.n_bad_flinks, 1);
	ck_assert_uint_eq(r.n_bad_blinks, 0);
	stop_nodes(&n);
	start_nodes(&n, MK_MODE_AMD64);
	set_links(&n, 4, bad, node(&n, 3));
	set_links(&n, 8, node(&n, 9), bad);
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD & ~(7u << 5));
	ck_assert(!ring_is_evidence(&r));
	stop_nodes(&n);
}
END_TEST

/* A head that was wiped is made up for by any other start. */
START_TEST(test_damaged_head)
{
	struct ring_result r;
	struct nodes n;

	start_nodes(&n, MK_MODE_AMD64);
	set_links(&n, 0, 0, 0);
	r = walk(&n, true, node(&n, 4));
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD);
	ck_assert(r.head_bad && ring_is_evidence(&r));
	stop_nodes(&n);
	start_nodes(&n, MK_MODE_AMD64);
	set_links(&n, 0, 0, 0);
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, 0);
	ck_assert(!ring_is_evidence(&r));
	stop_nodes(&n);
	start_nodes(&n, MK_MODE_AMD64);
	set_links(&n, 0, 0, 0);
	set_links(&n, 6, 0, node(&n, 5));
	r = walk(&n, true, node(&n, 4));
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD & 0x7f);
	ck_assert(!ring_is_evidence(&r));
	stop_nodes(&n);
}
END_TEST

/* What was cut out properly is silently gone: that is evidence. */
START_TEST(test_unlinked)
{
	struct ring_result r;
	struct nodes n;

	start_nodes(&n, MK_MODE_PAE);
	set_links(&n, 4, node(&n, 6), node(&n, 3));
	set_links(&n, 6, node(&n, 7), node(&n, 4));
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD & ~(1u << 5));
	ck_assert(ring_is_evidence(&r));
	stop_nodes(&n);
}
END_TEST

START_TEST(test_odd_nodes)
{
	struct ring_result r;
	struct nodes n;

	/* garbage in the middle; only the head may be no node */
	start_nodes(&n, MK_MODE_AMD64);
	n.garbage |= 1u << 5;
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD & ~(1u << 5));
	ck_assert_uint_eq(r.n_bad_flinks + r.n_bad_blinks, 2);
	ck_assert(!ring_is_evidence(&r));
	stop_nodes(&n);
	/* links that are not to be followed lose nothing */
	start_nodes(&n, MK_MODE_AMD64);
	n.stop_at = 1u << 5;
	set_links(&n, 5, 0x1000, 0x1000);
	r = walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD);
	ck_assert(ring_is_evidence(&r));
	stop_nodes(&n);
	/* a loop that does not come back to the head */
	start_nodes(&n, MK_MODE_AMD64);
	set_links(&n, 9, node(&n, 2), node(&n, 8));
	(void)walk(&n, true, 0);
	ck_assert_uint_eq(n.seen, ALL_BUT_HEAD);
	stop_nodes(&n);
	/* no start at all */
	start_nodes(&n, MK_MODE_AMD64);
	r = walk(&n, false, 0);
	ck_assert_uint_eq(n.seen, 0);
	ck_assert(!r.head_read);
	stop_nodes(&n);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("procs-crossview");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_kinds);
	tcase_add_test(tcase, test_evidence);
	tcase_add_test(tcase, test_mark);
	tcase_add_loop_test(tcase, test_whole_ring, MK_MODE_X86,
			    MK_MODE_LA57 + 1);
	tcase_add_loop_test(tcase, test_broken_ring, 0,
			    (int)G_N_ELEMENTS(bad_links));
	tcase_add_test(tcase, test_damaged_head);
	tcase_add_test(tcase, test_unlinked);
	tcase_add_test(tcase, test_odd_nodes);
	return unit_main(suite);
}
