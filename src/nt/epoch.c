/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layouts by the kernel's date. */
#include "config.h"

#include "nt/epoch.h"

enum { BUILD_1703 = 15063 };

/* 1 July 2018: updates of that month are built before it, those of August
 * after it. */
#define SWIZZLED_FROM UINT32_C(0x5b381c80)

bool nt_layout_suits_date(const NtKernel *k, const struct nt_layout *layout)
{
	struct nt_field field;

	if (!k->has_image || !k->image.has_pe || !k->image.pe.timestamp ||
	    layout_build(layout) >= BUILD_1703)
		return true;
	return layout_field(layout, "_MMPTE_SOFTWARE.SwizzleBit", &field,
			    NULL) == (k->image.pe.timestamp >= SWIZZLED_FROM);
}
