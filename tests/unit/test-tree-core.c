/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of cores and dumps: read here from their bytes alone, they have what
 * vmem has, on machines of all forms, hostile ones included. */
#include "config.h"

#include "unit/unit-tree.h"
#include "unit/unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "tree/core.h"

/* A file of the tree, as a whole in memory. */
struct blob {
	uint8_t *bytes;
	size_t len;
};

static void blob_read(const struct unit_tree *t, struct blob *ret,
		      const char *path)
{
	struct tree_node node = unit_tree_node(t, "%s", path);
	g_autoptr(TreeFile) file = tree_open(t->tree, &node);
	struct stat st;

	tree_stat(t->tree, &node, &st);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_lt(st.st_size, 1 << 30);
	ret->len = (size_t)st.st_size;
	ret->bytes = g_malloc(ret->len + 1);
	ck_assert_int_eq(unit_tree_read(file, 0, ret->len + 1, 777777,
					ret->bytes), (int64_t)ret->len);
}

static uint64_t get(const struct blob *b, uint64_t at, unsigned n)
{
	uint64_t v = 0;

	ck_assert(range_fits(at, n, b->len));
	while (n--)
		v = v << 8 | b->bytes[at + n];
	return v;
}

struct phdr {
	unsigned type, flags;
	uint64_t off, va, pa, filesz, memsz, align;
};

/* What the headers say. */
struct elf {
	struct blob b;
	bool wide;
	unsigned machine;
	uint64_t n, phoff;
};

static void elf_open(const struct unit_tree *t, struct elf *ret,
		     const char *path)
{
	unsigned word;

	blob_read(t, &ret->b, path);
	ck_assert(!memcmp(ret->b.bytes, "\177ELF", 4));
	ret->wide = ret->b.bytes[4] == 2;
	word = ret->wide ? 8 : 4;
	ck_assert_uint_eq(get(&ret->b, 5, 2), 0x101);
	ck_assert_uint_eq(get(&ret->b, 16, 2), 4);
	ret->machine = (unsigned)get(&ret->b, 18, 2);
	ret->phoff = get(&ret->b, 24 + word, word);
	ret->n = get(&ret->b, 24 + 3 * word + 8, 2);
	if (ret->n == 0xffff) {
		uint64_t shoff = get(&ret->b, 24 + 2 * word, word);

		ret->n = get(&ret->b, shoff + (ret->wide ? 44 : 28), 4);
		ck_assert_uint_ge(ret->n, 0xffff);
	}
}

static struct phdr phdr_at(const struct elf *e, uint64_t i)
{
	unsigned word = e->wide ? 8 : 4;
	uint64_t at = e->phoff + i * (e->wide ? 56 : 32);
	uint64_t p = at + word;

	return (struct phdr){
		.type = (unsigned)get(&e->b, at, 4),
		.flags = (unsigned)get(&e->b, e->wide ? at + 4 : at + 24, 4),
		.off = get(&e->b, p, word),
		.va = get(&e->b, p + word, word),
		.pa = get(&e->b, p + 2 * word, word),
		.filesz = get(&e->b, p + 3 * word, word),
		.memsz = get(&e->b, p + 4 * word, word),
		.align = get(&e->b, e->wide ? at + 48 : at + 28, word),
	};
}

/* The content of the first note of a type; NULL: none. */
static const uint8_t *find_note(const struct elf *e, const char *owner,
				uint32_t type, uint64_t *len)
{
	const struct phdr p = phdr_at(e, 0);
	uint64_t at = p.off;

	ck_assert_uint_eq(p.type, 4);
	while (at < p.off + p.filesz) {
		uint64_t name = at + 12;
		uint64_t desc = name + ((get(&e->b, at, 4) + 3) & ~UINT64_C(3));

		*len = get(&e->b, at + 4, 4);
		ck_assert(range_fits(desc, *len, p.off + p.filesz));
		if (get(&e->b, at + 8, 4) == type &&
		    !strcmp((const char *)e->b.bytes + name, owner))
			return e->b.bytes + desc;
		at = desc + ((*len + 3) & ~UINT64_C(3));
	}
	ck_assert_uint_eq(at, p.off + p.filesz);
	return NULL;
}

/* A line of the note that tells what is missing. (transfer full) */
static char *told(const struct elf *e, const char *key)
{
	uint64_t len;
	const uint8_t *note = find_note(e, CORE_NOTE_OWNER, CORE_NOTE_TYPE,
					&len);
	g_autofree char *text = NULL, *head = g_strdup_printf("\n%s:\t", key);
	const char *at;

	ck_assert_ptr_nonnull(note);
	text = g_strdup_printf("\n%.*s", (int)len, (const char *)note);
	at = strstr(text, head);
	return at ? g_strndup(at + strlen(head),
			      strcspn(at + strlen(head), "\n")) : NULL;
}

/* The bytes of vmem at an offset are those. */
static void same_as_vmem(TreeFile *vmem, uint64_t at, const uint8_t *bytes,
			 uint64_t len)
{
	g_autofree uint8_t *buf = g_malloc(len);

	ck_assert_int_eq(unit_tree_read(vmem, at, len, PLAN_MAX_BYTES, buf),
			 (int64_t)len);
	ck_assert(!memcmp(buf, bytes, len));
}

/* Segments of the core below `end` (0: all) are what vmem has as data, in
 * order and all of it. */
static void check_core(const struct unit_tree *t, const char *dir,
		       const char *name, uint64_t end)
{
	g_autofree char *path = g_strdup_printf("%s/%s", dir, name);
	struct tree_node node = unit_tree_node(t, "%s/vmem", dir);
	g_autoptr(TreeFile) vmem = tree_open(t->tree, &node);
	unsigned bits = node.space->as.form->va_bits;
	int64_t data = tree_file_seek(vmem, 0, SEEK_DATA);
	struct elf e;

	elf_open(t, &e, path);
	ck_assert_uint_eq(e.wide, bits > 32 && !end);
	for (uint64_t i = 1; i < e.n; i++) {
		const struct phdr p = phdr_at(&e, i);
		uint64_t at = p.va & ((UINT64_C(1) << bits) - 1);

		ck_assert_uint_eq(p.type, 1);
		ck_assert_uint_eq(p.filesz, p.memsz);
		ck_assert_uint_eq((p.off - p.va) % p.align, 0);
		ck_assert_uint_eq(virt_canonical(at, bits).v, p.va);
		ck_assert_int_eq(data, (int64_t)at);
		ck_assert(range_fits(p.off, p.filesz, e.b.len));
		same_as_vmem(vmem, at, e.b.bytes + p.off, p.filesz);
		ck_assert_int_ge(tree_file_seek(vmem, at, SEEK_HOLE),
				 (int64_t)(at + p.filesz));
		data = tree_file_seek(vmem, at + p.filesz, SEEK_DATA);
	}
	ck_assert(data == -ENXIO || (end && data >= (int64_t)end));
	g_free(e.b.bytes);
}

/* Lines of dump.idx say what dump has, and it is all that vmem has. */
static void check_dump(const struct unit_tree *t, const char *dir)
{
	g_autofree char *path = g_strdup_printf("%s/dump", dir);
	g_autofree char *idx = unit_tree_text(t, "%s/dump.idx", dir);
	struct tree_node node = unit_tree_node(t, "%s/vmem", dir);
	g_autoptr(TreeFile) vmem = tree_open(t->tree, &node);
	bool wide = node.space->as.form->va_bits > 32;
	const char *p = strchr(strchr(idx, '\n') + 1, '\n') + 1;
	int64_t data = tree_file_seek(vmem, 0, SEEK_DATA);
	uint64_t done = 0, off, len, va, after = 0;
	struct blob b;

	blob_read(t, &b, path);
	while (*p) {
		g_autofree char *line = NULL;

		ck_assert_int_eq(sscanf(p, "0x%" SCNx64 " 0x%" SCNx64
					   " 0x%" SCNx64, &off, &len, &va), 3);
		line = wide ? g_strdup_printf("0x%012" PRIx64 " 0x%012" PRIx64
					      " 0x%012" PRIx64 "\n",
					      off, len, va) :
			      g_strdup_printf("0x%08" PRIx64 "   0x%08" PRIx64
					      " 0x%08" PRIx64 "  \n",
					      off, len, va);
		ck_assert(g_str_has_prefix(p, line));
		p += strlen(line);
		ck_assert_uint_eq(off, done);
		ck_assert(range_fits(off, len, b.len) && len && len <= MIB);
		/* As long as it can be: a new line is a new range or MiB. */
		ck_assert(va == after || data == (int64_t)va);
		same_as_vmem(vmem, va, b.bytes + off, len);
		done += len;
		after = len == MIB ? va + len : 0;
		data = tree_file_seek(vmem, va + len, SEEK_DATA);
		ck_assert(len == MIB || data != (int64_t)(va + len));
	}
	ck_assert_int_eq(data, -ENXIO);
	ck_assert_uint_eq(done, b.len);
	g_free(b.bytes);
}

static const struct {
	const char *layout;
	unsigned machine;
	bool all;
} machines[] = {
	{ "x86-5.1.2600", ELF_386, false },
	{ "x86pae-6.1.7601", ELF_386, true },
	{ "amd64-6.1.7601-b", ELF_X86_64, false },
	{ "amd64-10.0.19041-b", ELF_X86_64, true },
	{ "amd64la57-10.0.22621", ELF_X86_64, true },
	{ "arm64-10.0.19041", ELF_AARCH64, false },
};

static void check_space(const struct unit_tree *t, const char *dir,
			unsigned machine)
{
	g_autofree char *path = g_strdup_printf("%s/core", dir);
	struct elf e;

	elf_open(t, &e, path);
	ck_assert_uint_eq(e.machine, machine);
	g_free(e.b.bytes);
	check_core(t, dir, "core", 0);
	check_dump(t, dir);
}

START_TEST(test_forms)
{
	const struct mk_options machine = {
		.seed = 5, .size_mib = 32, .layout = machines[_i].layout,
		.hole = _i != 0, .states = _i == 3, .threads = _i != 5,
	};
	const struct tree_options options = { .all = machines[_i].all,
					      .copy = _i & 1 };
	struct unit_tree t;

	unit_tree_init(&t, &machine, &options);
	for (size_t i = 0; i < procset_count(t.procs); i++) {
		const struct proc_entry *e = procset_get(t.procs, i);
		g_autofree char *dir = g_strdup_printf("proc/%s", e->dir);
		g_autofree char *dtb = NULL;

		check_space(&t, dir, machines[_i].machine);
		if (core32_there(NULL, unit_tree_node(&t, "%s", dir).space, 0))
			check_core(&t, dir, "core32", 4 * GIB);
		if (i)
			continue;
		dtb = g_strdup_printf("dtb/%" PRIx64,
				      addr_space_dtb(&e->as).v);
		check_space(&t, dtb, machines[_i].machine);
	}
	check_space(&t, "kernel", machines[_i].machine);
	unit_tree_clear(&t);
}
END_TEST

/* Names are text that a terminal can show, cut where a character ends. */
START_TEST(test_names)
{
	const struct mk_options machine = { .seed = 6, .size_mib = 32,
					    .hostile_names = true };
	struct unit_tree t;

	unit_tree_init(&t, &machine, NULL);
	for (size_t i = 0; i < procset_count(t.procs); i++) {
		const char *dir = procset_get(t.procs, i)->dir;
		g_autofree char *path = g_strdup_printf("proc/%s/core", dir);
		const uint8_t *note;
		struct elf e;
		uint64_t len;

		elf_open(&t, &e, path);
		note = find_note(&e, "CORE", ELF_NOTE_PRPSINFO, &len);
		ck_assert(note && len == 136);
		ck_assert_uint_eq(load_le32(note + 24),
				  procset_get(t.procs, i)->p.pid);
		ck_assert(!note[55] && !note[135]);
		for (const char *s = (const char *)note + 40;
		     s <= (const char *)note + 56; s += 16) {
			ck_assert(g_utf8_validate(s, -1, NULL));
			for (const char *c = s; *c; c++)
				ck_assert((uint8_t)*c >= ' ' && *c != 127);
		}
		g_free(e.b.bytes);
	}
	unit_tree_clear(&t);
}
END_TEST

static void names_are(const char *name, const char *command, const char *want,
		      size_t want_command)
{
	const struct elf_form form = { false, ELF_386 };
	const struct elf_process process = { .pid = 1, .state = 'Z',
					     .name = name,
					     .command = command };
	g_autoptr(GByteArray) out = g_byte_array_new();

	elf_put_prpsinfo(out, &form, &process);
	ck_assert_uint_eq(out->len, 12 + 8 + 124);
	ck_assert_str_eq((const char *)out->data + 20 + 28, want);
	ck_assert_uint_eq(strlen((const char *)out->data + 20 + 44),
			  want_command);
}

START_TEST(test_cut)
{
	g_autofree char *command = g_strnfill(90, 'c');

	names_are("short", "", "short", 0);
	names_are("123456789012345", command, "123456789012345", 79);
	names_are("1234567890123456", "x", "123456789012345", 1);
	/* the fifteenth byte would be half an e acute */
	names_are("12345678901234\303\251", command, "12345678901234", 79);
	memcpy(command + 77, "\342\202\254", 3);
	names_are("", command, "", 77);
}
END_TEST

/* The count of headers moves to section 0 exactly where it must. */
START_TEST(test_many)
{
	const struct elf_form form = { _i, _i ? ELF_X86_64 : ELF_386 };
	const unsigned phdr = _i ? 56 : 32, ehdr = _i ? 64 : 52;

	for (uint64_t n = 0xfffe; n <= 0x10000; n++) {
		g_autofree struct elf_segment *loads =
			g_new0(struct elf_segment, n - 1);
		g_autoptr(GByteArray) out = g_byte_array_new();
		struct blob b;

		elf_put_headers(out, &form, 7, 8, loads, n);
		b = (struct blob){ out->data, out->len };
		ck_assert_uint_eq(out->len, elf_headers_bytes(&form, n));
		if (n < 0xffff) {
			ck_assert_uint_eq(out->len, ehdr + n * phdr);
			ck_assert_uint_eq(get(&b, _i ? 56 : 44, 2), n);
			continue;
		}
		ck_assert_uint_eq(get(&b, _i ? 56 : 44, 2), 0xffff);
		ck_assert_uint_eq(get(&b, _i ? 40 : 32, _i ? 8 : 4),
				  ehdr + n * phdr);
		ck_assert_uint_eq(get(&b, ehdr + n * phdr + (_i ? 44 : 28), 4),
				  n);
	}
}
END_TEST

/* Page tables of 32 bits that map the same 4 MiB everywhere: 4 GiB, more than
 * a 32-bit file can have. It is left out, and that is said. */
START_TEST(test_too_long)
{
	static const struct proc_select all = { .methods = METHODS_ALL };
	const struct tree_options options = { .dtb = 0x1000,
					      .form = &paging_x86 };
	const struct image_run run = { .pa = 0, .len = 4 * MIB };
	g_autofree char *left = NULL, *there = NULL;
	g_autofree uint8_t *bytes = g_malloc0(4 * MIB);
	struct unit_tree t = { 0 };
	struct elf e;

	for (unsigned i = 0; i < 1024; i++)
		bytes[0x1000 + 4 * i] = 0xe7;
	unit_mem_init_runs(&t.w.mem, bytes, 4 * MIB, &run, 1);
	t.w.log = log_new();
	t.procs = procset_build(NULL, &all, t.w.log);
	t.tree = tree_new(t.w.mem.image, t.w.mem.pm, NULL, t.procs, t.w.log,
			  &options);
	elf_open(&t, &e, "dtb/1000/core");
	ck_assert_uint_eq(e.n, 1);
	there = told(&e, "Segments");
	ck_assert_str_eq(there, "0");
	left = told(&e, "SegmentsLeftOut");
	ck_assert_str_eq(left, "1");
	g_free(e.b.bytes);
	tree_free(t.tree);
	procset_free(t.procs);
	log_free(t.w.log);
	unit_mem_clear(&t.w.mem);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-core");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_loop_test(tcase, test_forms, 0,
			    (int)G_N_ELEMENTS(machines));
	tcase_add_test(tcase, test_names);
	tcase_add_test(tcase, test_cut);
	tcase_add_loop_test(tcase, test_many, 0, 2);
	tcase_add_test(tcase, test_too_long);
	return unit_main(suite);
}
