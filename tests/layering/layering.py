#!/usr/bin/env python3
"""The rules on who may include whom, and on what may be named where.

    layering.py includes ROOT           every #include "..." against RULES
    layering.py names ROOT              no transport's name in core/, nor in the code of the public headers
    layering.py headers ROOT CXX...     each public header compiles alone, with each compiler; the C one as C too
    layering.py plugins FILE...         one exported symbol, nothing of the core wanted

Prints one line for each breach and ends with 1 if there was any.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

SOURCES = {".c", ".cpp", ".h", ".hpp"}
TRANSPORT_NAME = re.compile("tcp|rdma", re.IGNORECASE)
# The wire values of the transports are in the specification, so in the wire structs.
NAMES_ALLOWED = {"include/weft/fabrics.hpp"}
# What a plugin may see: the contract, and the wire structs with the value types they are made of. All header-only.
PLUGIN_HEADERS = re.compile(r"weft/(transport_abi\.h|(plugin|nvme|fabrics|endian|status)\.hpp|nvme/\w+\.hpp)")

# Each folder of core/ may include the ones before it. Backends stand aside: a controller knows only backend.hpp.
CORE_ORDER = ["util", "wire", "address", "plugin", "reactor", "qpair"]
CORE_MAY = {folder: set(CORE_ORDER[: i + 1]) for i, folder in enumerate(CORE_ORDER)}
CORE_MAY["host"] = set(CORE_ORDER) | {"host"}
CORE_MAY["controller"] = set(CORE_ORDER) | {"controller"}
CORE_MAY["backend"] = {"util", "wire", "address", "backend"}


def sources_below(root, folder):
    return sorted(p for p in (root / folder).rglob("*") if p.suffix in SOURCES)


def included_files(path):
    """(line number, name as written) of each #include; <...> too, for our own names in angle brackets."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*["<]([^">]+)[">]', line)
        if match:
            yield number, match.group(1)


def resolved(root, path, name):
    """What an include means within the project: 'weft/x.hpp', 'core/x/y.hpp', ... or None for a library's header."""
    if name.startswith("weft/"):
        return name
    if "/" not in name or name.startswith("."):
        beside = (path.parent / name).resolve()
        if beside.exists() and beside.is_relative_to(root):
            return beside.relative_to(root).as_posix()
    return name if (root / name).exists() else None


def may_include(where, what):
    """Whether the file `where` may include `what`, both relative to the root."""
    part = where.split("/")
    target = what.split("/")
    if part[0] == "include":
        of_plugins = PLUGIN_HEADERS.fullmatch("/".join(part[1:]))
        return bool(PLUGIN_HEADERS.fullmatch(what)) if of_plugins else target[0] == "weft"
    if part[0] == "plugins":
        return PLUGIN_HEADERS.fullmatch(what) or target[:2] in (part[:2], ["plugins", "common"])
    if part[0] == "core":
        return target[0] == "weft" or (target[0] == "core" and target[1] in CORE_MAY.get(part[1], {part[1]}))
    if part[0] in ("tools", "examples", "bench"):
        measured_alike = part[0] == "bench" and what == "tools/weft/histogram.hpp"
        return target[0] == "weft" or target[0] == part[0] or measured_alike
    if part[:2] == ["tests", "conformance"]:
        return what == "weft/transport_abi.h" or target[:2] == part[:2]
    if target[0] == "plugins":  # a plugin is reached by loading it; only the tests of its pure parts look inside
        of_that_plugin = any(p == target[1] or p.startswith(target[1] + "_") for p in part[1:-1])
        return part[0] == "tests" and (of_that_plugin or target[1] == "common")
    return part[0] == "tests"


def check_includes(root):
    for folder in ("include", "core", "plugins", "tools", "examples", "bench", "tests"):
        for path in sources_below(root, folder):
            where = path.relative_to(root).as_posix()
            for number, name in included_files(path):
                what = resolved(root, path, name)
                if what is not None and not may_include(where, what):
                    yield f"{where}:{number}: may not include {what}"


def without_comments(text):
    """The text with comments blanked, lines kept."""
    pattern = r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"'
    blank = lambda m: m.group(0) if m.group(0).startswith('"') else re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(pattern, blank, text, flags=re.DOTALL)


def check_names(root):
    for folder, whole in (("core", True), ("include", False)):
        for path in sorted(p for p in (root / folder).rglob("*") if p.is_file()):
            where = path.relative_to(root).as_posix()
            if where in NAMES_ALLOWED:
                continue
            text = path.read_text() if whole else without_comments(path.read_text())
            for number, line in enumerate(text.splitlines(), 1):
                if TRANSPORT_NAME.search(line):
                    yield f"{where}:{number}: names a transport: {line.strip()}"


def compile_errors(compiler, flags, root, text, suffix):
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as source:
        source.write(text)
        source.flush()
        command = [*compiler.split(), *flags, "-Werror", "-fsyntax-only", f"-I{root}/include", source.name]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        yield " ".join(command[:-1]) + "\n" + done.stderr


def check_headers(root, compilers):
    strict = ["-Wall", "-Wextra", "-Wpedantic"]
    headers = sources_below(root, "include/weft")
    for compiler in compilers:
        for header in headers:
            twice = f'#include "{header.relative_to(root / "include").as_posix()}"\n' * 2
            is_c = header.suffix == ".h"
            padding = ["-Wpadded"] if is_c else []  # the layout of the contract may hold nothing hidden
            yield from compile_errors(compiler, ["-std=c++23", *strict, *padding], root, twice, ".cpp")
            c_compiler = compiler.replace("clang++", "clang").replace("g++", "gcc")
            for standard in ("-std=c99", "-std=c11") if is_c else ():
                yield from compile_errors(c_compiler, [standard, *strict, *padding], root, twice, ".c")


def symbols(path, *flags):
    lines = subprocess.run(["nm", "-D", *flags, path], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split()[-1].split("@")[0] for line in lines]


def check_plugins(files):
    for path in files:
        exported = symbols(path, "--defined-only")
        if exported != ["weft_transport_v1"]:
            yield f"{path}: exports {', '.join(exported) or 'nothing'}; weft_transport_v1 alone is allowed"
        for name in symbols(path, "--undefined-only"):
            if "weft" in name:
                yield f"{path}: wants {name} from the core"
        needed = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
        for library in re.findall(r"NEEDED.*\[(libweft[^\]]*)\]", needed):
            yield f"{path}: is linked against {library}"


def main(what, *arguments):
    if what == "plugins":
        breaches = check_plugins(arguments)
    else:
        root = pathlib.Path(arguments[0]).resolve()
        check = {"includes": check_includes, "names": check_names, "headers": check_headers}[what]
        breaches = check(root, *([arguments[1:]] if what == "headers" else []))
    count = 0
    for count, breach in enumerate(breaches, 1):
        print(breach)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
