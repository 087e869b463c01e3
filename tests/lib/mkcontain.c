/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkcontain: puts the memory of a raw image into another container.
 *
 *	mkcontain [--runs PA:LEN[,PA:LEN...]] [--32] [--dtb ADDR] [--head ADDR]
 *		[--kdbg ADDR] RAW OUT FORMAT[:ARG]
 *	mkcontain --list
 *
 * Without --runs all of RAW is RAM. Pages of zeros are not stored where the
 * format can leave holes. --dtb and so on: for the headers that have them.
 */
#include "config.h"

#include "lib/mkfmt.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct args {
	char *runs, *dtb, *head, *kdbg;
	gboolean is32, list;
};

static uint64_t number(const char *text)
{
	return text ? g_ascii_strtoull(text, NULL, 0) : 0;
}

static bool add_runs(MkPhys *phys, const char *text, uint64_t size)
{
	g_auto(GStrv) parts = g_strsplit(text ? text : "", ",", -1);

	if (!text)
		mk_phys_add_ram(phys, 0, size);
	for (char **part = parts; *part; part++) {
		char *end;
		uint64_t pa = g_ascii_strtoull(*part, &end, 0), len;

		if (*end != ':')
			return false;
		len = g_ascii_strtoull(end + 1, &end, 0);
		if (*end || !len)
			return false;
		mk_phys_add_ram(phys, pa, len);
	}
	return true;
}

/* RAW's byte at X is the machine's at X; what is outside of runs is lost. */
static bool load(MkPhys *phys, int fd, uint64_t size)
{
	static const uint8_t zeros[MK_PAGE_SIZE];
	uint8_t page[MK_PAGE_SIZE];

	for (uint64_t at = 0; at < size;) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		ssize_t n;

		if (data < 0)
			return true;
		at = (uint64_t)data / MK_PAGE_SIZE * MK_PAGE_SIZE;
		n = pread(fd, page, sizeof page, (off_t)at);
		if (n <= 0)
			return false;
		if (memcmp(page, zeros, (size_t)n))
			mk_phys_write(phys, at, page, (size_t)n);
		at += MK_PAGE_SIZE;
	}
	return true;
}

static bool convert(const struct args *args, char **argv, GError **error)
{
	g_autoptr(MkPhys) phys = mk_phys_new(1);
	const struct mk_dump dump = {
		.is64 = !args->is32, .pae = args->is32,
		.dtb = number(args->dtb), .active_head = number(args->head),
		.kdbg = number(args->kdbg), .processors = 1,
		.machine = args->is32 ? 0x14c : 0x8664,
	};
	const struct mk_write_options options = { .dump = &dump };
	const char *arg;
	const struct mk_writer *writer = mk_writer_find(argv[2], &arg);
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	bool ok = size > 0 && writer &&
		  add_runs(phys, args->runs, (uint64_t)size) &&
		  load(phys, fd, (uint64_t)size);

	if (fd >= 0)
		close(fd);
	if (ok)
		return writer->write(phys, argv[1], &options, arg, error);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s cannot be read, or --runs or %s is wrong", argv[0],
		    argv[2]);
	return false;
}

static int list(void)
{
	for (size_t i = 0; mk_writers[i]; i++)
		g_print("%s\t%s\t%u\t%s\n", mk_writers[i]->name,
			mk_writers[i]->format, mk_writers[i]->flags,
			mk_writers[i]->help);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct args a = { 0 };
	const GOptionEntry entries[] = {
		{ "runs", 0, 0, G_OPTION_ARG_STRING, &a.runs, "RAM", "RUNS" },
		{ "32", 0, 0, G_OPTION_ARG_NONE, &a.is32, "32-bit", NULL },
		{ "dtb", 0, 0, G_OPTION_ARG_STRING, &a.dtb, "DTB", "ADDR" },
		{ "head", 0, 0, G_OPTION_ARG_STRING, &a.head,
		  "PsActiveProcessHead", "ADDR" },
		{ "kdbg", 0, 0, G_OPTION_ARG_STRING, &a.kdbg, "KDBG", "ADDR" },
		{ "list", 0, 0, G_OPTION_ARG_NONE, &a.list, "formats", NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("RAW OUT FORMAT[:ARG]");
	g_autoptr(GError) error = NULL;
	bool ok;

	g_option_context_add_main_entries(context, entries, NULL);
	ok = g_option_context_parse(context, &argc, &argv, &error);
	if (ok && a.list)
		return list();
	if (ok && argc != 4) {
		g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			    "say RAW OUT FORMAT");
		ok = false;
	}
	ok = ok && convert(&a, argv + 1, &error);
	if (!ok)
		g_printerr("mkcontain: %s\n", error->message);
	g_free(a.runs);
	g_free(a.dtb);
	g_free(a.head);
	g_free(a.kdbg);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
