/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The libfuse session. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fuse_log.h>

#include "front/fuse_ops.h"
#include "front/mount.h"

enum { EXIT_MOUNT = 3 };

bool mount_check_point(Options *options, GError **error)
{
	char *full = realpath(options->mountpoint, NULL);
	struct stat st;

	if (!full || stat(full, &st) || !S_ISDIR(st.st_mode)) {
		g_set_error(error, OPTIONS_ERROR, 0,
			    "%s: cannot be mounted on: %s", options->mountpoint,
			    full ? g_strerror(ENOTDIR) : g_strerror(errno));
		free(full);
		return false;
	}
	if (access("/dev/fuse", F_OK)) {
		g_set_error(error, OPTIONS_ERROR, 0,
			    "/dev/fuse: %s; --ls and --cat work without it",
			    g_strerror(errno));
		free(full);
		return false;
	}
	g_free(options->mountpoint);
	options->mountpoint = g_strdup(full);
	free(full);
	return true;
}

/* An image that is cut short under the mount makes libfuse complain of every
 * read that fails for it. */
#define COMPLAINTS_MAX 16u

/* libfuse's messages, one line each, as ours; its debug output as it is. */
static void log_line(enum fuse_log_level level, const char *format, va_list ap)
	G_GNUC_PRINTF(2, 0);

static void log_line(enum fuse_log_level level, const char *format, va_list ap)
{
	/* The callback knows no session: the one thing that varies here. */
	static _Atomic unsigned n_complaints;
	g_autofree char *text = g_strdup_vprintf(format, ap);
	unsigned n;

	if (level >= FUSE_LOG_DEBUG) {
		fputs(text, stderr);
		return;
	}
	n = atomic_fetch_add(&n_complaints, 1);
	if (n > COMPLAINTS_MAX)
		return;
	g_strchomp(text);
	fprintf(stderr, "winprocfs: %s\n", text);
	if (n == COMPLAINTS_MAX)
		fputs("winprocfs: further messages are not shown\n", stderr);
}

/* A comma or backslash would end the value of the mount option. */
static char *escape_option(const char *text)
{
	GString *out = g_string_new(NULL);

	for (const char *p = text; *p; p++) {
		if (*p == ',' || *p == '\\')
			g_string_append_c(out, '\\');
		g_string_append_c(out, *p);
	}
	return g_string_free(out, FALSE);
}

static void add_arguments(struct fuse_args *args, const Options *options)
{
	g_autofree char *name = escape_option(options->image);
	g_autofree char *list = g_strdup_printf(
		"ro,nosuid,nodev,default_permissions,subtype=winprocfs,"
		"fsname=%s%s",
		name, options->allow_other ? ",allow_other" : "");

	fuse_opt_add_arg(args, "winprocfs");
	fuse_opt_add_arg(args, "-o");
	fuse_opt_add_arg(args, list);
	if (options->debug)
		fuse_opt_add_arg(args, "-d");
}

/*
 * How many threads take requests from the kernel. As many as processors would
 * take them from the readers whom they serve: a second one, woken for the next
 * request of a reader, runs where that reader wants to, and slows it down by a
 * sixth on two processors. What takes time is not theirs (see work_start()).
 */
static unsigned n_takers(void)
{
	return MAX(g_get_num_processors() / 2, 1);
}

/*
 * How often the one taker asks again before it sleeps, some 50 microseconds
 * in all: a reader that waits for one small read after the other is served
 * twice as fast by somebody who is awake.
 */
#define ASK_AGAIN 100u

/* The next request; 0 or less where the session has ended or was interrupted,
 * as fuse_session_receive_buf() has it. */
static int next_request(struct fuse_session *se, struct fuse_buf *buf)
{
	struct pollfd wait = { .fd = fuse_session_fd(se), .events = POLLIN };
	int r = -EAGAIN;

	for (unsigned i = 0; i < ASK_AGAIN && r == -EAGAIN; i++)
		r = fuse_session_receive_buf(se, buf);
	if (r != -EAGAIN)
		return r;
	return poll(&wait, 1, -1) < 0 ? -EINTR : -EAGAIN;
}

/* fuse_session_loop() for one thread that does not fall asleep at once. */
static int serve_alone(struct fuse_session *se)
{
	struct fuse_buf buf = { .mem = NULL };
	int fd = fuse_session_fd(se), r = 0;

	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
		return fuse_session_loop(se);
	while (!fuse_session_exited(se)) {
		r = next_request(se, &buf);
		if (r > 0)
			fuse_session_process_buf(se, &buf);
		else if (r != -EINTR && r != -EAGAIN)
			break;
	}
	free(buf.mem);
	fuse_session_reset(se);
	return r < 0 && r != -EINTR && r != -EAGAIN ? r : 0;
}

static int serve_threads(struct fuse_session *se)
{
	if (n_takers() == 1)
		return serve_alone(se);
#if FUSE_USE_VERSION >= 312
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	fuse_loop_cfg_set_clone_fd(config, 1);
	fuse_loop_cfg_set_max_threads(config, n_takers());
	r = fuse_session_loop_mt(se, config);
	fuse_loop_cfg_destroy(config);
	return r;
#else
	struct fuse_loop_config config = { .clone_fd = 1,
					   .max_idle_threads = 10 };

	return fuse_session_loop_mt(se, &config);
#endif
}

/* libfuse answers with the number of the signal that ended it: no error. */
static int serve(struct fuse_session *se, const Options *options)
{
	int r = options->single ? fuse_session_loop(se) : serve_threads(se);

	return r < 0 ? EXIT_MOUNT : 0;
}

/* --ready-fd must outlive the daemon's closing of standard streams. */
static int keep_ready_fd(const Options *options)
{
	if (options->ready_fd < 0)
		return -1;
	return options->ready_fd > 2 ? options->ready_fd :
				       dup(options->ready_fd);
}

static int mount_session(struct fuse_session *se, FuseFs *fs,
			 const Options *options)
{
	int r = EXIT_MOUNT;

	if (fuse_set_signal_handlers(se))
		return r;
	if (!fuse_session_mount(se, options->mountpoint)) {
		/* Forks here; the parent leaves with 0 now that it is there. */
		if (!fuse_daemonize(options->foreground))
			r = serve(se, options);
		fuse_fs_finish(fs);
		fuse_session_unmount(se);
	}
	fuse_remove_signal_handlers(se);
	return r;
}

int mount_run(Session *session, const Options *options)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	FuseFs *fs = fuse_fs_new(session, options, keep_ready_fd(options));
	struct fuse_session *se;
	int r = EXIT_MOUNT;

	fuse_set_log_func(log_line);
	add_arguments(&args, options);
	se = fuse_session_new(&args, &fuse_fs_ops, sizeof fuse_fs_ops, fs);
	if (se) {
		r = mount_session(se, fs, options);
		fuse_session_destroy(se);
	}
	fuse_opt_free_args(&args);
	fuse_fs_free(fs);
	return r;
}
