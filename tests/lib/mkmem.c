/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mkmem: makes a memory image of a small Windows machine with known contents.
 *
 *	mkmem [options] --out FILE [--format NAME[:ARG]] [--truth FILE]
 *		[--pdb FILE] [--isf FILE]	symbols of its kernel
 *		[--page-files --page-file-out PREFIX]	page files, PREFIX0...
 *
 * The truth is text: one record a line, fields separated by tabs, the first
 * names the record. Addresses and sizes are in hex with 0x, other numbers in
 * decimal, "-" is none. Times are FILETIMEs (100 ns since 1601).
 *
 *	seed SEED
 *	run PA LEN		RAM, ascending (LEN in bytes)
 *	damage NAME VALUE	what was left out or broken
 *	kernel BASE SIZE DTB BUILD GUID AGE LAYOUT VERSION SELFMAP MASK
 *		HIGHEST HEAD KDBG TIME
 *				SELFMAP: index in the top table (32-bit: of
 *				all directories together); MASK: what not
 *				valid PTEs are mixed with; HIGHEST: highest
 *				user address; HEAD: PsActiveProcessHead
 *	symbol NAME VA		a variable of the kernel
 *	pagingfile NUMBER PAGES VA NAME
 *				Windows' table of page files (--page-files):
 *				VA of the _MMPAGING_FILE; NAME "-": the
 *				compressed store's, which is no file
 *	methods CIDTABLE CIDLEVEL IDLE ENCODED COOKIE
 *				PspCidTable and its level; _EPROCESS of pid 0;
 *				whether KDBG is encoded; ObHeaderCookie
 *	proc PID PPID NAMEHEX EPROCESS DTBRAW USERDTB CREATE EXIT SESSION
 *		THREADS WOW64 INLIST PEB CSRSS CID INSESSION INHANDLES
 *		EXITSTATUS PROTECTION PEB32 TABLE LEVEL HANDLES TYPEZERO
 *		RUNNING
 *				in the order of the list; SESSION -1: none;
 *				INLIST to INHANDLES: what finds it, CSRSS 2: by
 *				its threads alone; TABLE: handle table, its
 *				LEVEL, its HANDLES; TYPEZERO: the type index in
 *				its header is 0; RUNNING: on a processor;
 *				its pages and VADs follow, ascending
 *	params PID EPROCESS IMAGE CMDLINE CWD ENVIRON
 *				of those with a PEB: hex of the UTF-8 text;
 *				ENVIRON with a NUL behind each string
 *	thread PID TID ETHREAD TEB TEB32 STACK STACK32 KSTACK CREATE EXIT
 *		KTIME UTIME SWITCHES STATE REASON PRIORITY BASE CPU NAMEHEX
 *				with --threads; stacks: LIMIT-BASE; CPU: that
 *				runs it, or -1; times in ticks
 *	regs PID TID WHAT FROM IP SP FLAGS CS KNOWN GPR...
 *				WHAT: user, user32, kernel, cpu (what notes
 *				have); FROM: call or interrupt (trap frame),
 *				wow64, switch, prcb, cpu; KNOWN: bits of GPR,
 *				which are ax cx dx bx sp bp si di r8 to r15
 *	page PID VA PA SIZE FLAGS STATE CONTENT RAW
 *	name PID START LAST NAME what maps calls it, where no file is mapped:
 *				[heap], [peb]; LAST: last byte
 *	vad PID START LAST PROTECTION TYPE PRIVATE NODE FILE COMMIT
 *				LAST: last byte
 *	sid PID EPROCESS SID	of its token, the user first (--objects)
 *	handle PID EPROCESS VALUE ACCESS OBJECT TYPE NAMEHEX
 *				in the table of a process; OBJECT: its body;
 *				NAMEHEX: what it is called, UTF-8 in hex; "?":
 *				it misleads, and may be called anything
 *	kpage VA PA SIZE FLAGS STATE CONTENT RAW
 *				upper half of System, without the self-map
 *	paging MODE ROOT	with --no-windows, in place of kernel, and
 *	map VA PA SIZE FLAGS STATE CONTENT RAW
 *
 * FLAGS are four characters: w (writable; W: only Windows' bit 11 says so)
 * or -, u (user) or k, x or -, c (copy on write) or -. They are those of the
 * leaf entry, or of the protection field where the entry is not valid; those
 * of map are what all levels together allow.
 * STATE: valid, large, partial (part of the frame is not RAM), outside (all
 * of it is not), transition, table (valid, but the page table itself is in
 * transition), prototype, pagefile, store (compressed, RAW has its place),
 * compressed (the same, but it cannot be read), demandzero, reserved (no
 * translation).
 * CONTENT: label = mk_page_fill(seed, pid, va), pid 1 for map, for each 4 KiB
 * (of pagefile: in the page file that RAW names, where there is one);
 * marker = that with MK_MARKER at MK_MARKER_OFFSET; packed = what
 * mk_content_fill() makes of the label; zero; other; or -.
 *
 * With --modules:
 *	module PID|kernel BASE SIZE FROM MARKS TIMESTAMP NAME PATH GUID
 *		PDB VERSION	NAME, PATH: hex of the UTF-8 text, or -
 *
 * With --states (pages in all states: mkstates.c) lines of page and kpage end
 * with HOW PROTO PROTORAW SWAP:
 * HOW: what led to the prototype PTE: direct (its address in the entry), marker
 * (the entry says: by the VAD), vad (RAW is 0, or there is no table), or -.
 * PROTO, PROTORAW: address and value of the prototype PTE; also of valid pages.
 * SWAP: number of the page file << 44 | page in it << 12, of the page; of the
 * table, for pagedtable; of the page with the prototype PTE, for protolost.
 * More of STATE: file (in a mapped file, not in memory), decommitted,
 * protolost (the prototype PTE cannot be read; with SWAP: but for the page
 * file), absent (the entry is not 0, but there is no page), pagedtable (valid,
 * but the page table is in a page file); prototype is in memory. What a view
 * of a section has neither entry nor prototype for is not listed.
 * More of CONTENT: shared = mk_page_fill(seed, 0, PROTO); paged = what the page
 * file has at SWAP:
 *	paged NUMBER PAGE PID VA	mk_page_fill(seed, PID, VA)
 *	paged NUMBER PAGE - HEX		these bytes
 *
 * Not listed: what odd VADs (--bad-vads) lead to; all that selfmap.exe
 * (--self-tables) maps.
 */
#include "config.h"

#include "lib/mkfmt-triage.h"
#include "lib/mkfmt.h"
#include "lib/mkwin.h"

#include <stdlib.h>
#include <string.h>

struct args {
	struct mk_options options;
	struct mk_write_options write;
	const struct mk_writer *writer;
	const char *writer_arg;
	bool triage; /* in place of a writer */
	gint64 seed, size, bulk, dtb_at, age, tail, procs, phdrs;
	gint64 hole_at;
	gint64 break_flink, break_blink, zero_first;
	char *page_file_out;
	gboolean modules, threads, page_files, objects;
	char *pdb, *isf, *out, *truth, *format, *guid, *layout, *paging, *cast;
	char *bad_dtb;
	gint64 cookie, handle_level, build, shift_eprocess, store;
	gboolean kernel_unknown, no_exports;
	gboolean cid_level3, lost_handle_pages;
	gboolean three_gb, plain_kdbg, private_sessions, shared_sessions;
	gboolean states, no_mask, lost_mask, bad_vads;
	gboolean big, scatter, stripes, hole, gig, trans_table, no_kva, hostile;
	gboolean no_windows;
	gboolean notes, xnum, memsz, unaligned;
	gboolean zero_header, unmap_header, no_rsds, no_smss, no_lowstub;
	gboolean no_kuser, loop_list, list_to_user, dup_pid, self_tables;
};

static void add_number(GOptionGroup *group, const char *name, gint64 *value,
		       const char *help, const char *unit)
{
	const GOptionEntry entries[] = {
		{name, 0, 0, G_OPTION_ARG_INT64, value, help, unit},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};

	g_option_group_add_entries(group, entries);
}

static void add_text(GOptionGroup *group, const char *name, char **value,
		     const char *help, const char *unit)
{
	const GOptionEntry entries[] = {
		{name, 0, 0, G_OPTION_ARG_FILENAME, value, help, unit},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};

	g_option_group_add_entries(group, entries);
}

static void add_flag(GOptionGroup *group, const char *name, gboolean *value,
		     const char *help)
{
	const GOptionEntry entries[] = {
		{name, 0, 0, G_OPTION_ARG_NONE, value, help, NULL},
		{NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
	};

	g_option_group_add_entries(group, entries);
}

static void add_output(GOptionGroup *group, struct args *args)
{
	add_text(group, "out", &args->out, "Image to write", "FILE");
	add_text(group, "truth", &args->truth, "What is in it", "FILE");
	add_text(group, "pdb", &args->pdb, "Symbols as PDB", "FILE");
	add_text(group, "isf", &args->isf, "Symbols as ISF", "FILE");
	add_text(group, "page-file-out", &args->page_file_out,
		 "Page files, with --page-files: their number is appended",
		 "PREFIX");
	add_text(group, "format", &args->format,
		 "raw, elf, elf32 or dump (raw)",
		 "FORMAT");
	add_flag(group, "elf-notes", &args->notes, "Notes of the processors");
	add_flag(group, "xnum", &args->xnum, "Header count in section 0");
	add_flag(group, "memsz", &args->memsz, "Leave out zeros at the end");
	add_flag(group, "unaligned", &args->unaligned, "Odd file offsets");
	add_number(group, "phdrs", &args->phdrs, "Cut into N segments", "N");
}

static void add_machine(GOptionGroup *group, struct args *args)
{
	add_number(group, "seed", &args->seed, "Random seed (1)", "N");
	add_text(group, "guid", &args->guid, "Known kernel", "GUID");
	add_number(group, "age", &args->age, "Age of its PDB (1)", "N");
	add_text(group, "layout", &args->layout, "Layout, kernel made up",
		 "ID");
	add_number(group, "build", &args->build,
		   "What the kernel calls itself (as the layout)", "N");
	add_number(group, "size", &args->size, "RAM (64)", "MIB");
	add_number(group, "tail", &args->tail, "More RAM, < 4096", "BYTES");
	add_flag(group, "hole", &args->hole, "Holes, RAM above 4 GiB");
	add_number(group, "hole-at", &args->hole_at,
		   "A hole from there to 4 GiB, the rest of RAM behind it",
		   "MIB");
	add_number(group, "procs", &args->procs, "That many processes", "N");
	add_flag(group, "hostile-names", &args->hostile, "Odd process names");
	add_text(group, "cast", &args->cast,
		 "usual, or full: those that hide as well (usual)", "CAST");
	add_number(group, "handle-level", &args->handle_level,
		   "Levels of csrss', System's, the ids' handle table", "N");
	add_flag(group, "objects", &args->objects,
		 "Named objects of all kinds");
	add_flag(group, "threads", &args->threads,
		 "threads have TEBs, stacks, registers");
	add_flag(group, "modules", &args->modules,
		 "Images, the loaders' lists of them, drivers");
	add_flag(group, "page-files", &args->page_files,
		 "Windows' table of page files, pages in them");
	add_flag(group, "gig", &args->gig, "Pages of 1 GiB");
	add_flag(group, "trans-table", &args->trans_table,
		 "A page table in transition");
	add_flag(group, "states", &args->states,
		 "Pages in all states, sections, page files");
	add_flag(group, "no-mask", &args->no_mask, "InvalidPteMask is 0");
	add_flag(group, "no-kva", &args->no_kva, "No KVA shadow");
	add_flag(group, "3gb", &args->three_gb, "32-bit: 3 GiB of user space");
	add_number(group, "cookie", &args->cookie,
		   "Of object headers from 10 on (204)", "N");
	add_flag(group, "plain-kdbg", &args->plain_kdbg,
		 "Debugger block not encoded");
	add_flag(group, "private-sessions", &args->private_sessions,
		 "Session space not in System's tables (as up to 7)");
	add_flag(group, "shared-sessions", &args->shared_sessions,
		 "Session space in System's tables (as from 8 on)");
	add_number(group, "store", &args->store,
		   "Compressed store, by the number of its page file", "N");
	add_number(group, "bulk", &args->bulk, "bulk.exe maps so much", "MIB");
	add_flag(group, "scatter", &args->scatter,
		 "No two pages of bulk.exe next to each other");
	add_flag(group, "stripes", &args->stripes,
		 "All of bulk.exe in 16 frames, every other page writable");
	add_flag(group, "big", &args->big, "--size 2048 --bulk 1024");
	add_number(group, "dtb-at", &args->dtb_at, "Place of the PML4s", "MIB");
	add_flag(group, "no-windows", &args->no_windows, "Page tables only");
	add_text(group, "paging", &args->paging,
		 "of --no-windows: x86, pae, amd64 (default), la57, arm64",
		 "MODE");
}

static void add_damage(GOptionGroup *group, struct args *args)
{
	add_flag(group, "zero-kernel-header", &args->zero_header,
		 "Kernel's first page is zeros");
	add_flag(group, "unmap-kernel-header", &args->unmap_header,
		 "Kernel's first page is not mapped");
	add_flag(group, "no-rsds", &args->no_rsds, "No debug record");
	add_flag(group, "no-smss", &args->no_smss, "No smss.exe");
	add_flag(group, "no-lowstub", &args->no_lowstub, "No low stub");
	add_flag(group, "no-kuser", &args->no_kuser, "No shared user data");
	add_flag(group, "loop-list", &args->loop_list,
		 "Process list loops past its head");
	add_number(group, "break-flink", &args->break_flink,
		   "N-th process (1: System) has a bad Flink", "N");
	add_number(group, "break-blink", &args->break_blink,
		   "The same with Blink", "N");
	add_flag(group, "list-to-user", &args->list_to_user,
		 "Third process' Flink is a user address");
	add_text(group, "bad-dtb", &args->bad_dtb,
		 "Of explorer.exe: random, beyond, blank, other, system, user,"
		 " zero, swapped, no-self", "HOW");
	add_flag(group, "dup-pid", &args->dup_pid, "A pid used twice");
	add_flag(group, "self-tables", &args->self_tables,
		 "selfmap.exe: a PML4 of entries to itself");
	add_flag(group, "kernel-unknown", &args->kernel_unknown,
		 "Build, time stamp, GUID of no table");
	add_flag(group, "no-exports", &args->no_exports, "No export directory");
	add_number(group, "shift-eprocess", &args->shift_eprocess,
		   "Members behind Pcb (a multiple of 8)", "BYTES");
	add_flag(group, "cid-level3", &args->cid_level3,
		 "PspCidTable of a level that is none");
	add_flag(group, "lost-handle-pages", &args->lost_handle_pages,
		 "Handles of csrss, some ids: not in the image");
	add_flag(group, "lost-mask", &args->lost_mask,
		 "The page with InvalidPteMask is not mapped");
	add_flag(group, "bad-vads", &args->bad_vads,
		 "--states, and processes whose VADs lead astray");
	add_number(group, "zero-first", &args->zero_first, "First memory wiped",
		   "MIB");
}

static bool set_format(struct args *args, GError **error)
{
	/* No container of all memory, and its KDBG is always plain. */
	args->triage = args->format && strcmp(args->format, "triage") == 0;
	if (args->triage) {
		args->plain_kdbg = TRUE;
		return true;
	}
	args->writer = mk_writer_find(args->format ? args->format : "raw",
				      &args->writer_arg);
	if (args->writer)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "format %s is not known (mkcontain --list)", args->format);
	return false;
}

static bool set_paging(struct args *args, GError **error)
{
	static const char *const names[] = {"x86", "pae", "amd64", "la57",
					    "arm64"};

	args->options.paging = MK_MODE_AMD64;
	if (!args->paging)
		return true;
	for (unsigned int i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(args->paging, names[i]) == 0) {
			args->options.paging = (enum mk_mode)i;
			return true;
		}
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "paging %s: not x86, pae, amd64, la57 or arm64",
		    args->paging);
	return false;
}

static bool set_cast(struct args *args, GError **error)
{
	args->options.full = args->cast && strcmp(args->cast, "full") == 0;
	if (!args->cast || args->options.full ||
	    strcmp(args->cast, "usual") == 0)
		return true;
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "cast %s: not usual or full", args->cast);
	return false;
}

static bool check_numbers(const struct args *args, GError **error)
{
	const gint64 limit = 1 << 20;
	const gint64 numbers[] = {
		args->size,
		args->bulk,
		args->dtb_at,
		args->hole_at,
		args->age,
		args->tail,
		args->procs,
		args->phdrs,
		args->break_flink,
		args->break_blink,
		args->zero_first,
		args->handle_level * (limit / 2),
		args->build * 16,
		args->shift_eprocess * 256,
		args->store * (limit / 16),
	};

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
		if (numbers[i] < 0 || numbers[i] > limit) {
			g_set_error(error, G_OPTION_ERROR,
				    G_OPTION_ERROR_BAD_VALUE,
				    "%" G_GINT64_FORMAT
				    " is not in 0 to %" G_GINT64_FORMAT,
				    numbers[i], limit);
			return false;
		}
	return true;
}

static void set_damage(struct args *args)
{
	args->options.damage = (struct mk_damage){
		.zero_kernel_header = args->zero_header,
		.unmap_kernel_header = args->unmap_header,
		.no_rsds = args->no_rsds,
		.no_smss = args->no_smss,
		.no_lowstub = args->no_lowstub,
		.no_kuser = args->no_kuser,
		.loop_list = args->loop_list,
		.list_to_user = args->list_to_user,
		.dup_pid = args->dup_pid,
		.self_tables = args->self_tables,
		.kernel_unknown = args->kernel_unknown,
		.no_exports = args->no_exports,
		.shift_eprocess = (uint32_t)args->shift_eprocess,
		.cid_level3 = args->cid_level3,
		.lost_handle_pages = args->lost_handle_pages,
		.lost_mask = args->lost_mask,
		.bad_vads = args->bad_vads,
		.break_flink = (unsigned int)args->break_flink,
		.break_blink = (unsigned int)args->break_blink,
		.zero_first_mib = (uint64_t)args->zero_first,
	};
}

static bool set_bad_dtb(struct args *args, GError **error)
{
	if (!args->bad_dtb)
		return true;
	for (enum mk_bad_dtb i = MK_DTB_RANDOM; i < MK_DTBS; i++)
		if (strcmp(args->bad_dtb, mk_bad_dtb_name(i)) == 0)
			args->options.damage.bad_dtb = i;
	if (args->options.damage.bad_dtb == MK_DTB_GOOD)
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--bad-dtb %s: no such way", args->bad_dtb);
	return args->options.damage.bad_dtb != MK_DTB_GOOD;
}

static void set_machine(struct args *args)
{
	struct mk_options *options = &args->options;

	if (args->big) {
		args->size = 2048;
		args->bulk = 1024;
	}
	options->seed = (uint64_t)args->seed;
	options->guid = args->guid;
	options->age = (uint32_t)args->age;
	options->layout = args->layout;
	options->size_mib = (uint64_t)args->size;
	options->bulk_mib = (uint64_t)args->bulk;
	options->scatter = args->scatter;
	options->stripes = args->stripes;
	options->dtb_at_mib = (uint64_t)args->dtb_at;
	options->procs = (unsigned int)args->procs;
	options->tail = (unsigned int)args->tail;
	options->hole = args->hole;
	options->hole_at_mib = (uint64_t)args->hole_at;
	options->gig = args->gig;
	options->trans_table = args->trans_table;
	options->states = args->states;
	options->no_mask = args->no_mask;
	options->no_kva = args->no_kva;
	options->hostile_names = args->hostile;
	options->no_windows = args->no_windows;
	options->page_files = args->page_files;
	options->modules = args->modules;
	options->objects = args->objects;
	options->threads = args->threads;
	options->three_gb = args->three_gb;
	options->store = (unsigned int)args->store;
	options->build = (uint32_t)args->build;
	options->handle_level = (unsigned int)args->handle_level;
	options->plain_kdbg = args->plain_kdbg;
	options->private_sessions = args->private_sessions;
	options->shared_sessions = args->shared_sessions;
	/* 0 stands for the usual one. */
	if (args->cookie >= 0)
		options->cookie = 0x100 | (uint32_t)(args->cookie & 0xff);
	args->write.xnum = args->xnum;
	args->write.memsz = args->memsz;
	args->write.unaligned = args->unaligned;
	args->write.phdrs = (size_t)args->phdrs;
}

static bool write_page_files(const struct args *args, const MkWin *win,
			     GError **error)
{
	const struct mk_page_file *files;
	bool ok = true;
	size_t n;

	if (!args->page_file_out)
		return true;
	files = mk_win_page_files(win, &n, NULL);
	for (size_t i = 0; i < n && ok; i++) {
		g_autofree char *path = g_strdup_printf(
			"%s%u", args->page_file_out, files[i].number);

		ok = !files[i].name ||
		     mk_win_write_page_file(win, files[i].number, path, error);
	}
	return ok;
}

static bool make(struct args *args, GError **error)
{
	g_autoptr(MkWin) win = NULL;
	struct mk_dump dump = {0};

	if (!set_format(args, error) || !set_paging(args, error) ||
	    !set_cast(args, error) || !check_numbers(args, error))
		return false;
	set_machine(args);
	set_damage(args);
	if (!set_bad_dtb(args, error))
		return false;
	win = mk_win_new(&args->options, error);
	if (!win)
		return false;
	if (args->notes)
		args->write.cpus = mk_win_cpus(win, &args->write.n_cpus);
	if (!args->options.no_windows)
		mk_win_dump(win, &dump);
	args->write.dump = &dump;
	if (args->truth && !mk_win_write_truth(win, args->truth, error))
		return false;
	if (!args->options.no_windows &&
	    !mk_win_write_symbols(win, args->pdb, args->isf, error))
		return false;
	if (!write_page_files(args, win, error))
		return false;
	if (args->triage && args->out)
		return mk_triage_write(win, args->out, args->truth, error);
	return !args->out ||
	       args->writer->write(mk_win_phys(win), args->out, &args->write,
				   args->writer_arg, error);
}

static void free_args(struct args *args)
{
	g_free(args->out);
	g_free(args->page_file_out);
	g_free(args->pdb);
	g_free(args->isf);
	g_free(args->truth);
	g_free(args->format);
	g_free(args->guid);
	g_free(args->layout);
	g_free(args->paging);
	g_free(args->cast);
	g_free(args->bad_dtb);
}

int main(int argc, char **argv)
{
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) error = NULL;
	struct args args = {.seed = 1, .size = 64, .cookie = -1};
	GOptionGroup *group = g_option_group_new("mk", "", "", NULL, NULL);
	bool ok;

	add_output(group, &args);
	add_machine(group, &args);
	add_damage(group, &args);
	g_option_context_set_main_group(context, group);
	ok = g_option_context_parse(context, &argc, &argv, &error);
	if (ok && (argc > 1 || (!args.out && !args.truth))) {
		g_set_error(&error, G_OPTION_ERROR, G_OPTION_ERROR_FAILED,
			    "say --out FILE, --truth FILE or both");
		ok = false;
	}
	ok = ok && make(&args, &error);
	if (!ok)
		g_printerr("mkmem: %s\n", error->message);
	free_args(&args);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
