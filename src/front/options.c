/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Parsing of -o. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "front/options-priv.h"
#include "front/pagefiles.h"

G_DEFINE_QUARK(winprocfs-options-error-quark, options_error)

/* The whole of text is a number, decimal or 0x hex. */
static bool parse_number(const char *text, uint64_t *ret)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *end;

	if (!(hex ? g_ascii_isxdigit(*digits) : g_ascii_isdigit(*digits)))
		return false;
	errno = 0;
	*ret = g_ascii_strtoull(digits, &end, hex ? 16 : 10);
	return !*end && !errno;
}

static bool take_number(const char *key, const char *value, uint64_t max,
			uint64_t *ret, GError **error)
{
	uint64_t v;

	if (!parse_number(value, &v) || v > max)
		return fail(error,
			    "%s=%s: expected a number, decimal or 0x hex, up to"
			    " 0x%" G_GINT64_MODIFIER "x",
			    key, value, max);
	*ret = v;
	return true;
}

static bool take_list(const char *key, const char *value, uint64_t max,
		      GArray *ret, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(value, ":", -1);

	for (char **part = parts; *part; part++) {
		uint64_t v;

		if (!take_number(key, *part, max, &v, error))
			return false;
		g_array_append_val(ret, v);
	}
	if (!ret->len)
		return fail(error, "%s=: expected at least one number", key);
	return true;
}

static bool take_pids(Options *o, const char *value, GError **error)
{
	return take_list("pids", value, UINT32_MAX, o->pids, error);
}

static bool take_eprocess(Options *o, const char *value, GError **error)
{
	return take_list("eprocess", value, UINT64_MAX, o->eprocess, error);
}

static bool take_regex(Options *o, const char *value, GError **error)
{
	g_autoptr(GError) inner = NULL;

	if (!g_utf8_validate(value, -1, NULL))
		return fail(error, "proc_regex=: is not valid UTF-8");
	g_clear_pointer(&o->select.proc_regex, g_regex_unref);
	o->select.proc_regex = g_regex_new(
		value, G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, &inner);
	if (!o->select.proc_regex)
		return fail(error, "proc_regex=%s: %s", value, inner->message);
	return true;
}

static bool add_method(Options *o, const char *name, GError **error)
{
	for (unsigned i = 0; i < METHODS; i++) {
		if (g_ascii_strcasecmp(proc_methods[i].name, name))
			continue;
		o->select.methods |= 1u << i;
		return true;
	}
	return fail(error,
		    "method=%s: expected some of PsActiveProcessHead, CSRSS,"
		    " PspCidTable, Sessions, Handles, with ':' between",
		    name);
}

static bool take_method(Options *o, const char *value, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(value, ":", -1);

	o->select.methods = 0;
	for (char **part = parts; *part; part++)
		if (!add_method(o, *part, error))
			return false;
	return o->select.methods || add_method(o, "", error);
}

static bool take_holes(Options *o, const char *value, GError **error)
{
	o->tree.eio = !strcmp(value, "eio");
	if (o->tree.eio || !strcmp(value, "zero"))
		return true;
	return fail(error, "holes=%s: expected zero or eio", value);
}

static bool unknown_format(const char *value, GError **error)
{
	g_autoptr(GString) known = g_string_new(NULL);

	for (size_t i = 0; image_formats[i]; i++)
		g_string_append_printf(known, "%s%s", i ? ", " : "",
				       image_formats[i]->name);
	return fail(error, "format=%s: expected one of %s", value, known->str);
}

static bool take_format(Options *o, const char *value, GError **error)
{
	for (size_t i = 0; image_formats[i]; i++) {
		if (strcmp(image_formats[i]->name, value))
			continue;
		g_free(o->format);
		o->format = g_strdup(value);
		return true;
	}
	return unknown_format(value, error);
}

/* Bytes, with a unit of 1024, 1024^2 or 1024^3 or without. */
static bool take_cache(Options *o, const char *value, GError **error)
{
	static const char units[] = "KMG";
	size_t len = strlen(value);
	const char last = len ? g_ascii_toupper(value[len - 1]) : '0';
	const char *unit = strchr(units, last);
	g_autofree char *digits = g_strndup(value, unit ? len - 1 : len);
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	uint64_t v;

	if (!parse_number(digits, &v) || !v || v > UINT64_MAX >> (shift + 1))
		return fail(error,
			    "cache=%s: expected a number of bytes above 0, with"
			    " K, M or G for units",
			    value);
	o->cache_bytes = v << shift;
	return true;
}

/* Digits with at most one point: not all that strtod() takes. */
static bool parse_seconds(const char *text, double *ret)
{
	size_t n = strspn(text, "0123456789");

	if (text[n] == '.')
		n += 1 + strspn(text + n + 1, "0123456789");
	if (!g_ascii_isdigit(*text) || text[n])
		return false;
	*ret = g_ascii_strtod(text, NULL);
	return true;
}

static bool take_live(Options *o, const char *value, GError **error)
{
	double seconds = 1;

	if (value && (!parse_seconds(value, &seconds) || seconds < 0.01 ||
		      seconds > 86400))
		return fail(error,
			    "live=%s: expected seconds, from 0.01 to 86400",
			    value);
	o->live_usec = (int64_t)(seconds * G_USEC_PER_SEC);
	return true;
}

static bool take_dtb(Options *o, const char *value, GError **error)
{
	return take_number("dtb", value, (UINT64_C(1) << 52) - 1,
			   &o->tree.dtb, error);
}

static bool take_kernel_base(Options *o, const char *value, GError **error)
{
	return take_number("kernel_base", value, UINT64_MAX, &o->kernel_base,
			   error);
}

/* The daemon leaves its folder: paths are made absolute at once. */
static bool take_path(char **ret, const char *value)
{
	g_free(*ret);
	*ret = g_canonicalize_filename(value, NULL);
	return true;
}

static bool take_map(Options *o, const char *value, GError **error)
{
	(void)error;
	return take_path(&o->map_file, value);
}

static bool take_pagefile(Options *o, const char *value, GError **error)
{
	if (!strcmp(value, "none")) {
		o->no_pagefiles = true;
		return true;
	}
	if (!page_files_split(value, o->pagefiles))
		return fail(error, "pagefile=%s: expected at least one file",
			    value);
	if (o->pagefiles->len > PAGE_FILES_MAX)
		return fail(error, "pagefile=: %u files; expected up to %u",
			    o->pagefiles->len, PAGE_FILES_MAX);
	return true;
}

static bool take_swapfile(Options *o, const char *value, GError **error)
{
	(void)error;
	return take_path(&o->swapfile, value);
}

static bool take_symbols(Options *o, const char *value, GError **error)
{
	if (!g_file_test(value, G_FILE_TEST_IS_DIR))
		return fail(error, "symbols=%s: there is no such folder",
			    value);
	return take_path(&o->symbols_dir, value);
}

static bool take_profile(Options *o, const char *value, GError **error)
{
	(void)error;
	o->no_profile = !strcmp(value, "none");
	if (!o->no_profile)
		return take_path(&o->profile, value);
	g_clear_pointer(&o->profile, g_free);
	return true;
}

static bool take_paging(Options *o, const char *value, GError **error)
{
	o->tree.form = paging_form_find(value);
	if (o->tree.form)
		return true;
	return fail(error, "paging=%s: expected x86, pae, amd64, la57 or arm64",
		    value);
}

static bool take_uid(Options *o, const char *value, GError **error)
{
	uint64_t v;

	if (!take_number("uid", value, UINT32_MAX - 1, &v, error))
		return false;
	o->tree.uid = (uid_t)v;
	return true;
}

static bool take_gid(Options *o, const char *value, GError **error)
{
	uint64_t v;

	if (!take_number("gid", value, UINT32_MAX - 1, &v, error))
		return false;
	o->tree.gid = (gid_t)v;
	return true;
}

static bool take_umask(Options *o, const char *value, GError **error)
{
	char *end;
	guint64 v = g_ascii_strtoull(value, &end, 8);

	if (!g_ascii_isdigit(*value) || *end || v > 0777)
		return fail(error, "umask=%s: expected up to 777, in octal",
			    value);
	o->tree.umask = (mode_t)v;
	return true;
}

static bool take_nothing(Options *o, const char *value, GError **error)
{
	(void)o;
	(void)value;
	(void)error;
	return true;
}

struct option_def {
	const char *name;
	bool has_value;
	bool (*take)(Options *o, const char *value, GError **error);
};

/* Those that are there or not. */
static const struct {
	const char *name;
	size_t flag; /* bool of Options */
} flag_defs[] = {
	{ "coalesce", offsetof(Options, tree.coalesce) },
	{ "all", offsetof(Options, tree.all) },
	{ "raw_cmdline", offsetof(Options, tree.raw_cmdline) },
	{ "nocompanions", offsetof(Options, no_companions) },
	{ "container_regs", offsetof(Options, container_regs) },
	{ "profile_force", offsetof(Options, profile_force) },
	{ "allow_other", offsetof(Options, allow_other) },
};

static const struct option_def option_defs[] = {
	{ "pids", true, take_pids },
	{ "eprocess", true, take_eprocess },
	{ "proc_regex", true, take_regex },
	{ "method", true, take_method },
	{ "holes", true, take_holes },
	{ "format", true, take_format },
	{ "map", true, take_map },
	{ "cache", true, take_cache },
	{ "pagefile", true, take_pagefile },
	{ "swapfile", true, take_swapfile },
	{ "live", false, take_live },
	{ "live", true, take_live },
	{ "dtb", true, take_dtb },
	{ "kernel_base", true, take_kernel_base },
	{ "symbols", true, take_symbols },
	{ "profile", true, take_profile },
	{ "paging", true, take_paging },
	{ "uid", true, take_uid },
	{ "gid", true, take_gid },
	{ "umask", true, take_umask },
	{ "default_permissions", false, take_nothing },
};

/* What mount(8), fstab and mount.fuse3 add. The mount is ro, nosuid and nodev
 * whatever they say. */
static const char *const ignored[] = {
	"ro", "rw", "suid", "nosuid", "dev", "nodev", "exec", "noexec",
	"async", "sync", "dirsync", "atime", "noatime", "relatime",
	"norelatime", "strictatime", "auto", "noauto", "user", "nouser",
	"users", "nofail", "_netdev", "defaults", NULL
};

static bool apply_option(Options *o, const char *text, GError **error)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);

	/* x-systemd.automount and the like are for others. */
	if (g_str_has_prefix(text, "x-") || g_strv_contains(ignored, text))
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(flag_defs); i++) {
		if (strlen(flag_defs[i].name) != len ||
		    strncmp(flag_defs[i].name, text, len))
			continue;
		if (equals)
			return fail(error, "%s: takes no value", text);
		G_STRUCT_MEMBER(bool, o, flag_defs[i].flag) = true;
		return true;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(option_defs); i++) {
		const struct option_def *def = &option_defs[i];

		if (strlen(def->name) != len || strncmp(def->name, text, len))
			continue;
		/* One that may have a value stands there twice. */
		if (def->has_value != !!equals &&
		    i + 1 < G_N_ELEMENTS(option_defs) &&
		    !strcmp(def->name, def[1].name))
			continue;
		if (def->has_value && (!equals || !equals[1]))
			return fail(error, "%s: expected %s=VALUE", text,
				    def->name);
		if (!def->has_value && equals)
			return fail(error, "%s: takes no value", text);
		return def->take(o, equals ? equals + 1 : NULL, error);
	}
	return fail(error, "%s: unknown mount option (winprocfs -h lists them)",
		    text);
}

/* Splits at commas; "\," is a comma of the value, as libfuse has it. */
bool options_apply(Options *o, const char *list, GError **error)
{
	g_autoptr(GString) one = g_string_new(NULL);

	for (const char *p = list;; p++) {
		if (*p == '\\' && (p[1] == ',' || p[1] == '\\')) {
			g_string_append_c(one, *++p);
			continue;
		}
		if (*p && *p != ',') {
			g_string_append_c(one, *p);
			continue;
		}
		if (one->len && !apply_option(o, one->str, error))
			return false;
		g_string_truncate(one, 0);
		if (!*p)
			return true;
	}
}

void options_free(Options *options)
{
	if (!options)
		return;
	g_free(options->image);
	g_free(options->mountpoint);
	g_free(options->path);
	g_free(options->format);
	g_free(options->map_file);
	g_free(options->symbols_dir);
	g_free(options->profile);
	g_free(options->swapfile);
	g_ptr_array_unref(options->pagefiles);
	g_clear_pointer(&options->select.proc_regex, g_regex_unref);
	g_array_unref(options->pids);
	g_array_unref(options->eprocess);
	g_free(options);
}
