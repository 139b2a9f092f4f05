"""Builds that are hostile programs themselves: a language of one's own whose compiler is a shell that
runs the source."""

import json
import re

import pytest

from harness import IMAGES, submission, test

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
