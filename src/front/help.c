/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What -h prints. */
#include "config.h"

#include "front/options.h"

const char *options_help(void)
{
	return
"usage: winprocfs [options] IMAGE MOUNTPOINT\n"
"       winprocfs --check IMAGE          what it is and what would work\n"
"       winprocfs --ls PATH IMAGE        list a folder of the tree\n"
"       winprocfs --cat PATH IMAGE       write a file of the tree to stdout\n"
"       winprocfs --list-profiles        the kernels that are known\n"
"\n"
"  -o OPTION[,OPTION...]   mount options, below\n"
"  -f                      stay in the foreground\n"
"  -d                      the same, with libfuse's debug output\n"
"  -s                      one thread only\n"
"  --ready-fd N            write a line to file descriptor N once mounted\n"
"  -h, --help              this text\n"
"  -V, --version           version\n"
"\n"
"mount options (lists use ':', numbers are decimal or 0x hex):\n"
"  coalesce                merge contiguous pages into larger ranges\n"
"  all                     whole address spaces, not only the user half\n"
"  pids=N[:N...]           only these processes\n"
"  eprocess=ADDR[:ADDR...] exactly these EPROCESS addresses, in this order\n"
"  proc_regex=RE           only names that match from their start\n"
"  method=NAME[:NAME...]   PsActiveProcessHead CSRSS PspCidTable Sessions\n"
"                          Handles; default: all\n"
"  holes=zero|eio          pages that are not in the image read as zeros, or\n"
"                          not at all\n"
"  format=NAME             container of the image (winprocfs(1) has the\n"
"                          names); default: found out\n"
"  cache=BYTES[K|M|G]      for what is decompressed; default: 256M\n"
"  pagefile=FILE[:FILE...] page files, in Windows' order; '\\:' is a colon\n"
"  swapfile=FILE           Windows' swapfile.sys\n"
"  dtb=ADDR                physical address of the System page directory\n"
"  kernel_base=ADDR        virtual address of the kernel image\n"
"  symbols=DIR             folder with symbol files (PDB, Volatility's ISF)\n"
"  profile=FILE|none       symbol file of this kernel; none: derive all\n"
"  profile_force           use it even if it is of another kernel\n"
"  paging=x86|pae|amd64|la57|arm64\n"
"                          paging form where it can't be told\n"
"  uid=N gid=N umask=OCT   owner and modes of the files\n"
"  allow_other             let other users in\n"
"  default_permissions     always on\n";
}
