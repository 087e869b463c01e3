/* SPDX-License-Identifier: GPL-3.0-or-later */
/* winprocfs: options, image, tree, mount. */
#include "config.h"

#include <locale.h>
#include <stdio.h>

#include "front/check.h"
#include "front/fuse_ops.h"
#include "front/mount.h"
#include "front/waiting.h"
#include "nt/isf.h"
#include "nt/unpack.h"
#include "nt/unpack_page.h"

enum {
	EXIT_GOOD = 0,
	EXIT_USAGE = 1,
	EXIT_IMAGE = 2,
	EXIT_NO_MOUNT = 3,
};

static int complain(const GError *error, int code)
{
	fprintf(stderr, "winprocfs: %s\n", error->message);
	return code;
}

static int print_version(void)
{
	static const enum nt_codec codecs[] = { NT_CODEC_XPRESS,
						NT_CODEC_LZ4 };
	g_autofree char *parser = nt_isf_parser();
	g_autofree char *libraries = image_library_versions();

	printf("winprocfs %s\nlibfuse %s, GLib %u.%u.%u, %s\n"
	       "symbol files: PDB, ISF (compressed: %s)\n",
	       VERSION, fuse_pkgversion(), glib_major_version,
	       glib_minor_version, glib_micro_version, parser,
	       nt_unpack_formats());
	fputs("containers:", stdout);
	for (size_t i = 0; image_formats[i]; i++)
		printf(" %s", image_formats[i]->name);
	printf("\nread with: %s\n", *libraries ? libraries : "no library");
	fputs("compressed pages:", stdout);
	for (size_t i = 0; i < G_N_ELEMENTS(codecs); i++) {
		const char *version = nt_codec_library_version(codecs[i]);

		printf(" %s (%s)", nt_codec_name(codecs[i]),
		       version ? version : "not in this build");
	}
	putchar('\n');
	return EXIT_GOOD;
}

static int print_help(void)
{
	fputs(options_help(), stdout);
	return EXIT_GOOD;
}

static int run_session(const Options *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Session) session = NULL;

	waiting_start(options->quiet);
	session = session_open(options, &error);
	waiting_stop();
	if (!session)
		return complain(error, EXIT_IMAGE);
	switch (options->mode) {
	case MODE_CHECK:
		return check_run(session);
	case MODE_LIST:
		return check_list(session);
	case MODE_LS:
		return check_ls(session, options->path);
	case MODE_CAT:
		return check_cat(session, options->path);
	case MODE_MOUNT:
	case MODE_HELP:
	case MODE_VERSION:
	case MODE_LIST_PROFILES:
		break;
	}
	return mount_run(g_steal_pointer(&session), options);
}

int main(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Options) options = NULL;

	setlocale(LC_CTYPE, "");
	options = options_parse(argc, argv, &error);
	if (!options)
		return complain(error, EXIT_USAGE);
	if (options->mode == MODE_HELP)
		return print_help();
	if (options->mode == MODE_VERSION)
		return print_version();
	if (options->mode == MODE_LIST_PROFILES)
		return check_list_profiles();
	if (options->mode == MODE_MOUNT && !mount_check_point(options, &error))
		return complain(error, EXIT_NO_MOUNT);
	return run_session(options);
}
