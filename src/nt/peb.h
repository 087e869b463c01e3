/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a process was started with, out of its own memory: the PEB and its
 * process parameters, of WoW64 processes the 32-bit ones too. The process can
 * write all of it: it is what the process says of itself.
 */
#ifndef NT_PEB_H
#define NT_PEB_H

#include "nt/eprocess.h"

/* Bytes of an environment that are read, at most. */
#define NT_ENVIRON_MAX 0x100000u

/* Why there is a text, or none. */
enum nt_param_state {
	NT_PARAM_OK,
	NT_PARAM_EMPTY,	     /* of length 0 */
	NT_PARAM_NO_PEB,     /* no user half: System, exited, minimal */
	NT_PARAM_PEB_LOST,   /* the PEB is not in the image */
	NT_PARAM_NO_BLOCK,   /* the PEB has no process parameters */
	NT_PARAM_BLOCK_LOST, /* those are not in the image */
	NT_PARAM_LOST,	     /* the text itself is not in the image */
	NT_PARAM_BAD,	     /* what should lead to it makes no sense */
};

struct nt_param {
	enum nt_param_state state;
	char *text; /* UTF-8, not escaped; NULL but for NT_PARAM_OK; owned */
};

struct nt_params {
	VirtAddr peb32; /* of a WoW64 process; 0: none was found */
	bool narrow;	/* the environment is that of the 32-bit PEB */
	struct nt_param image_path;
	struct nt_param command_line;
	struct nt_param directory;
	/* Where the environment is, and how long its block at most; meant
	 * only where the state is NT_PARAM_OK. */
	enum nt_param_state environ_state;
	VirtAddr environ_va;
	uint64_t environ_bytes;
};

/* A kernel's layout of PEBs. What the source lacks gets the offsets that all
 * versions have; it cannot fail. */
void nt_peb_layout_fill(const struct nt_source *source, unsigned pointer_bytes,
			struct nt_peb_layout *ret);

/*
 * Reads the parameters through the process's own address space. Of a WoW64
 * process those of the 32-bit PEB count, for its code works with them; what
 * is not there is taken from the 64-bit one.
 */
void nt_params_read(const struct addr_space *own,
		    const struct nt_profile *profile,
		    const struct nt_process *process, struct nt_params *ret);
void nt_params_clear(struct nt_params *params);

/* The 32-bit PEB of a WoW64 process, 0 where none can be found. */
VirtAddr nt_peb32_find(const struct addr_space *own,
		       const struct nt_profile *profile,
		       const struct nt_process *process);

/* An environment: "A=B", each string ended by a NUL. */
struct nt_environ {
	enum nt_param_state state;
	GString *strings;  /* UTF-8; owned; NULL but for NT_PARAM_OK */
	size_t n;	   /* how many strings */
	bool cut;	   /* its end is not in the image, or nowhere */
};

/* The environment that params lead to. A string that is not there as a whole
 * is left out, and cut is set. */
void nt_environ_read(const struct addr_space *own,
		     const struct nt_params *params, struct nt_environ *ret);
void nt_environ_clear(struct nt_environ *env);

#endif
