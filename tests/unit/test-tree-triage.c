/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what is shown of a triage dump, from the file to the tree. */
#include "config.h"

#include "unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "lib/mkfmt-triage.h"
#include "tree/tree.h"

static const struct {
	const char *layout;
	const char *machine, *version;
	bool is64;
} rows[] = {
	{ "amd64-10.0.19041-b", "x64", "10.0.19041", true },
	{ "amd64-6.1.7601-b", "x64", "6.1.7601", true },
	{ "arm64-10.0.26100", "ARM64", "10.0.26100", true },
	{ "x86pae-6.1.7601", "x86 PAE", "6.1.7601", false },
	{ "x86-5.1.2600", "x86", "5.1.2600", false },
	{ "amd64la57-10.0.26100", "x64", "10.0.26100", true },
};

struct shown {
	MkWin *win;
	GByteArray *bytes;
	struct mk_triage t;
	Log *log;
	Image *image;
	PhysMem *pm;
	NtKernel *kernel;
	ProcSet *procs;
	Tree *tree;
};

static bool show(struct shown *s, const struct nt_hints *hints,
		 const struct proc_select *select)
{
	static const struct nt_hints none;
	static const struct proc_select all = { .methods = METHODS_ALL };
	const struct tree_options options = { .umask = 0077 };

	s->log = log_new();
	s->image = image_open_io(
		image_io_memory(s->bytes->data, s->bytes->len), "x", NULL,
		s->log, NULL);
	if (!s->image)
		return false;
	s->pm = physmem_new(s->image);
	s->kernel = nt_kernel_find(s->pm, s->image, hints ? hints : &none,
				   s->log);
	s->procs = procset_build(s->kernel, select ? select : &all, s->log);
	s->tree = tree_new(s->image, s->pm, s->kernel, s->procs, s->log,
			   &options);
	return true;
}

static void hide(struct shown *s)
{
	g_clear_pointer(&s->tree, tree_free);
	g_clear_pointer(&s->procs, procset_free);
	g_clear_pointer(&s->kernel, nt_kernel_free);
	g_clear_pointer(&s->pm, physmem_free);
	g_clear_pointer(&s->image, image_free);
	g_clear_pointer(&s->log, log_free);
}

static void shown_init(struct shown *s, int row)
{
	const struct mk_options options = { .seed = 5, .size_mib = 24,
					    .layout = rows[row].layout,
					    .plain_kdbg = true };

	memset(s, 0, sizeof *s);
	s->win = mk_win_new(&options, NULL);
	ck_assert_ptr_nonnull(s->win);
	s->bytes = mk_triage_make(s->win, &s->t);
}

static void shown_clear(struct shown *s)
{
	hide(s);
	mk_triage_clear(&s->t);
	g_byte_array_unref(s->bytes);
	mk_win_free(s->win);
}

static TreeFile *open_path(struct shown *s, const char *path,
			   struct stat *st)
{
	struct tree_node node;

	ck_assert_msg(!tree_resolve(s->tree, path, &node), "no %s", path);
	tree_stat(s->tree, &node, st);
	return tree_open(s->tree, &node);
}

/* (transfer full) */
static char *text_of(struct shown *s, const char *path)
{
	struct stat st;
	g_autoptr(TreeFile) file = open_path(s, path, &st);
	char *text = g_malloc0((gsize)st.st_size + 1);
	struct read_plan plan;

	read_plan_init(&plan);
	ck_assert_int_eq(tree_file_read(file, 0, (uint64_t)st.st_size, &plan),
			 0);
	ck_assert_uint_eq(plan.len, (size_t)st.st_size);
	read_plan_gather(&plan, text);
	read_plan_clear(&plan);
	return text;
}

static void expect_line(struct shown *s, const char *path, const char *format,
			...) G_GNUC_PRINTF(3, 4);
static void expect_line(struct shown *s, const char *path, const char *format,
			...)
{
	g_autofree char *text = text_of(s, path), *want = NULL, *line = NULL;
	g_autofree char *all = g_strconcat("\n", text, NULL);
	va_list ap;

	va_start(ap, format);
	want = g_strdup_vprintf(format, ap);
	va_end(ap);
	line = g_strconcat("\n", want, NULL);
	ck_assert_msg(strstr(all, line), "%s lacks \"%s\":\n%s", path, want,
		      text);
}

static bool is_user(const struct mk_block *b)
{
	return b->va < UINT64_C(0x70000000);
}

static void read_at(TreeFile *file, uint64_t off, void *buf, size_t len)
{
	struct read_plan plan;

	read_plan_init(&plan);
	ck_assert_int_eq(tree_file_read(file, off, len, &plan), 0);
	ck_assert_uint_eq(plan.len, len);
	read_plan_gather(&plan, buf);
	read_plan_clear(&plan);
}

/* Every block is at its address, byte by byte, and nothing around it is
 * anything else. */
START_TEST(test_vmem)
{
	struct shown s;
	struct stat st, user_st;
	g_autofree char *path = NULL;
	g_autoptr(TreeFile) kernel = NULL, user = NULL;
	uint64_t mask;

	shown_init(&s, _i);
	ck_assert(show(&s, NULL, NULL));
	mask = (UINT64_C(1) << s.kernel->as.form->va_bits) - 1;
	kernel = open_path(&s, "kernel/vmem", &st);
	path = g_strdup_printf("proc/%u/vmem", s.t.process->pid);
	user = open_path(&s, path, &user_st);
	for (guint i = 0; i < s.t.blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(s.t.blocks, struct mk_block, i);
		TreeFile *file = is_user(b) ? user : kernel;
		uint64_t at = b->va & mask;
		g_autofree uint8_t *got = g_malloc(b->len);

		read_at(file, at, got, b->len);
		ck_assert_mem_eq(got, s.bytes->data + b->off, b->len);
		ck_assert_int_eq(tree_file_seek(file, at, SEEK_DATA),
				 (int64_t)at);
		ck_assert_int_ge(tree_file_seek(file, at, SEEK_HOLE),
				 (int64_t)(at + b->len));
	}
	g_clear_pointer(&kernel, tree_file_close);
	g_clear_pointer(&user, tree_file_close);
	shown_clear(&s);
}
END_TEST

/* Extents of the sparse file are the union of the blocks, to the byte. */
START_TEST(test_extents)
{
	struct shown s;
	struct stat st;
	g_autoptr(TreeFile) file = NULL;
	int64_t off = 0;
	uint64_t sum = 0;

	shown_init(&s, _i);
	ck_assert(show(&s, NULL, NULL));
	file = open_path(&s, "kernel/vmem", &st);
	while ((off = tree_file_seek(file, (uint64_t)off, SEEK_DATA)) >= 0) {
		int64_t end = tree_file_seek(file, (uint64_t)off, SEEK_HOLE);
		uint8_t edge[2];

		ck_assert_int_gt(end, off);
		sum += (uint64_t)(end - off);
		if (off) {
			read_at(file, (uint64_t)off - 1, edge, 1);
			ck_assert_uint_eq(edge[0], 0);
		}
		off = end;
	}
	ck_assert_int_eq(off, -ENXIO);
	for (guint i = 0; i < s.t.blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(s.t.blocks, struct mk_block, i);

		if (is_user(b))
			sum += b->len;
	}
	ck_assert_uint_eq(sum, direct_map_bytes(s.kernel->direct));
	g_clear_pointer(&file, tree_file_close);
	shown_clear(&s);
}
END_TEST

/* What the block was linked in need not be in the dump. */
static void unlink_kdbg(struct shown *s)
{
	for (guint i = 0; i < s->t.blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(s->t.blocks, struct mk_block, i);

		if (b->va == mk_win_kernel(s->win)->kdbg)
			memset(s->bytes->data + b->off, 0, 16);
	}
}

START_TEST(test_facts)
{
	const struct mk_process *p;
	g_autofree char *status = NULL, *name = NULL;
	struct shown s;

	shown_init(&s, _i);
	p = s.t.process;
	if (_i % 2)
		unlink_kdbg(&s);
	ck_assert(show(&s, NULL, NULL));
	expect_line(&s, "image/info", "Format:\ttriage\n");
	expect_line(&s, "image/info", "PhysicalBytes:\t0\n");
	expect_line(&s, "image/info", "Version:\t%s", rows[_i].version);
	expect_line(&s, "image/info", "Build:\t%u\n",
		    mk_win_kernel(s.win)->build);
	expect_line(&s, "image/info", "Architecture:\t%s\n", rows[_i].machine);
	expect_line(&s, "image/info", "KernelBase:\t0x%016" PRIx64 "\n",
		    mk_win_kernel(s.win)->base);
	expect_line(&s, "image/info", "Paging:\tnone");
	expect_line(&s, "image/info", "CrashIp:\t0x%016" PRIx64
		    " (ntoskrnl.exe+0x2340)\n", s.t.rip);
	expect_line(&s, "image/info", "CrashThread:\t0x%016" PRIx64 "\n",
		    s.t.thread);
	expect_line(&s, "image/info", "RunningCpu%u:\t0x%016" PRIx64
		    " (pid %u)\n", s.t.processor, p->eprocess, p->pid);
	ck_assert_uint_eq(procset_count(s.procs), 1);
	ck_assert_uint_eq(procset_methods_run(s.procs), 0);
	status = g_strdup_printf("proc/%u/status", p->pid);
	expect_line(&s, status, "PPid:\t%u\n", p->ppid);
	expect_line(&s, status, "Eprocess:\t0x%016" PRIx64 "\n", p->eprocess);
	expect_line(&s, status, "Threads:\t%u\n", p->threads);
	expect_line(&s, status, "Peb:\t0x%" PRIx64 "\n", p->peb);
	expect_line(&s, status, "DtbCheck:\tnot checked: the dump has no");
	expect_line(&s, status, "MissingFrom:\t-\n");
	name = g_strndup((const char *)p->name, p->name_len);
	if (g_str_is_ascii(name))
		expect_line(&s, status, "Name:\t%s\n", name);
	ck_assert_uint_eq(s.kernel->evidence.n_conflict, 0);
	shown_clear(&s);
}
END_TEST

START_TEST(test_lists)
{
	g_autofree char *maps = NULL, *region = NULL, *vtop = NULL;
	g_autofree char *modules = NULL, *unloaded = NULL;
	const struct mk_block *first;
	struct shown s;
	int digits = rows[_i].is64 ? 16 : 8;

	shown_init(&s, _i);
	ck_assert(show(&s, NULL, NULL));
	first = &g_array_index(s.t.blocks, struct mk_block, 0);
	expect_line(&s, "kernel/maps", "%08" PRIx64 "-%08" PRIx64
		    " r--p 00000000 00:00 0 ", first->va,
		    first->va + first->len);
	maps = text_of(&s, "kernel/maps");
	ck_assert_ptr_nonnull(strstr(maps, " [triage]\n"));
	/* together with what goes on behind it */
	region = g_strdup_printf("kernel/regions/%0*" PRIx64 "-%0*" PRIx64
				 ".r--p", digits, first->va, digits,
				 first[1].va + first[1].len);
	g_free(text_of(&s, region));
	expect_line(&s, "kernel/modules/list", "0x%0*" PRIx64 " 0x%08" PRIx64
		    " ntoskrnl.exe", digits,
		    mk_win_kernel(s.win)->base, mk_win_kernel(s.win)->size);
	modules = text_of(&s, "kernel/modules/list");
	ck_assert_ptr_nonnull(strstr(modules, " ntoskrnl.exe "));
	ck_assert_ptr_nonnull(strstr(modules, " odd\\040dr\xc3\xadver\\012.sys "
				     "\\SystemRoot\\odd\\040dr"));
	unloaded = text_of(&s, "kernel/unloaded-modules");
	ck_assert_ptr_nonnull(strstr(unloaded, " crash.sys - -\n"));
	vtop = g_strdup_printf("kernel/vtop/%" PRIx64, first->va + 1);
	expect_line(&s, vtop, "State:\tin the dump\n");
	expect_line(&s, vtop, "FileOffset:\t0x%" PRIx64 "\n", first->off + 1);
	expect_line(&s, "kernel/paging", "Paging:\tnone");
	expect_line(&s, "kernel/memmap", "Unable to read pages for task.\n");
	expect_line(&s, "log", "info: image: this is a triage dump");
	expect_line(&s, "README", "This is a triage dump");
	shown_clear(&s);
}
END_TEST

/* Writes a pointer as the machine has it. */
static void put_pointer(struct shown *s, uint64_t off, uint64_t value,
			bool is64)
{
	const uint64_t word = GUINT64_TO_LE(value);

	memcpy(s->bytes->data + off, &word, is64 ? 8 : 4);
}

static uint64_t offset_of(const struct shown *s, uint64_t va)
{
	for (guint i = 0; i < s->t.blocks->len; i++) {
		const struct mk_block *b =
			&g_array_index(s->t.blocks, struct mk_block, i);

		if (b->va == va)
			return b->off;
	}
	ck_abort_msg("no block at 0x%" PRIx64, va);
}

/* Without the KPRCB and the thread, the process still tells where it was, if
 * nobody waited for it; else it is not shown. */
START_TEST(test_alone)
{
	const bool is64 = rows[_i].is64;
	const unsigned word = is64 ? 8 : 4;
	uint64_t eprocess, at;
	struct shown s;

	shown_init(&s, _i);
	eprocess = s.t.process->eprocess;
	at = offset_of(&s, eprocess);
	memset(s.bytes->data + offset_of(&s, s.t.prcb), 0, 0x400);
	memset(s.bytes->data + offset_of(&s, s.t.thread), 0, 0x400);
	put_pointer(&s, at + 8, eprocess + 8, is64);
	put_pointer(&s, at + 8 + word, eprocess + 16, is64);
	ck_assert(show(&s, NULL, NULL));
	ck_assert_uint_eq(procset_count(s.procs), 0);
	expect_line(&s, "log", "warning: kernel: the process that crashed is");
	hide(&s);
	put_pointer(&s, at + 8 + word, eprocess + 8, is64);
	ck_assert(show(&s, NULL, NULL));
	ck_assert_uint_eq(procset_count(s.procs), 1);
	ck_assert_uint_eq(procset_get(s.procs, 0)->p.eprocess.v, eprocess);
	ck_assert_uint_eq(procset_get(s.procs, 0)->p.pid, s.t.process->pid);
	shown_clear(&s);
}
END_TEST

/* Without KDBG, the layout of the build has to do; or (ARM64) the process. */
START_TEST(test_no_kdbg)
{
	struct shown s;

	shown_init(&s, _i);
	memset(s.bytes->data + offset_of(&s, mk_win_kernel(s.win)->kdbg), 0,
	       0x100);
	ck_assert(show(&s, NULL, NULL));
	ck_assert_uint_eq(procset_count(s.procs), 1);
	expect_line(&s, "log", "warning: kernel: the dump has no debugger");
	expect_line(&s, "image/info", "Kdbg:\t- (not found)\n");
	shown_clear(&s);
}
END_TEST

/* pids= and its like; eprocess= reads what is there. */
START_TEST(test_selected)
{
	const uint64_t other = 4444;
	struct proc_select select = { .methods = METHODS_ALL, .pids = &other,
				      .n_pids = 1 };
	const struct nt_hints hints = { .no_profile = true };
	struct shown s;

	shown_init(&s, _i);
	ck_assert(show(&s, NULL, &select));
	ck_assert_uint_eq(procset_count(s.procs), 0);
	hide(&s);
	select = (struct proc_select){ .eprocess = &s.t.process->eprocess,
				       .n_eprocess = 1 };
	ck_assert(show(&s, NULL, &select));
	ck_assert_uint_eq(procset_count(s.procs), 1);
	hide(&s);
	ck_assert(show(&s, &hints, NULL));
	ck_assert_uint_eq(procset_count(s.procs), 0);
	ck_assert_uint_gt(log_count(s.log, LOG_WARN), 0);
	shown_clear(&s);
}
END_TEST

/* Reads all there is; the number of nodes. */
static unsigned read_all(struct shown *s, const struct tree_node *dir,
			 unsigned depth)
{
	struct tree_node node;
	unsigned n = 0;
	char *name;

	for (uint64_t i = 0;
	     depth < 5 && tree_entry(s->tree, dir, i, &node, &name); i++) {
		g_autoptr(TreeFile) file = NULL;
		struct read_plan plan;
		struct stat st;

		g_free(name);
		n++;
		tree_stat(s->tree, &node, &st);
		if (tree_is_dir(&node)) {
			n += read_all(s, &node, depth + 1);
			continue;
		}
		file = tree_is_link(&node) ? NULL : tree_open(s->tree, &node);
		if (!file)
			continue;
		read_plan_init(&plan);
		(void)!tree_file_read(file, 0, 4096, &plan);
		read_plan_clear(&plan);
		(void)tree_file_seek(file, 0, SEEK_DATA);
	}
	return n;
}

/* Whatever the header says and wherever it ends, there is a tree. */
START_TEST(test_damaged)
{
	struct shown s;
	struct tree_node root;
	size_t head;
	guint all;

	shown_init(&s, _i);
	all = s.bytes->len;
	head = rows[_i].is64 ? 0x2000 : 0x1000;
	for (size_t at = head; at < head + 0x80; at++) {
		s.bytes->data[at] ^= 0x81;
		ck_assert(show(&s, NULL, NULL));
		root = tree_root(s.tree);
		ck_assert_uint_gt(read_all(&s, &root, 0), 12);
		hide(&s);
		s.bytes->data[at] ^= 0x81;
	}
	for (guint len = (guint)head - 16; len < all; len += 509) {
		s.bytes->len = len;
		ck_assert(show(&s, NULL, NULL));
		root = tree_root(s.tree);
		ck_assert_uint_gt(read_all(&s, &root, 0), 12);
		ck_assert_uint_gt(log_count(s.log, LOG_WARN), 0);
		hide(&s);
	}
	s.bytes->len = all;
	shown_clear(&s);
}
END_TEST

struct faults {
	const GByteArray *bytes;
	unsigned left; /* reads that go well */
	bool failed;
};

static int64_t faulty_read(void *ctx, uint64_t off, void *buf, size_t len)
{
	struct faults *f = ctx;

	if (!f->left) {
		f->failed = true;
		return -1;
	}
	f->left--;
	if (off >= f->bytes->len)
		return 0;
	len = MIN(len, f->bytes->len - off);
	memcpy(buf, f->bytes->data + off, len);
	return (int64_t)len;
}

/* The n-th read fails, for each n: an error or a tree. */
START_TEST(test_faults)
{
	static const struct nt_hints none;
	static const struct proc_select all = { .methods = METHODS_ALL };
	struct faults f = { 0 };
	bool failed = true;
	struct shown s;

	shown_init(&s, _i);
	f.bytes = s.bytes;
	for (unsigned n = 0; failed; n++) {
		ImageIo *io = image_io_memory(s.bytes->data, s.bytes->len);
		g_autoptr(Image) image = NULL;
		g_autoptr(PhysMem) pm = NULL;
		g_autoptr(NtKernel) kernel = NULL;
		g_autoptr(ProcSet) procs = NULL;

		f.left = n;
		f.failed = false;
		image_io_set_reader(io, faulty_read, &f);
		image = image_open_io(io, "x", NULL, NULL, NULL);
		failed = f.failed;
		if (!image || !image->triage)
			continue;
		pm = physmem_new(image);
		kernel = nt_kernel_find(pm, image, &none, NULL);
		ck_assert_ptr_nonnull(kernel);
		procs = procset_build(kernel, &all, NULL);
		failed = f.failed;
		ck_assert_uint_le(procset_count(procs), 1);
		ck_assert(failed || procset_count(procs) == 1);
		g_clear_pointer(&procs, procset_free);
		g_clear_pointer(&kernel, nt_kernel_free);
	}
	shown_clear(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-triage");
	TCase *tcase = unit_case(suite, "all");
	const int n = G_N_ELEMENTS(rows);

	tcase_add_loop_test(tcase, test_vmem, 0, n);
	tcase_add_loop_test(tcase, test_extents, 0, n);
	tcase_add_loop_test(tcase, test_facts, 0, n);
	tcase_add_loop_test(tcase, test_lists, 0, n);
	tcase_add_loop_test(tcase, test_alone, 0, n);
	tcase_add_loop_test(tcase, test_no_kdbg, 0, n);
	tcase_add_loop_test(tcase, test_selected, 0, n);
	tcase_add_loop_test(tcase, test_damaged, 0, n);
	tcase_add_loop_test(tcase, test_faults, 0, n);
	return unit_main(suite);
}
