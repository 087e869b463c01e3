# SPDX-License-Identifier: GPL-3.0-or-later
dist_bin_SCRIPTS = contrib/winprocfs-symbols
EXTRA_DIST += \
	contrib/build.sh \
	contrib/demo.sh \
	contrib/install-deps.sh \
	contrib/test.sh
