/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handles of a process, and the links in its fd/. */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "nt/objname.h"
#include "tree/fds.h"

enum {
	DECIMAL = 1, /* in the arg of an ITEM_FD */
	NAME_MAX_DIGITS = 16,
};

struct fds {
	GArray *handles;
	GHashTable *texts; /* set of char *, owned: types and names */
	struct space_handles_facts facts;
	size_t text_bytes;
	size_t read_bytes; /* of names, each time they were read */
};

struct load {
	struct fds *fds;
	NtObjnames *names;
};

/* One copy of each text. */
static const char *keep(struct fds *fds, const char *text)
{
	const char *kept;
	char *copy;

	if (!text)
		return NULL;
	kept = g_hash_table_lookup(fds->texts, text);
	if (kept)
		return kept;
	copy = g_strdup(text);
	g_hash_table_add(fds->texts, copy);
	fds->text_bytes += strlen(copy) + 1;
	return copy;
}

static void take(void *ctx, const struct nt_handle *h)
{
	struct load *load = ctx;
	struct fds *fds = load->fds;
	struct space_handle s = { .value = h->value, .header = h->object,
				  .access = h->access };
	struct nt_object_info info;

	if (fds->handles->len >= FDS_MAX)
		return;
	if (fds->read_bytes >= FDS_NAME_BYTES) {
		fds->facts.n_unnamed++;
	} else if (nt_objname_read(load->names, VIRT(h->object), &info)) {
		s.object = info.body.v;
		s.type = keep(fds, info.type);
		s.name = keep(fds, info.name);
		fds->read_bytes += info.name ? strlen(info.name) : 0;
		nt_object_info_clear(&info);
	}
	g_array_append_val(fds->handles, s);
}

static void read_table(struct fds *fds, const NtKernel *k, VirtAddr table)
{
	struct load load = { fds, nt_objnames_new(k) };
	const struct nt_handle_sink sink = { take, NULL, &load };
	/* No page has fewer handles than a page of the widest entries. */
	uint32_t budget = nt_handles_budget(&k->profile);
	struct nt_handles h =
		nt_handles_walk(&k->as, &k->profile, table, &budget, &sink);

	fds->facts.status = h.status;
	fds->facts.n_used = h.n_used;
	fds->facts.n_lost = h.n_lost;
	fds->facts.exhausted = h.exhausted;
	nt_objnames_free(load.names);
}

static gpointer load_handles(const struct render_facts *facts,
			     const Space *space, unsigned kind, uint64_t arg)
{
	struct fds *fds = g_new0(struct fds, 1);

	(void)kind;
	(void)arg;
	fds->handles = g_array_new(FALSE, FALSE, sizeof(struct space_handle));
	fds->texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					   NULL);
	if (!facts->kernel || !space->proc || !space->proc->p.object_table)
		return fds;
	fds->facts.has_table = true;
	read_table(fds, facts->kernel, VIRT(space->proc->p.object_table));
	return fds;
}

static void free_handles(gpointer data)
{
	struct fds *fds = data;

	g_array_unref(fds->handles);
	g_hash_table_unref(fds->texts);
	g_free(fds);
}

static size_t handles_footprint(gconstpointer data)
{
	const struct fds *fds = data;

	return sizeof *fds + fds->text_bytes +
	       64 * g_hash_table_size(fds->texts) +
	       fds->handles->len * sizeof(struct space_handle);
}

const struct detail_class handles_class = { load_handles, free_handles,
					    handles_footprint };

const GArray *space_handles(const Detail *detail)
{
	const struct fds *fds = detail_data(detail);

	return fds->handles;
}

const struct space_handles_facts *space_handles_facts(const Detail *detail)
{
	const struct fds *fds = detail_data(detail);

	return &fds->facts;
}

static const struct space_handle *find(const GArray *handles, uint64_t value)
{
	guint from = 0, to = handles->len;

	while (from < to) {
		guint middle = from + (to - from) / 2;
		const struct space_handle *h = &g_array_index(
			handles, struct space_handle, middle);

		if (h->value == value)
			return h;
		if (h->value < value)
			from = middle + 1;
		else
			to = middle;
	}
	return NULL;
}

static void set_entry(struct item_entry *ret, uint64_t value, bool decimal)
{
	ret->item = ITEM_FD;
	ret->arg = value | (decimal ? DECIMAL : 0);
	ret->name = decimal ? g_strdup_printf("%" PRIu64, value) :
			      g_strdup_printf("0x%" PRIx64, value);
}

/* First all in hex, then all in decimal. */
bool fds_at(const struct render_facts *facts, const Space *space, uint64_t arg,
	    uint64_t index, struct item_entry *ret)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_HANDLES);
	const GArray *handles = space_handles(detail);
	bool decimal = index >= handles->len;

	(void)arg;
	if (decimal)
		index -= handles->len;
	if (index >= handles->len)
		return false;
	set_entry(ret,
		  g_array_index(handles, struct space_handle, index).value,
		  decimal);
	return true;
}

bool fds_find(const struct render_facts *facts, const Space *space,
	      uint64_t arg, const char *name, struct item_entry *ret)
{
	bool decimal = !g_str_has_prefix(name, "0x");
	g_autofree char *canonical = NULL;
	struct item_entry entry;
	uint64_t value;

	(void)arg;
	if (strlen(name) > NAME_MAX_DIGITS)
		return false;
	value = decimal ? g_ascii_strtoull(name, NULL, 10) :
			  g_ascii_strtoull(name + 2, NULL, 16);
	set_entry(&entry, value, decimal);
	canonical = g_steal_pointer(&entry.name);
	if (value % 4 || strcmp(canonical, name) ||
	    !fd_there(facts, space, entry.arg))
		return false;
	*ret = entry;
	return true;
}

bool fd_there(const struct render_facts *facts, const Space *space,
	      uint64_t arg)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_HANDLES);

	return find(space_handles(detail), arg & ~(uint64_t)DECIMAL) != NULL;
}

static char *hex_text(const struct space_handle *h)
{
	const char *type = h->type ? h->type : "?";

	if (h->name)
		return g_strdup_printf("%s:%s", type, h->name);
	return g_strdup_printf("%s:[0x%" PRIx64 "]", type,
			       h->object ? h->object : h->header);
}

/* As Linux has it: a path is said as it is; and nothing with a ':' in front
 * of what counts. */
static char *decimal_text(const struct space_handle *h)
{
	const char *type = h->type ? h->type : "?";

	if (h->name && *h->name == '\\')
		return g_strdup(h->name);
	if (h->name)
		return g_strdup_printf("%s %s", type, h->name);
	return g_strdup_printf("%s [0x%" PRIx64 "]", type,
			       h->object ? h->object : h->header);
}

char *fd_target(const struct render_facts *facts, const Space *space,
		uint64_t arg)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_HANDLES);
	const struct space_handle *h =
		find(space_handles(detail), arg & ~(uint64_t)DECIMAL);
	g_autofree char *text = NULL, *link = NULL;

	if (!h)
		return NULL;
	text = arg & DECIMAL ? decimal_text(h) : hex_text(h);
	link = text_escape_link(text);
	/* It marks a text without a folder, so that it leads nowhere. There
	 * is no need: with ':' or ' ' in it, it is no name in fd/. */
	if (!strchr(text, '\\') && g_str_has_prefix(link, "?\\"))
		return g_strdup(link + 2);
	return g_steal_pointer(&link);
}

static void put_row(struct sink *out, const struct space_handle *h)
{
	g_autofree char *type = h->type ? text_escape_field(h->type) : NULL;
	g_autofree char *name = h->name ? text_escape_path(h->name) : NULL;

	sink_printf(out, "0x%-6" PRIx64 " %-20s 0x%08" PRIx32 " ", h->value,
		    type ? type : "-", h->access);
	if (h->object)
		sink_printf(out, "0x%016" PRIx64, h->object);
	else
		sink_printf(out, "%-18s", "-");
	sink_printf(out, " %s\n", name && *name ? name : "-");
}

static void put_notes(struct sink *out, const struct space_handles_facts *f)
{
	if (!f->has_table)
		sink_str(out, "# the process has no handle table\n");
	else if (f->status == NT_HANDLES_UNKNOWN)
		sink_str(out, "# handle tables of this kernel are not known\n");
	else if (f->status == NT_HANDLES_UNREADABLE)
		sink_str(out, "# the handle table is not in the image\n");
	else if (f->status == NT_HANDLES_BAD)
		sink_str(out, "# the handle table makes no sense\n");
	if (f->n_lost)
		sink_printf(out,
			    "# %" PRIu32 " page(s) of the table missing\n",
			    f->n_lost);
	if (f->exhausted)
		sink_str(out, "# the table leads to more pages than one can"
			      " have: the rest was not read\n");
	if (f->n_used > FDS_MAX)
		sink_printf(out,
			    "# %" PRIu64 " handles, the first %d are listed\n",
			    f->n_used, FDS_MAX);
	if (f->n_unnamed)
		sink_printf(out,
			    "# the last %" PRIu64
			    " are not named: the names are too long\n",
			    f->n_unnamed);
}

void render_handles(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view)
{
	g_autoptr(Detail) detail = detail_get(facts, space, DETAIL_HANDLES);
	const GArray *handles = space_handles(detail);

	(void)view;
	sink_printf(out, "%-8s %-20s %-10s %-18s %s\n", "HANDLE", "TYPE",
		    "ACCESS", "OBJECT", "NAME");
	for (guint i = 0; i < handles->len; i++)
		put_row(out, &g_array_index(handles, struct space_handle, i));
	put_notes(out, space_handles_facts(detail));
}
