/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of `report.html`. */
#ifndef TREE_REPORT_H
#define TREE_REPORT_H

#include "tree/markup.h"
#include "tree/render.h"

/* What is shown: rows of processes, characters of a command line. */
#define REPORT_PROCESSES_MAX 4000u
#define REPORT_COMMAND_CHARS 220u
#define REPORT_LOG_MAX 200u

/* Numbers for the head of the page. */
struct report_counts {
	size_t n, n_running, n_exited, n_hidden, n_bad_dtb;
	size_t n_warnings, n_failures; /* lines of the log */
};

extern const char report_style[];

/* "<section>" with a heading; id: of ours. */
void report_section(struct sink *out, const char *id, const char *title);
void report_section_end(struct sink *out);

/* Name of a process, as a link to its folder. */
void report_name(struct sink *out, const struct proc_entry *e);
/* Words in coloured boxes: its state, and what is odd about it. */
void report_badges(struct sink *out, const struct render_facts *facts,
		   const struct proc_entry *e);
/* Links to its files. */
void report_links(struct sink *out, const struct proc_entry *e);
/* A cell for each method: seen, missing, ... */
void report_marks(struct sink *out, const struct render_facts *facts,
		  const struct proc_entry *e);
void report_mark_heads(struct sink *out);
/* A time without T and Z; a dash where there is none. */
void report_time(struct sink *out, bool known, uint64_t filetime);

void report_hidden(struct sink *out, const struct render_facts *facts,
		   const struct report_counts *counts);
void report_tree(struct sink *out, const struct render_facts *facts);
void report_methods(struct sink *out, const struct render_facts *facts);
void report_facts(struct sink *out, const struct render_facts *facts);
void report_log(struct sink *out, const struct render_facts *facts,
		const struct report_counts *counts);

#endif
