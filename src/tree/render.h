/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text files, each a function that writes itself to a sink. */
#ifndef TREE_RENDER_H
#define TREE_RENDER_H

#include "tree/ptov.h"
#include "tree/record.h"
#include "tree/sink.h"
#include "tree/space.h"

typedef struct DetailCache DetailCache;

/* Everything about the image that text is made of; borrowed. */
struct render_facts {
	const Image *image;
	const PhysMem *pm;
	const NtKernel *kernel; /* or NULL */
	const ProcSet *procs;
	GBytes *log;		/* the text of `log` */
	const struct tree_options *options;
	ViewCache *views;	/* for space_view() */
	DetailCache *details;	/* details.h */
	Ptov *ptov;
};

/* Lines of `image/info`: what the header of a container (a crash dump) says;
 * nothing of what it does not. Without a kernel, also in place of what the
 * kernel would have said. */
void render_header(struct sink *out, const Image *image, bool has_kernel);

/* Files of a space: view is that of the space (may be NULL for methods and
 * dtb). The long ones are in rows.h. */
void render_paging(struct sink *out, const struct render_facts *facts,
		   const Space *space, const SpaceView *view);
void render_status(struct sink *out, const struct render_facts *facts,
		   const Space *space, const SpaceView *view);
/* The same as `status`, as an object of JSON. */
void render_status_json(struct sink *out, const struct render_facts *facts,
			const Space *space, const SpaceView *view);
/* A picture of the space. */
void render_map_svg(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view);
void render_methods(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view);
void render_dtb(struct sink *out, const struct render_facts *facts,
		const Space *space, const SpaceView *view);

/* Of the kernel: drivers that were unloaded. */
void render_unloaded(struct sink *out, const struct render_facts *facts,
		     const Space *space, const SpaceView *view);
/* What else is said of spaces without page tables, in place of the usual. */
void render_direct_paging(struct sink *out, const Space *space,
			  const SpaceView *view);
void render_direct_vtop(struct sink *out, const Space *space, VirtAddr va);
/* Lines of image/info. */
void render_triage_info(struct sink *out, const struct render_facts *facts);

/* The lines of `status` about what a process is and was started as. */
void render_status_facts(const struct record *r,
			 const struct render_facts *facts,
			 const struct proc_entry *e);

void render_vads(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view);
void render_smaps(struct sink *out, const struct render_facts *facts,
		  const Space *space, const SpaceView *view);

/* Empty where nothing is known. */
void render_cmdline(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view);
/* The command line as it is; NULL: not known. (transfer full) */
char *render_command_line(const struct render_facts *facts,
			  const struct proc_entry *e);
void render_comm(struct sink *out, const struct render_facts *facts,
		 const Space *space, const SpaceView *view);
void render_environ(struct sink *out, const struct render_facts *facts,
		    const Space *space, const SpaceView *view);

/* What `exe` and `cwd` of a process say (text_escape_link()); NULL where it is
 * not known. (transfer full) */
char *render_exe(const struct render_facts *facts, const Space *space);
char *render_cwd(const struct render_facts *facts, const Space *space);

/* "ok", "doubtful: ...", "BAD: ..." of a process's DTB. (transfer full) */
char *render_dtb_check(const struct render_facts *facts,
		       const struct proc_entry *e);
/* Of `paging`: where the page tables may be of a process whose DTB is not good
 * (nothing for others), and those that its user code runs on; e may be NULL
 * for the latter. */
void render_dtb_candidates(struct sink *out, const struct render_facts *facts,
			   const struct proc_entry *e);
void render_user_dtb(struct sink *out, const struct render_facts *facts,
		     const struct proc_entry *e);

/* What an entry that is not present says, as words behind it. */
void render_soft_entry(struct sink *out, const struct addr_space *as,
		       uint64_t entry);
/* Where it leads: lines. offset: of the address, not sign-extended. */
void render_soft(struct sink *out, const NtProcSpace *full,
		 const struct vtop_leaf *leaf, uint64_t offset);

/* Files of the whole system. */
void render_readme(struct sink *out, const struct render_facts *facts);
void render_processes(struct sink *out, const struct render_facts *facts);
void render_processes_tsv(struct sink *out, const struct render_facts *facts);
void render_processes_json(struct sink *out, const struct render_facts *facts);
void render_info(struct sink *out, const struct render_facts *facts);
void render_report(struct sink *out, const struct render_facts *facts);
void render_physical_svg(struct sink *out, const struct render_facts *facts);
void render_iomem(struct sink *out, const struct render_facts *facts);
void render_runs(struct sink *out, const struct render_facts *facts);

/* Files that are named by an address: who maps a physical one; how a virtual
 * one is translated. */
void render_ptov(struct sink *out, const struct render_facts *facts,
		 Ptov *ptov, uint64_t pa);
void render_vtop(struct sink *out, const struct render_facts *facts,
		 const Space *space, VirtAddr va);

/* A word: "valid", "transition", ... */
const char *render_page_state(enum page_state state);

/* "running", "exited", ...: the state column of a process. */
const char *render_state(const struct proc_entry *e);

/* What a method has to say of a process: "yes", "no" (it need not be there),
 * "MISSING" (it should be), "-" (nothing is known). */
const char *render_seen(const struct render_facts *facts,
			const struct proc_entry *e, unsigned method);
/* Does something that is known speak for its having been hidden? */
bool render_is_hidden(const struct render_facts *facts,
		      const struct proc_entry *e);
/* "; hidden from ...", for State; and the lines about methods, processors and
 * handles of `status`. */
void render_hidden_from(struct sink *out, const struct proc_entry *e);
void render_status_methods(const struct record *r,
			   const struct render_facts *facts,
			   const struct proc_entry *e);

#endif
