# SPDX-License-Identifier: GPL-3.0-or-later
bin_PROGRAMS += winprocfs

# All but main(), so that tests can have it too.
noinst_LIBRARIES += src/libfront.a
src_libfront_a_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
src_libfront_a_SOURCES = \
	src/front/caller.c src/front/caller.h \
	src/front/check.c src/front/check.h \
	src/front/cmdline.c src/front/options-priv.h \
	src/front/fuse_ops.c src/front/fuse_ops.h src/front/fuse-priv.h \
	src/front/handles.c src/front/handles.h \
	src/front/help.c \
	src/front/inodes.c src/front/inodes.h \
	src/front/listing.c \
	src/front/live.c src/front/live.h \
	src/front/mount.c src/front/mount.h \
	src/front/options.c src/front/options.h \
	src/front/pagefiles.c src/front/pagefiles.h \
	src/front/readahead.c src/front/readahead.h \
	src/front/session.c src/front/session.h \
	src/front/verdict.c \
	src/front/waiting.c src/front/waiting.h \
	src/front/work.c

FRONT_LIBS = src/libfront.a src/libtree.a src/libprocs.a src/libnt.a \
	src/libvtop.a src/libpmem.a src/libimage.a src/libbase.a \
	$(FUSE_LIBS) $(CONTAINER_LIBS) $(YAJL_LIBS) $(GLIB_LIBS)

winprocfs_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
winprocfs_SOURCES = src/front/main.c
winprocfs_LDADD = $(FRONT_LIBS)
