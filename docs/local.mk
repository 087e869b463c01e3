# SPDX-License-Identifier: GPL-3.0-or-later
dist_man_MANS = docs/mount.winprocfs.8 docs/winprocfs.1 \
	docs/winprocfs-enter.1 docs/winprocfs-open.1 \
	docs/winprocfs-symbols.1 docs/winprocfs-tree.5

# Installed for users; the rest is for who works on it.
dist_doc_DATA = \
	docs/NEWS.md \
	docs/architecture.md \
	docs/compare.md \
	docs/cookbook.md \
	docs/formats.md \
	docs/methods.md \
	docs/profiles.md \
	docs/security.md
EXTRA_DIST += docs/release.md
