/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Choosing the layout that fits what is in memory. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "nt/derive.h"
#include "nt/epoch.h"
#include "nt/evidence.h"
#include "nt/identify.h"
#include "nt/machine.h"
#include "nt/softkernel.h"
#include "nt/symload.h"

/* Member offsets of _KUSER_SHARED_DATA: symbol tables from 7 to 11 22621. */
enum {
	KUSER_SYSTEM_TIME = 0x14, /* KSYSTEM_TIME: low, high1, high2 */
	KUSER_BUILD = 0x260,	  /* since 10 */
	KUSER_PRODUCT_TYPE = 0x264,
	KUSER_MAJOR = 0x26c,
	KUSER_MINOR = 0x270,
	KUSER_BYTES = 0x274,
	PROFILES_MAX = 80,
};

void nt_identify_kuser(NtKernel *k)
{
	uint8_t b[KUSER_BYTES];
	struct nt_kuser u = { 0 };

	if (!vtop_read(&k->as, VIRT(nt_machine_of(k->as.form)->kuser), b,
		       sizeof b))
		return;
	u.system_time = load_le32(b + KUSER_SYSTEM_TIME) |
			(uint64_t)load_le32(b + KUSER_SYSTEM_TIME + 4) << 32;
	u.major = load_le32(b + KUSER_MAJOR);
	u.minor = load_le32(b + KUSER_MINOR);
	u.product_type = load_le32(b + KUSER_PRODUCT_TYPE);
	if (u.major >= 10)
		u.build = load_le32(b + KUSER_BUILD) & 0xffff;
	u.valid = (u.major == 5 || u.major == 6 || u.major == 10) &&
		  u.minor <= 3;
	if (u.valid)
		k->kuser = u;
}

/* NtBuildNumber: the high 4 bits say free or checked build. */
static uint32_t exported_build(const NtKernel *k)
{
	uint8_t raw[4];
	VirtAddr va;

	if (!nt_kimage_symbol(&k->as, &k->image, "NtBuildNumber", &va) ||
	    !vtop_read(&k->as, va, raw, sizeof raw))
		return 0;
	return load_le32(raw) & 0xffff;
}

/* The third number of "10.0.19041.1". */
static uint32_t build_of_version(const char *version)
{
	unsigned major, minor, build;

	if (!version ||
	    sscanf(version, "%u.%u.%u", &major, &minor, &build) != 3)
		return 0;
	return build;
}

static void find_build(NtKernel *k)
{
	const struct nt_kimage *i = &k->image;
	const char *version = NULL;

	if (k->has_image && i->kernel)
		version = kernel_version(i->kernel);
	if ((!version || !*version) && k->has_image && i->known)
		version = i->known->version;
	if (version && *version) {
		g_free(k->version);
		k->version = g_strdup(version);
	}
	k->build = k->kuser.build;
	if (!k->build && k->has_image)
		k->build = exported_build(k);
	if (!k->build)
		k->build = build_of_version(version);
}

/* Profiles to be tried, best first, without repeats. */
struct choice {
	const struct nt_machine *machine;
	struct nt_profile profiles[PROFILES_MAX];
	const char *sources[PROFILES_MAX];
	bool exact[PROFILES_MAX];
	size_t n;
	size_t n_identified; /* the first of them follow from what is known */
};

static void add_choice(struct choice *c, const struct nt_layout *layout,
		       const char *how, bool exact)
{
	struct nt_source source = { .layout = layout };

	if (!layout || c->n == PROFILES_MAX ||
	    layout_arch(layout) != c->machine->arch)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (c->profiles[i].source.layout == layout &&
		    !c->profiles[i].source.symbols)
			return;
	if (!nt_profile_fill(&source, &c->profiles[c->n]))
		return;
	c->sources[c->n] = how;
	c->exact[c->n++] = exact;
}

static void add_builds(struct choice *c, const NtKernel *k, uint32_t build,
		       const char *source)
{
	const struct nt_layout *found[8];
	size_t n = layouts_by_build(c->machine->arch, build, c->machine->la57,
				    found, G_N_ELEMENTS(found));

	/* Those of its date first; the others fit as well, but for the PTEs. */
	n = MIN(n, G_N_ELEMENTS(found));
	for (size_t i = 0; i < n; i++)
		if (nt_layout_suits_date(k, found[i]))
			add_choice(c, found[i], source, false);
	for (size_t i = 0; i < n; i++)
		add_choice(c, found[i], source, false);
}

/* An unknown build: its nearest known relatives are the likeliest. */
static gint by_distance(gconstpointer a, gconstpointer b, gpointer build_ptr)
{
	const struct nt_layout *const *x = a, *const *y = b;
	int build = GPOINTER_TO_INT(build_ptr);

	return abs((int)layout_build(*x) - build) -
	       abs((int)layout_build(*y) - build);
}

/* Where not even the build is known, the most common one of the version that
 * KUSER_SHARED_DATA tells. */
static uint32_t likely_build(const NtKernel *k)
{
	static const uint32_t of_6[] = { 6002, 7601, 9200, 9600 };

	if (k->build)
		return k->build;
	if (!k->kuser.valid || k->kuser.major >= 10)
		return 19041;
	if (k->kuser.major == 5)
		return k->kuser.minor == 1 ? 2600 : 3790;
	return of_6[MIN(k->kuser.minor, G_N_ELEMENTS(of_6) - 1)];
}

static void add_all(struct choice *c, const NtKernel *k)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new();
	const char *source = k->build ?
				     "built-in, a near build that fits" :
				     "built-in, a guess: of all the one that"
				     " fits best";

	for (size_t i = 0; i < layouts_count(); i++) {
		const struct nt_layout *layout = layouts_get(i);

		if (layout_arch(layout) == c->machine->arch &&
		    layout_la57(layout) == c->machine->la57)
			g_ptr_array_add(all, (gpointer)(uintptr_t)layout);
	}
	g_ptr_array_sort_with_data(all, by_distance,
				   GINT_TO_POINTER((int)likely_build(k)));
	for (guint i = 0; i < all->len; i++)
		add_choice(c, g_ptr_array_index(all, i), source, false);
}

/* A file that is of this kernel knows it best; the built-in layout of the same
 * kernel, or else of its build, has the structures that a file lacks. */
static void add_symbols(struct choice *c, const NtKernel *k)
{
	struct nt_source source = { .symbols = k->image.symbols };

	if (!source.symbols || !nt_symbols_n_fields(source.symbols))
		return;
	if (k->image.kernel && !strcmp(kernel_guid(k->image.kernel),
				       nt_symbols_guid(source.symbols)))
		source.layout = kernel_layout(k->image.kernel);
	else if (k->build)
		(void)layouts_by_build(c->machine->arch, k->build,
				       c->machine->la57, &source.layout, 1);
	if (nt_symbols_arch(source.symbols) != c->machine->arch ||
	    !nt_profile_fill(&source, &c->profiles[c->n]))
		return;
	c->sources[c->n] = nt_symload_source(source.symbols);
	c->exact[c->n++] = true;
}

static void list_choices(const NtKernel *k, struct choice *c)
{
	c->machine = nt_machine_of(k->as.form);
	add_symbols(c, k);
	if (k->has_image && k->image.kernel)
		add_choice(c, kernel_layout(k->image.kernel),
			   "built-in by GUID", true);
	if (k->has_image && k->image.known)
		add_choice(c, k->image.known->layout,
			   "built-in by timestamp and size",
			   !k->image.known->doubt);
	if (k->build)
		add_builds(c, k, k->build, "built-in by build");
	c->n_identified = c->n;
	add_all(c, k);
}

static void accept(NtKernel *k, const struct choice *c, size_t i)
{
	k->profile = c->profiles[i];
	k->profile_source = c->sources[i];
	k->profile_exact = c->exact[i];
	if (c->n_identified && i >= c->n_identified)
		k->profile_misfit = nt_profile_name(&c->profiles[0]);
	k->has_profile = true;
	k->has_system = true;
}

/* No System to check a layout against: the likeliest one all the same, where
 * the kernel's identity leads to it, so that lists can be tried. */
static void accept_unchecked(NtKernel *k, const struct choice *c)
{
	if (!c->n || !(k->build || k->image.symbols ||
		       (k->has_image && k->image.kernel)))
		return;
	k->profile = c->profiles[0];
	k->profile_source = c->sources[0];
	k->has_profile = true;
}

static void find_vars(NtKernel *k)
{
	for (unsigned i = 0; k->has_image && i < NT_VARS; i++) {
		struct nt_var *var = &k->vars[i];

		if (nt_kimage_symbol(&k->as, &k->image, nt_var_name(i),
				     &var->va))
			var->how = "symbol";
	}
}

/* What identity is worth beside the fit of a member (2), and how many must
 * fit so that nothing else is looked at. */
enum { IDENTIFIED = 3, FIT_ENOUGH = 8 };

/*
 * Where symbols or exports lead to System: the first profile of this very
 * kernel with which it is System; else the one that fits the processes best.
 */
static bool choose_by_symbol(NtKernel *k, const struct choice *c,
			     const struct nt_anchors *anchors)
{
	struct nt_system best_system = { 0 };
	size_t best_i = c->n;
	bool enough = false;
	int best = 0;

	for (size_t i = 0; i < c->n; i++) {
		struct nt_system system;
		unsigned n_failed;
		int n;

		if (i == c->n_identified && enough)
			break;
		if (!nt_system_by_symbol(&k->as, &c->profiles[i], anchors,
					 &system))
			continue;
		n = nt_derive_fit(&k->as, &c->profiles[i], system.eprocess,
				  &n_failed) +
		    (i < c->n_identified ? IDENTIFIED : 0);
		if (best_i < c->n && n <= best)
			continue;
		best = n;
		best_i = i;
		best_system = system;
		enough = n >= FIT_ENOUGH && !n_failed;
		if (c->exact[i] && n > IDENTIFIED)
			break;
	}
	if (best_i == c->n)
		return false;
	k->system = best_system;
	accept(k, c, best_i);
	return true;
}

static void derive(NtKernel *k)
{
	(void)nt_derive_core(k);
	if (k->has_profile)
		k->profile_source = "derived; what cannot be derived is as in"
				    " the nearest relative";
}

/* From how many failing members on a layout is doubted, where it was guessed
 * and where the kernel's identity led to it. */
enum { DOUBT_GUESS = 1, DOUBT_IDENTITY = 3 };

/*
 * A layout may pass for System by chance, when a kernel that nobody has seen
 * has its links where another has them: what is derived without a layout is
 * taken where it fits clearly better.
 */
static void doubt(NtKernel *k, bool identified)
{
	NtKernel old = *k;
	unsigned n_failed, n_other;
	int fit = nt_derive_fit(&k->as, &k->profile, k->system.eprocess,
				&n_failed);

	if (n_failed < (identified ? DOUBT_IDENTITY : DOUBT_GUESS))
		return;
	derive(k);
	if (k->has_system && k->derived &&
	    nt_derive_fit(&k->as, &k->profile, k->system.eprocess, &n_other) >
		    fit + 2 &&
	    n_other < n_failed) {
		k->profile_exact = false;
		return;
	}
	g_clear_pointer(&k->derived, g_array_unref);
	*k = old;
}

static bool is_identified(const NtKernel *k, const struct choice *c)
{
	for (size_t i = 0; i < c->n_identified; i++)
		if (nt_profile_name(&c->profiles[i]) ==
		    nt_profile_name(&k->profile))
			return true;
	return false;
}

bool nt_identify_profile(NtKernel *k, const struct nt_hints *hints, bool scan)
{
	g_autofree struct choice *c = g_new0(struct choice, 1);
	struct nt_anchors anchors = { 0 };
	size_t which;

	if (hints->no_profile) {
		k->image.kernel = NULL;
		k->image.known = NULL;
	}
	if (k->has_image)
		anchors = nt_system_anchors(&k->as, &k->image);
	find_vars(k);
	if (k->has_image && !anchors.active_head.v && nt_evidence_early(k))
		anchors.active_head = k->vars[NT_PS_ACTIVE_PROCESS_HEAD].va;
	find_build(k);
	if (hints->no_profile) {
		if (scan)
			derive(k);
		return scan;
	}
	list_choices(k, c);
	if (k->has_image && choose_by_symbol(k, c, &anchors))
		scan = false;
	else if (scan && nt_system_by_scan(&k->as, c->profiles, c->n,
				      c->n_identified, &k->system, &which))
		accept(k, c, which);
	else if (scan)
		derive(k);
	if (k->has_system && !k->profile_exact && !k->derived)
		doubt(k, is_identified(k, c));
	if (k->has_system && c->n_identified && k->derived)
		k->profile_misfit = nt_profile_name(&c->profiles[0]);
	if (!k->has_profile)
		accept_unchecked(k, c);
	return scan;
}

void nt_identify_unchecked(NtKernel *k)
{
	g_autofree struct choice *c = g_new0(struct choice, 1);

	if (k->has_profile)
		return;
	list_choices(k, c);
	accept_unchecked(k, c);
}

void nt_identify_fitting(NtKernel *k, nt_score_fn fn, void *ctx)
{
	g_autofree struct choice *c = g_new0(struct choice, 1);
	size_t best_i = 0;
	int best = 0;

	list_choices(k, c);
	k->has_profile = false;
	for (size_t i = 0; i < c->n; i++) {
		int n = fn(&c->profiles[i], ctx) +
			(i < c->n_identified ? IDENTIFIED : 0);

		if (n <= best)
			continue;
		best = n;
		best_i = i;
	}
	if (!best) {
		accept_unchecked(k, c);
		return;
	}
	accept(k, c, best_i);
	k->has_system = false;
}

static unsigned processors(const NtKernel *k, const Image *image)
{
	uint8_t raw[4];
	VirtAddr va;

	if (k->has_image &&
	    nt_kimage_symbol(&k->as, &k->image, "KeNumberProcessors", &va) &&
	    vtop_read(&k->as, va, raw, sizeof raw)) {
		/* A CCHAR up to Windows 8.1, an ULONG later. */
		uint32_t n = k->kuser.major < 10 ? raw[0] : load_le32(raw);

		if (n > 0 && n <= 2048)
			return n;
	}
	return image->cpus->len;
}

void nt_identify_finish(NtKernel *k, const Image *image)
{
	if (k->has_system)
		k->as.root = PHYS(k->system.dtb_raw);
	k->n_processors = processors(k, image);
	if (!k->has_profile)
		return;
	nt_soft_setup(k);
}

void nt_identify_user_end(NtKernel *k)
{
	VirtAddr va = k->vars[NT_MM_HIGHEST_USER_ADDRESS].va;
	unsigned n = nt_machine_of(k->as.form)->pointer_bytes;
	uint64_t highest;

	if (!va.v || !nt_pointer_at(&k->as, n, va, &highest) ||
	    (highest & 0xffff) != 0xffff)
		return;
	if (n == 4 ? highest < UINT64_C(0x7ffeffff) ||
			     highest > UINT64_C(0xbffeffff) :
		     highest >> (k->as.form->va_bits - 1) ||
			     highest < UINT64_C(0x7ffffeffff))
		return;
	k->user_end = highest + 1;
}
