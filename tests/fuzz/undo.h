/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Edits of a machine that is used again: what was there before is kept. */
#ifndef FUZZ_UNDO_H
#define FUZZ_UNDO_H

#include <string.h>

#include <glib.h>

struct fuzz_undo {
	uint64_t at;
	size_t len;
	uint8_t *old;
};

static inline GArray *fuzz_undo_new(void)
{
	return g_array_new(FALSE, FALSE, sizeof(struct fuzz_undo));
}

/* Writes to memory at `at`; bytes may overlap with what is there. */
static inline void fuzz_write(GArray *undo, uint8_t *memory, uint64_t at,
			      const void *bytes, size_t len)
{
	struct fuzz_undo u = { at, len, g_memdup2(memory + at, len) };

	g_array_append_val(undo, u);
	memmove(memory + at, bytes, len);
}

/* All as it was before; frees undo. */
static inline void fuzz_put_back(GArray *undo, uint8_t *memory)
{
	while (undo->len) {
		struct fuzz_undo u = g_array_index(undo, struct fuzz_undo,
						   undo->len - 1);

		memcpy(memory + u.at, u.old, u.len);
		g_free(u.old);
		g_array_set_size(undo, undo->len - 1);
	}
	g_array_unref(undo);
}

#endif
