/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Drivers that are not loaded any more. */
#include "config.h"

#include "base/bytes.h"
#include "nt/member.h"
#include "nt/unloaded.h"

/*
 * MmUnloadedDrivers is a pointer to MI_UNLOADED_DRIVERS entries:
 * UNICODE_STRING Name, PVOID StartAddress, PVOID EndAddress, LARGE_INTEGER
 * CurrentTime; the same in all versions (volatilityfoundation/volatility,
 * plugins/overlays/windows: _UNLOADED_DRIVER).
 */
enum {
	ENTRIES = 50,
	NAME_BYTES_MAX = 512,
};
#define IMAGE_BYTES_MAX (UINT64_C(1) << 31)

static void clear_entry(gpointer data)
{
	g_free(((struct nt_unloaded *)data)->name);
}

static uint64_t find_variable(const NtKernel *k)
{
	VirtAddr va;

	if (k->has_image &&
	    nt_kimage_symbol(&k->as, &k->image, "MmUnloadedDrivers", &va))
		return va.v;
	return k->kdbg.va.v ? k->kdbg.unloaded_drivers : 0;
}

static bool read_entry(const struct nt_object *o, struct nt_unloaded *ret)
{
	const uint32_t n = o->pointer_bytes;
	uint64_t end;

	if (!nt_member_pointer(o, 2 * n, &ret->base) ||
	    !nt_member_pointer(o, 3 * n, &end) ||
	    !nt_member_u64(o, 4 * n, &ret->time) ||
	    !nt_is_kernel_address(o->as, ret->base) || end <= ret->base ||
	    end - ret->base > IMAGE_BYTES_MAX)
		return false;
	ret->size = end - ret->base;
	ret->name = nt_member_unicode(o, 0, NAME_BYTES_MAX);
	return true;
}

GArray *nt_unloaded_read(const NtKernel *kernel)
{
	const unsigned n = kernel->as.form->va_bits == 32 ? 4 : 8;
	struct nt_object o = { &kernel->as, n, VIRT(0) };
	uint64_t variable = find_variable(kernel), array;
	GArray *list;

	if (!variable ||
	    !nt_pointer_at(&kernel->as, n, VIRT(variable), &array) ||
	    (array && !nt_is_kernel_address(&kernel->as, array)))
		return NULL;
	list = g_array_new(FALSE, FALSE, sizeof(struct nt_unloaded));
	g_array_set_clear_func(list, clear_entry);
	for (unsigned i = 0; array && i < ENTRIES; i++) {
		struct nt_unloaded u;

		o.va = VIRT(array + (uint64_t)i * (4 * n + 8));
		if (read_entry(&o, &u))
			g_array_append_val(list, u);
	}
	return list;
}
