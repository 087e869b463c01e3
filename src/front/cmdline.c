/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsing of the command line. */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "front/options-priv.h"

struct command_line {
	gboolean check, list, list_profiles, help, version, foreground, debug,
		single, quiet;
	char *ls, *cat;
	char **options;
	char **rest;
	int ready_fd;
};

static void command_line_clear(struct command_line *c)
{
	g_free(c->ls);
	g_free(c->cat);
	g_strfreev(c->options);
	g_strfreev(c->rest);
}

static bool takes_value(const char *arg)
{
	static const char *const options[] = { "-o", "--options", "--ls",
					       "--cat", "--ready-fd", NULL };

	return g_strv_contains(options, arg);
}

/* GOption knows "-o LIST" only, mount(8) and habit write "-oLIST" too. */
static char **split_arguments(int argc, char **argv)
{
	g_autoptr(GPtrArray) out = g_ptr_array_new();
	bool operands = false, value = false;

	for (int i = 0; i < argc; i++) {
		bool is_value = value;

		operands |= !strcmp(argv[i], "--");
		value = !is_value && takes_value(argv[i]);
		if (!operands && !is_value && !strncmp(argv[i], "-o", 2) &&
		    argv[i][2]) {
			g_ptr_array_add(out, g_strdup("-o"));
			g_ptr_array_add(out, g_strdup(argv[i] + 2));
		} else {
			g_ptr_array_add(out, g_strdup(argv[i]));
		}
	}
	g_ptr_array_add(out, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&out), FALSE);
}

static bool read_command_line(int argc, char **argv, struct command_line *c,
			      GError **error)
{
	const GOptionEntry entries[] = {
		{ "check", 0, 0, G_OPTION_ARG_NONE, &c->check, NULL, NULL },
		{ "list", 0, 0, G_OPTION_ARG_NONE, &c->list, NULL, NULL },
		{ "ls", 0, 0, G_OPTION_ARG_FILENAME, &c->ls, NULL, NULL },
		{ "cat", 0, 0, G_OPTION_ARG_FILENAME, &c->cat, NULL, NULL },
		{ "list-profiles", 0, 0, G_OPTION_ARG_NONE, &c->list_profiles,
		  NULL, NULL },
		{ "ready-fd", 0, 0, G_OPTION_ARG_INT, &c->ready_fd, NULL,
		  NULL },
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &c->help, NULL, NULL },
		{ "version", 'V', 0, G_OPTION_ARG_NONE, &c->version, NULL,
		  NULL },
		{ "foreground", 'f', 0, G_OPTION_ARG_NONE, &c->foreground,
		  NULL, NULL },
		{ "quiet", 'q', 0, G_OPTION_ARG_NONE, &c->quiet, NULL, NULL },
		{ "debug", 'd', 0, G_OPTION_ARG_NONE, &c->debug, NULL, NULL },
		{ "single", 's', 0, G_OPTION_ARG_NONE, &c->single, NULL, NULL },
		{ "options", 'o', 0, G_OPTION_ARG_FILENAME_ARRAY, &c->options,
		  NULL, NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY,
		  &c->rest, NULL, NULL },
		{ NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_auto(GStrv) copy = split_arguments(argc, argv);

	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_add_main_entries(context, entries, NULL);
	return g_option_context_parse_strv(context, &copy, error);
}

static bool choose_mode(Options *o, const struct command_line *c,
			GError **error)
{
	int n = !!c->check + !!c->list + !!c->ls + !!c->cat +
		!!c->list_profiles;

	if (n > 1)
		return fail(error,
			    "only one of --check, --list, --ls, --cat and"
			    " --list-profiles can be done at a time");
	o->mode = c->help	   ? MODE_HELP :
		  c->version	   ? MODE_VERSION :
		  c->list_profiles ? MODE_LIST_PROFILES :
		  c->check	   ? MODE_CHECK :
		  c->list	   ? MODE_LIST :
		  c->ls		   ? MODE_LS :
		  c->cat	   ? MODE_CAT :
				     MODE_MOUNT;
	o->path = g_strdup(c->ls ? c->ls : c->cat);
	return true;
}

static bool take_operands(Options *o, const struct command_line *c,
			  GError **error)
{
	guint n = c->rest ? g_strv_length(c->rest) : 0;
	guint want = o->mode == MODE_MOUNT ? 2 : 1;

	if (o->mode == MODE_HELP || o->mode == MODE_VERSION ||
	    o->mode == MODE_LIST_PROFILES)
		return true;
	if (n != want)
		return fail(error, "expected %s; winprocfs -h tells more",
			    want == 2 ? "IMAGE and MOUNTPOINT" : "one IMAGE");
	/* The daemon leaves its folder, and opens a live image again. */
	o->image = o->live_usec ? g_canonicalize_filename(c->rest[0], NULL) :
				  g_strdup(c->rest[0]);
	o->mountpoint = g_strdup(want == 2 ? c->rest[1] : NULL);
	return true;
}

static bool fill_options(Options *o, const struct command_line *c,
			 GError **error)
{
	for (char **list = c->options; list && *list; list++)
		if (!options_apply(o, *list, error))
			return false;
	if (c->ready_fd < -1)
		return fail(error, "--ready-fd %d: expected a file descriptor",
			    c->ready_fd);
	o->foreground = c->foreground || c->debug;
	o->debug = c->debug;
	o->single = c->single;
	o->quiet = c->quiet;
	o->ready_fd = c->ready_fd;
	o->select.pids = (const uint64_t *)(const void *)o->pids->data;
	o->select.n_pids = o->pids->len;
	o->select.eprocess = (const uint64_t *)(const void *)o->eprocess->data;
	o->select.n_eprocess = o->eprocess->len;
	return choose_mode(o, c, error) && take_operands(o, c, error);
}

Options *options_parse(int argc, char **argv, GError **error)
{
	g_autoptr(Options) o = g_new0(Options, 1);
	struct command_line c = { .ready_fd = -1 };
	bool ok;

	o->pids = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	o->eprocess = g_array_new(FALSE, FALSE, sizeof(uint64_t));
	o->pagefiles = g_ptr_array_new_with_free_func(g_free);
	o->select.methods = METHODS_ALL;
	o->tree.uid = getuid();
	o->tree.gid = getgid();
	o->tree.umask = 0077;
	ok = read_command_line(argc, argv, &c, error) &&
	     fill_options(o, &c, error);
	command_line_clear(&c);
	return ok ? g_steal_pointer(&o) : NULL;
}
