/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Facts of the system out of shared user data and the PEB. */
#include "config.h"

#include "base/bytes.h"
#include "nt/machine.h"
#include "nt/osfacts.h"

/* Member offsets: symbol tables from XP to 11 have no others. */
enum {
	KUSER_FEATURES = 0x274, /* ProcessorFeatures: 64 of them, a byte each */
	KUSER_SUITE_MASK = 0x2d0,
	PEB_CSD_VERSION = 0x122, /* OSCSDVersion, u16: major in the high byte */
	PEB32_CSD_VERSION = 0xae,
};

struct nt_os_facts nt_os_facts_read(const NtKernel *k)
{
	uint64_t kuser = nt_machine_of(k->as.form)->kuser;
	struct nt_os_facts ret = { 0 };
	uint8_t b[64];

	if (!k->kuser.valid)
		return ret;
	if (vtop_read(&k->as, VIRT(kuser + KUSER_FEATURES), b, sizeof b))
		for (unsigned i = 0; i < sizeof b; i++)
			ret.features |= (uint64_t)(b[i] != 0) << i;
	if (vtop_read(&k->as, VIRT(kuser + KUSER_SUITE_MASK), b, 4))
		ret.suite_mask = load_le32(b);
	return ret;
}

unsigned nt_service_pack(const struct addr_space *own,
			 const struct nt_profile *profile,
			 const struct nt_process *process)
{
	uint64_t at = process->peb.v + (profile->pointer_bytes == 4 ?
						PEB32_CSD_VERSION :
						PEB_CSD_VERSION);
	uint8_t b[2];

	if (!(process->known & NTP_PEB) || !process->peb.v ||
	    !vtop_read(own, VIRT(at), b, sizeof b))
		return 0;
	return load_le16(b) >> 8;
}
