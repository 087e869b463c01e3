# SPDX-License-Identifier: GPL-3.0-or-later
src_libtree_a_SOURCES = \
	src/tree/again.c \
	src/tree/render_task.c \
	src/tree/threads.c src/tree/threads.h \
	src/tree/attr.c \
	src/tree/columns.c src/tree/columns.h \
	src/tree/compose.c src/tree/compose.h \
	src/tree/core.c src/tree/core.h src/tree/core_notes.c \
	src/tree/core_files.c src/tree/core_threads.c \
	src/tree/details.c src/tree/details.h \
	src/tree/dirs.c \
	src/tree/fds.c src/tree/fds.h \
	src/tree/dump.c src/tree/dump.h \
	src/tree/elfcore.c src/tree/elfcore.h \
	src/tree/file.c \
	src/tree/globals.c src/tree/globals.h \
	src/tree/items.c src/tree/items.h \
	src/tree/json.c src/tree/json.h \
	src/tree/mdmp.c src/tree/mdmp.h \
	src/tree/mdmp_context.c \
	src/tree/mdmp_facts.c src/tree/mdmp_facts.h \
	src/tree/mdmp_info.c src/tree/mdmp_info.h \
	src/tree/minidump.c src/tree/minidump.h \
	src/tree/modules.c src/tree/modules.h \
	src/tree/markup.c src/tree/markup.h \
	src/tree/linux.c src/tree/linux.h \
	src/tree/named.c \
	src/tree/owners.c src/tree/owners.h \
	src/tree/pagemap.c src/tree/pagemap.h \
	src/tree/ptov.c src/tree/ptov.h \
	src/tree/ranges.c src/tree/ranges.h \
	src/tree/record.c src/tree/record.h \
	src/tree/render.h \
	src/tree/render_dtb.c \
	src/tree/render_facts.c \
	src/tree/render_header.c \
	src/tree/render_image.c \
	src/tree/render_json.c \
	src/tree/render_machine.c \
	src/tree/render_methods.c \
	src/tree/render_modules.c \
	src/tree/render_paging.c \
	src/tree/render_proc.c \
	src/tree/render_ptov.c \
	src/tree/render_soft.c \
	src/tree/render_stat.c \
	src/tree/render_triage.c \
	src/tree/render_vtop.c \
	src/tree/report.c src/tree/report.h \
	src/tree/report_facts.c \
	src/tree/report_style.c \
	src/tree/report_tree.c \
	src/tree/rows.c src/tree/rows.h \
	src/tree/scan.c src/tree/scan.h \
	src/tree/sink.c src/tree/sink.h \
	src/tree/space.c src/tree/space.h \
	src/tree/spaces.c \
	src/tree/sparse.c src/tree/sparse.h src/tree/sparse-priv.h \
	src/tree/render_smaps.c \
	src/tree/render_vads.c \
	src/tree/rowline.c src/tree/rowline.h \
	src/tree/vadnames.c src/tree/vadnames.h \
	src/tree/vads.c src/tree/vads.h \
	src/tree/svg_map.c src/tree/svg_map.h \
	src/tree/svg_overview.c \
	src/tree/svg_physical.c \
	src/tree/tree.c src/tree/tree.h src/tree/tree-priv.h
