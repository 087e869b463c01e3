/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * VMware: a .vmem, whose pages a state file (.vmss, .vmsn) beside it puts
 * where they belong; or a state file, with the memory in it or in the .vmem
 * beside it. Either of the two may be the one that is given.
 */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "image/formats.h"
#include "image/vmware_beside.h"

/* Machines with more memory have it in two regions at least. */
#define HOLE_START (3 * GIB)

static enum image_probe vmware_probe(const ImageIo *io)
{
	return vmware_is_state(io) ? IMAGE_MINE : IMAGE_NOT_MINE;
}

/* Is there a place to look for the other file? */
static bool may_look(const Image *image)
{
	return image->path && !image->options.no_companions &&
	       !image->wrappers->len;
}

static char *find_state(const Image *image, Log *log,
			struct vmware_state *state)
{
	if (!may_look(image))
		return NULL;
	return vmware_find_state(image->path, image_io_size(image->io), log,
				 state);
}

/* A .vmem has no mark of its own: it is one if there is a state file that
 * fits. */
static bool vmware_beside(const Image *image, Log *log)
{
	g_autofree char *path = NULL;
	struct vmware_state state;

	if (!image->path || !vmware_names_memory(image->path))
		return false;
	path = find_state(image, NULL, &state);
	if (path) {
		vmware_state_clear(&state);
		return true;
	}
	if (image_io_size(image->io) > HOLE_START)
		log_add(log, LOG_WARN, "vmware",
			"a .vmem of more than 3 GiB without its .vmss or .vmsn:"
			" where its pages above 3 GiB belong is a guess; with"
			" that file beside it, it would be known");
	return false;
}

static void add_regions(Image *image, const struct vmware_state *state,
			uint64_t first, uint64_t end)
{
	for (guint i = 0; i < state->regions->len; i++) {
		const struct vmware_region *r = &g_array_index(
			state->regions, struct vmware_region, i);
		/* So that nothing wraps; what is beyond is cut. */
		uint64_t pfn = MIN(r->first_pfn, PHYS_ADDR_END >> 12);
		uint64_t pages = MIN(r->n_pages, PHYS_ADDR_END >> 12);
		uint64_t page = MIN(r->file_page, PHYS_ADDR_END >> 12);
		uint64_t off;

		if (!add_u64(first, page << 12, &off))
			off = UINT64_MAX;
		image_runs_add(image->runs, pfn << 12, pages << 12, off, end);
	}
	if (!state->regions->len && end > first)
		image_runs_add(image->runs, 0, state->memory_len ?
			       state->memory_len : end - first, first, end);
}

static void add_cpus(Image *image, const struct vmware_state *state)
{
	for (guint i = 0; i < state->cpus->len; i++) {
		const struct image_cpu *cpu =
			&g_array_index(state->cpus, struct image_cpu, i);

		if (cpu->cr3)
			g_array_append_val(image->cpus, *cpu);
	}
}

static void describe(Image *image, const struct vmware_state *state,
		     const char *memory, Log *log)
{
	add_cpus(image, state);
	image->detail = g_strdup_printf(
		"state file version %u, %u region(s), %s",
		state->magic & 0xf, state->regions->len, memory);
	if (state->n_partial)
		log_add(log, LOG_WARN, "vmware",
			"%u region(s) of memory are left out, for the state"
			" file does not say where they belong",
			state->n_partial);
	if (state->damaged)
		log_add(log, LOG_WARN, "vmware",
			"the state file is damaged or was cut short; what could"
			" be read of it is used");
}

static void open_inline(Image *image, const struct vmware_state *state,
			Log *log)
{
	uint64_t size = image_io_size(image->io), end;

	if (!add_u64(state->memory_off, state->memory_len, &end))
		end = UINT64_MAX;
	if (end > size)
		log_add(log, LOG_WARN, "vmware",
			"the memory in the state file goes %" PRIu64 " bytes"
			" beyond the end of the file: it was cut short",
			end - size);
	add_regions(image, state, state->memory_off, MIN(end, size));
	describe(image, state, "memory inside", log);
}

/* A state file without memory: it is in another. */
static bool open_state_only(Image *image, const struct vmware_state *state,
			    Log *log, GError **error)
{
	g_autofree char *path = NULL;
	const char *why = "no .vmem that fits is beside it";

	if (may_look(image))
		path = vmware_find_memory(image->path, state, log,
					  &image->data);
	else
		why = "companions are not looked for";
	if (!path) {
		g_set_error(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
			    "is a VMware state file whose memory is %s, and"
			    " %s",
			    state->memory_len && state->compressed ?
				    "compressed (not supported)" :
				    "in another file (.vmem)",
			    why);
		return false;
	}
	image_add_companion(image, IMAGE_COMPANION_MEMORY, path, NULL);
	add_regions(image, state, 0, image_io_size(image->data));
	describe(image, state, "memory in a .vmem", log);
	return true;
}

static bool open_state(Image *image, const struct vmware_state *state,
		       Log *log, GError **error)
{
	if (!vmware_state_has_memory(state) || state->compressed)
		return open_state_only(image, state, log, error);
	open_inline(image, state, log);
	return true;
}

static bool open_memory(Image *image, Log *log, GError **error)
{
	struct vmware_state state;
	g_autofree char *path = find_state(image, log, &state);

	if (!path) {
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "is no VMware state file, and has none"
				    " beside it that fits; a .vmem alone is raw"
				    " memory (format=raw)");
		return false;
	}
	image_add_companion(image, IMAGE_COMPANION_STATE, path, NULL);
	add_regions(image, &state, 0, image_io_size(image->io));
	describe(image, &state, ".vmem", log);
	vmware_state_clear(&state);
	return true;
}

static bool vmware_open(Image *image, Log *log, GError **error)
{
	struct vmware_state state;
	bool ok;

	if (!vmware_is_state(image->io))
		return open_memory(image, log, error);
	ok = vmware_state_read(image->io, &state) &&
	     vmware_state_has_layout(&state);
	if (!ok)
		g_set_error_literal(error, IMAGE_ERROR, IMAGE_ERROR_FORMAT,
				    "is a VMware state file that ends before it"
				    " says where in memory anything belongs");
	ok = ok && open_state(image, &state, log, error);
	vmware_state_clear(&state);
	return ok;
}

const struct ImageOps image_vmware_ops = {
	.name = "vmware",
	.description = "VMware",
	.probe = vmware_probe,
	.beside = vmware_beside,
	.open = vmware_open,
};
