# SPDX-License-Identifier: GPL-3.0-or-later
# One program for each module, linked only against its layer and those below:
# a call upward is then an error of the linker.
if HAVE_CHECK
check_LIBRARIES += tests/unit/libunit.a
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
else
# Without Check nothing has been tested, so nothing passes.
check-local:
	@echo "make check: the unit tests need Check (libcheck), which" \
		"configure did not find" >&2; exit 1
endif

unit_tests = \
	tests/unit/test-base-addr \
	tests/unit/test-base-argv \
	tests/unit/test-base-bytes \
	tests/unit/test-base-crc32c \
	tests/unit/test-base-log \
	tests/unit/test-base-reader \
	tests/unit/test-base-seen \
	tests/unit/test-base-text \
	tests/unit/test-image-beside \
	tests/unit/test-image-blocks \
	tests/unit/test-image-crashdump \
	tests/unit/test-image-dumpbitmap \
	tests/unit/test-image-dumpranges \
	tests/unit/test-image-avml \
	tests/unit/test-image-elf \
	tests/unit/test-image-lime \
	tests/unit/test-image-vmware \
	tests/unit/test-image-aff4 \
	tests/unit/test-image-ewf \
	tests/unit/test-image-hibr \
	tests/unit/test-image-hibr-damage \
	tests/unit/test-image-io \
	tests/unit/test-image-notes \
	tests/unit/test-image-overlay \
	tests/unit/test-image-kdump \
	tests/unit/test-image-qevm \
	tests/unit/test-image-xen \
	tests/unit/test-image-pagefile \
	tests/unit/test-image-map \
	tests/unit/test-image-raw \
	tests/unit/test-image-wrap \
	tests/unit/test-image-xpress \
	tests/unit/test-image-runs \
	tests/unit/test-image-triage \
	tests/unit/test-pmem-physmem \
	tests/unit/test-vtop-direct \
	tests/unit/test-vtop-forms \
	tests/unit/test-vtop-map \
	tests/unit/test-vtop-plain \
	tests/unit/test-vtop-random \
	tests/unit/test-vtop-soft \
	tests/unit/test-vtop-tlb \
	tests/unit/test-vtop-trace \
	tests/unit/test-vtop-walk \
	tests/unit/test-nt-cpus \
	tests/unit/test-nt-thread \
	tests/unit/test-nt-thread-hostile \
	tests/unit/test-nt-dtbcheck \
	tests/unit/test-nt-dtbscan \
	tests/unit/test-nt-epoch \
	tests/unit/test-nt-eprocess \
	tests/unit/test-nt-evidence \
	tests/unit/test-nt-hostile \
	tests/unit/test-nt-hole \
	tests/unit/test-nt-isf \
	tests/unit/test-nt-kdbg \
	tests/unit/test-nt-handle \
	tests/unit/test-nt-kernel \
	tests/unit/test-nt-kimage \
	tests/unit/test-nt-layouts \
	tests/unit/test-nt-ldr \
	tests/unit/test-nt-object \
	tests/unit/test-nt-pagingfile \
	tests/unit/test-nt-pe \
	tests/unit/test-nt-peb \
	tests/unit/test-nt-pefile \
	tests/unit/test-nt-peinfo \
	tests/unit/test-nt-profile \
	tests/unit/test-nt-proto \
	tests/unit/test-nt-proto-cost \
	tests/unit/test-nt-pteforms \
	tests/unit/test-nt-softpte \
	tests/unit/test-nt-states \
	tests/unit/test-nt-store \
	tests/unit/test-nt-store-hostile \
	tests/unit/test-nt-swap \
	tests/unit/test-nt-symfile \
	tests/unit/test-nt-symload \
	tests/unit/test-nt-unpack-page \
	tests/unit/test-nt-fileobj \
	tests/unit/test-nt-objname \
	tests/unit/test-tree-fds \
	tests/unit/test-tree-modules \
	tests/unit/test-nt-vad \
	tests/unit/test-families \
	tests/unit/test-mk-states \
	tests/unit/test-procs-crossview \
	tests/unit/test-procs-dtbs \
	tests/unit/test-procs-methods \
	tests/unit/test-procs-procset \
	tests/unit/test-procs-smear \
	tests/unit/test-tree-compose \
	tests/unit/test-tree-core \
	tests/unit/test-tree-dirs \
	tests/unit/test-tree-dtb \
	tests/unit/test-tree-facts \
	tests/unit/test-tree-linux \
	tests/unit/test-mk-containers \
	tests/unit/test-tree-formats \
	tests/unit/test-tree-header \
	tests/unit/test-tree-held \
	tests/unit/test-tree-json \
	tests/unit/test-tree-memory \
	tests/unit/test-tree-pagemap \
	tests/unit/test-tree-pictures \
	tests/unit/test-tree-ptov \
	tests/unit/test-tree-minidump \
	tests/unit/test-tree-rows \
	tests/unit/test-tree-vads \
	tests/unit/test-tree-ready \
	tests/unit/test-tree-sink \
	tests/unit/test-tree-space \
	tests/unit/test-tree-states \
	tests/unit/test-tree-sparse \
	tests/unit/test-tree-text \
	tests/unit/test-tree-triage \
	tests/unit/test-tree-twins \
	tests/unit/test-tree-vtop \
	tests/unit/test-front-handles \
	tests/unit/test-front-live \
	tests/unit/test-front-options \
	tests/unit/test-front-waiting \
	tests/unit/test-front-pagefiles \
	tests/unit/test-front-session \
	tests/unit/test-front-torn

UNIT_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests $(CHECK_CFLAGS)

# Members are linked as they are needed: unit.c by all.
tests_unit_libunit_a_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_libunit_a_SOURCES = \
	tests/unit/unit.c tests/unit/unit.h \
	tests/unit/unit-dump.c tests/unit/unit-dump.h \
	tests/unit/unit-kmem.c tests/unit/unit-kmem.h \
	tests/unit/unit-mem.c tests/unit/unit-mem.h \
	tests/unit/unit-parse.c tests/unit/unit-parse.h \
	tests/unit/unit-peb.c tests/unit/unit-peb.h \
	tests/unit/unit-runs.h \
	tests/unit/unit-store.c tests/unit/unit-store.h \
	tests/unit/unit-win.c tests/unit/unit-win.h \
	tests/unit/unit-states.c tests/unit/unit-states.h \
	tests/unit/unit-tree.c tests/unit/unit-tree.h

UNIT_BASE_LIBS = tests/unit/libunit.a $(BASE_LIBS) $(CHECK_LIBS)
UNIT_IMAGE_LIBS = tests/unit/libunit.a $(IMAGE_LIBS) $(CHECK_LIBS)
UNIT_PMEM_LIBS = tests/unit/libunit.a tests/lib/libmk.a $(PMEM_LIBS) \
	$(CHECK_LIBS)
# Page tables of the builder need nothing above vtop.
UNIT_VTOP_LIBS = tests/unit/libunit.a tests/lib/libmk.a $(VTOP_LIBS) \
	$(CHECK_LIBS)
UNIT_NT_LIBS = tests/unit/libunit.a $(MK_LIBS) $(CHECK_LIBS)
UNIT_PROCS_LIBS = tests/unit/libunit.a tests/lib/libmk.a $(PROCS_LIBS) \
	$(CHECK_LIBS)
UNIT_TREE_LIBS = tests/unit/libunit.a tests/lib/libmk.a $(TREE_LIBS) \
	$(CHECK_LIBS)
UNIT_FRONT_LIBS = tests/unit/libunit.a tests/lib/libmk.a $(FRONT_LIBS) \
	$(CHECK_LIBS)

tests_unit_test_base_addr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_addr_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_argv_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_argv_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_crc32c_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_crc32c_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_bytes_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_bytes_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_log_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_reader_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_reader_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_seen_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_seen_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_base_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_base_text_LDADD = $(UNIT_BASE_LIBS)
tests_unit_test_image_beside_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_beside_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_avml_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_avml_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_lime_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_lime_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_vmware_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_vmware_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_elf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_elf_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_blocks_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_blocks_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_aff4_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_aff4_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_ewf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_ewf_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_io_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_io_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_overlay_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_overlay_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_kdump_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_kdump_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_qevm_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_qevm_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_xen_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_xen_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_notes_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_notes_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_pagefile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_pagefile_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_crashdump_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_crashdump_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_map_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_map_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_wrap_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_wrap_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_dumpbitmap_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_dumpbitmap_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_dumpranges_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_dumpranges_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_hibr_SOURCES = tests/unit/test-image-hibr.c \
	tests/unit/unit-hibr.h
tests_unit_test_image_hibr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_hibr_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_hibr_damage_SOURCES = \
	tests/unit/test-image-hibr-damage.c tests/unit/unit-hibr.h
tests_unit_test_image_hibr_damage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_hibr_damage_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_xpress_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_xpress_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_image_raw_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_raw_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_runs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_runs_LDADD = $(UNIT_IMAGE_LIBS)
tests_unit_test_image_triage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_image_triage_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_pmem_physmem_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_pmem_physmem_LDADD = $(UNIT_PMEM_LIBS)
tests_unit_test_vtop_direct_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_direct_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_forms_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_forms_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_map_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_map_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_plain_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_plain_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_vtop_random_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_random_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_soft_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_soft_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_tlb_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_tlb_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_trace_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_trace_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_vtop_walk_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_vtop_walk_LDADD = $(UNIT_VTOP_LIBS)
tests_unit_test_nt_thread_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_thread_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_thread_hostile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_thread_hostile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_cpus_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_cpus_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_dtbcheck_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_dtbcheck_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_dtbscan_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_dtbscan_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_epoch_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_epoch_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_eprocess_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_eprocess_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_evidence_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_evidence_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_hostile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_hostile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_hole_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_hole_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_isf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_isf_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_kdbg_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_kdbg_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_handle_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_handle_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_kernel_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_kernel_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_kimage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_kimage_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_layouts_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_layouts_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_ldr_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_ldr_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_object_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_object_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_pe_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_pe_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_peb_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_peb_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_pefile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_pefile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_peinfo_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_peinfo_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_profile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_profile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_proto_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_proto_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_proto_cost_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_proto_cost_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_pteforms_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_pteforms_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_softpte_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_softpte_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_states_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_states_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_nt_swap_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_swap_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_store_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_store_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_store_hostile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_store_hostile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_symfile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_symfile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_symload_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_symload_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_pagingfile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_pagingfile_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_unpack_page_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_unpack_page_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_objname_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_objname_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_tree_modules_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_modules_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_fds_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_fds_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_nt_fileobj_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_fileobj_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_nt_vad_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_nt_vad_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_mk_states_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_mk_states_LDADD = $(UNIT_NT_LIBS)
tests_unit_test_families_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_families_LDADD = $(UNIT_PROCS_LIBS)
tests_unit_test_procs_crossview_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_procs_crossview_LDADD = $(UNIT_PROCS_LIBS)
tests_unit_test_procs_dtbs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_procs_dtbs_LDADD = $(UNIT_PROCS_LIBS)
tests_unit_test_procs_methods_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_procs_methods_LDADD = $(UNIT_PROCS_LIBS)
tests_unit_test_procs_smear_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_procs_smear_LDADD = $(UNIT_PROCS_LIBS)
tests_unit_test_procs_procset_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_procs_procset_LDADD = $(UNIT_PROCS_LIBS)
tests_unit_test_tree_dirs_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_dirs_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_dtb_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_dtb_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_facts_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_facts_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_linux_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_linux_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_mk_containers_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_mk_containers_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_formats_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_formats_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_held_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_held_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_json_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_json_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_memory_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_memory_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_pagemap_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_pagemap_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_pictures_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_pictures_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_ptov_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_ptov_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_vads_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_vads_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_minidump_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_minidump_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_rows_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_rows_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_header_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_header_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_ready_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_ready_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_sink_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_sink_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_space_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_space_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_core_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_core_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_compose_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_compose_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_sparse_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_sparse_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_states_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_states_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_text_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_triage_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_triage_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_twins_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_twins_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_tree_vtop_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tree_vtop_LDADD = $(UNIT_TREE_LIBS)
tests_unit_test_front_handles_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_handles_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_handles_LDADD = $(UNIT_FRONT_LIBS)
tests_unit_test_front_live_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_live_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_live_LDADD = $(UNIT_FRONT_LIBS)
tests_unit_test_front_waiting_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_waiting_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_waiting_LDADD = $(UNIT_FRONT_LIBS)
tests_unit_test_front_options_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_options_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_options_LDADD = $(UNIT_FRONT_LIBS)
tests_unit_test_front_pagefiles_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_pagefiles_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_pagefiles_LDADD = $(UNIT_FRONT_LIBS)
tests_unit_test_front_session_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_session_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_session_LDADD = $(UNIT_FRONT_LIBS)
tests_unit_test_front_torn_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_front_torn_CFLAGS = $(AM_CFLAGS) $(FUSE_CFLAGS)
tests_unit_test_front_torn_LDADD = $(UNIT_FRONT_LIBS)
