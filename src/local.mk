# SPDX-License-Identifier: GPL-3.0-or-later
# One static library per layer, low to high. A layer may use the ones above
# it in this list, never those below (tests/check-layers.sh).

noinst_LIBRARIES += src/libbase.a src/libimage.a src/libpmem.a src/libvtop.a \
	src/libnt.a src/libprocs.a src/libtree.a

include src/base/local.mk
include src/image/local.mk
include src/pmem/local.mk
include src/vtop/local.mk
include src/nt/local.mk
include src/procs/local.mk
include src/tree/local.mk
include src/front/local.mk

# What a program needs that uses the layers up to the named one.
BASE_LIBS = src/libbase.a $(GLIB_LIBS)
# What containers are read with.
CONTAINER_LIBS = $(EWF_LIBS) $(FWNT_LIBS) $(LZ4_LIBS) $(LZMA_LIBS) \
	$(LZO_LIBS) $(SNAPPY_LIBS) $(ZIP_LIBS) $(ZLIB_LIBS) $(ZSTD_LIBS)
IMAGE_LIBS = src/libimage.a $(BASE_LIBS) $(CONTAINER_LIBS)
PMEM_LIBS = src/libpmem.a $(IMAGE_LIBS)
VTOP_LIBS = src/libvtop.a $(PMEM_LIBS)
NT_LIBS = src/libnt.a $(VTOP_LIBS) $(YAJL_LIBS)
PROCS_LIBS = src/libprocs.a $(NT_LIBS)
TREE_LIBS = src/libtree.a $(PROCS_LIBS)
