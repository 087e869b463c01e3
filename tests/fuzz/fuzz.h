/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What each fuzz target offers, to libFuzzer and to replay.c alike. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Targets that know how their input is built: changes it in place, returns its
 * new size; at most max. libFuzzer and replay.c call it where it is there. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max,
			       unsigned int seed) __attribute__((weak));

/* Calls fn for each of the target's own seeds. */
typedef void (*fuzz_seed_fn)(void *ctx, const uint8_t *data, size_t size);
void fuzz_seeds(fuzz_seed_fn fn, void *ctx);

/* What must hold for every input. */
#define MUST(condition)                                                       \
	do {                                                                  \
		if (!(condition)) {                                           \
			g_printerr("%s:%d: not true: %s\n", __FILE__,         \
				   __LINE__, #condition);                     \
			abort();                                              \
		}                                                             \
	} while (0)

#endif
