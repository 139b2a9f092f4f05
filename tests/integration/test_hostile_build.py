"""Sources that mean harm to whoever compiles them, and builds that are hostile programs themselves: a
language of one's own whose compiler is a shell that runs the source."""

import json
import re

import pytest

from harness import IMAGES, MIB, submission, test

NEIGHBOUR = submission("python", "print(sum(map(int, input().split())))",
                       [test("2 3\n", "5"), test("20 22\n", "42")])
C_MAIN = "int main(void) { return 0; }\n"


def embed(path):
    """Puts a file of the build's file system into the artefact, and prints it."""
    return ('__asm__(".section .rodata\\nstart: .incbin \\"%s\\"\\nend:\\n.text");\n'
            '#include <unistd.h>\nextern const char start[], end[];\n'
            'int main(void) { return write(1, start, end - start) < 0; }\n') % path


# Twenty million tokens.
MACROS = ("#define A x x x x x x x x x x\n#define B A A A A A A A A A A\n"
          "#define C B B B B B B B B B B\n#define D C C C C C C C C C C\n"
          "#define E D D D D D D D D D D\n#define F E E E E E E E E E E\n"
          "#define G F F F F F F F F F F\nG G\n")

BUILDS = [
    # row, language, source, verdicts that are right
    ("B1 endless include", "c", '#include "/dev/zero"\n' + C_MAIN, {"BF"}),
    ("B1 reads a terminal", "c", '#include "/dev/stdin"\n' + C_MAIN, {"BF", "OK"}),
    ("B1 includes itself", "c", '#include "main.c"\n' + C_MAIN, {"BF"}),
    ("B1 macros", "c", MACROS, {"BF"}),
    ("B1 templates", "cpp", "template<int n> struct S { static const int v = S<n-1>::v + S<n-2>::v;"
     " S<n+100000> *p; };\nint main() { return S<100000000>::v; }\n", {"BF"}),
    ("B1 constexpr", "cpp", "constexpr long f(long n) { long s = 0; for (long i = 0; i < n; i++) "
     "for (long j = 0; j < n; j++) s += i ^ j; return s; }\nstatic_assert(f(1000000) != 1, \"\");\n"
     "int main() {}\n", {"BF"}),
    ("B2 errors", "cpp", "#define E(n) int a##n = b##n;\n" +
     "".join(f"E({i})\n" for i in range(30_000)), {"BF"}),
    ("B2 one long error line", "c", 'int main(void) { %s; }\n' % ("x" * 900_000), {"BF"}),
    ("B2 error text that is not UTF-8 when cut", "c", "#error " + "é" * 400_000 + "\n", {"BF"}),
    ("B3 /etc/shadow", "c", '#include "/etc/shadow"\n' + C_MAIN, {"BF"}),
    ("B3 data of the server", "c", embed("{data}/scrc.db"), {"BF"}),
    ("B3 the agent's socket", "c", embed("/scrc/socket"), {"BF"}),
    ("B3 docker's socket", "c", embed("/var/run/docker.sock"), {"BF"}),
    ("B3 a plugin", "c", "#pragma GCC plugin \"/tmp/x.so\"\n" + C_MAIN, {"BF", "OK"}),
    ("B3 go:embed", "go", "package main\nimport _ \"embed\"\n//go:embed /etc/passwd\nvar s string\n"
     "func main() { print(s) }\n", {"BF"}),
    ("B3 go:embed of what lies beside", "go", "package main\nimport _ \"embed\"\n"
     "//go:embed ../../etc/passwd\nvar s string\nfunc main() { print(s) }\n", {"BF"}),
    ("B5 cgo", "go", "package main\n// #include <stdlib.h>\nimport \"C\"\n"
     "func main() { C.abs(1) }\n", {"BF"}),
    ("B5 cgo flags", "go", "package main\n// #cgo LDFLAGS: -Wl,-T,/etc/passwd\nimport \"C\"\n"
     "func main() {}\n", {"BF"}),
    ("B5 a module from the net", "go", "package main\nimport \"github.com/google/uuid\"\n"
     "func main() { print(uuid.New().String()) }\n", {"BF"}),
    ("B6 huge array", "c", "char a[10ULL << 30] = { 1 };\n" + C_MAIN, {"BF"}),
    ("B6 fill", "c", '__asm__(".data\\n.fill 3000000000, 1, 7\\n.text");\n' + C_MAIN, {"BF"}),
    ("B6 over the cap", "c", '__asm__(".data\\n.fill 100000000, 1, 7\\n.text");\n' + C_MAIN,
     {"BF"}),
    ("B6 zeros cost nothing", "c", "char a[1ULL << 30];\n" + C_MAIN, {"OK"}),
    ("B7 the name of a link", "c", '# 1 "/etc/passwd"\n' + C_MAIN, {"OK"}),
    ("B10 NUL in C", "c", C_MAIN + "/* \0 */\n", {"OK", "BF"}),
    ("B10 NUL in Python", "python", "print(1)\0\n", {"BF", "RE", "OK"}),
    ("B10 byte order mark", "c", "\ufeff" + C_MAIN, {"OK"}),
    ("B10 byte order mark, Java", "java", "\ufeffpublic class Main { public static void main("
     "String[] a) {} }\n", {"OK", "BF"}),
    ("B10 CR", "c", C_MAIN.replace("\n", "\r") + "\r", {"OK"}),
    ("B10 CR LF", "python", "import sys\r\nif 1:\r\n  pass\r\n", {"OK"}),
    ("B10 a blank", "c", " ", {"BF"}),
    ("B10 a blank, Java", "java", " ", {"BF", "RE"}),
    ("B10 line of 1 MB", "c", C_MAIN + "/*" + "x" * (MIB - 200) + "*/\n", {"OK"}),
    ("B10 class with a slash in a comment", "java", "/* public class A/../../x */ public class B { "
     "public static void main(String[] a) {} }\n", {"OK"}),
    ("B10 class that is a keyword of files", "java", "public class CON { public static void main("
     "String[] a) {} }\n", {"OK"}),
    ("B10 class in a string", "java", "class Main { static String s = \"public class X\"; public "
     "static void main(String[] a) {} }\n", {"OK"}),
    ("B10 class with a dollar", "java", "public class A$B { public static void main(String[] a) {} "
     "}\n", {"OK"}),
    ("B10 package that climbs", "java", "package a.b.c.d.e.f.g.h; public class X { public static "
     "void main(String[] a) {} }\n", {"OK"}),
    ("B11 C++ as C", "c", "#include <iostream>\nint main() { std::cout << 1; }\n", {"BF"}),
    ("B11 C as Java", "java", C_MAIN, {"BF"}),
    ("B11 Java as Python", "python", "public class Main { }\n", {"BF"}),
    ("B11 an ELF head as C", "c", "\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0>\0", {"BF"}),
]


@pytest.fixture(scope="module")
def bounded(module_server):
    return module_server(LANGUAGES=None, BUILD_TIME_LIMIT="2s", BUILD_MEMORY_LIMIT="512MiB",
                         SECRET="canary-" + "5ec2e7aa" * 4).start().ready()


@pytest.fixture(scope="module")
def built(bounded):
    ids = [bounded.submit(submission(language, source.replace("{data}", bounded.data),
                                     time_ms=3000))
           for _, language, source, _ in BUILDS]
    return [bounded.report(id, 180) for id in ids]


@pytest.mark.parametrize("n", range(len(BUILDS)), ids=[b[0] for b in BUILDS])
def test_hostile_source(built, n):
    report, verdicts = built[n], BUILDS[n][3]
    assert report["verdict"] in verdicts, (report["verdict"], report["build_log"][:2000],
                                           report["stderr"][:500], report["error"])
    assert report["attempts"] == 1 and report["error"] == ""
    assert len(report["build_log"].encode()) <= 80 * 1024
    assert report["build_ms"] < 60_000  # 2 s of CPU, the rest waiting for a core
    if report["verdict"] == "BF":
        assert report["build_log"], "a build failure says why"
    for text in ("root:", "canary-", "SQLite format"):
        assert text not in report["stdout"] + report["build_log"], text


def test_no_terminal_holds_a_build(bounded):
    """B1: the compiler finds nothing there that it could wait for."""
    report = bounded.judge(submission("c", '#include "/dev/ptmx"\n' + C_MAIN))
    assert report["verdict"] == "BF" and "/dev/ptmx" in report["build_log"], report["build_log"]
    assert "limit" not in report["build_log"], report["build_log"]


def test_build_sees_a_whitelisted_environment(bounded):
    """B3"""
    report = bounded.judge(submission("c", embed("/proc/self/environ"), time_ms=2000))
    names = {v.split("=")[0] for v in report["stdout"].split("\0") if v}
    assert report["verdict"] == "BF" or names <= {
        "PATH", "LANG", "HOME", "TMPDIR", "PWD", "COLLECT_GCC", "COLLECT_GCC_OPTIONS",
        "GCC_EXEC_PREFIX", "COLLECT_LTO_WRAPPER", "OFFLOAD_TARGET_NAMES"}, names


def test_builds_of_others_go_on(bounded):
    """B1: while two compilers run into their limits."""
    hogs = [bounded.submit(submission("c", f"/* {i} */" + MACROS, [test()])) for i in (1, 2)]
    assert bounded.judge(NEIGHBOUR, 60)["verdict"] == "OK"
    for id in hogs:
        assert bounded.report(id)["verdict"] == "BF"


def test_a_compiler_killed_is_a_build_failure(fresh_server):
    """B12: for good, with a reason, and not tried again."""
    server = fresh_server(LANGUAGES="c", BUILD_MEMORY_LIMIT="40MiB").start().ready()
    report = server.judge(submission("c", MACROS, [test("", "1")]))
    assert report["verdict"] == "BF" and report["attempts"] == 1
    assert "memory" in report["build_log"].lower(), report["build_log"]


# ---- builds that are programs ----

# Leaves a process that never stops to write and to swap. The artefact is a directory of three files;
# the first and the last hold the same number but for the moment between two writes, and so they do in
# the copy, unless somebody still writes while it is made: the file between them is large.
SWAPS = r"""
mkdir out
cat >swap.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    char text[16];
    int a = open("out/a", O_RDWR | O_CREAT, 0644), m = open("out/m", O_RDWR | O_CREAT, 0644);
    for (int i = 0; i < 40; i++)
        write(m, "................................................................", 64);
    ftruncate(m, 16 << 20);
    int z = open("out/z", O_RDWR | O_CREAT, 0644);
    for (int s = 1; s < 65; s++) signal(s, SIG_IGN);
    setsid();
    if (fork()) _exit(0);
    setsid();
    if (fork()) _exit(0);
    for (int n = 0;; n++) {
        snprintf(text, sizeof text, "%010d\n", n);
        pwrite(a, text, 11, 0);
        pwrite(z, text, 11, 0);
        if (n % 64 == 0)
            syscall(SYS_renameat2, AT_FDCWD, FIRST, AT_FDCWD, SECOND, 2 /* RENAME_EXCHANGE */);
    }
}
END
"""
WRITES = SWAPS + r"""
gcc -O1 -DFIRST='"out/a"' -DSECOND='"out/z"' -o swap swap.c && ./swap </dev/null >/dev/null 2>&1
echo 'cat a z' >out/run.sh
until [ -s out/z ]; do :; done
"""
EXCHANGES = SWAPS + r"""
gcc -O1 -DFIRST='"out"' -DSECOND='"other"' -o swap swap.c
echo 'cat a z' >out/run.sh
ln -s /etc other
./swap </dev/null >/dev/null 2>&1
until [ -s out/z ] || [ -s other/z ]; do :; done
"""


def language(directory, name, image, **more):
    row = {"image": IMAGES[image], "run_image": IMAGES[image], "workdir": "/tmp",
           "source_name": "build.sh", "build": ["sh", "{source}"], "collect": "tree",
           "artefact": "out", "run": ["sh", "run.sh"],
           "hello": "mkdir out && echo 'echo scrc' >out/run.sh\n", **more}
    (directory / f"{name}.json").write_text(json.dumps(row))


@pytest.fixture(scope="module", params=["auto", "inplace"])
def builder(request, module_server, tmp_path_factory):
    languages = tmp_path_factory.mktemp("languages")
    language(languages, "gcc-sh", "C_IMAGE")
    language(languages, "jdk-sh", "JAVA_IMAGE")
    return module_server(SCRC_BOX=request.param, LANGUAGES_DIR=str(languages),
                         LANGUAGES="gcc-sh,jdk-sh,java", BUILD_CACHE_BYTES=0).start().ready()


def shell(name, script, expected, **more):
    return submission(name, script, [test("", expected)], 5000, **more)


def test_nobody_writes_while_the_artefact_is_copied(builder):
    """B8: whoever is left of a build is dead before the first byte is read."""
    for report in builder.judge_all([shell("gcc-sh", f"# {i}\n" + WRITES, "x") for i in range(4)]):
        assert report["verdict"] == "WA" and report["attempts"] == 1, (report["build_log"], report)
        first, last = map(int, report["stdout"].split())
        assert abs(first - last) <= 1, (first, last)


def test_a_swapped_artefact_is_what_it_is(builder):
    """B8: a directory and a link to the host's or the image's /etc take turns. It is one of them, and
    a link is no artefact."""
    for report in builder.judge_all([shell("gcc-sh", f"# {i}\n" + EXCHANGES, "x")
                                     for i in range(4)]):
        assert report["verdict"] in ("WA", "BF") and report["attempts"] == 1, report
        assert report["error"] == "" and "root:" not in report["stdout"] + report["build_log"]
        if report["verdict"] == "WA":
            first, last = map(int, report["stdout"].split())
            assert abs(first - last) <= 1, (first, last)


PROCESSOR = r"""
mkdir out META-INF META-INF/services
cat >P.java <<'END'
import java.util.*;
import javax.annotation.processing.*;
import javax.lang.model.SourceVersion;
import javax.lang.model.element.TypeElement;
@SupportedAnnotationTypes("*")
public class P extends AbstractProcessor {
    public SourceVersion getSupportedSourceVersion() { return SourceVersion.latest(); }
    public boolean process(Set<? extends TypeElement> a, RoundEnvironment r) {
        try { new java.io.FileWriter("ran").close(); } catch (java.io.IOException e) { }
        return false;
    }
}
END
javac -proc:none P.java
echo P >META-INF/services/javax.annotation.processing.Processor
echo 'public class Main { }' >Main.java
said=
for command in "$AS_WE_DO" "$AS_THEY_DO"; do
    rm -f ran
    CLASSPATH=. $command >log 2>&1 || cat log
    [ -e ran ] && said="$said ran" || said="$said none"
done
echo "echo $said" >out/run.sh
"""


def test_no_annotation_processor_runs(builder):
    """B4: the command with which we build finds a processor beside the source and leaves it alone;
    without our flag it runs, so this test can fail."""
    hello = builder.judge(submission("java", "public class Main { public static void main("
                                     "String[] a) { } }", [test()], 5000))
    command = hello["produced_by"]["build"].replace("{source}", "Main.java")
    assert "-proc:none" in command.split() and "Main.java" in command.split(), command
    plain = re.sub(r" -proc:none\b", "", command)
    script = f"AS_WE_DO='{command}' AS_THEY_DO='{plain}'\n" + PROCESSOR
    report = builder.judge(shell("jdk-sh", script, "none ran"))
    assert report["verdict"] == "OK", (report["stdout"], report["stderr"], report["build_log"])
