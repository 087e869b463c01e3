# SPDX-License-Identifier: GPL-3.0-or-later
"""random_reads.py FILE START LENGTH N: reads of 4 KiB at random, per second."""
import os
import random
import sys
import time

path, start, length, n = sys.argv[1], *map(int, sys.argv[2:])
rng = random.Random(1)
# Each page once, so that none comes from the cache of the mount.
pages = rng.sample(range(length // 4096), min(n, length // 4096))
fd = os.open(path, os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
begin = time.monotonic()
for page in pages:
    if len(os.pread(fd, 4096, start + page * 4096)) != 4096:
        sys.exit("short read")
print(round(len(pages) / (time.monotonic() - begin)))
