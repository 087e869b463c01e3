#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs the Debian/Ubuntu packages that are needed and missing.
#
#	contrib/install-deps.sh [build] [test] [ci]
#
# build: to build and run; test: what the tests use as well; ci: what .ci/run
# uses on top. Without a word: build. As root, or with sudo.
set -euo pipefail

build='autoconf automake make gcc pkg-config libglib2.0-dev libfuse3-dev fuse3
	libewf-dev libfwnt-dev liblz4-dev liblzma-dev liblzo2-dev
	libsnappy-dev libyajl-dev libzip-dev libzstd-dev zlib1g-dev'
tests='check yara binwalk xxd bsdextrautils file binutils python3 procps rsync
	curl libarchive-tools ewf-tools qemu-system-x86 tar gzip xz-utils zstd coreutils
	findutils mount util-linux python3-pefile jq gdb elfutils lldb llvm
	libxml2-utils chromium lsof psmisc strace zsh desktop-file-utils
	shared-mime-info systemd'
# Without recommended packages clang would lack its sanitizers.
ci='clang llvm lld cppcheck shellcheck libclang-rt-dev debhelper dpkg-dev
	lintian man-db'

wanted=
for what in "${@:-build}"; do
	case $what in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $build $tests" ;;
	ci) wanted="$wanted $build $tests $ci" ;;
	*)
		echo "usage: $0 [build] [test] [ci]" >&2
		exit 1
		;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "no Debian or Ubuntu here; what is needed is in README.md" >&2
	exit 0
fi
missing=()
for package in $wanted; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" \
		2>/dev/null) || state=none
	[ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
	as_root=(sudo)
	command -v sudo >/dev/null || {
		echo "to be installed, as root: ${missing[*]}" >&2
		exit 1
	}
fi
echo "installing: ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
"${apt[@]}" install --no-install-recommends "${missing[@]}" </dev/null ||
	{
		"${apt[@]}" update </dev/null
		"${apt[@]}" install --no-install-recommends "${missing[@]}" \
			</dev/null
	}
