/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kernel's image in memory: place, PE header, exports, debug record. */
#include "config.h"

#include "lib/mkwin-priv.h"

#include <string.h>

/* PE/COFF specification: where things are in a PE32 or PE32+ header. */
#define PE_AT 0xf8u
#define OPTIONAL_AT (PE_AT + 24)
#define DIRECTORIES 16u
#define SECTION_SIZE 40u
#define RSDS_SIZE 40u

#define CODE 0x68000020u  /* code, not paged, execute, read */
#define RDATA 0x48000040u /* data, not paged, read */
#define DATA 0xc8000040u  /* data, not paged, read, write */

/* Kernel images of which version, time stamp and size are public. */
struct image {
	const char *layout;
	const char *version;
	uint32_t timestamp;
	uint32_t size;
};

static const struct image images[] = {
	{"amd64-10.0.10240-a", "10.0.10240.16384", 0x559f3c1a, 0x852000},
	{"amd64-10.0.10240-b", "10.0.10240.17738", 0x5a4ad584, 0x858000},
	{"amd64-10.0.10586", "10.0.10586.0", 0x5632d2d1, 0x7cc000},
	{"amd64-10.0.14393-a", "10.0.14393.0", 0x578998f1, 0x820000},
	{"amd64-10.0.14393-b", "10.0.14393.4583", 0x6104d5bb, 0x81d000},
	{"amd64-10.0.15063", "10.0.15063.0", 0x58ccba4c, 0x889000},
	{"amd64-10.0.16299", "10.0.16299.15", 0x59cda780, 0x8d2000},
	{"amd64-10.0.17134", "10.0.17134.1", 0x5acd8966, 0x965000},
	{"amd64-10.0.17763-a", "10.0.17763.1", 0x1fa44fc4, 0x9f1000},
	{"amd64-10.0.17763-b", "10.0.17763.379", 0xaad69962, 0xa6f000},
	{"amd64-10.0.18362", "10.0.18362.1", 0x00e78e2f, 0xab2000},
	{"amd64-10.0.18362", "10.0.18362.30", 0xe2f1a52b, 0xab2000},
	{"amd64-10.0.19041-a", "10.0.19041.1", 0x28b9de6a, 0x1043000},
	{"amd64-10.0.19041-a", "10.0.19041.388", 0xa16ce443, 0x1046000},
	{"amd64-10.0.19041-b", "10.0.19041.508", 0xa371a2e9, 0x1046000},
	{"amd64-10.0.20348", "10.0.20348.1", 0xc9e9f6bd, 0x1047000},
	{"amd64-10.0.20348", "10.0.20348.288", 0x514dd82f, 0x1047000},
	{"amd64-10.0.22000", "10.0.22000.1", 0x19af928c, 0x1048000},
	{"amd64-10.0.22000", "10.0.22000.318", 0xc16011b9, 0x1047000},
	{"amd64-10.0.22621", "10.0.22621.1", 0x9182ea07, 0x1047000},
	{"amd64-10.0.26100", "10.0.26100.1", 0x9f2e55b7, 0x144e000},
	{"amd64-10.0.28000", "10.0.28000.1", 0x22bdf92f, 0x1459000},
};

/* Where sections start, in thousandths of the image. */
struct section {
	char name[9];
	uint16_t start;
	uint32_t flags;
};

static const struct section sections[] = {
	{".text", 0, CODE},	{"INITKDBG", 250, CODE},
	{"POOLMI", 270, CODE},	{"POOLCODE", 280, CODE},
	{"RETPOL", 300, CODE},	{"PAGE", 310, CODE},
	{"PAGELK", 560, CODE},	{"PAGEKD", 570, CODE},
	{".rdata", 580, RDATA}, {".pdata", 600, RDATA},
	{".data", 620, DATA},	{"ALMOSTRO", 880, DATA},
	{".edata", 940, RDATA}, {"INIT", 960, CODE},
	{".reloc", 980, RDATA},
};

/* Exported by every kernel, in the order of their names. */
static const char *const exports[] = {
	"KeBugCheckEx",		  "MmHighestUserAddress",
	"MmSystemRangeStart",	  "MmUserProbeAddress",
	"NtBuildNumber",	  "PsGetCurrentProcessId",
	"PsInitialSystemProcess",
};

static uint32_t section_rva(const MkWin *win, size_t i)
{
	if (i == G_N_ELEMENTS(sections))
		return (uint32_t)win->kernel.size;
	if (i == 0)
		return (uint32_t)MK_PAGE_SIZE;
	return mk_page_round(win->kernel.size * sections[i].start / 1000);
}

static uint32_t named_section_rva(const MkWin *win, const char *name)
{
	size_t i = 0;

	while (strcmp(sections[i].name, name) != 0)
		i++;
	return section_rva(win, i);
}

/* Hardware bits of a 4 KiB kernel page. */
uint64_t mk_kernel_rights(const MkWin *win, uint64_t va)
{
	const uint64_t nx = mk_pte_bits(win, MK_PTE_NX);
	const uint64_t data = mk_pte_bits(
		win, UINT64_C(0x8a00000000000000) | MK_PTE_WRITE | MK_PTE_P |
			     MK_PTE_W | MK_PTE_A | MK_PTE_D);
	const uint64_t global = win->kva ? 0 : MK_PTE_G;
	const uint64_t rva = va - win->kernel.base;
	size_t i = G_N_ELEMENTS(sections) - 1;

	if (va < win->kernel.base || rva >= win->kernel.size)
		return data;
	if (rva < MK_PAGE_SIZE)
		return MK_PTE_P | MK_PTE_A | nx | global;
	while (i > 0 && section_rva(win, i) > rva)
		i--;
	switch (sections[i].flags) {
	case CODE:
		return MK_PTE_P | MK_PTE_A | global;
	case RDATA:
		return MK_PTE_P | MK_PTE_A | nx | global;
	default:
		return data | global;
	}
}

static const struct image *find_image(const MkWin *win)
{
	for (size_t i = 0; i < G_N_ELEMENTS(images); i++) {
		const struct image *image = &images[i];

		if (win->known) {
			if (strcmp(kernel_version(win->known),
				   image->version) == 0)
				return image;
		} else if (strcmp(image->layout, win->kernel.layout) == 0) {
			return image;
		}
	}
	return NULL;
}

static uint32_t usual_size(const MkWin *win)
{
	const uint32_t build = win->build;

	if (mk_is_32bit(win))
		return build < MK_BUILD_VISTA ? 0x217000
		       : build < MK_BUILD_8   ? 0x3d0000
					      : 0x7ef000;
	if (build < MK_BUILD_VISTA)
		return 0x47b000;
	if (build < MK_BUILD_8)
		return 0x5e7000;
	if (build < 10240)
		return 0x781000;
	if (build < 17763)
		return 0x889000;
	return build < 19041 ? 0xab2000 : 0x1047000;
}

/* Up to 10 1607 the time of its making, in 2012 or, with what changed in
 * August 2018, in 2019; later a hash. */
static uint32_t made_up_time(const MkWin *win, uint32_t random)
{
	struct nt_field field;

	if (layout_build(win->layout) >= 15063)
		return random;
	return (layout_field(win->layout, "_MMPTE_SOFTWARE.SwizzleBit", &field,
			     NULL) ? 0x5c300000u : 0x50000000u) |
	       (random & 0xfffff);
}

static void choose_image(MkWin *win)
{
	const bool unknown = win->options.damage.kernel_unknown;
	const struct image *image = unknown ? NULL : find_image(win);

	if (image) {
		win->version = image->version;
		win->timestamp = image->timestamp;
		win->kernel.size = image->size;
	} else {
		win->version = win->known ? kernel_version(win->known)
					  : layout_version(win->layout);
		win->timestamp = made_up_time(
			win, (uint32_t)mk_random_next(&win->random));
		win->kernel.size = usual_size(win);
	}
	mk_symbols_grow(win);
}

static void choose_guid(MkWin *win)
{
	if (win->known && !win->options.damage.kernel_unknown) {
		g_strlcpy(win->guid, kernel_guid(win->known),
			  sizeof(win->guid));
		win->kernel.age = kernel_age(win->known);
	} else {
		const uint64_t high = mk_random_next(&win->random);
		const uint64_t low = mk_random_next(&win->random);

		g_snprintf(win->guid, sizeof(win->guid),
			   "%016" G_GINT64_MODIFIER "X%016" G_GINT64_MODIFIER
			   "X",
			   high, low);
		win->kernel.age = 1;
	}
	win->kernel.guid = win->guid;
}

/* Names of the PDBs by number of processors and form of page tables. */
static const char *choose_pdb(const MkWin *win)
{
	if (win->known)
		return kernel_pdb(win->known);
	if (win->mode == MK_MODE_PAE)
		return win->single ? "ntkrnlpa.pdb" : "ntkrpamp.pdb";
	return win->single ? "ntoskrnl.pdb" : "ntkrnlmp.pdb";
}

static uint64_t choose_base32(MkWin *win)
{
	const uint64_t shift = win->options.three_gb ? 0x60000000 : 0;
	const uint64_t pages = mk_random_below(&win->random, 0x80);

	if (win->build < MK_BUILD_2003)
		return shift + 0x804d7000;
	if (win->build < MK_BUILD_VISTA)
		return shift + 0x80800000;
	return shift + (win->build < 7600 ? 0x81800000 : 0x82800000) +
	       pages * MK_PAGE_SIZE;
}

static uint64_t choose_base(MkWin *win)
{
	const uint64_t base = UINT64_C(0xfffff80000000000);

	if (mk_is_32bit(win))
		return choose_base32(win);
	if (win->build < MK_BUILD_VISTA)
		return base + 0x1000000;
	if (win->build < MK_BUILD_8)
		return base + 0x2800000 +
		       MK_PAGE_SIZE *
			       (0x201 + mk_random_below(&win->random, 0x1fe));
	return base +
	       MK_LARGE_SIZE * (0x200 + mk_random_below(&win->random, 0x3d00));
}

void mk_kernel_choose(MkWin *win)
{
	choose_image(win);
	choose_guid(win);
	win->pdb = choose_pdb(win);
	win->kernel.base = choose_base(win);
	win->made_next =
		mk_free_rva(win, named_section_rva(win, ".data"),
			    win->options.page_files ? 60 : 40) +
		0x40;
	win->export_rva = mk_free_rva(win, named_section_rva(win, ".edata"), 2);
	win->rsds_rva =
		mk_free_rva(win, named_section_rva(win, ".rdata"), 1) + 0x30;
}

static void store16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void store32(uint8_t *at, uint32_t value)
{
	value = GUINT32_TO_LE(value);
	memcpy(at, &value, sizeof(value));
}

static void store64(uint8_t *at, uint64_t value)
{
	value = GUINT64_TO_LE(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t directories_at(const MkWin *win)
{
	return OPTIONAL_AT + (mk_is_32bit(win) ? 96 : 112);
}

static void make_versions(const MkWin *win, uint8_t *at)
{
	const bool ten = win->build >= 10240;
	const bool old = win->build < MK_BUILD_8;

	store16(at + 40, ten ? 10 : 6);
	store16(at + 42, ten ? 0 : old ? 1 : 3);
	store16(at + 48, ten ? 10 : 6);
}

static void make_optional_header(const MkWin *win, uint8_t *at)
{
	const bool narrow = mk_is_32bit(win);

	store16(at, narrow ? 0x10b : 0x20b);
	at[2] = 14;
	store32(at + 4, named_section_rva(win, ".rdata"));
	store32(at + 16, 0x10 + section_rva(win, 0));
	store32(at + 20, section_rva(win, 0));
	if (narrow) {
		store32(at + 24, named_section_rva(win, ".data"));
		store32(at + 28, (uint32_t)win->kernel.base);
	} else {
		store64(at + 24, win->kernel.base);
	}
	store32(at + 32, 0x1000);
	store32(at + 36, 0x200);
	make_versions(win, at);
	store32(at + 56, (uint32_t)win->kernel.size);
	store32(at + 60, 0x600);
	store16(at + 68, 1);
	store16(at + 70, narrow ? 0x140 : 0x4160);
	store32(at + (narrow ? 92 : 108), DIRECTORIES);
}

static void make_sections(const MkWin *win, uint8_t *at)
{
	for (size_t i = 0; i < G_N_ELEMENTS(sections); i++) {
		uint32_t rva = section_rva(win, i);
		uint32_t size = section_rva(win, i + 1) - rva;

		memcpy(at, sections[i].name, strlen(sections[i].name));
		store32(at + 8, size - 0x10);
		store32(at + 12, rva);
		store32(at + 16, size);
		store32(at + 20, rva);
		store32(at + 36, sections[i].flags);
		at += SECTION_SIZE;
	}
}

/* IMAGE_FILE_MACHINE_... (PE/COFF specification). */
uint16_t mk_machine(const MkWin *win)
{
	if (win->mode == MK_MODE_ARM64)
		return 0xaa64;
	return mk_is_32bit(win) ? 0x14c : 0x8664;
}

static void write_header(MkWin *win)
{
	static const char stub[] =
		"\x0e\x1f\xba\x0e\x00\xb4\x09\xcd\x21\xb8\x01\x4c\xcd\x21"
		"This program cannot be run in DOS mode.\r\r\n$";
	const uint32_t directories = directories_at(win);
	const uint32_t sections_at = directories + DIRECTORIES * 8;
	const bool narrow = mk_is_32bit(win);
	uint8_t page[MK_PAGE_SIZE] = {'M', 'Z', 0x90, 0, 3};

	store32(page + 0x3c, PE_AT);
	memcpy(page + 0x40, stub, sizeof(stub) - 1);
	memcpy(page + PE_AT, "PE", 2);
	store16(page + PE_AT + 4, mk_machine(win));
	store16(page + PE_AT + 6, G_N_ELEMENTS(sections));
	store32(page + PE_AT + 8, win->timestamp);
	store16(page + PE_AT + 20, sections_at - OPTIONAL_AT);
	store16(page + PE_AT + 22, narrow ? 0x10e : 0x22);
	make_optional_header(win, page + OPTIONAL_AT);
	if (!win->options.damage.no_exports)
		store32(page + directories, win->export_rva);
	store32(page + directories + 4, 0x400);
	store32(page + directories + 6 * 8, win->rsds_rva);
	store32(page + directories + 6 * 8 + 4, 28);
	make_sections(win, page + sections_at);
	mk_kwrite(win, win->kernel.base, page, sizeof(page));
}

/* Debug directory of one entry, and behind it the CodeView record. */
static void write_debug(MkWin *win)
{
	const uint32_t rsds = win->rsds_rva + 0x40;
	uint8_t buf[0x40 + RSDS_SIZE] = {0};
	uint8_t *record = buf + 0x40;
	char text[3] = {0};

	store32(buf + 4, win->timestamp);
	store32(buf + 12, 2);
	store32(buf + 16, RSDS_SIZE);
	store32(buf + 20, rsds);
	store32(buf + 24, rsds);
	memcpy(record, "RSDS", 4);
	/* The text form of a GUID has its first three parts as numbers. */
	for (size_t i = 0; i < 16; i++) {
		static const uint8_t order[16] = {3, 2, 1,  0,	5,  4,	7,  6,
						  8, 9, 10, 11, 12, 13, 14, 15};

		memcpy(text, win->guid + 2 * i, 2);
		record[4 + order[i]] =
			(uint8_t)g_ascii_strtoull(text, NULL, 16);
	}
	store32(record + 20, win->kernel.age);
	g_assert(strlen(win->pdb) == 12);
	memcpy(record + 24, win->pdb, 12);
	mk_kwrite(win, win->kernel.base + win->rsds_rva, buf, sizeof(buf));
}

static uint32_t export_target(MkWin *win, const char *name)
{
	if (strcmp(name, "KeBugCheckEx") == 0)
		return 0x2340;
	if (strcmp(name, "PsGetCurrentProcessId") == 0)
		return 0x4560;
	return (uint32_t)(mk_symbol(win, name) - win->kernel.base);
}

static const char *own_name(const MkWin *win)
{
	if (win->mode == MK_MODE_PAE && win->build < MK_BUILD_8)
		return "ntkrnlpa.exe";
	return "ntoskrnl.exe";
}

/* Directory, addresses, name pointers, ordinals, names. */
static void write_exports(MkWin *win)
{
	const uint32_t n = G_N_ELEMENTS(exports);
	const uint32_t addresses = 40, names = addresses + 4 * n;
	const uint32_t ordinals = names + 4 * n;
	const uint32_t rva = win->export_rva;
	uint32_t text = ordinals + 2 * n;
	uint8_t buf[0x400] = {0};

	store32(buf + 4, win->timestamp);
	store32(buf + 12, rva + text);
	store32(buf + 16, 1);
	store32(buf + 20, n);
	store32(buf + 24, n);
	store32(buf + 28, rva + addresses);
	store32(buf + 32, rva + names);
	store32(buf + 36, rva + ordinals);
	strcpy((char *)buf + text, own_name(win));
	text += sizeof("ntoskrnl.exe");
	for (uint32_t i = 0; i < n; i++) {
		store32(buf + addresses + 4 * i,
			export_target(win, exports[i]));
		store32(buf + names + 4 * i, rva + text);
		store16(buf + ordinals + 2 * i, i);
		strcpy((char *)buf + text, exports[i]);
		text += (uint32_t)strlen(exports[i]) + 1;
	}
	mk_kwrite(win, win->kernel.base + rva, buf, sizeof(buf));
}

/*
 * One large page around va, if it is all in the image; on 32-bit machines it
 * may begin before that and end behind it.
 */
static void map_large(MkWin *win, uint64_t va)
{
	const uint64_t bits = UINT64_C(0x0a00000000000000) | MK_PTE_WRITE |
			      MK_PTE_P | MK_PTE_W | MK_PTE_A | MK_PTE_D |
			      (win->kva ? 0 : MK_PTE_G);
	const uint64_t end = win->kernel.base + win->kernel.size;
	const uint64_t size = mk_paging_span(win->mode, 2);
	const bool narrow = mk_is_32bit(win);
	uint64_t pa;

	va &= ~(size - 1);
	if (win->options.damage.lost_mask && mk_mask_va(win) - va < size)
		return;
	if ((!narrow && (va < win->kernel.base || va + size > end)) ||
	    mk_phys_large_left(win->phys) < (size > MK_LARGE_SIZE ? 12 : 7) ||
	    mk_paging_walk(win->paging, va, &pa, NULL))
		return;
	/* Of three pieces in a row two are aligned to their size. */
	pa = mk_phys_large(win->phys, size > MK_LARGE_SIZE ? 3 : 1);
	pa = (pa + size - 1) & ~(size - 1);
	mk_paging_map(win->paging, va, pa, size, mk_pte_bits(win, bits));
}

void mk_kernel_build(MkWin *win)
{
	const bool unmap = win->options.damage.unmap_kernel_header;

	if (!unmap)
		map_large(win, win->kernel.base);
	if (!unmap || !mk_is_32bit(win))
		map_large(win, mk_symbol(win, "PsActiveProcessHead"));
	if (!unmap)
		write_header(win);
	write_debug(win);
	if (!win->options.damage.no_exports)
		write_exports(win);
	/* A little code, so that something is there to be executed. */
	for (uint32_t rva = 0x1000; rva < 0x5000; rva += 0x1000)
		for (uint32_t i = 0; i < 0x1000; i += 8)
			mk_kwrite64(win, win->kernel.base + rva + i,
				    UINT64_C(0x9090c300000001b8) + i);
}
