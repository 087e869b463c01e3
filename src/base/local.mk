# SPDX-License-Identifier: GPL-3.0-or-later
src_libbase_a_SOURCES = \
	src/base/addr.h \
	src/base/argv.c src/base/argv.h \
	src/base/bytes.h \
	src/base/crc32c.c src/base/crc32c.h \
	src/base/log.c src/base/log.h \
	src/base/pool.c src/base/pool.h \
	src/base/progress.c src/base/progress.h \
	src/base/reader.c src/base/reader.h \
	src/base/seen.c src/base/seen.h \
	src/base/text.c src/base/text.h
