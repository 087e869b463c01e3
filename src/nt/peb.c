/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Process environment blocks and process parameters. */
#include "config.h"

#include "base/bytes.h"
#include "base/text.h"
#include "nt/peb.h"

/*
 * _RTL_USER_PROCESS_PARAMETERS begins with u32 MaximumLength, Length, Flags in
 * all versions. Without RTL_USER_PROC_PARAMS_NORMALIZED in Flags, as a process
 * is made and until ntdll has seen to it, pointers in it are offsets from its
 * start (System Informer, phnt/include/ntrtl.h, RtlNormalizeProcessParams).
 */
enum {
	PARAMS_MAXIMUM_LENGTH = 0,
	PARAMS_FLAGS = 8,
	PARAMS_NORMALIZED = 1,
};

/* These have not moved since the first release of each kind (the compiled-in
 * layouts agree, see the tests). EnvironmentSize came with Vista. */
static const struct nt_peb_layout peb_64 = {
	.image_base = 0x10, .parameters = 0x20, .directory = 0x38,
	.image_path = 0x60, .command_line = 0x70, .environment = 0x80,
	.environment_size = 0x3f0,
};

static const struct nt_peb_layout peb_32 = {
	.image_base = 0x8, .parameters = 0x10, .directory = 0x24,
	.image_path = 0x38, .command_line = 0x40, .environment = 0x48,
	.environment_size = 0x290,
};

static void fill_one(const struct nt_source *source, const char *path,
		     uint32_t *ret)
{
	struct nt_field field;

	if (nt_source_field(source, path, &field, NULL))
		*ret = field.offset;
}

void nt_peb_layout_fill(const struct nt_source *source, unsigned pointer_bytes,
			struct nt_peb_layout *ret)
{
	struct nt_peb_layout p = pointer_bytes == 4 ? peb_32 : peb_64;

	fill_one(source, "_PEB.ImageBaseAddress", &p.image_base);
	fill_one(source, "_PEB.ProcessParameters", &p.parameters);
	/* DosPath is the first member of _CURDIR. */
	fill_one(source, "_RTL_USER_PROCESS_PARAMETERS.CurrentDirectory",
		 &p.directory);
	fill_one(source, "_RTL_USER_PROCESS_PARAMETERS.ImagePathName",
		 &p.image_path);
	fill_one(source, "_RTL_USER_PROCESS_PARAMETERS.CommandLine",
		 &p.command_line);
	fill_one(source, "_RTL_USER_PROCESS_PARAMETERS.Environment",
		 &p.environment);
	/* Where nobody says that it is there, it may not be. */
	p.environment_size = NT_ABSENT;
	fill_one(source, "_RTL_USER_PROCESS_PARAMETERS.EnvironmentSize",
		 &p.environment_size);
	*ret = p;
}

/* An address that user code could have: 32-bit Windows with /3GB gives it 3
 * GiB. */
static bool is_user(const struct nt_object *o, uint64_t va, uint64_t len)
{
	unsigned bits = o->as->form->va_bits;
	uint64_t end = bits == 32 ? UINT64_C(0xc0000000) :
				    UINT64_C(1) << (bits - 1);

	return va && range_fits(va, len, end);
}

/* Process parameters in one of the two forms. */
struct block {
	struct nt_object o;
	const struct nt_peb_layout *layout;
	uint32_t relative; /* pointers below are offsets; 0: none is */
	enum nt_param_state state;
};

static struct block find_block(const struct addr_space *own, VirtAddr peb,
			       unsigned pointer_bytes,
			       const struct nt_peb_layout *layout)
{
	struct block b = { { own, pointer_bytes, peb }, layout, 0,
			   NT_PARAM_NO_PEB };
	uint32_t max, flags;
	uint64_t va;

	if (!peb.v)
		return b;
	b.state = NT_PARAM_BAD;
	if (!is_user(&b.o, peb.v, PAGE_SIZE_4K))
		return b;
	b.state = NT_PARAM_PEB_LOST;
	if (!nt_member_pointer(&b.o, layout->parameters, &va))
		return b;
	b.state = va ? NT_PARAM_BAD : NT_PARAM_NO_BLOCK;
	if (!is_user(&b.o, va, PAGE_SIZE_4K))
		return b;
	b.o.va = VIRT(va);
	b.state = NT_PARAM_BLOCK_LOST;
	if (!nt_member_u32(&b.o, PARAMS_MAXIMUM_LENGTH, &max) ||
	    !nt_member_u32(&b.o, PARAMS_FLAGS, &flags))
		return b;
	b.relative = flags & PARAMS_NORMALIZED ? 0 : max;
	b.state = NT_PARAM_OK;
	return b;
}

/* A pointer in the block as an address. */
static uint64_t resolve(const struct block *b, uint64_t pointer)
{
	return pointer && pointer < b->relative ? b->o.va.v + pointer :
						  pointer;
}

/* The characters of a UNICODE_STRING. */
static enum nt_param_state read_text(const struct block *b, uint64_t va,
				     uint16_t len, char **ret)
{
	g_autofree uint8_t *bytes = NULL;
	g_autofree char *text = NULL;

	if (!is_user(&b->o, va, len))
		return NT_PARAM_BAD;
	bytes = g_malloc(len);
	if (!vtop_read(b->o.as, VIRT(va), bytes, len))
		return NT_PARAM_LOST;
	text = text_from_utf16(bytes, len);
	if (!*text)
		return NT_PARAM_EMPTY;
	*ret = g_steal_pointer(&text);
	return NT_PARAM_OK;
}

static struct nt_param read_param(const struct block *b, uint32_t offset)
{
	struct nt_param p = { b->state, NULL };
	uint16_t len, max;
	uint64_t buffer;

	if (b->state != NT_PARAM_OK)
		return p;
	/* u16 Length, u16 MaximumLength, then the pointer at its alignment. */
	if (!nt_member_u16(&b->o, offset, &len) ||
	    !nt_member_u16(&b->o, offset + 2, &max) ||
	    !nt_member_pointer(&b->o, offset + b->o.pointer_bytes, &buffer))
		p.state = NT_PARAM_BLOCK_LOST;
	else if (!len)
		p.state = NT_PARAM_EMPTY;
	else if (len % 2 || len > max)
		p.state = NT_PARAM_BAD;
	else
		p.state = read_text(b, resolve(b, buffer), len, &p.text);
	return p;
}

/* Where the environment is: sets the three members about it. */
static void find_environ(const struct block *b, struct nt_params *p)
{
	uint64_t va, bytes = 0;
	uint8_t first[2];

	p->environ_state = b->state;
	if (b->state != NT_PARAM_OK)
		return;
	p->environ_state = NT_PARAM_BLOCK_LOST;
	if (!nt_member_pointer(&b->o, b->layout->environment, &va))
		return;
	va = resolve(b, va);
	p->environ_state = va ? NT_PARAM_BAD : NT_PARAM_EMPTY;
	if (!is_user(&b->o, va, sizeof first))
		return;
	p->environ_state = NT_PARAM_LOST;
	if (!vtop_read(b->o.as, VIRT(va), first, sizeof first))
		return;
	/* The size of the block, of which not all need be used. */
	(void)nt_member_pointer(&b->o, b->layout->environment_size, &bytes);
	p->environ_bytes = bytes && bytes < NT_ENVIRON_MAX ? bytes :
							     NT_ENVIRON_MAX;
	p->environ_va = VIRT(va);
	p->environ_state = NT_PARAM_OK;
	p->narrow = b->o.pointer_bytes == 4;
}

static void read_block(const struct block *b, struct nt_params *ret)
{
	ret->image_path = read_param(b, b->layout->image_path);
	ret->command_line = read_param(b, b->layout->command_line);
	ret->directory = read_param(b, b->layout->directory);
	find_environ(b, ret);
}

/* Does the one say less than the other? OK comes before EMPTY in the
 * enumeration, and that before all that is no answer. */
static bool says_less(enum nt_param_state one, enum nt_param_state other)
{
	return one > other && other <= NT_PARAM_EMPTY;
}

/* Takes over what only the other one has. */
static void prefer(struct nt_param *p, struct nt_param *other)
{
	if (!says_less(p->state, other->state))
		return;
	*p = *other;
	other->text = NULL;
}

static void merge(struct nt_params *p, struct nt_params *other)
{
	prefer(&p->image_path, &other->image_path);
	prefer(&p->command_line, &other->command_line);
	prefer(&p->directory, &other->directory);
	if (!says_less(p->environ_state, other->environ_state))
		return;
	p->environ_state = other->environ_state;
	p->environ_va = other->environ_va;
	p->environ_bytes = other->environ_bytes;
	p->narrow = other->narrow;
}

/* Can a 32-bit PEB be there? All PEBs begin a page. */
static bool is_peb32(const struct addr_space *own, uint64_t va)
{
	uint32_t parameters;

	return va && va <= UINT32_MAX && va % PAGE_SIZE_4K == 0 &&
	       nt_member_u32(&(struct nt_object){ own, 4, VIRT(va) },
			     peb_32.parameters, &parameters);
}

/*
 * Next to the 64-bit one: before it in Vista and 7, after it later (MemProcFS
 * looks there). Both say where the image is.
 */
static bool is_twin(const struct addr_space *own,
		    const struct nt_profile *profile, VirtAddr peb,
		    uint64_t va)
{
	struct nt_object wide = { own, profile->pointer_bytes, peb };
	struct nt_object narrow = { own, 4, VIRT(va) };
	uint64_t base, base32;

	return is_peb32(own, va) &&
	       nt_member_pointer(&wide, profile->peb.image_base, &base) &&
	       nt_member_pointer(&narrow, peb_32.image_base, &base32) &&
	       base && base == base32;
}

/*
 * Wow64Process points to the PEB itself up to 10240; from 10586 to an
 * _EWOW64PROCESS, in 2003 to a _WOW64_PROCESS, kernel objects whose first
 * member does. What it is shows in the value.
 */
VirtAddr nt_peb32_find(const struct addr_space *own,
		       const struct nt_profile *profile,
		       const struct nt_process *process)
{
	uint64_t va = process->wow64_va;

	if (profile->pointer_bytes != 8 || !va)
		return VIRT(0);
	if (nt_is_kernel_address(own, va) &&
	    !nt_pointer_at(own, profile->pointer_bytes, VIRT(va), &va))
		va = 0;
	if (is_peb32(own, va))
		return VIRT(va);
	va = process->peb.v;
	if (is_twin(own, profile, process->peb, va + PAGE_SIZE_4K))
		return VIRT(va + PAGE_SIZE_4K);
	if (is_twin(own, profile, process->peb, va - PAGE_SIZE_4K))
		return VIRT(va - PAGE_SIZE_4K);
	return VIRT(0);
}

/* As the kernel's own layout, before Vista without EnvironmentSize. */
static struct nt_peb_layout narrow_layout(const struct nt_profile *profile)
{
	struct nt_peb_layout l = peb_32;

	if (profile->peb.environment_size == NT_ABSENT)
		l.environment_size = NT_ABSENT;
	return l;
}

void nt_params_read(const struct addr_space *own,
		    const struct nt_profile *profile,
		    const struct nt_process *process, struct nt_params *ret)
{
	struct nt_peb_layout narrow = narrow_layout(profile);
	struct nt_params wide = { 0 };
	struct block b;

	*ret = (struct nt_params){ 0 };
	b = find_block(own, process->peb, profile->pointer_bytes,
		       &profile->peb);
	read_block(&b, &wide);
	wide.peb32 = nt_peb32_find(own, profile, process);
	if (!wide.peb32.v) {
		*ret = wide;
		return;
	}
	ret->peb32 = wide.peb32;
	b = find_block(own, wide.peb32, 4, &narrow);
	read_block(&b, ret);
	merge(ret, &wide);
	nt_params_clear(&wide);
}

void nt_params_clear(struct nt_params *params)
{
	g_clear_pointer(&params->image_path.text, g_free);
	g_clear_pointer(&params->command_line.text, g_free);
	g_clear_pointer(&params->directory.text, g_free);
}

/* Where the empty string that ends a block begins, in bytes; len: nowhere. What
 * is before from (even) has been looked at. */
static size_t find_end(const uint8_t *bytes, size_t len, size_t from)
{
	bool at_start = !from || !load_le16(bytes + from - 2);

	for (size_t i = from; i + 1 < len; i += 2) {
		bool nul = !load_le16(bytes + i);

		if (nul && at_start)
			return i;
		at_start = nul;
	}
	return len;
}

/* The block page by page, up to its end (or its size, or what is missing: then
 * *cut). */
static GByteArray *read_environ(const struct addr_space *own, VirtAddr va,
				uint64_t max, bool *cut)
{
	GByteArray *bytes = g_byte_array_new();
	uint8_t page[PAGE_SIZE_4K];
	uint64_t at = va.v;

	*cut = true;
	while (*cut && bytes->len < max) {
		uint64_t n = PAGE_SIZE_4K - at % PAGE_SIZE_4K;
		size_t end, from = bytes->len & ~1u;

		n = MIN(n, max - bytes->len);
		if (!vtop_read(own, VIRT(at), page, (size_t)n))
			break;
		g_byte_array_append(bytes, page, (guint)n);
		at += n;
		end = find_end(bytes->data, bytes->len, from);
		*cut = end == bytes->len;
		if (!*cut)
			g_byte_array_set_size(bytes, (guint)end);
	}
	return bytes;
}

static void add_strings(struct nt_environ *e, const uint8_t *bytes,
			size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		g_autofree char *text = NULL;

		if (load_le16(bytes + i))
			continue;
		text = text_from_utf16(bytes + start, i - start);
		g_string_append_len(e->strings, text,
				    (gssize)strlen(text) + 1);
		e->n++;
		start = i + 2;
	}
}

void nt_environ_read(const struct addr_space *own,
		     const struct nt_params *params, struct nt_environ *ret)
{
	g_autoptr(GByteArray) bytes = NULL;

	*ret = (struct nt_environ){ .state = params->environ_state };
	if (ret->state != NT_PARAM_OK)
		return;
	bytes = read_environ(own, params->environ_va, params->environ_bytes,
			     &ret->cut);
	if (!bytes->len) {
		ret->state = ret->cut ? NT_PARAM_LOST : NT_PARAM_EMPTY;
		return;
	}
	ret->strings = g_string_new(NULL);
	add_strings(ret, bytes->data, bytes->len);
}

void nt_environ_clear(struct nt_environ *env)
{
	if (env->strings)
		g_string_free(env->strings, TRUE);
	env->strings = NULL;
}
