/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The user and the groups of a token. */
#include "config.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "nt/kread.h"
#include "nt/token.h"

enum {
	SID_HEAD = 8,		/* revision, count, six bytes of authority */
	SID_REVISION = 1,
	SUB_AUTHORITIES_MAX = 15,
	FAST_REF_64 = 15,	/* bits of an _EX_FAST_REF, no address */
	FAST_REF_32 = 7,
};

/* UserAndGroupCount (u32) and UserAndGroups (pointer) in a _TOKEN. */
struct token_form {
	uint32_t count, groups;
};

/* Since 8; Vista and 7; before. */
static const struct token_form forms_64[] = {
	{ 0x7c, 0x98 }, { 0x78, 0x90 }, { 0x4c, 0x68 },
};
static const struct token_form forms_32[] = {
	{ 0x7c, 0x94 }, { 0x78, 0x90 }, { 0x4c, 0x68 },
};

/* u8 Revision, u8 SubAuthorityCount, the authority with its highest byte
 * first, then that many u32. */
static char *read_sid(const struct nt_reader *r, uint64_t va)
{
	uint8_t raw[SID_HEAD + 4 * SUB_AUTHORITIES_MAX];
	uint64_t authority = 0;
	GString *text;

	if (!nt_kread(r, va, raw, SID_HEAD) || raw[0] != SID_REVISION ||
	    raw[1] > SUB_AUTHORITIES_MAX ||
	    !nt_kread(r, va + SID_HEAD, raw + SID_HEAD, 4 * (size_t)raw[1]))
		return NULL;
	for (unsigned i = 2; i < SID_HEAD; i++)
		authority = authority << 8 | raw[i];
	text = g_string_new(NULL);
	g_string_printf(text, "S-1-%" PRIu64, authority);
	for (unsigned i = 0; i < raw[1]; i++)
		g_string_append_printf(text, "-%" PRIu32,
				       load_le32(raw + SID_HEAD + 4 * i));
	return g_string_free(text, FALSE);
}

/* An array of pointers to SIDs, each with u32 Attributes at their alignment.
 * NULL where the first, which is the user, is none. */
static GPtrArray *read_array(const struct nt_reader *r, uint64_t groups,
			     uint32_t n)
{
	const uint32_t step = 2 * r->k->profile.pointer_bytes;
	g_autoptr(GPtrArray) sids = g_ptr_array_new_with_free_func(g_free);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t sid;
		char *text = NULL;

		if (nt_kread_link(r, groups + (uint64_t)i * step, &sid))
			text = read_sid(r, sid);
		if (!text && !i)
			return NULL;
		g_ptr_array_add(sids, text ? text : g_strdup("?"));
	}
	return g_steal_pointer(&sids);
}

static GPtrArray *read_form(const struct nt_reader *r, uint64_t token,
			    const struct token_form *form)
{
	uint64_t groups;
	uint8_t raw[4];
	uint32_t n;

	if (!nt_kread(r, token + form->count, raw, sizeof raw) ||
	    !nt_kread_link(r, token + form->groups, &groups))
		return NULL;
	n = load_le32(raw);
	return n && n <= NT_SIDS_MAX ? read_array(r, groups, n) : NULL;
}

GPtrArray *nt_token_sids(const NtKernel *k, const struct nt_process *process)
{
	const struct nt_reader r = { k, NULL };
	const bool wide = k->profile.pointer_bytes == 8;
	const struct token_form *forms = wide ? forms_64 : forms_32;
	uint32_t at = k->profile.objname.token;
	GPtrArray *sids = NULL;
	uint64_t token;

	if (at == NT_ABSENT ||
	    !nt_kread_link(&r, process->eprocess.v + at, &token))
		return NULL;
	token &= ~(uint64_t)(wide ? FAST_REF_64 : FAST_REF_32);
	/* Which form it is: the one by which there is a user. */
	for (size_t i = 0; !sids && i < G_N_ELEMENTS(forms_64); i++)
		sids = read_form(&r, token, &forms[i]);
	return sids;
}
