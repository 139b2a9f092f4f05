"""What is made in advance for compilers and runtimes: the same programs and the same words as with
the plain commands, and no language that needs it."""

import json
import os
import re
import shutil
import subprocess
import urllib.parse

import pytest

from engines import docker
from harness import IMAGES, LONG, ROOT, submission, test, wait_for

BUILTIN = os.path.join(ROOT, "engine", "language", "builtin")
WARM = ("warm_build", "warm_run", "cache_volume_target", "cache_build", "cache_files",
        "run_cache_volume_target", "run_cache_build", "run_cache_files")


def row(name, **changes):
    """A built-in row as a user's own, with the images of this machine."""
    with open(os.path.join(BUILTIN, f"{name}.json"), encoding="utf-8") as f:
        made = json.load(f)
    for field, setting in (("image", f"{name.upper()}_IMAGE"), ("run_image", f"{name.upper()}_RUN_IMAGE")):
        if field in made:
            made[field] = IMAGES[setting]
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


def languages(server):
    """Waits for the self-tests of all; by name."""
    def tested():
        rows = server.get("/languages").json["languages"]
        return all(r["state"] == "ok" for r in rows) and rows
    return {r["name"]: r for r in wait_for(tested, 300, "all languages", pause=0.2)}


def outcome(report):
    """All of a report that is the same each time."""
    tests = [{k: t.get(k) for k in ("verdict", "exit_code", "signal", "stdout", "stderr")} for t in report["tests"]]
    log = re.sub(r"/tmp/cc\w+", "/tmp/cc", report["build_log"])  # gcc's own temporary files
    return report["verdict"], report["exit_code"], log, tests


CPP = {
    "iostream second": "#include <vector>\n#include <iostream>\nint main() { std::vector<int> v{1}; std::cout << v[0] + 1; }",
    "all of it": "#include <bits/stdc++.h>\nusing namespace std;\nint main() { map<string, int> m; m[\"a\"]++; cout << m.size() << endl; }",
    "defined before": "#define endl '\\n'\n#define ll long long\n#include <bits/stdc++.h>\nint main() { ll x = 1; std::cout << x; }",
    "a macro that changes headers": "#define NDEBUG\n#include <bits/stdc++.h>\nint main() { assert(1 == 2); puts(\"ok\"); }",
    "a pragma before": "#pragma GCC optimize(\"O0\")\n#include <bits/stdc++.h>\nint main() {\n#ifdef __OPTIMIZE__\nputs(\"O\");\n#endif\n}",
    "a header is missing": "#include <vector>\n#include <iostream>\nint main() { std::unordered_map<int, int> m; }",
    "a warning": "#include <iostream>\nint main() { int x = 3000000000000; std::cout << x; }",
    "the linker warns": "#include <iostream>\n#include <netdb.h>\nint main() { std::cout << (gethostbyname(\"\") != nullptr); }",
    "no main": "#include <iostream>\nint f() { return 1; }",
    "commented out": "// \\\n#include <iostream>\n#include <cstdio>\nint main() { std::cout << 1; }",
    "not there": "#include <iostream>\n#include <nothing.h>\nint main() {}",
    "exceptions and threads": "#include <map>\n#include <iostream>\n#include <stdexcept>\n#include <future>\n"
        "struct A { ~A() { std::cout << \"~A\\n\"; } };\nint main() { try { A a; throw std::runtime_error(\"x\"); }"
        " catch (std::exception &e) { std::cout << e.what(); }\nauto f = std::async(std::launch::async, [] { return 5; });"
        " std::cout << f.get(); std::map<int, int>().at(3); }",
    "an operator new of its own": "#include <iostream>\n#include <cstdlib>\n#include <new>\nint n;\n"
        "void *operator new(std::size_t s) { n++; return std::malloc(s); }\nvoid operator delete(void *p) noexcept"
        " { std::free(p); }\nint main() { std::string *s = new std::string(100, 'x'); delete s; std::cout << (n > 1); }",
    "as the library's": "#include <iostream>\nextern \"C\" int printf(const char *, ...) { return 7; }\n"
        "namespace std { void terminate() noexcept { __builtin_exit(4); } }\n"
        "int main() { std::cout << printf(\"\"); std::terminate(); }",
    "before main and behind it": "#include <iostream>\nstruct A { A() { std::cout << 1; } ~A() { std::cout << 2; } } a;\n"
        "__attribute__((constructor)) void f() { puts(\"f\"); }\n"
        "int main() { std::atexit([] { puts(\"e\"); }); static A b; std::wcout << L'w'; std::cerr << std::locale().name(); }",
    "where it is": "#include <vector>\n#include <iostream>\n#include <cassert>\n"
        "int main() { std::cout << __FILE__ << __LINE__ << __COUNTER__; return 3; }",
}
C = {
    "adds": "#include <stdio.h>\nint main(void) { printf(\"%d\", 1 + 2); return 0; }",
    "math": "#include <math.h>\n#include <stdio.h>\nint main(int n, char **v) { (void)v; printf(\"%f\", sin(n)); return 0; }",
    "a warning": "int main() { return f(); }\nint f() { return 2; }",
    "not defined": "int g(void);\nint main(void) { return g(); }",
    "twice": "#include <stdio.h>\nint puts(const char *s) { return 0; }\nint main(void) { puts(\"a\"); return 0; }",
    "syntax": "int main(void) { return 0 }",
    "as the library's": "#include <stdio.h>\n#include <string.h>\nsize_t strlen(const char *s) { (void)s; return 3; }\n"
        "int main(int n, char **v) { (void)n; printf(\"%d %s\\n\", (int)strlen(v[0]), v[0]); return 0; }",
    "as a hidden one of the library's": "int __libc_main;\nint index(int a) { return a; }\nlong write(int f, const void *p, long n)"
        " { (void)f; (void)p; return n; }\n#include <stdio.h>\nint main(void) { puts(\"lost\"); fflush(stdout); return index(3); }",
    "a malloc of its own": "#include <stdio.h>\n#include <stddef.h>\nstatic char all[1 << 20];\nstatic size_t at;\n"
        "void *malloc(size_t n) { at += (n + 15) / 16 * 16; return all + at - (n + 15) / 16 * 16; }\n"
        "void free(void *p) { (void)p; }\nint main(void) { printf(\"%d\\n\", (int)((char *)malloc(5) - all) >= 0); return 0; }",
    "the linker warns": "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { char n[] = \"/tmp/xXXXXXX\"; puts(mktemp(n) ? \"a\" : \"\");"
        " return tmpnam(0) == 0; }",
    "weak": "#include <stdio.h>\nint pthread_cancel(unsigned long) __attribute__((weak));\nvoid *dlopen(const char *, int) __attribute__((weak));\n"
        "int main(void) { printf(\"%d %d\\n\", pthread_cancel != 0, dlopen != 0); return 0; }",
}
GO = {
    "prints": "package main\n\nimport (\n\"bufio\"\n\"fmt\"\n\"os\"\n\"sort\"\n)\n\nfunc main() {\n"
        "a := []int{3, 1}\nsort.Ints(a)\nw := bufio.NewWriter(os.Stdout)\ndefer w.Flush()\nfmt.Fprint(w, a)\n}\n",
    "panics": "// a comment\npackage main\n\nfunc f(a []int) int { return a[5] }\nfunc main() { println(f(nil)) }\n",
    "build information": "package main\n\nimport (\n\"fmt\"\n\"runtime/debug\"\n)\n\nfunc main() {\n"
        "i, ok := debug.ReadBuildInfo()\nfmt.Println(i, ok)\n}\n",
    "not used": "package main\n\nimport \"os\"\n\nfunc main() { x := 1 }\n",
    "internal": "package main\n\nimport \"internal/abi\"\n\nfunc main() { _ = abi.FuncPCABI0 }\n",
    "another package": "package foo\n\nfunc main() {}\n",
    "another package behind a comment": "/*\npackage main\n*/\npackage foo\n\nfunc main() {}\n",
    "no main": "package main\n\nfunc f() {}\n",
    "embed": "package main\n\nimport _ \"embed\"\n\n//go:embed main.go\nvar s string\n\nfunc main() { println(len(s)) }\n",
    "cgo": "package main\n\n// int f(void);\nimport \"C\"\n\nfunc main() { C.f() }\n",
    "no body": "package main\n\nfunc f()\nfunc main() { f() }\n",
    "a directive": "//go:debug panicnil=1\npackage main\n\nfunc main() { panic(nil) }\n",
}
SOURCES = {"cpp": CPP, "c": C, "go": GO}
# No header can be taken from those made in advance, as with "a macro that changes headers"; the plain
# command needs seconds for each.
LONG_ONLY = {"defined before", "a pragma before"}
NEEDED = {"go": {"cache_volume_target": "/var/tmp", "cache_build": ["go", "build", "std"]}}  # for `build` too


@pytest.fixture(scope="module", params=sorted(SOURCES))
def pair(request, tmp_path_factory, module_server):
    """A language, and a server that has it twice: as it is, and with its plain commands."""
    name = request.param
    rows = tmp_path_factory.mktemp(name)
    (rows / f"plain-{name}.json").write_text(json.dumps(row(name, **{**dict.fromkeys(WARM), **NEEDED.get(name, {})})))
    server = module_server(LANGUAGES_DIR=str(rows), LANGUAGES=f"{name},plain-{name}", BUILD_CACHE_BYTES="0",
                           RUNNER_CELL_USES="100").start().ready()
    return name, server


def test_the_same_programs_and_words(pair):
    name, server = pair
    by_name = languages(server)
    assert by_name[name]["accelerator"] and not by_name[f"plain-{name}"]["accelerator"], by_name
    chosen = {what: source for what, source in SOURCES[name].items() if LONG or what not in LONG_ONLY}
    warm, plain = ([outcome(r) for r in server.judge_all([submission(n, s, [test("", "3")]) for s in chosen.values()], 600)]
                   for n in (name, f"plain-{name}"))
    for what, one, other in zip(chosen, warm, plain):
        assert one == other, what


def test_without_it(module_server, tmp_path):
    """A command that cannot make anything, or makes what does not work: one warning each, and the
    language is ready."""
    (tmp_path / "one.json").write_text(json.dumps(row("c", cache_build=["sh", "-c", "echo no room >&2; exit 1"])))
    (tmp_path / "two.json").write_text(json.dumps(row("c", cache_build=["sh", "-c", "echo a file that is not there"])))
    for file in row("c")["cache_files"]:
        (tmp_path / file).write_text("")
    server = module_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="one,two").start().ready()
    by_name = languages(server)
    assert by_name["one"]["accelerator"] == by_name["two"]["accelerator"] == ""
    for name in by_name:
        assert server.judge(submission(name, C["adds"], [test("", "3")]))["verdict"] == "OK"
    log = server.log()
    assert log.count("language_not_prepared") == 1 and "no room" in log
    assert log.count("language_not_warm") == 1 and "not_ready" not in log



def volume_of(language):
    filters = urllib.parse.quote(json.dumps({"label": [f"scrc.cache={language}"]}))
    (found,) = docker(f"/volumes?filters={filters}")["Volumes"]
    return found


def test_a_damaged_file_is_made_again(fresh_server, tmp_path):
    """Found by its hash at the next start; nobody's build fails for it."""
    (tmp_path / "damaged.json").write_text(json.dumps(row("c", hello=C["adds"].replace('"%d", 1 + 2', '"scrc\\n"'))))
    for file in row("c")["cache_files"]:
        shutil.copy(os.path.join(BUILTIN, file), tmp_path)
    server = fresh_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="damaged", BUILD_CACHE_BYTES="0").start().ready()
    said = languages(server)["damaged"]["accelerator"]
    volume = volume_of("damaged")
    try:
        flags = os.path.join(volume["Mountpoint"], "scrc", "flags")
        with open(flags, encoding="utf-8") as f:
            whole = f.read()
        server.terminate()
        with open(flags, "w", encoding="utf-8") as f:
            f.write("-fuse-ld=nothing")
        server.restart()
        server.ready()
        assert said and languages(server)["damaged"]["accelerator"] == said
        with open(os.path.join(volume_of("damaged")["Mountpoint"], "scrc", "flags"), encoding="utf-8") as f:
            assert f.read() == whole
        assert server.judge(submission("damaged", C["adds"], [test("", "3")]))["verdict"] == "OK"
    finally:
        server.terminate()
        subprocess.run(["docker", "volume", "rm", "-f", volume["Name"]], check=True, capture_output=True)
