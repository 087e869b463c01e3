# SPDX-License-Identifier: GPL-3.0-or-later
src_libnt_a_SOURCES = \
	src/nt/clock.c src/nt/clock.h \
	src/nt/regs.c src/nt/regs.h src/nt/regs_context.c \
	src/nt/thread.c src/nt/thread.h src/nt/thread_regs.c \
	src/nt/counters.c src/nt/counters.h \
	src/nt/cpus.c src/nt/cpus.h \
	src/nt/derive-sample.c \
	src/nt/derive-tests.c \
	src/nt/derive-thread.c \
	src/nt/derive-pte.c \
	src/nt/derive-vars.c \
	src/nt/derive.c src/nt/derive.h src/nt/derive-priv.h \
	src/nt/dtbcheck.c src/nt/dtbcheck.h \
	src/nt/dtbfit.c src/nt/dtbfit.h \
	src/nt/dtbscan.c src/nt/dtbscan.h \
	src/nt/dtbtable.c src/nt/dtbtable.h \
	src/nt/epoch.c src/nt/epoch.h \
	src/nt/eprocess.c src/nt/eprocess.h \
	src/nt/evidence.c src/nt/evidence.h \
	src/nt/handle.c src/nt/handle.h \
	src/nt/evidence.c src/nt/evidence.h src/nt/evidence-priv.h \
	src/nt/evidence_kdbg.c \
	src/nt/fileobj.c src/nt/fileobj.h \
	src/nt/heaps.c src/nt/heaps.h \
	src/nt/hole.c src/nt/hole.h \
	src/nt/identify.c src/nt/identify.h \
	src/nt/isf.c src/nt/isf.h \
	src/nt/isf_parse.c src/nt/isf_parse.h \
	src/nt/kdbg.c src/nt/kdbg.h src/nt/kdbg-priv.h \
	src/nt/kdbgscan.c \
	src/nt/kernel.c src/nt/kernel.h \
	src/nt/kimage.c src/nt/kimage.h \
	src/nt/kread.c src/nt/kread.h \
	src/nt/layouts.c src/nt/layouts.h \
	src/nt/ldr.c src/nt/ldr.h src/nt/ldr-priv.h \
	src/nt/ldrfound.c \
	src/nt/machine.c src/nt/machine.h \
	src/nt/member.c src/nt/member.h \
	src/nt/objkey.c src/nt/objname-priv.h \
	src/nt/objname.c src/nt/objname.h \
	src/nt/objtype.c \
	src/nt/object.c src/nt/object.h \
	src/nt/osfacts.c src/nt/osfacts.h \
	src/nt/pages.c src/nt/pages.h \
	src/nt/pagingfile.c src/nt/pagingfile.h \
	src/nt/pdb.c src/nt/pdb.h \
	src/nt/pdb_dbi.c src/nt/pdb_dbi.h \
	src/nt/pdb_leaf.c src/nt/pdb_leaf.h \
	src/nt/pdb_msf.c src/nt/pdb_msf.h \
	src/nt/pdb_tpi.c src/nt/pdb_tpi.h \
	src/nt/pe.c src/nt/pe.h \
	src/nt/peb.c src/nt/peb.h \
	src/nt/pefile.c src/nt/pefile.h \
	src/nt/peinfo.c src/nt/peinfo.h \
	src/nt/profile.c src/nt/profile.h \
	src/nt/procspace.c src/nt/procspace.h \
	src/nt/proto.c src/nt/proto.h \
	src/nt/softkernel.c src/nt/softkernel.h \
	src/nt/softpte.c src/nt/softpte.h \
	src/nt/swap.c src/nt/swap.h \
	src/nt/store.c src/nt/store.h src/nt/store-priv.h \
	src/nt/store_cache.c \
	src/nt/store_find.c \
	src/nt/store_load.c \
	src/nt/store_rows.c \
	src/nt/store_tree.c \
	src/nt/symbols.c src/nt/symbols.h \
	src/nt/symfile.c src/nt/symfile.h \
	src/nt/symfill.c src/nt/symfill.h \
	src/nt/symload.c src/nt/symload.h \
	src/nt/sysinfo.c src/nt/sysinfo.h \
	src/nt/sysproc.c src/nt/sysproc.h \
	src/nt/token.c src/nt/token.h \
	src/nt/triage.c src/nt/triage.h \
	src/nt/unloaded.c src/nt/unloaded.h \
	src/nt/unpack.c src/nt/unpack.h \
	src/nt/unpack_page.c src/nt/unpack_page.h \
	src/nt/vad.c src/nt/vad.h

include src/nt/layouts/local.mk
