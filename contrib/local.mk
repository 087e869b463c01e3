# SPDX-License-Identifier: GPL-3.0-or-later
dist_bin_SCRIPTS = contrib/winprocfs-enter contrib/winprocfs-open \
	contrib/winprocfs-symbols
# mount(8) looks in /sbin: with another prefix a link there is needed.
dist_sbin_SCRIPTS = contrib/mount.winprocfs
bashcompdir = $(datadir)/bash-completion/completions
dist_bashcomp_DATA = contrib/completion/winprocfs
zshcompdir = $(datadir)/zsh/site-functions
dist_zshcomp_DATA = contrib/completion/_winprocfs
applicationsdir = $(datadir)/applications
dist_applications_DATA = contrib/desktop/winprocfs.desktop
mimepackagesdir = $(datadir)/mime/packages
dist_mimepackages_DATA = contrib/desktop/winprocfs.xml
winprocfs_recipes = \
	contrib/recipes/README \
	contrib/recipes/carve-module \
	contrib/recipes/compare \
	contrib/recipes/gdb-process \
	contrib/recipes/rizin-process \
	contrib/recipes/strings-sweep \
	contrib/recipes/timeline \
	contrib/recipes/yara-by-pid
EXTRA_DIST += \
	$(winprocfs_recipes) \
	contrib/build-deb.sh \
	contrib/build.sh \
	contrib/debian \
	contrib/demo.sh \
	contrib/install-deps.sh \
	contrib/systemd \
	contrib/test-deb.sh \
	contrib/test.sh
