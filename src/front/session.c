/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a path to a tree. */
#include "config.h"

#include "base/progress.h"
#include "front/pagefiles.h"
#include "front/session.h"
#include "image/hole.h"
#include "nt/hole.h"
#include "nt/softkernel.h"
#include "procs/witness.h"

static void log_advice(const Session *s, const Options *o)
{
	if (!s->kernel)
		log_add(s->log, LOG_INFO, "tree",
			"physical memory is in image/pmem%s",
			o->tree.dtb ? "" :
				      "; dtb/ADDRESS/ shows the address space"
				      " under any page directory");
	else if (!procset_count(s->procs))
		log_add(s->log, LOG_WARN, "tree",
			"no process is shown: none was found, or none matches"
			" pids=, eprocess=, proc_regex= and method=");
}

static ProcSet *list_processes(const Session *s, const Options *options)
{
	g_autoptr(GArray) witnesses = proc_witnesses(s->kernel, s->image);
	struct proc_select select = options->select;

	select.witnesses =
		(const struct proc_witness *)(void *)witnesses->data;
	select.n_witnesses = witnesses->len;
	return procset_build(s->kernel, &select, s->log);
}

static bool open_page_files(Session *s, const Options *options, GError **error)
{
	s->page_files = page_files_of_options(options, s->image, s->kernel,
					      s->log, error);
	if (s->kernel && s->page_files)
		nt_soft_open_swap(s->kernel, s->page_files, s->log);
	return s->page_files != NULL;
}

/* A raw file may lack the hole below 4 GiB. One that changes does not change
 * in this. */
static void fill_hole(Session *s, const struct nt_hints *hints,
		      const Session *former)
{
	uint64_t hole;

	if (!image_may_lack_hole(s->image))
		return;
	if (former && image_io_size(image_data(former->image)) ==
			      image_io_size(image_data(s->image)))
		hole = former->image->hole;
	else
		hole = nt_hole_find(s->pm, s->image, hints, s->log);
	if (hole)
		image_set_hole(s->image, hole);
}

static void log_live(Log *log, const Options *options, unsigned n_reads)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *when = g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");

	if (options->live_usec)
		log_add(log, LOG_INFO, "live",
			"read %u time(s), at last at %s by this machine's"
			" clock; read again for who asks %g s later",
			n_reads, when,
			(double)options->live_usec / G_USEC_PER_SEC);
}

static Session *open_image(Image *image, Log *log, const Options *options,
			   const Session *former, GError **error)
{
	const NtKernel *known = former ? former->kernel : NULL;
	Session *s = g_new0(Session, 1);
	struct nt_hints hints = {
		.dtb = options->tree.dtb,
		.kernel_base = options->kernel_base,
		.form = options->tree.form,
		.symbols_dir = options->symbols_dir,
		.profile_file = options->profile,
		.profile_force = options->profile_force,
		.no_profile = options->no_profile,
	};

	if (known && known->has_system)
		hints.former_dtb = addr_space_dtb(&known->as).v;
	if (known && known->has_image)
		hints.former_base = known->image.base.v;
	s->log = log;
	s->image = image;
	s->n_reads = former ? former->n_reads + 1 : 1;
	log_live(log, options, s->n_reads);
	s->pm = physmem_new(image);
	progress_step("looking for a hole below 4 GiB");
	fill_hole(s, &hints, former);
	progress_step("looking for the kernel");
	s->kernel = nt_kernel_find(s->pm, image, &hints, log);
	if (s->kernel)
		s->kernel->container_regs = options->container_regs;
	progress_step("looking for page files and compressed memory");
	if (!open_page_files(s, options, error)) {
		session_free(s);
		return NULL;
	}
	progress_step("listing processes");
	s->procs = list_processes(s, options);
	progress_step("making the tree");
	log_advice(s, options);
	s->tree = tree_new(image, s->pm, s->kernel, s->procs, log,
			   &options->tree);
	progress_step(NULL);
	return s;
}

Session *session_open_image(Image *image, Log *log, const Options *options,
			    GError **error)
{
	return open_image(image, log, options, NULL, error);
}

static Session *open_path(const Options *options, const Session *former,
			  GError **error)
{
	g_autoptr(Log) log = log_new();
	const struct image_options how = {
		.format = options->format,
		.map_file = options->map_file,
		.cache_bytes = options->cache_bytes,
		.no_companions = options->no_companions,
	};
	Image *image;

	progress_step("opening the image");
	image = image_open(options->image, &how, log, error);
	if (!image)
		return NULL;
	return open_image(image, g_steal_pointer(&log), options, former,
			  error);
}

Session *session_open(const Options *options, GError **error)
{
	return open_path(options, NULL, error);
}

Session *session_open_again(const Options *options, const Session *former,
			    GError **error)
{
	return open_path(options, former, error);
}

void session_free(Session *session)
{
	if (!session)
		return;
	tree_free(session->tree);
	procset_free(session->procs);
	nt_kernel_free(session->kernel);
	page_files_free(session->page_files);
	physmem_free(session->pm);
	image_free(session->image);
	log_free(session->log);
	g_free(session);
}
