/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Modules of processes: images, and the loader's lists of them, of WoW64
 * processes both kinds; some that do not agree. And drivers. The offsets are
 * those of all versions (symbol tables; ntdll's and the kernel's agree).
 */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <inttypes.h>
#include <string.h>

#define DLL_PAGES 5u
#define IMAGE_PAGES 16u
/* In the two pages of the lists. */
#define ENTRIES_AT 0x80u
#define ENTRY_STEP 0xc0u
#define TEXTS_AT 0x800u

/* Who has what out of order. */
#define PID_VAD_ONLY 3400u
#define PID_UNLINKED 908u
#define PID_NO_VAD 624u

struct form {
	unsigned int pointer_bytes;
	uint32_t peb_ldr;
	uint32_t heads;
	uint32_t base, entry, size, path, name, flags, timestamp;
};

static const struct form form64 = {
	8, 0x18, 0x10, 0x30, 0x38, 0x40, 0x48, 0x58, 0x68, 0x80,
};
static const struct form form32 = {
	4, 0xc, 0xc, 0x18, 0x1c, 0x20, 0x24, 0x2c, 0x34, 0x44,
};

struct lists {
	MkWin *win;
	MkProc *proc;
	const struct form *form;
	uint64_t ldr;
	uint64_t tail[3]; /* last link of each */
	uint32_t n;
	uint32_t text;
};

static void put(const struct lists *l, uint64_t va, uint64_t value,
		unsigned int n)
{
	value = GUINT64_TO_LE(value);
	mk_user_write(l->win, l->proc, va, &value, n);
}

static void put_ptr(const struct lists *l, uint64_t va, uint64_t value)
{
	put(l, va, value, l->form->pointer_bytes);
}

static void put_string(struct lists *l, uint64_t at, const char *text)
{
	glong n = 0;
	g_autofree gunichar2 *utf16 = g_utf8_to_utf16(text, -1, NULL, &n, NULL);
	const uint32_t len = 2 * (uint32_t)n;

	g_assert(utf16 && l->text + len <= 2 * MK_PAGE_SIZE);
	for (glong i = 0; i < n; i++)
		utf16[i] = GUINT16_TO_LE(utf16[i]);
	put(l, at, len | (len + 2) << 16, 4);
	put_ptr(l, at + l->form->pointer_bytes, l->ldr + l->text);
	mk_user_write(l->win, l->proc, l->ldr + l->text, utf16, len);
	l->text += (len + 2 + 7) & ~7u;
}

static void start_lists(struct lists *l, uint64_t peb, uint64_t ldr)
{
	const unsigned int n = l->form->pointer_bytes;

	l->ldr = ldr;
	l->text = TEXTS_AT;
	mk_user_pages(l->win, l->proc, ldr, 2);
	put_ptr(l, peb + l->form->peb_ldr, ldr);
	put(l, ldr, l->form->heads + 6 * n, 4);
	put(l, ldr + 4, 1, 4);
	for (unsigned int i = 0; i < 3; i++) {
		l->tail[i] = ldr + l->form->heads + 2 * n * i;
		put_ptr(l, l->tail[i], l->tail[i]);
		put_ptr(l, l->tail[i] + n, l->tail[i]);
	}
}

/* lists: bits, by load order, address, initialisation. */
static void add_entry(struct lists *l, const struct mk_module *m,
		      unsigned int lists)
{
	const struct form *f = l->form;
	const unsigned int n = f->pointer_bytes;
	const uint64_t va = l->ldr + ENTRIES_AT + l->n++ * ENTRY_STEP;

	g_assert(va + ENTRY_STEP <= l->ldr + TEXTS_AT);
	put_ptr(l, va + f->base, m->base);
	put_ptr(l, va + f->entry, m->base + 0x1000);
	put(l, va + f->size, m->size, 4);
	put(l, va + f->flags, 0x22cc, 4);
	put(l, va + f->timestamp, m->timestamp, 4);
	put_string(l, va + f->path, m->path);
	put_string(l, va + f->name, m->name);
	for (unsigned int i = 0; i < 3; i++) {
		const uint64_t link = va + 2 * n * i;
		const uint64_t head = l->ldr + f->heads + 2 * n * i;

		if (!(lists & 1u << i))
			continue;
		put_ptr(l, l->tail[i], link);
		put_ptr(l, link + n, l->tail[i]);
		put_ptr(l, link, head);
		put_ptr(l, head + n, link);
		l->tail[i] = link;
	}
}

/* An image that all processes share, made when it is first wanted. */
static const struct mk_dll *find_dll(MkWin *win, const char *name, bool wide)
{
	g_autofree uint8_t *bytes = NULL;
	struct mk_dll *dll = win->dlls;

	for (; dll->image.name; dll++)
		if (strcmp(dll->image.name, name) == 0 &&
		    dll->image.wide == wide)
			return dll;
	g_assert(dll < win->dlls + MK_DLLS_MAX - 1);
	mk_image_init(win, &dll->image, name, wide, DLL_PAGES);
	dll->image.base = (mk_is_32bit(win)	   ? UINT64_C(0x75000000)
			   : wide && win->build >= MK_BUILD_81
				   ? UINT64_C(0x7ffb10000000)
			   : wide ? UINT64_C(0x77000000)
				  : UINT64_C(0x75000000)) +
			  (uint64_t)(dll - win->dlls) * 0x100000;
	bytes = mk_pe_build(&dll->image);
	for (unsigned int i = 0; i < DLL_PAGES; i++) {
		dll->pa[i] = mk_phys_page(win->phys);
		mk_phys_write(win->phys, dll->pa[i], bytes + i * MK_PAGE_SIZE,
			      MK_PAGE_SIZE);
	}
	return dll;
}

static void map_page(MkWin *win, MkProc *proc, uint64_t va, uint64_t pa,
		     unsigned int protection)
{
	const struct mk_page page = {
		.va = va,
		.pa = pa,
		.size = MK_PAGE_SIZE,
		.raw = mk_leaf(win, pa, MK_PAGE_SIZE,
			       mk_user_bits(proc, protection)),
		.rights = mk_user_rights(win, protection, true),
		.state = MK_STATE_VALID,
		.content = MK_CONTENT_OTHER,
		.swap = MK_NO_PA,
	};

	mk_paging_poke(proc->paging, va, 1, page.raw);
	g_array_append_val(proc->pages, page);
}

static void add_region(MkProc *proc, uint64_t start, unsigned int pages,
		       const char *file)
{
	const struct mk_region r = {
		.start = start,
		.end = start + pages * MK_PAGE_SIZE,
		.protection = file ? MK_PROT_XWC : MK_PROT_RWX,
		.type = file ? 2 : 0,
		.is_private = !file,
		.file = file,
	};

	g_array_append_val(proc->regions, r);
}

static struct mk_module to_module(const struct mk_image *image,
				  const char *path, const char *from,
				  const char *marks)
{
	struct mk_module m = {
		.base = image->base,
		.size = image->pages * (uint32_t)MK_PAGE_SIZE,
		.timestamp = image->timestamp,
		.name = image->name,
		.path = path,
		.from = from,
		.marks = marks,
		.pdb = image->pdb,
	};

	memcpy(m.version, image->version, sizeof(m.version));
	memcpy(m.guid, image->guid, sizeof(m.guid));
	return m;
}

static void note(MkProc *proc, const struct mk_module *m)
{
	g_array_append_val(proc->modules, *m);
}

/* A DLL in a folder of C:\Windows. */
static void add_dll(struct lists *l, const char *name, const char *folder,
		    bool wide, unsigned int lists)
{
	const struct mk_dll *dll = find_dll(l->win, name, wide);
	g_autofree char *file =
		g_strdup_printf("\\Windows\\%s\\%s", folder, name);
	g_autofree char *path = g_strconcat("C:", file, NULL);
	const char *from = wide || mk_is_32bit(l->win) ? "ldr,vad"
						       : "ldr32,vad";
	struct mk_module m =
		to_module(&dll->image, g_intern_string(path), from, "-");

	for (unsigned int i = 0; i < DLL_PAGES; i++)
		map_page(l->win, l->proc, m.base + i * MK_PAGE_SIZE,
			 dll->pa[i], mk_pe_protection(&dll->image, i));
	add_region(l->proc, m.base, DLL_PAGES, g_intern_string(file));
	if (lists)
		add_entry(l, &m, lists);
	if (!lists) {
		m.from = "vad";
		m.marks = "vad-only";
		m.path = mk_file_path(g_intern_string(file));
	} else if (!(lists & 1)) {
		m.marks = "unlinked";
	}
	note(l->proc, &m);
}

/* Puts headers, the PDB's record and the version into the pages of the program
 * itself, which keeps its other contents. */
static struct mk_module make_program(MkWin *win, MkProc *proc, uint64_t base)
{
	static const uint32_t pages[] = {0, 0x9000, 0xe000};
	const struct mk_process *info = &proc->info;
	const char *slash = strrchr(info->image_path, '\\');
	g_autofree uint8_t *bytes = NULL;
	struct mk_image image;

	mk_image_init(win, &image, slash ? slash + 1 : info->image_path,
		      !mk_is_32bit(win) && !info->wow64, IMAGE_PAGES);
	image.base = base;
	bytes = mk_pe_build(&image);
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++)
		mk_user_write(win, proc, base + pages[i], bytes + pages[i],
			      MK_PAGE_SIZE);
	for (guint i = 0; i < proc->pages->len; i++) {
		struct mk_page *page =
			&g_array_index(proc->pages, struct mk_page, i);

		for (size_t j = 0; j < G_N_ELEMENTS(pages); j++)
			if (page->va == base + pages[j])
				page->content = MK_CONTENT_OTHER;
	}
	return to_module(&image, g_intern_string(info->image_path),
			 info->wow64 ? "ldr,ldr32,vad" : "ldr,vad", "-");
}

/* Memory of its own with an image in it that no list has. */
static void inject(struct lists *l, uint64_t base)
{
	g_autofree uint8_t *bytes = NULL;
	struct mk_image image;
	struct mk_module m;

	mk_image_init(l->win, &image, "injected.dll", !mk_is_32bit(l->win),
		      DLL_PAGES);
	image.base = base;
	bytes = mk_pe_build(&image);
	for (unsigned int i = 0; i < DLL_PAGES; i++)
		map_page(l->win, l->proc, base + i * MK_PAGE_SIZE,
			 mk_phys_page(l->win->phys), MK_PROT_RWX);
	add_region(l->proc, base, DLL_PAGES, NULL);
	mk_user_write(l->win, l->proc, base, bytes, DLL_PAGES * MK_PAGE_SIZE);
	m = to_module(&image, NULL, "mapping", "private");
	m.name = NULL;
	note(l->proc, &m);
}

/* In the lists, but not there. */
static void add_gone(struct lists *l)
{
	struct mk_module m = {
		.base = 0x74000000,
		.size = 0x6000,
		.timestamp = 0x4fffffff,
		.name = "gone.dll",
		.path = "C:\\Program Files\\J\xc3\xbcrgen\\gone.dll",
		.from = "ldr",
		.marks = "no-vad",
	};

	add_entry(l, &m, 7);
	note(l->proc, &m);
}

static void add_wide(struct lists *l, uint64_t low)
{
	const uint32_t pid = l->proc->info.pid;
	const bool wide = !mk_is_32bit(l->win);

	add_dll(l, "ntdll.dll", "System32", wide, 7);
	if (l->proc->info.wow64) {
		add_dll(l, "wow64.dll", "System32", wide, 7);
		return;
	}
	add_dll(l, "kernel32.dll", "System32", wide,
		pid == PID_VAD_ONLY   ? 0
		: pid == PID_UNLINKED ? 6
				      : 7);
	if (pid == PID_NO_VAD)
		add_gone(l);
	if (l->proc->marker)
		inject(l, low + 0xa800000);
}

void mk_ldr_build(MkWin *win, MkProc *proc, uint64_t image, uint64_t low)
{
	struct lists l = {
		.win = win,
		.proc = proc,
		.form = mk_is_32bit(win) ? &form32 : &form64,
	};
	struct mk_module program = make_program(win, proc, image);

	start_lists(&l, proc->info.peb, low + 0x640000);
	add_entry(&l, &program, 3);
	note(proc, &program);
	add_wide(&l, low);
	if (!proc->info.wow64)
		return;
	l = (struct lists){.win = win, .proc = proc, .form = &form32};
	start_lists(&l, proc->info.peb32, low + 0x650000);
	add_entry(&l, &program, 3);
	add_dll(&l, "ntdll.dll", "SysWOW64", false, 7);
	add_dll(&l, "kernel32.dll", "SysWOW64", false, 7);
}

void mk_ldr_drivers(MkWin *win, uint64_t at)
{
	static const char *const names[] = {"tcpip.sys", "my driver.sys"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_strconcat("\\SystemRoot\\system32\\",
						    names[i], NULL);
		g_autofree uint8_t *bytes = NULL;
		struct mk_image image;
		struct mk_module m;

		mk_image_init(win, &image, names[i], !mk_is_32bit(win),
			      DLL_PAGES);
		image.base = at + i * 0x10000;
		bytes = mk_pe_build(&image);
		mk_kwrite(win, image.base, bytes, DLL_PAGES * MK_PAGE_SIZE);
		mk_driver_add(win, names[i], image.base,
			      DLL_PAGES * MK_PAGE_SIZE);
		m = to_module(&image, g_intern_string(path), "kernel", "-");
		g_array_append_val(win->drivers, m);
	}
}

/* The kernel's array of 50: two entries, and one without a range. */
void mk_ldr_unloaded(MkWin *win)
{
	static const char *const names[] = {"crash.sys", "half gone.sys",
					    "none.sys"};
	const uint64_t n = mk_pointer_bytes(win), step = 4 * n + 8;
	const uint64_t va =
		mk_pool_alloc(win, &win->nonpaged, 50 * step, "MmDT");

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		const uint64_t at = va + i * step;
		const uint64_t base =
			win->kernel.base + 0x4000000 + i * 0x10000;

		mk_put_unicode(win, at, names[i]);
		mk_kwrite_ptr(win, at + 2 * n, base);
		mk_kwrite_ptr(win, at + 3 * n, i < 2 ? base + 0x7000 : base);
		mk_kwrite64(win, at + 4 * n, win->time - (i + 1) * MK_SECOND);
	}
	mk_kwrite_ptr(win, mk_symbol(win, "MmUnloadedDrivers"), va);
}

static void put_hex(GString *out, const char *text)
{
	g_string_append_c(out, '\t');
	if (!text)
		g_string_append_c(out, '-');
	for (; text && *text; text++)
		g_string_append_printf(out, "%02x", (uint8_t)*text);
}

static void put_modules(GString *out, const GArray *modules, const char *owner)
{
	for (guint i = 0; i < modules->len; i++) {
		const struct mk_module *m =
			&g_array_index(modules, struct mk_module, i);

		g_string_append_printf(out,
				       "module\t%s\t0x%" PRIx64
				       "\t0x%x\t%s\t%s\t0x%x",
				       owner, m->base, m->size, m->from,
				       m->marks, m->timestamp);
		put_hex(out, m->name);
		put_hex(out, m->path);
		if (!m->pdb) {
			g_string_append(out, "\t-\t-\t-\n");
			continue;
		}
		g_string_append_c(out, '\t');
		for (size_t j = 0; j < sizeof(m->guid); j++)
			g_string_append_printf(out, "%02x", m->guid[j]);
		g_string_append_printf(out, "\t%s\t%u.%u.%u.%u\n", m->pdb,
				       m->version[0] >> 16,
				       m->version[0] & 0xffff,
				       m->version[1] >> 16,
				       m->version[1] & 0xffff);
	}
}

void mk_ldr_truth(GString *out, const MkWin *win)
{
	put_modules(out, win->drivers, "kernel");
	for (guint i = 0; i < win->procs->len; i++) {
		const struct mk_process *info = mk_win_process(win, i);
		g_autofree char *pid = g_strdup_printf("%" PRIu32, info->pid);

		put_modules(out, info->modules, pid);
	}
}
