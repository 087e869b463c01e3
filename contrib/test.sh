#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs what the tests need, builds in ./build-test, runs all tests.
#
#	contrib/test.sh [ARGUMENT OF CONFIGURE...]
#
# BUILD_DIR: another folder. The last line is "N passed, N failed, N skipped";
# the exit code is 0 only where nothing failed.
set -euo pipefail

contrib=$(cd "$(dirname "$0")" && pwd)
dir=${BUILD_DIR:-$(cd "$contrib/.." && pwd)/build-test}
summary='0 passed, 1 failed, 0 skipped'
trap 'echo "$summary"' EXIT

"$contrib/install-deps.sh" test
"$contrib/build.sh" "$dir" --enable-werror "$@"
cd "$dir"
find . -name '*.trs' -delete
rc=0
make -k -j"$(nproc)" check </dev/null || rc=$?

# results PATTERN: the tests that ended so.
results()
{
	find . -name '*.trs' -exec grep -lE "^:test-result: ($1)" {} + |
		sed 's/\.trs$//' || true
}
passed=$(results 'PASS|XFAIL' | wc -l)
failed=$(results 'FAIL|XPASS|ERROR' | wc -l)
skipped=$(results SKIP | wc -l)
for test in $(results 'FAIL|XPASS|ERROR'); do
	printf '\n--- %s\n' "$test"
	tail -20 "$test.log"
done
for test in $(results SKIP); do
	echo "skipped: $test: $(grep '^SKIP' "$test.log" | head -1)"
done
# A build of the tests that fails leaves no result: it counts as one.
if [ "$rc" != 0 ] && [ "$failed" = 0 ]; then
	failed=1
fi
summary="$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
