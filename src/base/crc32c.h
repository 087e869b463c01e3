/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CRC-32C (Castagnoli), RFC 3720, section 12.1 and appendix B.4. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of len_bytes at buf. Thread safe. */
uint32_t crc32c(const void *buf, size_t len_bytes);
/* The same without the processor's instruction; for tests. */
uint32_t crc32c_portable(const void *buf, size_t len_bytes);

#endif
