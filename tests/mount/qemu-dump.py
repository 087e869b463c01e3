#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has QEMU write all it can of a machine that has a file for its memory.

qemu-dump.py RAW MACHINE OUT [NAME...]: RAW (sparse, shared with the machine,
which never runs) is memory; what is written goes to OUT-elf, -zlib, -lzo,
-snappy and -qevm (or those NAMEs), the names of which are printed.
"""
import json
import os
import socket
import subprocess
import sys
import time

FORMATS = [("elf", False, None), ("zlib", False, "kdump-zlib"),
           ("lzo", False, "kdump-lzo"), ("snappy", False, "kdump-snappy")]


class Monitor:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(300):
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.1)
        self.file = self.socket.makefile("rw")
        json.loads(self.file.readline())
        self.ask("qmp_capabilities")

    def ask(self, command, **arguments):
        """What it answers, or None: it cannot."""
        json.dump({"execute": command, "arguments": arguments}, self.file)
        self.file.write("\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                return None


def dump_all(monitor, out, names):
    for name, paging, kind in FORMATS:
        if names and name not in names:
            continue
        path = os.path.abspath(f"{out}-{name}")
        more = {"format": kind} if kind else {}
        if monitor.ask("dump-guest-memory", paging=paging,
                       protocol="file:" + path, **more) is not None:
            print(name)
    path = os.path.abspath(f"{out}-qevm")
    monitor.ask("migrate", uri=f"exec:cat > '{path}'")
    while True:
        status = monitor.ask("query-migrate").get("status")
        if status in ("completed", "failed"):
            break
        time.sleep(0.1)
    if status == "completed":
        print("qevm")


def main():
    raw, machine, out = sys.argv[1:4]
    size = os.path.getsize(raw)
    path = out + ".monitor"
    qemu = subprocess.Popen(
        ["qemu-system-x86_64", "-M", machine + ",memory-backend=mem", "-S",
         "-accel", "tcg", "-nodefaults", "-display", "none", "-vga", "none",
         "-m", f"{size // 1048576}M", "-object",
         f"memory-backend-file,id=mem,size={size},mem-path={raw},share=on",
         "-qmp", f"unix:{path},server=on,wait=off"])
    try:
        monitor = Monitor(path)
        dump_all(monitor, out, sys.argv[4:])
        monitor.ask("quit")
        qemu.wait(30)
    finally:
        qemu.kill()


main()
