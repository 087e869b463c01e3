/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Runs a fuzz target without libFuzzer:
 *
 *	replay-X FILE...		each of the files
 *	replay-X --write-seeds DIR	writes the target's seeds to files
 *	replay-X			the seeds, tests/fuzz/regress/X-*, and
 *					REPLAY_RUNS (2000) changed seeds, always
 *					the same ones, within REPLAY_SECONDS
 *
 * A failure aborts; before that, what was run is in ./replay-last (only with
 * REPLAY_KEEP set).
 */
#include "config.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/fuzz.h"

#define SECONDS_MAX 7

struct runner {
	GPtrArray *seeds; /* GBytes */
	bool keep;
	unsigned n_runs;
};

static void run(struct runner *r, const uint8_t *data, size_t size)
{
	/* A copy of its own, so that a read beyond its end is found. */
	g_autofree uint8_t *copy = g_memdup2(data, size);

	if (r->keep)
		g_file_set_contents("replay-last", (const char *)data,
				    (gssize)size, NULL);
	r->n_runs++;
	(void)LLVMFuzzerTestOneInput(copy, size);
}

static bool run_file(struct runner *r, const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *data = NULL;
	gsize size;

	if (!g_file_get_contents(path, &data, &size, &error)) {
		g_printerr("%s\n", error->message);
		return false;
	}
	run(r, (const uint8_t *)data, size);
	return true;
}

/* The finds of this target: files whose names begin with its name. */
static bool run_folder(struct runner *r, const char *folder, const char *target)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	g_autofree char *prefix = g_strdup_printf("%s-", target);
	const char *name;
	bool ok = true;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (g_str_has_prefix(name, prefix))
			ok &= run_file(r, path);
	}
	return ok;
}

static void keep_seed(void *ctx, const uint8_t *data, size_t size)
{
	g_ptr_array_add(ctx, g_bytes_new(data, size));
}

/* A number, the same ones each time. */
static uint64_t draw(uint64_t *state, uint64_t below)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % below;
}

static void change(GByteArray *b, uint64_t *state)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff };
	uint64_t len;
	guint at;

	if (!b->len)
		return;
	at = (guint)draw(state, b->len);
	len = draw(state, 64);
	switch (draw(state, 6)) {
	case 0:
		b->data[at] ^= (uint8_t)(1u << draw(state, 8));
		break;
	case 1:
		b->data[at] = (uint8_t)draw(state, 256);
		break;
	case 2:
		b->data[at] = odd[draw(state, sizeof odd)];
		break;
	case 3:
		g_byte_array_set_size(b, at);
		break;
	case 4:
		for (guint i = at; i < b->len && i < at + 8; i++)
			b->data[i] = odd[draw(state, sizeof odd)];
		break;
	default:
		memmove(b->data + at, b->data + draw(state, at + 1),
			MIN(b->len - at, len));
		break;
	}
}

/* As the target itself would, where it can. */
static void change_by_target(GByteArray *b, uint64_t *state)
{
	const guint size = b->len;
	const guint max = size + 64;

	if (!LLVMFuzzerCustomMutator)
		return;
	g_byte_array_set_size(b, max);
	g_byte_array_set_size(
		b, (guint)LLVMFuzzerCustomMutator(b->data, size, max,
						  (unsigned)draw(state,
								 1u << 31)));
}

static void run_changed(struct runner *r, unsigned n_runs)
{
	const gint64 end = g_get_monotonic_time() +
			   SECONDS_MAX * G_USEC_PER_SEC;
	uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

	for (unsigned i = 0; i < n_runs && g_get_monotonic_time() < end; i++) {
		GBytes *seed = r->seeds->pdata[i % r->seeds->len];
		g_autoptr(GByteArray) b = g_byte_array_new();
		uint64_t n = 1 + draw(&state, 8);
		gsize size;
		const guint8 *data = g_bytes_get_data(seed, &size);

		g_byte_array_append(b, data, (guint)size);
		for (; n; n--) {
			change_by_target(b, &state);
			if (!LLVMFuzzerCustomMutator || draw(&state, 8) == 0)
				change(b, &state);
		}
		run(r, b->data, b->len);
	}
}

static int write_seeds(const struct runner *r, const char *folder)
{
	for (guint i = 0; i < r->seeds->len; i++) {
		g_autofree char *path = g_strdup_printf("%s/seed-%u", folder,
							i);
		gsize size;
		const char *data = g_bytes_get_data(r->seeds->pdata[i], &size);

		if (!g_file_set_contents(path, data, (gssize)size, NULL))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static bool run_all(struct runner *r, const char *program)
{
	g_autofree char *base = g_path_get_basename(program);
	const char *target = strrchr(base, '-');
	const char *top = g_getenv("top_srcdir");
	const char *runs = g_getenv("REPLAY_RUNS");
	g_autofree char *regress = g_build_filename(
		top ? top : ".", "tests", "fuzz", "regress", NULL);
	bool ok = run_folder(r, regress, target ? target + 1 : base);

	for (guint i = 0; i < r->seeds->len; i++) {
		gsize size;
		const uint8_t *data = g_bytes_get_data(r->seeds->pdata[i],
						       &size);

		run(r, data, size);
	}
	run_changed(r, runs ? (unsigned)atoi(runs) : 2000);
	return ok;
}

int main(int argc, char **argv)
{
	struct runner r = { .keep = g_getenv("REPLAY_KEEP") != NULL };
	bool ok = true;
	int ret;

	r.seeds = g_ptr_array_new_with_free_func(
		(GDestroyNotify)g_bytes_unref);
	fuzz_seeds(keep_seed, r.seeds);
	if (!r.seeds->len)
		keep_seed(r.seeds, (const uint8_t *)"", 1);
	if (argc == 3 && !strcmp(argv[1], "--write-seeds")) {
		ret = write_seeds(&r, argv[2]);
		g_ptr_array_unref(r.seeds);
		return ret;
	}
	for (int i = 1; i < argc; i++)
		ok &= run_file(&r, argv[i]);
	if (argc == 1)
		ok = run_all(&r, argv[0]);
	printf("%u runs\n", r.n_runs);
	g_ptr_array_unref(r.seeds);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
