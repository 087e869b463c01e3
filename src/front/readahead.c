/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Read-ahead of the mount, through /sys/class/bdi. */
#include "config.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "front/readahead.h"

/* Undoes the \ooo escapes of /proc/self/mountinfo, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] && p[2] && p[3]) {
			*out++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 +
					(p[3] - '0'));
			p += 3;
		} else {
			*out++ = *p;
		}
	}
	*out = '\0';
}

/* "major:minor" of the mount; the last one there is on top. */
static char *find_device(const char *mountpoint)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	char *found = NULL;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, NULL))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, " ", 6);

		if (g_strv_length(fields) < 6)
			continue;
		unescape(fields[4]);
		if (strcmp(fields[4], mountpoint))
			continue;
		g_free(found);
		found = g_strdup(fields[2]);
	}
	return found;
}

void readahead_raise(const char *mountpoint)
{
	g_autofree char *device = find_device(mountpoint);
	g_autofree char *path = NULL;
	ssize_t n;
	int fd;

	if (!device)
		return;
	path = g_strdup_printf("/sys/class/bdi/%s/read_ahead_kb", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = write(fd, "4096", 4);
	(void)n; /* not permitted: the default then */
	close(fd);
}
