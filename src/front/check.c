/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The tree without FUSE. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "front/check.h"

static int resolve(const Session *s, const char *path, struct tree_node *node)
{
	int r = tree_resolve(s->tree, path, node);

	if (r)
		fprintf(stderr, "winprocfs: %s: %s in the image's tree\n",
			path, r == -ENOTDIR ? "goes through what is no folder" :
					      "there is no such path");
	return r;
}

static void put_stat(const Session *s, const struct tree_node *node,
		     const char *name)
{
	g_autofree char *target = tree_readlink(s->tree, node);
	g_autoptr(GDateTime) time = NULL;
	g_autofree char *when = NULL;
	struct stat st;

	tree_stat(s->tree, node, &st);
	time = g_date_time_new_from_unix_utc(st.st_mtim.tv_sec);
	when = time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ") : NULL;
	printf("%c%03o %16" PRId64 " %12" PRId64 " %s %s%s%s\n",
	       S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : '-',
	       st.st_mode & 0777u, (int64_t)st.st_size,
	       (int64_t)st.st_blocks * 512, when ? when : "-", name,
	       target ? " -> " : "", target ? target : "");
}

char *check_text(const Session *session, const char *path)
{
	g_autoptr(TreeFile) file = NULL;
	struct read_plan plan;
	struct tree_node node;
	char *text = NULL;

	if (tree_resolve(session->tree, path, &node))
		return NULL;
	file = tree_open(session->tree, &node);
	if (!file)
		return NULL;
	read_plan_init(&plan);
	if (!tree_file_read(file, 0, PLAN_MAX_BYTES, &plan)) {
		text = g_malloc0(plan.len + 1);
		read_plan_gather(&plan, text);
	}
	read_plan_clear(&plan);
	return text;
}

int check_ls(const Session *session, const char *path)
{
	struct tree_node dir, node;
	char *name;

	if (resolve(session, path, &dir))
		return 1;
	if (!tree_is_dir(&dir)) {
		put_stat(session, &dir, path);
		return 0;
	}
	for (uint64_t i = 0; tree_entry(session->tree, &dir, i, &node, &name);
	     i++) {
		put_stat(session, &node, name);
		g_free(name);
	}
	return 0;
}

/* Writes all of the plan; false with errno. */
static bool write_plan(int fd, struct read_plan *plan)
{
	struct iovec *iov = plan->iov;
	unsigned n = plan->n;

	while (n) {
		ssize_t done = writev(fd, iov, (int)n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		while (n && (size_t)done >= iov->iov_len) {
			done -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n) {
			iov->iov_base = (uint8_t *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	return true;
}

/* Where the output is a file, holes become holes: moves *off to the next data,
 * or the end. 0, or an errno (a filesystem may not hold files as large). */
static int skip_hole(TreeFile *file, uint64_t *off, uint64_t size)
{
	int64_t next = tree_file_seek(file, *off, SEEK_DATA);

	next = next < 0 ? (int64_t)size : next;
	if ((uint64_t)next > *off &&
	    lseek(STDOUT_FILENO, next - (int64_t)*off, SEEK_CUR) < 0)
		return errno == EINVAL ? EFBIG : errno;
	*off = (uint64_t)next;
	return 0;
}

/* One piece at *off; 0, or an errno. */
static int cat_piece(TreeFile *file, uint64_t *off, uint64_t size)
{
	struct read_plan plan;
	int r = 0;

	read_plan_init(&plan);
	r = -tree_file_read(file, *off, MIN(size - *off, PLAN_MAX_BYTES),
			    &plan);
	if (!r && !plan.len)
		r = EIO;
	if (!r && !write_plan(STDOUT_FILENO, &plan))
		r = errno == EFAULT ? EIO : errno;
	*off += plan.len;
	read_plan_clear(&plan);
	return r;
}

static int cat_file(TreeFile *file, uint64_t size)
{
	struct stat st;
	bool sparse = tree_file_is_sparse(file) &&
		      !fstat(STDOUT_FILENO, &st) && S_ISREG(st.st_mode);
	uint64_t off = 0;
	int r = 0;

	while (off < size && !r) {
		if (sparse)
			r = skip_hole(file, &off, size);
		if (off < size && !r)
			r = cat_piece(file, &off, size);
	}
	if (!r && sparse) {
		off_t end = lseek(STDOUT_FILENO, 0, SEEK_CUR);

		if (end >= 0 && ftruncate(STDOUT_FILENO, end))
			r = errno == EINVAL ? EFBIG : errno;
	}
	return r;
}

int check_cat(const Session *session, const char *path)
{
	g_autoptr(TreeFile) file = NULL;
	struct tree_node node;
	struct stat st;
	int r;

	if (resolve(session, path, &node))
		return 1;
	file = tree_open(session->tree, &node);
	if (!file) {
		fprintf(stderr, "winprocfs: %s: is a %s\n", path,
			tree_is_link(&node) ? "link; --ls shows where to" :
					      "folder; --ls lists it");
		return 1;
	}
	tree_stat(session->tree, &node, &st);
	r = cat_file(file, (uint64_t)st.st_size);
	if (r)
		fprintf(stderr, "winprocfs: %s: %s\n", path, g_strerror(r));
	return r ? 2 : 0;
}

/* Kernels of a layout whose symbol addresses are known, by GUID. */
static size_t kernels_of(const struct nt_layout *layout)
{
	size_t n = 0;

	for (size_t i = 0; i < kernels_count(); i++)
		n += kernel_layout(kernels_get(i)) == layout;
	return n;
}

/* Kernels known by the time stamp and size in their PE header. */
static size_t images_of(const struct nt_layout *layout)
{
	size_t n = 0;

	for (size_t i = 0; i < images_count(); i++)
		n += images_get(i)->layout == layout;
	return n;
}

int check_list_profiles(void)
{
	printf("%zu layouts, %zu kernels by GUID, %zu kernels by timestamp and"
	       " size\n"
	       "%-22s %-12s %5s %6s  %-8s %s\n",
	       layouts_count(), kernels_count(), images_count(), "layout",
	       "version", "guids", "images", "members", "system");
	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);

		printf("%-22s %-12s %5zu %6zu  %-8s Windows %s\n",
		       layout_id(layout), layout_version(layout),
		       kernels_of(layout), images_of(layout),
		       layout_complete(layout) ? "complete" : "partial",
		       layout_os(layout));
	}
	return 0;
}
