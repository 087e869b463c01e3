/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests of what image/info says of a container's header. */
#include "config.h"

#include "unit/unit.h"

#include <string.h>

#include "tree/render.h"

static char *text_of(const Image *image, bool has_kernel)
{
	struct sink sink;
	char *text;

	sink_init(&sink, false);
	render_header(&sink, image, has_kernel);
	text = g_strndup(sink.buf ? sink.buf : "", sink.len);
	sink_clear(&sink);
	return text;
}

static const Image dump = {
	.facts = {
		.dump_type = 6,
		.machine = 0xaa64,
		.processors = 8,
		.os_major = 15,
		.os_minor = 22631,
		.product_type = 3,
		.has_bugcheck = true,
		.bugcheck = 0x1e,
		.bugcheck_params = { UINT64_C(0xffffffffc0000005), 1, 2, 3 },
		.uptime_100ns = UINT64_C(1234567890),
		.dtb = 0x1ad020,
		.kdbg = UINT64_C(0xfffff80420c00b20),
		.kernel_only = true,
	},
	.capture_filetime = UINT64_C(133483445680000000),
};

#define LINES \
	"DumpType:\t6\n" \
	"UserPages:\tleft out by design\n" \
	"Machine:\t0xaa64 (ARM64)\n" \
	"BugCheck:\t0x0000001e 0xffffffffc0000005 0x1 0x2 0x3\n" \
	"HeaderVersion:\t15.22631\n" \
	"ProductType:\t3 (server)\n" \
	"HeaderDtb:\t0x1ad020\n" \
	"HeaderKdbg:\t0xfffff80420c00b20\n" \
	"HeaderTime:\t2023-12-29T17:29:28Z\n" \
	"Uptime:\t123.45\n" \
	"HeaderProcessors:\t8\n"

START_TEST(test_all)
{
	g_autofree char *with = text_of(&dump, true);
	g_autofree char *without = text_of(&dump, false);

	ck_assert_str_eq(with, LINES);
	ck_assert_str_eq(without, LINES
			 "CaptureTime:\t2023-12-29T17:29:28Z\n"
			 "Processors:\t8\n");
}
END_TEST

/* A raw image has no header; what no header can mean is not named. */
START_TEST(test_nothing)
{
	const Image raw = { 0 };
	Image odd = { 0 };
	g_autofree char *none = text_of(&raw, false);
	g_autofree char *some = NULL;

	ck_assert_str_eq(none, "");
	odd.facts.machine = UINT32_MAX;
	odd.facts.product_type = UINT32_MAX;
	odd.facts.uptime_100ns = UINT64_MAX;
	odd.capture_filetime = UINT64_MAX;
	some = text_of(&odd, true);
	ck_assert_str_eq(some, "Machine:\t0xffffffff (not known)\n"
			 "HeaderTime:\t-\n"
			 "Uptime:\t1844674407370.95\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tree-header");
	TCase *tcase = unit_case(suite, "all");

	tcase_add_test(tcase, test_all);
	tcase_add_test(tcase, test_nothing);
	return unit_main(suite);
}
