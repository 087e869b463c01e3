/* SPDX-License-Identifier: GPL-3.0-or-later */
/* VMware state files. */
#include "config.h"

#include <string.h>

#include "base/bytes.h"
#include "base/reader.h"
#include "image/vmware_state.h"

enum {
	HEADER_BYTES = 12, /* magic, version, number of groups */
	GROUP_BYTES = 80,
	GROUP_NAME = 64,
	GROUPS_MAX = 4096, /* some hundred are usual */
	TAGS_MAX = 1 << 18,
	REGIONS_MAX = 4096, /* two or three are usual */
	INDICES_MAX = 3,
	SIZE_COMPRESSED = 62,
	SIZE_BLOCK = 63,
	/* flags, length, name, indices, two sizes, padding */
	TAG_BYTES_MAX = 2 + 255 + 4 * INDICES_MAX + 16 + 2,
};

struct tag {
	char name[256];
	unsigned n_indices;
	uint32_t index[INDICES_MAX];
	uint64_t off; /* of the data */
	uint64_t len; /* in the file */
	uint64_t mem_len;
	bool compressed;
	uint64_t next;
};

struct parse {
	const ImageIo *io;
	struct vmware_state *state;
	bool is64; /* sizes of blocks have 8 bytes */
	uint32_t n_tags;
	uint64_t window_off;
	uint32_t window_len;
	uint8_t window[4096];
};

static bool known_magic(uint32_t magic)
{
	static const uint32_t known[] = {
		0xbed0bed0, /* 32-bit sizes */
		0xbad1bad1, 0xbad2bad2, 0xbed2bed2, 0xbed3bed3,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(known); i++)
		if (magic == known[i])
			return true;
	return false;
}

bool vmware_is_state(const ImageIo *io)
{
	uint8_t head[HEADER_BYTES];

	return image_io_read(io, 0, head, sizeof head) &&
	       known_magic(load_le32(head));
}

/* What the file has of [off, off + want); *len may be less. */
static const uint8_t *look(struct parse *p, uint64_t off, uint32_t want,
			   uint32_t *len)
{
	uint64_t size = image_io_size(p->io);

	if (off >= size)
		return NULL;
	*len = (uint32_t)MIN(want, size - off);
	if (off >= p->window_off &&
	    range_fits(off - p->window_off, *len, p->window_len))
		return p->window + (off - p->window_off);
	p->window_off = off;
	p->window_len = (uint32_t)MIN(sizeof p->window, size - off);
	if (image_io_read(p->io, off, p->window, p->window_len))
		return p->window;
	p->window_len = 0;
	return NULL;
}

/* The sizes and the padding that a block begins with. */
static void parse_block(const struct parse *p, struct reader *r,
			struct tag *tag, uint64_t *padding)
{
	tag->len = reader_word(r, p->is64);
	tag->mem_len = reader_word(r, p->is64);
	*padding = reader_u16(r);
}

/* The tag at off; false at the end of the list, or where it is damaged. */
static bool read_tag(struct parse *p, uint64_t off, struct tag *tag)
{
	uint64_t padding = 0;
	struct reader r;
	const uint8_t *bytes;
	uint32_t at_hand;
	unsigned flags, name_len;

	bytes = look(p, off, TAG_BYTES_MAX, &at_hand);
	reader_init(&r, bytes, bytes ? at_hand : 0);
	flags = reader_u8(&r);
	name_len = reader_u8(&r);
	if (reader_ok(&r) && !flags && !name_len)
		return false;
	bytes = reader_bytes(&r, name_len);
	memset(tag->name, 0, sizeof tag->name);
	if (bytes)
		memcpy(tag->name, bytes, name_len);
	tag->n_indices = flags >> 6;
	for (unsigned i = 0; i < INDICES_MAX; i++)
		tag->index[i] = i < tag->n_indices ? reader_u32(&r) : 0;
	tag->len = tag->mem_len = flags & 0x3f;
	tag->compressed = false;
	if (tag->len >= SIZE_COMPRESSED) {
		tag->compressed = tag->len == SIZE_COMPRESSED;
		parse_block(p, &r, tag, &padding);
	}
	tag->off = off + r.pos + padding;
	if (reader_ok(&r) && add_u64(tag->off, tag->len, &tag->next))
		return true;
	p->state->damaged = true;
	return false;
}

/* The data of a tag with a number, of 1 to 8 bytes; false: it has none. */
static bool tag_number(struct parse *p, const struct tag *tag, uint64_t *value)
{
	uint8_t buf[8] = { 0 };

	if (!tag->len || tag->len > sizeof buf ||
	    !image_io_read(p->io, tag->off, buf, (size_t)tag->len))
		return false;
	*value = load_le64(buf);
	return true;
}

static bool tag_is(const struct tag *tag, const char *name, unsigned n_indices)
{
	return tag->n_indices == n_indices && !strcmp(tag->name, name);
}

static struct vmware_region *need_region(struct parse *p, const struct tag *tag)
{
	GArray *regions = p->state->regions;

	if (tag->index[0] >= REGIONS_MAX)
		return NULL;
	if (tag->index[0] >= regions->len)
		g_array_set_size(regions, tag->index[0] + 1);
	return &g_array_index(regions, struct vmware_region, tag->index[0]);
}

/* Region i: where it is in the file, in memory, and how long it is. */
static void region_tag(struct parse *p, const struct tag *tag)
{
	struct vmware_region *region;
	uint64_t value;

	if (tag->n_indices != 1 || strncmp(tag->name, "region", 6) ||
	    !tag_number(p, tag, &value))
		return;
	region = need_region(p, tag);
	if (!region)
		return;
	if (!strcmp(tag->name, "regionPageNum")) {
		region->file_page = value;
		region->known |= 1;
	} else if (!strcmp(tag->name, "regionPPN")) {
		region->first_pfn = value;
		region->known |= 2;
	} else if (!strcmp(tag->name, "regionSize")) {
		region->n_pages = value;
		region->known |= 4;
	}
}

/* Half a region puts its bytes nowhere, or where they do not belong. */
static void drop_partial(struct vmware_state *state)
{
	GArray *regions = state->regions;

	if (state->n_claimed < regions->len)
		g_array_set_size(regions, state->n_claimed);
	for (guint i = regions->len; i-- > 0;)
		if (g_array_index(regions, struct vmware_region, i).known !=
		    VMWARE_REGION_KNOWN) {
			g_array_remove_index(regions, i);
			state->n_partial++;
		}
	if (state->n_claimed != UINT32_MAX)
		state->n_partial = state->n_claimed - regions->len;
}

static void memory_tag(struct parse *p, const struct tag *tag)
{
	struct vmware_state *state = p->state;
	uint64_t value;

	if (!strcmp(tag->name, "Memory")) {
		state->memory_off = tag->off;
		state->memory_len = tag->len;
		/* Some call a block compressed that is not. */
		state->compressed = tag->compressed && tag->mem_len > tag->len;
	} else if (tag_is(tag, "regionsCount", 0)) {
		if (tag_number(p, tag, &value))
			state->n_claimed = (uint32_t)MIN(value, UINT32_MAX);
	} else {
		region_tag(p, tag);
	}
}

static struct image_cpu *need_cpu(struct parse *p, const struct tag *tag)
{
	GArray *cpus = p->state->cpus;

	if (tag->index[0] >= IMAGE_CPUS_MAX)
		return NULL;
	if (tag->index[0] >= cpus->len)
		g_array_set_size(cpus, tag->index[0] + 1);
	return &g_array_index(cpus, struct image_cpu, tag->index[0]);
}

/* Registers that are tags of their own: [processor], or [processor][part]. */
static void register_tag(struct image_cpu *cpu, const struct tag *tag,
			 uint64_t value)
{
	if (tag_is(tag, "CR64", 2) && tag->index[1] == 3)
		cpu->cr3 = value;
	else if (tag_is(tag, "CR", 2) && tag->index[1] == 3 && !cpu->cr3)
		cpu->cr3 = value;
	else if (tag_is(tag, "IDTR", 2) && tag->index[1] == 1)
		cpu->idt_base |= value & UINT32_MAX;
	else if (tag_is(tag, "IDTR", 2) && tag->index[1] == 2)
		cpu->idt_base |= value << 32;
	else if (tag_is(tag, "rip", 1))
		cpu->rip = value;
	else if (tag_is(tag, "eip", 1) && !cpu->rip)
		cpu->rip = value;
}

/* Registers of newer versions: an array for each processor. CR64: CR0 to CR4;
 * IDTR: u16 limit, u64 base. */
static void array_tag(struct parse *p, struct image_cpu *cpu,
		      const struct tag *tag)
{
	uint8_t buf[8];

	if (tag_is(tag, "CR64", 1) && tag->len >= 32 &&
	    image_io_read(p->io, tag->off + 24, buf, sizeof buf))
		cpu->cr3 = load_le64(buf);
	else if (tag_is(tag, "IDTR", 1) && tag->len == 10 &&
		 image_io_read(p->io, tag->off + 2, buf, sizeof buf))
		cpu->idt_base = load_le64(buf);
}

static void cpu_tag(struct parse *p, const struct tag *tag)
{
	static const char *const names[] = { "CR", "CR64", "IDTR", "rip",
					     "eip" };
	struct image_cpu *cpu;
	uint64_t value;
	size_t i;

	for (i = 0; i < G_N_ELEMENTS(names); i++)
		if (!strcmp(tag->name, names[i]))
			break;
	if (i == G_N_ELEMENTS(names) || !tag->n_indices)
		return;
	cpu = need_cpu(p, tag);
	if (!cpu)
		return;
	if (tag_number(p, tag, &value))
		register_tag(cpu, tag, value);
	else
		array_tag(p, cpu, tag);
}

typedef void (*tag_fn)(struct parse *p, const struct tag *tag);

static void each_tag(struct parse *p, uint64_t off, tag_fn fn)
{
	struct tag tag;

	while (p->n_tags < TAGS_MAX && read_tag(p, off, &tag)) {
		p->n_tags++;
		fn(p, &tag);
		if (tag.next > image_io_size(p->io)) {
			p->state->damaged = true;
			return;
		}
		off = tag.next;
	}
}

static void read_group(struct parse *p, uint64_t off)
{
	uint8_t buf[GROUP_BYTES];
	char name[GROUP_NAME + 1] = { 0 };
	uint64_t tags;

	if (!image_io_read(p->io, off, buf, sizeof buf)) {
		p->state->damaged = true;
		return;
	}
	memcpy(name, buf, GROUP_NAME);
	tags = load_le64(buf + GROUP_NAME);
	p->state->n_groups++;
	if (!strcmp(name, "memory"))
		each_tag(p, tags, memory_tag);
	else if (!strcmp(name, "cpu"))
		each_tag(p, tags, cpu_tag);
}

bool vmware_state_read(const ImageIo *io, struct vmware_state *state)
{
	struct parse p = { .io = io, .state = state };
	uint8_t head[HEADER_BYTES];
	uint32_t n;

	*state = (struct vmware_state){ 0 };
	state->n_claimed = UINT32_MAX;
	state->regions = g_array_new(FALSE, TRUE, sizeof(struct vmware_region));
	state->cpus = g_array_new(FALSE, TRUE, sizeof(struct image_cpu));
	if (!image_io_read(io, 0, head, sizeof head))
		return false;
	state->magic = load_le32(head);
	p.is64 = (state->magic & 0xf) != 0;
	n = load_le32(head + 8);
	if (n > GROUPS_MAX)
		state->damaged = true;
	for (uint32_t i = 0; i < MIN(n, GROUPS_MAX); i++)
		read_group(&p, HEADER_BYTES + (uint64_t)i * GROUP_BYTES);
	drop_partial(state);
	return known_magic(state->magic);
}

void vmware_state_clear(struct vmware_state *state)
{
	g_array_unref(state->regions);
	g_array_unref(state->cpus);
}

uint64_t vmware_state_extent(const struct vmware_state *state)
{
	uint64_t extent = 0;

	for (guint i = 0; i < state->regions->len; i++) {
		const struct vmware_region *r = &g_array_index(
			state->regions, struct vmware_region, i);
		uint64_t end;

		if (!add_u64(r->file_page, r->n_pages, &end) ||
		    !mul_u64(end, PAGE_SIZE_4K, &end))
			end = UINT64_MAX;
		if (r->n_pages)
			extent = MAX(extent, end);
	}
	return extent;
}

bool vmware_state_has_layout(const struct vmware_state *state)
{
	if (state->regions->len)
		return true;
	return state->n_claimed == 0 ||
	       (state->n_claimed == UINT32_MAX && !state->n_partial &&
		!state->damaged);
}

bool vmware_state_has_memory(const struct vmware_state *state)
{
	return state->memory_len >= PAGE_SIZE_4K &&
	       (state->compressed ||
		state->memory_len >= vmware_state_extent(state));
}
