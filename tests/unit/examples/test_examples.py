"""The examples of README.md, docs/ and the public headers compile as they stand there.

An example is a block marked ```cpp, or the lines of a header's first comment that are indented by three spaces and begin with a
line of code. `{ ... }` and a line `...` stand for what the reader writes. GIVEN has what an example takes for known.
"""

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(os.environ["WEFT_ROOT"])
COMPILER = os.environ["WEFT_CXX"]

REGISTRY = "weft::TransportRegistry registry;"
# What stands before the example, in its function; of examples that define something: what stands before it in its namespace.
GIVEN = {
    "README.md": "",
    "docs/threads.md": "",
    "include/weft/blocking.hpp": REGISTRY,
    "include/weft/controller.hpp": REGISTRY + 'auto backend = weft::BackendRegistry::builtin().open("ram://?size=1G");',
    "include/weft/coroutine.hpp": "",
    "include/weft/endian.hpp": "std::byte bytes[6]{};",
    "include/weft/fabrics.hpp": "nvme::Sqe sqe;",
    "include/weft/memory.hpp": "std::unique_ptr<Host> made; Host& host = *made;",
    "include/weft/nvme/command.hpp": "nvme::Sqe sqe;",
    "include/weft/plugin.hpp": """
        namespace shm {
        template <class T> using Made = weft::plugin::Made<T>;
        struct QueuePair {
          void close(std::uint32_t, std::uint64_t);
          void info(weft_qpair_info&) const;
          void stats(weft_stats&) const;
          int send_command(const void*, std::span<const weft_iov>, std::uint32_t);
        };
        struct Listener {};
        struct Pending {};
        struct Group {
          int poll(std::uint32_t);
          void flush();
          int arm(int&, std::uint64_t&);
          void stats(weft_stats&) const;
          Made<QueuePair*> connect(const weft_address&, const weft_qpair_params&, const weft_qpair_events&, void*);
        };
        struct Domain {
          static Made<std::unique_ptr<Domain>> open(const weft_services&, std::span<const weft_option>);
          Made<std::unique_ptr<Group>> open_group();
        };
        }""",
    "include/weft/task.hpp": """
        struct Association {};
        Task<Status> write_cc(Association&, std::uint32_t);
        constexpr std::uint32_t kEnable = 1;""",
    "include/weft/transport.hpp": "",
}
DEFINES = ("include/weft/coroutine.hpp", "include/weft/plugin.hpp", "include/weft/task.hpp")


def examples_of_page(text):
    """(line, lines) of each marked block."""
    found, lines = None, text.splitlines()
    for number, line in enumerate(lines, 1):
        if line == "```cpp":
            found = (number + 1, [])
        elif line == "```" and found:
            yield found
            found = None
        elif found:
            found[1].append(line)


def examples_of_header(text):
    """(line, lines) of each run of indented lines of the first comment whose first is code."""
    found = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("//   "):
            if found is None:
                found = (number, [])
            found[1].append(line[5:])
            continue
        if found and re.search(r"[;{}]$", re.sub(r"\s+//.*", "", found[1][0])):
            yield found
        found = None
        if not line.startswith("//"):
            return


def compiled_form(lines):
    return "\n".join("" if line.strip() == "..." else line.replace("{ ... }", "{}") for line in lines)


def program(examples):
    """One translation unit of all: (file, line, lines), each in a namespace of its own. Errors are said of the file it is in."""
    headers = sorted(h.name for h in (ROOT / "include/weft").glob("*.hpp"))
    parts = ["#include <cstdio>", "#include <memory>", "#include <span>", "#include <vector>"]
    parts += [f'#include "weft/{name}"' for name in headers]
    for number, (file, line, lines) in enumerate(examples):
        code = f'{GIVEN.get(file, "")}\n{{{{BEGIN}}}}\n#line {line} "{file}"\n{compiled_form(lines)}\n{{{{END}}}}'
        inside = file in DEFINES
        code = code.replace("{{BEGIN}}", "" if inside else "{").replace("{{END}}", "" if inside else "}")
        code = code if inside else f"void run() {{\n{code}\n}}"
        parts.append(f"namespace example_{number} {{\nusing namespace weft;\n{code}\n}}")
    return "\n".join(parts) + "\n"


def errors_of(source):
    command = [COMPILER, "-std=c++23", "-Wall", "-Werror", "-Wno-unused-variable", "-Wno-unused-but-set-variable", "-fsyntax-only",
               f"-I{ROOT}/include", "-x", "c++", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr


def all_examples():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    headers = sorted((ROOT / "include").rglob("*.hpp"))
    for path in pages + headers:
        of = examples_of_page if path.suffix == ".md" else examples_of_header
        for line, lines in of(path.read_text()):
            yield path.relative_to(ROOT).as_posix(), line, lines


class Examples(unittest.TestCase):
    maxDiff = None

    def test_are_where_they_are_known_to_be(self):
        self.assertEqual({file for file, _, _ in all_examples()}, set(GIVEN))

    def test_compile(self):
        self.assertEqual(errors_of(program(all_examples())), "")


class TheCheck(unittest.TestCase):
    def test_names_the_line_of_an_example_that_does_not_compile(self):
        page = "Words.\n\n```cpp\nweft::TransportRegistry registry;\nregistry.no_such_call();\n```\n"
        examples = [("page.md", *example) for example in examples_of_page(page)]
        self.assertRegex(errors_of(program(examples)), r"page\.md:5:\d+: error: .*no_such_call")

    def test_tells_code_from_words(self):
        text = "// h.hpp - what it is.\n//\n//   tcp://host:port\n//\n//   int x = 1;   // why\n//   ...\n//\n// Rules.\n#if 1\n//   int y = 2;\n"
        self.assertEqual(list(examples_of_header(text)), [(5, ["int x = 1;   // why", "..."])])


if __name__ == "__main__":
    unittest.main()
