/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC-32C: by the processor's instruction where it has one, else by tables,
 * eight bytes at a time. */
#include "config.h"

#include <stdbool.h>

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#include "base/bytes.h"
#include "base/crc32c.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* bits reversed */

/* tables[i][b]: what byte b, i bytes before the end, leaves. */
static uint32_t tables[8][256];

static void make_tables(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t crc = b;

		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		tables[0][b] = crc;
	}
	for (unsigned i = 1; i < 8; i++)
		for (unsigned b = 0; b < 256; b++) {
			uint32_t prev = tables[i - 1][b];

			tables[i][b] = prev >> 8 ^ tables[0][prev & 0xff];
		}
}

static void need_tables(void)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		make_tables();
		g_once_init_leave(&done, 1);
	}
}

uint32_t crc32c_portable(const void *buf, size_t len_bytes)
{
	const uint8_t *p = buf;
	uint32_t crc = UINT32_MAX;

	need_tables();
	for (; len_bytes >= 8; p += 8, len_bytes -= 8) {
		uint64_t v = load_le64(p) ^ crc;

		crc = 0;
		for (unsigned i = 0; i < 8; i++)
			crc ^= tables[7 - i][v >> 8 * i & 0xff];
	}
	while (len_bytes--)
		crc = crc >> 8 ^ tables[0][(crc ^ *p++) & 0xff];
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(const uint8_t *p, size_t len_bytes)
{
	uint64_t crc = UINT32_MAX;

	for (; len_bytes >= 8; p += 8, len_bytes -= 8)
		crc = _mm_crc32_u64(crc, load_le64(p));
	while (len_bytes--)
		crc = _mm_crc32_u8((uint32_t)crc, *p++);
	return ~(uint32_t)crc;
}
#endif

uint32_t crc32c(const void *buf, size_t len_bytes)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(buf, len_bytes);
#endif
	return crc32c_portable(buf, len_bytes);
}
