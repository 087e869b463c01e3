/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs that look for themselves. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "front/caller.h"

#define STATUS_BYTES_MAX 8192

bool caller_could_have_pid(const char *name)
{
	return *name && strspn(name, "0123456789") == strlen(name);
}

/* "NSpid:\t4711\t12\n": its pid in this namespace and in those below. */
static bool in_list(const char *text, const char *name)
{
	const char *line = strstr(text, "\nNSpid:");
	g_autofree char *list = NULL;
	g_auto(GStrv) pids = NULL;

	if (!line)
		return false;
	line += strlen("\nNSpid:");
	list = g_strndup(line, strcspn(line, "\n"));
	g_strdelimit(list, "\t", ' ');
	pids = g_strsplit(list, " ", -1);
	return g_strv_contains((const char *const *)pids, name);
}

bool caller_has_pid(fuse_req_t req, const char *name)
{
	char path[64], own[16], text[STATUS_BYTES_MAX];
	pid_t pid = fuse_req_ctx(req)->pid;
	FILE *status;
	size_t n;

	if (pid <= 0 || !caller_could_have_pid(name))
		return false;
	g_snprintf(own, sizeof own, "%d", (int)pid);
	if (!strcmp(own, name))
		return true;
	g_snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	if (!status)
		return false;
	n = fread(text, 1, sizeof text - 1, status);
	fclose(status);
	text[n] = '\0';
	return in_list(text, name);
}

bool caller_find_self(Tree *tree, const struct tree_node *dir,
		      struct tree_node *ret)
{
	g_autofree char *target = NULL;
	struct tree_node self;

	if (dir->kind != NODE_PROC || tree_lookup(tree, dir, "self", &self))
		return false;
	target = tree_readlink(tree, &self);
	return target && !tree_lookup(tree, dir, target, ret);
}
