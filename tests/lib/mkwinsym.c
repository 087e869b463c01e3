/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Symbol files of a made-up machine's kernel. */
#include "config.h"

#include "lib/mksym.h"
#include "lib/mkwin-priv.h"

static void add_address(GArray *addresses, const char *name, uint32_t rva)
{
	const struct mk_address a = {name, rva};

	g_array_append_val(addresses, a);
}

static GArray *all_addresses(const MkWin *win)
{
	GArray *addresses = g_array_new(FALSE, FALSE,
					sizeof(struct mk_address));
	const char *name;
	uint32_t rva;

	for (size_t i = 0; (name = layouts_symbol_name(i)); i++)
		if (win->known && kernel_symbol(win->known, name, &rva))
			add_address(addresses, name, rva);
	for (guint i = 0; i < win->made->len; i++) {
		const struct mk_made_symbol made =
			g_array_index(win->made, struct mk_made_symbol, i);

		add_address(addresses, made.name, made.rva);
	}
	return addresses;
}

bool mk_win_write_symbols(const MkWin *win, const char *pdb, const char *isf,
			  GError **error)
{
	g_autoptr(GArray) addresses = all_addresses(win);
	const struct mk_symbols symbols = {
		.layout = win->layout,
		.guid = win->guid,
		.age = win->kernel.age,
		.addresses = (const struct mk_address *)(void *)
				     addresses->data,
		.n_addresses = addresses->len,
	};

	return (!pdb || mk_pdb_write(pdb, &symbols, error)) &&
	       (!isf || mk_isf_write(isf, &symbols, error));
}
