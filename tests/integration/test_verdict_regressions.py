"""Submissions whose right verdict somebody once got wrong, as data: add one, and it is judged.

A case names its submission and what its report must say: `verdict` (one, or those that are right),
and where it matters the tests' own verdicts, the build log and stdout. Those marked `box` are about
memory, stacks or threads: they are judged in cells of both kinds and with cells used again, too.
"""

import json

import pytest

from harness import LONG, submission, test

BOM = "\ufeff"
HELLO = {
    "python": "print('hi')",
    "go": "package main\nimport \"fmt\"\nfunc main() { fmt.Println(\"hi\") }",
    "c": "#include <stdio.h>\nint main(void) { puts(\"hi\"); return 0; }",
    "cpp": "#include <iostream>\nint main() { std::cout << \"hi\\n\"; }",
    "java": "public class Main { public static void main(String[] a) "
            "{ System.out.println(\"hi\"); } }",
}
HI = [test("", "hi")]
NO_MAIN = "scrc: no class has a public static void main(String[])"


def case(name, what, verdict, tests=None, log=None, stdout=None, box=False):
    verdicts = (verdict,) if isinstance(verdict, str) else verdict
    return pytest.param(what, verdicts, tests, log, stdout, box, id=name)


def java(body, tests=HI, memory_mib=None, time_ms=10000, **more):
    """A class Main with this in its main()."""
    source = ("import java.util.*; import java.util.concurrent.*; public class Main { %s }"
              % (body if "void main(" in body else
                 "public static void main(String[] a) throws Exception { %s }" % body))
    return submission("java", source, tests, time_ms, memory_mib, **more)


def java_source(source, **more):
    return submission("java", source, HI, 10000, **more)


def says(text):
    return "public static void main(String[] a) { System.out.println(\"%s\"); }" % text


JAVA_NAMES = [
    case("the only class has main, is not public and not called Main",
         java_source("class Solution { %s }" % says("hi")), "OK"),
    case("a public interface, Main implements it",
         java_source("public interface Shape { int a(); }\nclass Main implements Shape { "
                     "public int a() { return 7; } %s }" % says("hi")), "OK"),
    case("a public class without main, Main beside it",
         java_source("public class Node { int v; }\nclass Main { %s }" % says("hi")), "OK"),
    case("the public class before Main",
         java_source("class Main { %s } public class Node { %s }" % (says("no"), says("hi"))),
         "OK"),
    case("Main before the first", java_source("class A { %s } class Main { %s }" %
                                              (says("no"), says("hi"))), "OK"),
    case("the first in the source, whatever its name",
         java_source("class Zebra { %s } class Ant { %s }" % (says("hi"), says("no"))), "OK"),
    case("a package, and another class than the public one",
         java_source("package a.b;\npublic class Node { }\nclass Deep { %s }" % says("hi")), "OK"),
    case("main of an interface",
         java_source("interface Run { static void main(String... a) "
                     "{ System.out.println(\"hi\"); } }"), "OK"),
    case("main of an enum", java_source("enum E { X; %s }" % says("hi")), "OK"),
    case("main of a record", java_source("record R(int x) { %s }" % says("hi")), "OK"),
    case("main is inherited",
         java_source("public class Top extends Base { }\nclass Base { %s }" % says("hi")), "OK"),
    case("a line of a comment ended by an escape",
         java_source("// \\u000d public class Foo { %s }" % says("hi")), "OK"),
    case("the public class written with an escape",
         java_source("public class Caf\\u00e9 { %s }" % says("hi")), "OK"),
    case("no main anywhere", java_source("public class Main { void f(){} }"), "BF", log=NO_MAIN),
    case("main of a nested class alone",
         java_source("public class Main { static class Inner { %s } }" % says("hi")), "BF",
         log=NO_MAIN),
    case("main that nobody else may call",
         java_source("public class Main { private static void main(String[] a) { } }"), "BF",
         log=NO_MAIN),
    case("main of one text", java_source("public class Main { public static void "
                                         "main(String a) { } }"), "BF", log=NO_MAIN),
]

DEEP = ("static List<List<Integer>> g = new ArrayList<>(); static int dfs(int u, int p) { int s = 1;"
        " for (int v : g.get(u)) if (v != p) s += dfs(v, u); return s; } public static void "
        "main(String[] a) throws Exception { int n = new Scanner(System.in).nextInt(); "
        "for (int i = 0; i < n; i++) g.add(new ArrayList<>()); for (int i = 1; i < n; i++) "
        "{ g.get(i).add(i-1); g.get(i-1).add(i); } System.out.println(dfs(0, -1)); }")
DEEP_C = ("#include <stdio.h>\nint f(int n){volatile int here=n;return n?f(n-1)+!!here:0;}\n"
          "int main(void){printf(\"%d\\n\",f(1000000));return 0;}")
DEPTHS = [test(n, n) for n in ("1000", "5000", "20000", "100000")]
EAT = "List<int[]> l = new ArrayList<>(); while (l != null) l.add(new int[1 << 16]);"
SLEEPERS = ("int n = 0; try { for (; n < 200; n++) { Thread t = new Thread(() -> { try { "
            "Thread.sleep(3000); } catch (Exception e) { } }); t.setDaemon(true); t.start(); } } "
            "%s System.out.println(\"hi\"); System.exit(0);")

JAVA_MEMORY = [
    case("recursion as deep as 100,000 under 256 MiB",
         java(DEEP, DEPTHS, 256, stop_on_failure=False), "OK", ["OK"] * 4, box=True),
    case("recursion in C under 256 MiB",
         submission("c", DEEP_C, [test("", "1000000")], 5000, 256), "OK", box=True),
    case("recursion without an end",
         java("static int f(int n) { return f(n + 1) + 1; } public static void main(String[] a) "
              "{ System.out.println(f(0)); }", memory_mib=128), ("RE", "ML")),
    case("200 threads, 47 of 256 MiB used", java(SLEEPERS % "finally { }", memory_mib=256),
         ("RE", "OK"), box=True),
    case("the last thread refused is caught, and no word of the JVM is in stdout",
         java(SLEEPERS % "catch (OutOfMemoryError e) { }", memory_mib=256), "OK", stdout="hi\n",
         box=True),
    case("heap used up", java(EAT, memory_mib=64), "ML", box=True),
    case("heap used up by one array", java("System.out.println(new int[1 << 28].length);",
                                           memory_mib=64), "ML"),
    case("an array larger than any", java(
        "System.out.println(new int[Integer.MAX_VALUE].length);", memory_mib=64), "ML"),
    case("heap used up in a worker thread",
         java("ExecutorService s = Executors.newFixedThreadPool(1); Future<Integer> f = "
              "s.submit(() -> { %s return 0; }); try { System.out.println(f.get()); } finally "
              "{ s.shutdown(); }" % EAT, memory_mib=64), "ML", box=True),
    case("heap used up in a thread, main goes on",
         java("Thread t = new Thread(() -> { %s }); t.start(); t.join(); "
              "System.out.println(\"hi\");" % EAT, memory_mib=64), "ML"),
    case("heap used up, thrown again as a cause",
         java("try { %s } catch (Throwable t) { throw new IllegalStateException(t); }" % EAT,
              memory_mib=64), "ML"),
    case("heap used up, behind 3 MB of other words",
         java("for (int i = 0; i < 30000; i++) System.err.println(\"%s\"); %s" % ("x" * 100, EAT),
              memory_mib=64), "ML"),
    case("recursion without an end in a thread, whose stack is the JVM's default",
         java("static int n; static void f() { n++; f(); } public static void main(String[] a) "
              "throws Exception { Thread t = new Thread(() -> { try { f(); } catch "
              "(StackOverflowError e) { System.out.println(n < 1000000 ? \"hi\" : n); } }); "
              "t.start(); t.join(); }", memory_mib=256), "OK"),
    case("heap used up, behind half a line", java("System.err.print(\"so far\"); " + EAT,
                                                  memory_mib=64), "ML"),
    case("direct memory used up, thrown again as a cause",
         java("try { java.nio.ByteBuffer.allocateDirect(1 << 30); } catch (Throwable t) "
              "{ throw new IllegalStateException(t); }", memory_mib=64), "ML"),
    case("the error's name on stderr",
         java("System.err.println(\"Terminating due to java.lang.OutOfMemoryError: none\");"
              "System.err.println(\"bye\"); System.exit(3);", memory_mib=64), "RE"),
    case("an error of that name without need", java("throw new OutOfMemoryError(\"no\");",
                                                    memory_mib=64), "RE"),
]

HUGE = "bytearray(1 << 50)"  # more than any host has: refused, and nothing is used
PYTHON_MEMORY = [
    case("a word on stderr",
         submission("python", "import sys\nprint('MemoryErrors so far: 0', file=sys.stderr)\n"
                    "sys.exit(3)", memory_mib=64), "RE"),
    case("an exception while a MemoryError is handled",
         submission("python", "try:\n  " + HUGE + "\nexcept MemoryError:\n  1/0", memory_mib=64),
         "RE"),
    case("MemoryError with nothing used",
         submission("python", "raise MemoryError", memory_mib=64), "RE"),
    case("MemoryError with the limit nearly used",
         submission("python", "x = b'x' * (60 << 20)\n" + HUGE, memory_mib=64), "ML", box=True),
    case("the source is too deep for the parser",
         submission("python", "print(" + "-" * 10000 + "1)", memory_mib=64), "BF",
         log="MemoryError"),
    case("memory used up", submission("python", "x = []\nwhile 1: x.append(bytearray(1 << 20))",
                                      memory_mib=64), "ML", box=True),
]

NATIVE = [
    case("Go: a package other than main",
         submission("go", "package tools\nfunc Add(a, b int) int { return a + b }"), "BF",
         log="scrc: the build left a library"),
    case("C++: the environment's locale",
         submission("cpp", "#include <iostream>\n#include <locale>\nint main() { "
                    "std::locale::global(std::locale(\"\")); std::cout << \"hi\\n\"; }", HI), "OK"),
    case("C: the environment's locale",
         submission("c", "#include <locale.h>\n#include <stdio.h>\nint main(void) "
                    "{ puts(setlocale(LC_ALL, \"\") ? \"hi\" : \"none\"); return 0; }", HI), "OK"),
    case("C: ONLINE_JUDGE", submission("c", "#ifndef ONLINE_JUDGE\n#error no\n#endif\n" +
                                       HELLO["c"], HI), "OK"),
    case("C++: ONLINE_JUDGE", submission("cpp", "#ifndef ONLINE_JUDGE\n#error no\n#endif\n" +
                                         HELLO["cpp"], HI), "OK"),
]

BOMS = [case(f"a byte order mark before {language}", submission(language, BOM + source, HI), "OK")
        for language, source in HELLO.items()]

# c, cpp and go are judged by all that a program uses, python and java by what it uses beside its
# runtime: either way a limit that is too small is a verdict, at the first attempt.
SMALL = [case(f"a limit of 1 MiB for {language}",
              submission(language, HELLO[language], HI, memory_mib=1),
              "ML" if language in ("go", "cpp") else "OK", box=True)
         for language in HELLO]
SMALL.append(case("a limit of 2 GiB for java", java_source(HELLO["java"], limits={
    "memory_limit_bytes": 2 << 30}), "OK"))
SMALL.append(case("4 MiB of heap under 1 MiB", java(
    "byte[] x = new byte[4 << 20]; System.out.println(x.length);",
    limits={"memory_limit_bytes": 1 << 20}), "ML"))

CASES = JAVA_NAMES + JAVA_MEMORY + PYTHON_MEMORY + NATIVE + BOMS + SMALL


def check(report, verdicts, tests, log, stdout):
    """What a case says against what its report says."""
    assert report["verdict"] in verdicts, report
    assert report["attempts"] == 1 and report["error"] == "", report
    if tests is not None:
        assert [t["verdict"] for t in report["tests"]] == tests
    if log is not None:
        assert log in report["build_log"]
    if stdout is not None:
        assert report["stdout"] == stdout


@pytest.fixture(scope="module")
def reports(server):
    """All of them at once: both cores are busy."""
    return submit_all(server, lambda box: True)


@pytest.fixture(scope="module")
def reports_in_place(module_server):
    """In place, in cells that are used again; the rest of the cases in the long form."""
    s = module_server(SCRC_BOX="inplace", RUNNER_CELL_USES=20, LANGUAGES=None).start().ready()
    return submit_all(s, lambda box: box or LONG)


def submit_all(server, wanted):
    ids = {key_of(c.values[0]): server.submit(c.values[0]) for c in CASES if wanted(c.values[5])}
    return lambda what: server.report(ids[key_of(what)], 180)


def key_of(what):
    return json.dumps(what, sort_keys=True)


@pytest.mark.parametrize("what, verdicts, tests, log, stdout, box", CASES)
def test_verdict_is_right(reports, what, verdicts, tests, log, stdout, box):
    check(reports(what), verdicts, tests, log, stdout)


@pytest.mark.parametrize("what, verdicts, tests, log, stdout, box",
                         [c for c in CASES if LONG or c.values[5]])
def test_verdict_is_right_in_place(reports_in_place, what, verdicts, tests, log, stdout, box):
    check(reports_in_place(what), verdicts, tests, log, stdout)
