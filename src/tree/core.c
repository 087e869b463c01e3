/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Segments of a core, and the file. */
#include "config.h"

#include "base/bytes.h"
#include "tree/core.h"
#include "tree/threads.h"
#include "vtop/forms.h"

static struct elf_form form_of(const Space *space)
{
	const struct paging_form *paging = space->as.form;

	if (paging->va_bits == 32)
		return (struct elf_form){ false, ELF_386 };
	return (struct elf_form){
		true, paging == &paging_arm64 ? ELF_AARCH64 : ELF_X86_64
	};
}

static unsigned elf_rights(unsigned rights)
{
	return (rights & RIGHT_READ ? ELF_R : 0u) |
	       (rights & RIGHT_WRITE ? ELF_W : 0u) |
	       (rights & RIGHT_EXEC ? ELF_X : 0u);
}

/* The first byte at or behind `at` of a file in which a byte of that address
 * may lie: pages begin where pages begin. (What a list of ranges has, in a
 * triage dump, begins anywhere.) */
static uint64_t congruent(uint64_t at, uint64_t va)
{
	return at + ((va - at) & PAGE_MASK_4K);
}

/* Of the first regions, as many as the file can have; without offsets. */
static void find_loads(struct core *core)
{
	const GArray *regions = core->view->regions;
	uint64_t n = 0;

	for (guint i = 0; i < regions->len; i++) {
		const struct region *r =
			&g_array_index(regions, struct region, i);
		struct elf_segment s = {
			.va = space_address(core->space, r->start),
			.len = r->len,
			.rights = elf_rights(r->rights),
		};

		if (core->end && r->start >= core->end)
			break;
		if (core->end)
			s.len = MIN(s.len, core->end - r->start);
		if (n++ < CORE_SEGMENTS_MAX)
			g_array_append_val(core->loads, s);
	}
	core->n_wanted = n;
}

/* Gives the segments their places. A 32-bit file ends at 4 GiB: those that
 * do not fit are left out. */
static void place_loads(struct core *core, uint64_t at)
{
	GArray *loads = core->loads;
	uint64_t limit = core->form.is_64 ? INT64_MAX : UINT32_MAX;

	for (guint i = 0; i < loads->len; i++) {
		struct elf_segment *s =
			&g_array_index(loads, struct elf_segment, i);

		s->off = congruent(at, s->va);
		if (!range_fits(s->off, s->len, limit)) {
			g_array_set_size(loads, i);
			return;
		}
		at = s->off + s->len;
	}
}

static void put_loads(Compose *c, const struct core *core)
{
	for (guint i = 0; i < core->loads->len; i++) {
		const struct elf_segment *s =
			&g_array_index(core->loads, struct elf_segment, i);

		compose_hole(c, s->off - compose_size(c));
		compose_space(c,
			      g_array_index(core->view->regions, struct region,
					    i).start,
			      s->len);
	}
}

/* The notes say how many segments there are, and come before them. */
static void put_all(Compose *c, struct core *core)
{
	g_autoptr(GByteArray) notes = g_byte_array_new();
	g_autoptr(GByteArray) headers = g_byte_array_new();
	uint64_t n, start, headers_len;

	find_loads(core);
	headers_len = elf_headers_bytes(&core->form, core->loads->len + 1u);
	core_put_notes(notes, core);
	start = page_ceil(headers_len + notes->len);
	n = core->loads->len;
	place_loads(core, start);
	if (core->loads->len < n) {
		/* A few bytes less of headers and other numbers in the notes:
		 * all of it has room where it is. */
		g_byte_array_set_size(notes, 0);
		core_put_notes(notes, core);
	}
	elf_put_headers(headers, &core->form, headers_len, notes->len,
			(const void *)core->loads->data,
			core->loads->len + 1u);
	compose_bytes(c, headers->data, headers->len);
	compose_hole(c, headers_len - headers->len);
	compose_bytes(c, notes->data, notes->len);
	put_loads(c, core);
}

static Compose *make(const struct render_facts *facts, const Space *space,
		     struct elf_form form, uint64_t end)
{
	g_autoptr(SpaceView) view =
		space_view((Space *)(uintptr_t)space, facts->views);
	struct core core = {
		.facts = facts,
		.space = space,
		.view = view,
		.form = form,
		.end = end,
		.loads = g_array_new(FALSE, FALSE, sizeof(struct elf_segment)),
		.names = g_ptr_array_new_with_free_func(g_free),
		.arrays = g_ptr_array_new_with_free_func(
			(GDestroyNotify)g_array_unref),
	};
	Compose *c = compose_new(view);

	core.threads = g_array_new(FALSE, FALSE, sizeof(struct nt_thread));
	core.files = g_array_new(FALSE, FALSE, sizeof(struct elf_file));
	core_find_threads(&core);
	core_find_files(&core);
	put_all(c, &core);
	g_array_unref(core.files);
	g_array_unref(core.threads);
	g_ptr_array_unref(core.arrays);
	g_ptr_array_unref(core.names);
	for (unsigned i = 0; i < SPACE_DETAILS; i++)
		detail_unref(core.details[i]);
	g_array_unref(core.loads);
	return c;
}

Compose *core_compose(const struct render_facts *facts, const Space *space,
		      uint64_t arg)
{
	(void)arg;
	return make(facts, space, form_of(space), 0);
}

bool core32_there(const struct render_facts *facts, const Space *space,
		  uint64_t arg)
{
	struct elf_form form = form_of(space);

	(void)facts;
	(void)arg;
	return space->proc && space->proc->p.known & NTP_WOW64 &&
	       space->proc->p.wow64 && form.machine == ELF_X86_64;
}

Compose *core32_compose(const struct render_facts *facts, const Space *space,
			uint64_t arg)
{
	struct elf_form form = { false, ELF_386 };

	(void)arg;
	return make(facts, space, form, 4 * GIB);
}
