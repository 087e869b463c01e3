# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the tables of src/nt/layouts.c from the text files of this directory,
# whose headers say how they are written:
#
#	LC_ALL=C awk -f gen.awk layouts.txt builds.txt kernels.txt \
#		images.txt kdbg.txt >layouts_data.h
#
# in this order (later files name the layouts of the first).  POSIX awk only.

BEGIN {
	SUBSEP = "/"
	digits = "0123456789abcdef"
	split("x86 x86pae amd64 amd64la57 arm64", a, " ")
	for (i in a)
		arch[a[i]] = 1
	print "/* Made by src/nt/layouts/gen.awk, do not edit. */"
}

function die(why)
{
	printf "%s:%d: %s\n", FILENAME, FNR, why | "cat 1>&2"
	failed = 1
	exit 1
}

# The value of a hexadecimal number, for limits only: the digits go out as
# they are.
function hex(s,    i, d, v)
{
	if (s == "" || length(s) > 8)
		die("not a number: " s)
	v = 0
	for (i = 1; i <= length(s); i++) {
		d = index(digits, substr(s, i, 1))
		if (!d)
			die("not a hexadecimal number: " s)
		v = v * 16 + d - 1
	}
	return v
}

function decimal(s)
{
	if (s !~ /^[0-9]+$/)
		die("not a number: " s)
	return s
}

function known(id)
{
	if (!(id in layout))
		die("unknown layout: " id)
	return layout[id]
}

function arch_of(id,    a)
{
	a = substr(id, 1, index(id, "-") - 1)
	if (!(a in arch))
		die("unknown architecture: " a)
	return a
}

# NT_ARCH_... and the flag for 5-level page tables
function arch_c(a)
{
	if (a == "amd64la57")
		return "NT_ARCH_AMD64, true"
	return "NT_ARCH_" toupper(a) ", false"
}

# The build number of "10.0.19041"
function build_of(version,    a)
{
	if (split(version, a, ".") != 3)
		die("not a build: " version)
	return decimal(a[3])
}

# Shell sort of name[1..n] as strings, which is all that is needed here
function sort(name, n,    gap, i, j, x)
{
	for (gap = int(n / 2); gap > 0; gap = int(gap / 2))
		for (i = gap + 1; i <= n; i++) {
			x = name[i] ""
			for (j = i - gap; j > 0 && (name[j] "") > x; j -= gap)
				name[j + gap] = name[j]
			name[j + gap] = x
		}
}

# One row of a table, folded
function row(text)
{
	if (length(line) + length(text) > 76) {
		print line
		line = ""
	}
	line = line text ","
}

function end_row(text)
{
	print line text
	line = ""
}

function names(table, name, n,    i)
{
	printf "\nstatic const char *const %s[] = {\n", table
	for (i = 1; i <= n; i++)
		row("\"" name[i] "\"")
	end_row("\n};")
}

{
	sub(/[ \t]*#.*$/, "")
}

/^$/ {
	next
}

FILENAME != file {
	file = FILENAME
	kind = FILENAME
	sub(/^.*\//, "", kind)
}

# --- layouts.txt

function new_layout(id)
{
	if (id in layout)
		die("twice: " id)
	arch_of(id)
	layout[id] = nlayouts++
	layout_id[layout[id]] = id
	cur = layout[id]
	fallback[cur] = -1
}

function like(base,    i)
{
	for (i = 1; i <= nfields; i++)
		if ((base, fields[i]) in cell)
			cell[cur, fields[i]] = cell[base, fields[i]]
	for (i = 1; i <= ntypes; i++)
		if ((base, types[i]) in type)
			type[cur, types[i]] = type[base, types[i]]
	for (i = 1; i <= nstructs; i++)
		if ((base, structs[i]) in size)
			size[cur, structs[i]] = size[base, structs[i]]
}

function structure(    i, best)
{
	struct = $1
	if (NF == 1)
		return
	if (!(struct in struct_seen)) {
		struct_seen[struct] = 1
		structs[++nstructs] = struct
	}
	if ($2 == "-") {
		delete size[cur, struct]
		return
	}
	best = $2
	for (i = 2; i <= NF; i++)
		if (hex($i) > hex(best))
			best = $i
	size[cur, struct] = best
}

function new_field(path)
{
	if (path in field_seen)
		return
	field_seen[path] = 1
	fields[++nfields] = path
}

function set_type(path, text)
{
	if (!(path in type_seen)) {
		type_seen[path] = 1
		types[++ntypes] = path
	}
	type[cur, path] = text
}

function member(    path, a, text)
{
	if (struct == "")
		die("member of nothing")
	if ($1 ~ /^-/) {
		path = struct "." substr($1, 2)
		new_field(path)
		cell[cur, path] = "GONE"
		delete type[cur, path]
		return
	}
	path = struct "." $1
	new_field(path)
	if (split($2, a, /[:+]/) == 1) {
		a[2] = a[3] = 0
	} else if (decimal(a[2]) > 63 || decimal(a[3]) > 63 || !a[3]) {
		die("not a bit-field: " $2)
	}
	if (hex(a[1]) > 262143)
		die("too far: " $2)
	cell[cur, path] = "AT(0x" a[1] "," a[2] "," a[3] ")"
	delete type[cur, path]
	if (NF > 3 && $3 == "=") {
		text = $0
		sub(/^[^=]*= /, "", text)
		set_type(path, text)
	} else if (NF != 2) {
		die("what is " $3 "?")
	}
}

kind == "layouts.txt" {
	if ($1 == "layout") {
		new_layout($2)
		struct = ""
	} else if ($1 == "version") {
		version[cur] = $2
		build_of($2)
	} else if ($1 == "os") {
		os[cur] = substr($0, 4)
	} else if ($1 == "complete") {
		complete[cur] = 1
	} else if ($1 == "fallback") {
		fallback[cur] = known($2)
	} else if ($1 == "like") {
		like(known($2))
	} else if (/^\t/) {
		member()
	} else if (/^_/) {
		structure()
	} else if ($1 != "source" && $1 != "inferred") {
		die("what is " $1 "?")
	}
	next
}

# --- builds.txt

kind == "builds.txt" && $1 == "alias" {
	aliases[++naliases] = decimal($2) ", " decimal($3)
	next
}

# The key before the "/" sorts by architecture, build, most tables, last
# revision, last layout.
kind == "builds.txt" {
	if (!($1 in arch))
		die("unknown architecture: " $1)
	rules[++nrules] = sprintf("%s %08d %08d %08d %08d/%s, %d, %d",
		$1, build_of($2), 99999 - decimal($6),
		99999 - ($5 == "-" ? 0 : decimal($5)), 99999 - known($3),
		arch_c($1), build_of($2), known($3))
	next
}

# --- kernels.txt

kind == "kernels.txt" && $1 == "symbols" {
	next
}

kind == "kernels.txt" && $1 == "kernel" {
	if (length($2) != 32 || $2 ~ /[^0-9A-F]/)
		die("not a GUID: " $2)
	nrvas = 0
	kernels[++nkernels] = sprintf("{ \"%s\", \"%s\", \"%s\", %d, %d }",
		$2, $4, $5, decimal($3), known($6))
	next
}

kind == "kernels.txt" && !nkernels {
	for (i = 1; i <= NF; i++) {
		symbols[++nsymbols] = $i
		column[nsymbols] = $i
	}
	next
}

kind == "kernels.txt" {
	for (i = 1; i <= NF; i++) {
		if (++nrvas > nsymbols)
			die("too many addresses")
		if ($i != "-" && hex($i))
			rva[nkernels, column[nrvas]] = "0x" $i
	}
	next
}

# --- images.txt

kind == "images.txt" && $1 == "images" {
	if (!($2 in arch))
		die("unknown architecture: " $2)
	group = arch_c($2)
	sub(/,.*/, "", group)
	release = $4
	build_of(release)
	image_layout = $5 == "-" ? "NULL" : "&layouts[" known($5) "]"
	next
}

kind == "images.txt" {
	hex($2)
	if (hex($3) > 1048575)
		die("too large: " $3)
	if (NF > 3 && $4 != "?" && $4 != "~")
		die("what is " $4 "?")
	images[++nimages] = sprintf("{ %s, 0x%s, 0x%s000, \"%s.%d\", %s, %s }",
		group, $2, $3, release, decimal($1), image_layout,
		NF > 3 ? "'" $4 "'" : "0")
	next
}

# --- kdbg.txt

kind == "kdbg.txt" {
	hex($2)
	kdbg[++nkdbg] = $1
	kdbg_at[$1] = "0x" $2
	next
}

{
	die("what is this file?")
}

function put_layouts(    i, j)
{
	printf "\nstatic const struct nt_layout layouts[] = {\n"
	for (i = 0; i < nlayouts; i++)
		printf "{ \"%s\", \"%s\",\n  \"%s\", %d, %s, %s, %d },\n",
			layout_id[i], version[i], os[i], build_of(version[i]),
			arch_c(arch_of(layout_id[i])),
			complete[i] ? "true" : "false", fallback[i]
	print "};"
	printf "\nstatic const uint32_t cells[][%d] = {\n", nfields
	for (i = 0; i < nlayouts; i++) {
		line = "{"
		for (j = 1; j <= nfields; j++)
			row((i, fields[j]) in cell ? cell[i, fields[j]] : 0)
		end_row("},")
	}
	print "};"
}

function put_sizes(    i, j)
{
	printf "\nstatic const uint32_t sizes[][%d] = {\n", nstructs
	for (i = 0; i < nlayouts; i++) {
		line = "{"
		for (j = 1; j <= nstructs; j++)
			row((i, structs[j]) in size ? \
				"0x" size[i, structs[j]] : 0)
		end_row("},")
	}
	print "};"
}

# Types are numbers of texts, 0 where there is none.
function put_types(    i, j, n, t, number, text)
{
	printf "\nstatic const uint8_t types[][%d] = {\n", ntypes
	for (i = 0; i < nlayouts; i++) {
		line = "{"
		for (j = 1; j <= ntypes; j++) {
			if (!((i, types[j]) in type)) {
				row(0)
				continue
			}
			t = type[i, types[j]]
			if (!(t in number)) {
				number[t] = ++n
				text[n] = t
			}
			row(number[t])
		}
		end_row("},")
	}
	print "};"
	text[0] = ""
	printf "\nstatic const char *const type_texts[] = { NULL,\n"
	for (i = 1; i <= n; i++)
		printf "\"%s\",\n", text[i]
	print "};"
	printf "_Static_assert(%d < 256, \"a type is a byte\");\n", n
}

function put_builds(    i)
{
	sort(rules, nrules)
	printf "\nstatic const struct rule rules[] = {\n"
	for (i = 1; i <= nrules; i++)
		printf "{ %s },\n", substr(rules[i], index(rules[i], "/") + 1)
	print "};"
	printf "\nstatic const struct alias aliases[] = {\n"
	for (i = 1; i <= naliases; i++)
		printf "{ %s },\n", aliases[i]
	print "};"
}

function put_kernels(    i, j)
{
	printf "\nstatic const struct nt_kernel kernels[] = {\n"
	for (i = 1; i <= nkernels; i++)
		printf "%s,\n", kernels[i]
	print "};"
	sort(symbols, nsymbols)
	names("symbol_names", symbols, nsymbols)
	printf "\nstatic const uint32_t rvas[][%d] = {\n", nsymbols
	for (i = 1; i <= nkernels; i++) {
		line = "{"
		for (j = 1; j <= nsymbols; j++)
			row((i, symbols[j]) in rva ? rva[i, symbols[j]] : 0)
		end_row("},")
	}
	print "};"
}

function put_images(    i)
{
	printf "\nstatic const struct nt_image images[] = {\n"
	for (i = 1; i <= nimages; i++)
		printf "%s,\n", images[i]
	print "};"
}

function put_kdbg(    i)
{
	sort(kdbg, nkdbg)
	names("kdbg_names", kdbg, nkdbg)
	printf "\nstatic const uint16_t kdbg_offsets[] = {\n"
	for (i = 1; i <= nkdbg; i++)
		row(kdbg_at[kdbg[i]])
	end_row("\n};")
}

END {
	if (failed)
		exit 1
	if (!nlayouts || !nrules || !nkernels || !nimages || !nkdbg) {
		print "gen.awk: a file is missing" | "cat 1>&2"
		exit 1
	}
	sort(fields, nfields)
	sort(structs, nstructs)
	sort(types, ntypes)
	put_layouts()
	names("field_names", fields, nfields)
	put_sizes()
	names("struct_names", structs, nstructs)
	put_types()
	names("type_names", types, ntypes)
	put_builds()
	put_kernels()
	put_images()
	put_kdbg()
}
