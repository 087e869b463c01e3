/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CRC-32C: by the processor's instruction where it has one, else by tables,
 * eight bytes at a time. The instruction takes three cycles, and another one
 * can begin in each: so three pieces are gone through at the same time, and
 * what the first two leave is moved past those behind them by tables.
 */
#include "config.h"

#include <stdbool.h>

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#include "base/bytes.h"
#include "base/crc32c.h"

#define POLYNOMIAL UINT32_C(0x82f63b78) /* bits reversed */
/* Bytes of one of the three pieces. */
#define PIECE 4096u

/* tables[i][b]: what byte b, i bytes before the end, leaves. */
static uint32_t tables[8][256];
/* past[i][b]: what byte i of a checksum, being b, is after PIECE zeros. */
static uint32_t past[4][256];

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

static void make_past(void)
{
	for (unsigned i = 0; i < 4; i++)
		for (uint32_t b = 0; b < 256; b++) {
			uint32_t crc = b << 8 * i;

			for (unsigned n = 0; n < PIECE; n++)
				crc = crc >> 8 ^ tables[0][crc & 0xff];
			past[i][b] = crc;
		}
}

static void need_tables(void)
{
	static gsize done;

	if (g_once_init_enter(&done)) {
		make_tables();
		make_past();
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
static uint64_t move_past(uint64_t crc)
{
	return past[0][crc & 0xff] ^ past[1][crc >> 8 & 0xff] ^
	       past[2][crc >> 16 & 0xff] ^ past[3][crc >> 24 & 0xff];
}

__attribute__((target("sse4.2")))
static uint64_t three_pieces(uint64_t crc, const uint8_t *p)
{
	uint64_t second = 0, third = 0;

	for (unsigned i = 0; i < PIECE; i += 8) {
		crc = _mm_crc32_u64(crc, load_le64(p + i));
		second = _mm_crc32_u64(second, load_le64(p + PIECE + i));
		third = _mm_crc32_u64(third, load_le64(p + 2 * PIECE + i));
	}
	return move_past(move_past(crc) ^ second) ^ third;
}

__attribute__((target("sse4.2")))
static uint32_t crc32c_sse42(const uint8_t *p, size_t len_bytes)
{
	uint64_t crc = UINT32_MAX;

	need_tables();
	for (; len_bytes >= 3 * PIECE; p += 3 * PIECE, len_bytes -= 3 * PIECE)
		crc = three_pieces(crc, p);
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
