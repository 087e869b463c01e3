/* SPDX-License-Identifier: GPL-3.0-or-later */
/* `image/info`: what the header of the container says, unchecked. */
#include "config.h"

#include <inttypes.h>

#include "base/text.h"
#include "tree/render.h"

static void header_machine(struct sink *out, const struct image_facts *f)
{
	static const struct {
		uint32_t machine;
		const char *name;
	} names[] = {
		{ 0x14c, "x86" },
		{ 0x8664, "x64" },
		{ 0xaa64, "ARM64" },
	};
	const char *name = "not known";

	if (!f->machine)
		return;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (names[i].machine == f->machine)
			name = names[i].name;
	sink_key(out, "Machine", "0x%x (%s)", f->machine, name);
}

static void header_version(struct sink *out, const struct image_facts *f)
{
	static const char *const products[] = { NULL, "workstation",
						"domain controller", "server" };

	if (f->os_minor)
		sink_key(out, "HeaderVersion", "%u.%u", f->os_major,
			 f->os_minor);
	if (f->product_type && f->product_type < G_N_ELEMENTS(products))
		sink_key(out, "ProductType", "%u (%s)", f->product_type,
			 products[f->product_type]);
}

static void header_addresses(struct sink *out, const struct image_facts *f)
{
	if (f->dtb)
		sink_key(out, "HeaderDtb", "0x%" PRIx64, f->dtb);
	if (f->kdbg)
		sink_key(out, "HeaderKdbg", "0x%" PRIx64, f->kdbg);
}

static void header_times(struct sink *out, const Image *image, bool has_kernel)
{
	const struct image_facts *f = &image->facts;
	g_autofree char *time = text_filetime(image->capture_filetime);

	if (image->capture_filetime)
		sink_key(out, "HeaderTime", "%s", time);
	if (f->uptime_100ns)
		sink_key(out, "Uptime", "%" PRIu64 ".%02u",
			 f->uptime_100ns / 10000000,
			 (unsigned)(f->uptime_100ns / 100000 % 100));
	if (f->processors)
		sink_key(out, "HeaderProcessors", "%u", f->processors);
	if (has_kernel)
		return;
	if (image->capture_filetime)
		sink_key(out, "CaptureTime", "%s", time);
	if (f->processors)
		sink_key(out, "Processors", "%u", f->processors);
}

void render_header(struct sink *out, const Image *image, bool has_kernel)
{
	const struct image_facts *f = &image->facts;

	if (f->dump_type)
		sink_key(out, "DumpType", "%u", f->dump_type);
	if (f->kernel_only)
		sink_key(out, "UserPages", "left out by design");
	header_machine(out, f);
	if (f->has_bugcheck)
		sink_key(out, "BugCheck",
			 "0x%08x 0x%" PRIx64 " 0x%" PRIx64 " 0x%" PRIx64
			 " 0x%" PRIx64,
			 f->bugcheck, f->bugcheck_params[0],
			 f->bugcheck_params[1], f->bugcheck_params[2],
			 f->bugcheck_params[3]);
	header_version(out, f);
	header_addresses(out, f);
	header_times(out, image, has_kernel);
}
