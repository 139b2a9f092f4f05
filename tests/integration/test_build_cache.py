"""A source that was built before is not compiled again, and its verdict is the same."""

import json
import os

import pytest

from harness import IMAGES, submission, test, wait_for

C = '#include <stdio.h>\nint main(void) { int n; scanf("%d", &n); printf("%d\\n", n * 2); }\n'
SOURCES = {
    "c": C,
    "cpp": '#include <iostream>\nint main() { int n; std::cin >> n; std::cout << n * 2 << "\\n"; }\n',
    "go": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tvar n int\n\tfmt.Scan(&n)\n'
          '\tfmt.Println(n * 2)\n}\n',
    "java": "import java.util.Scanner;\n\npublic interface Other {}\n\nclass Twice {\n"
            "    public static void main(String[] a) {\n"
            "        System.out.println(new Scanner(System.in).nextInt() * 2);\n    }\n}\n",
}
TESTS = [test("21\n", "42\n"), test("-3\n", "-6\n")]
WARNS = "int main(void) { int unused = 1; return 0; }\n#warning careful\n"


def cache(server):
    return server.get("/stats").json["present"]["build_cache"]


def builds(server):
    """Their sizes, by name."""
    folder = server.data + "/builds"
    return {name: os.stat(f"{folder}/{name}").st_size for name in os.listdir(folder)}


def asked(server):
    """[hits, misses] since its start."""
    state = cache(server)
    return [state["hits"], state["misses"]]


@pytest.fixture
def c_server(fresh_server):
    return lambda **more: fresh_server(LANGUAGES="c", **more).start().ready()


@pytest.mark.parametrize("language", SOURCES)
def test_what_was_built_is_found(fresh_server, language):
    server = fresh_server(LANGUAGES=language).start().ready()
    sent = submission(language, SOURCES[language], TESTS)
    first = server.judge(sent)
    assert asked(server) == [0, 1]  # the self-test's build is not one of these
    again = server.judge(sent)
    assert asked(server) == [1, 1]
    for report in (first, again):
        assert report["verdict"] == "OK", report
        assert [t["stdout"] for t in report["tests"]] == ["42\n", "-6\n"]
    assert first["produced_by"] == again["produced_by"]
    server.restart(kill=True)
    server.ready()
    assert server.judge(sent)["verdict"] == "OK"
    assert asked(server) == [1, 0]


def test_a_failure_and_a_warning_are_told_again(c_server):
    server = c_server()
    for n, source, verdict, said in ((1, "int main(void) { return x; }", "BF", "undeclared"),
                                     (2, WARNS, "OK", "careful")):
        reports = [server.judge(submission("c", source)) for _ in range(2)]
        for r in reports:
            assert r["verdict"] == verdict and said in r["build_log"], r
        assert reports[0]["build_log"] == reports[1]["build_log"]
        assert reports[0]["exit_code"] == reports[1]["exit_code"]
        assert asked(server) == [n, n]


def test_what_makes_a_difference(c_server):
    """The source's every byte and the settings of builds; not the limits of tests, nor the tests."""
    server = c_server()
    server.judge(submission("c", C, TESTS))
    server.judge(submission("c", C, [test("1", "2")], time_ms=700, memory_mib=32))
    assert asked(server) == [1, 1]
    server.judge(submission("c", C + "\n", TESTS))
    assert asked(server) == [1, 2]
    server.terminate()
    server.settings["BUILD_MEMORY_LIMIT"] = "900MiB"
    server.start().ready()
    server.judge(submission("c", C, TESTS))
    assert asked(server) == [0, 1]


def test_other_flags_are_another_build(fresh_server, tmp_path):
    def row(flag):
        (tmp_path / "flags.json").write_text(json.dumps({
            "title": "C", "image": IMAGES["C_IMAGE"], "run_image": IMAGES["C_RUN_IMAGE"],
            "workdir": "/tmp", "source_name": "main.c", "collect": "file", "artefact": "main",
            "build": ["gcc", "-static", flag, "-o", "main", "{source}"], "run": ["./main"],
            "hello": 'int puts(const char *);\nint main(void) { puts("scrc"); }\n'}))
    server = fresh_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="flags")
    for answer in ("1", "2"):
        row(f"-DANSWER={answer}")
        server.start().ready()
        report = server.judge(submission("flags", '#include <stdio.h>\nint main(void) '
                                                  '{ printf("%d", ANSWER); }', [test("", answer)]))
        assert report["verdict"] == "OK" and asked(server) == [0, 1], report
        server.terminate()


def test_a_limit_that_fired_is_not_kept(c_server):
    """Another time the machine may be faster."""
    server = c_server(BUILD_MEMORY_LIMIT="40MiB")
    macros = "".join(f"#define A{i} A{i - 1} A{i - 1}\n" for i in range(1, 27))
    slow = "#define A0 1,\n" + macros + "int x[] = { A26 };\nint main(void) { return 0; }\n"
    for n in (1, 2):
        report = server.judge(submission("c", slow))
        assert report["verdict"] == "BF" and "BUILD_MEMORY_LIMIT" in report["build_log"], report
        assert asked(server) == [0, n]
    assert builds(server) == {}


def test_without_a_place_for_it(c_server, tmp_path):
    """It says so, and does without."""
    (tmp_path / "builds").write_text("not a folder")
    server = c_server(DATA_DIR=str(tmp_path))
    assert server.judge(submission("c", C, TESTS))["verdict"] == "OK"
    assert cache(server) is None and "build_cache_off" in server.log()


def test_switched_off(c_server):
    server = c_server(BUILD_CACHE_BYTES=0)
    for _ in range(2):
        assert server.judge(submission("c", C, TESTS))["verdict"] == "OK"
    assert cache(server) is None and not os.path.exists(server.data + "/builds")


def test_its_size_is_bounded(c_server):
    """16 MiB hold some twenty of these; the longest unused go."""
    server = c_server(BUILD_CACHE_BYTES="16MiB")
    server.judge_all([submission("c", C + f"// {i}\n", TESTS) for i in range(28)])
    state = cache(server)
    assert state["evicted"] > 0 and state["entries"] == len(builds(server)) == 28 - state["evicted"]
    assert sum(builds(server).values()) <= state["bytes"] <= state["max_bytes"] == 16 << 20


def test_builds_deleted_by_hand_are_made_again(c_server):
    server = c_server()
    sent = submission("c", C, TESTS)
    server.judge(sent)
    for name in builds(server):
        os.unlink(f"{server.data}/builds/{name}")
    assert server.judge(sent)["verdict"] == "OK"
    assert asked(server) == [0, 2] and len(builds(server)) == 1


def test_bytes_that_nobody_wrote(c_server):
    """After a power cut a file may hold anything: it is built again, and not run."""
    server = c_server()
    sent = submission("c", C, TESTS)
    server.judge(sent)
    server.kill9()
    (name,) = builds(server)
    with open(f"{server.data}/builds/{name}", "r+b") as f:
        f.seek(-2000, os.SEEK_END)
        f.write(b"\0" * 2000)
    server.start().ready()
    assert server.judge(sent)["verdict"] == "OK"
    assert asked(server) == [0, 1]
    assert server.judge(sent)["verdict"] == "OK"
    assert asked(server) == [1, 1]


def test_a_small_disk_is_left_to_the_table(c_server, small_disk):
    server = c_server(DATA_DIR=small_disk + "/data")
    for _ in range(2):
        assert server.judge(submission("c", C, TESTS))["verdict"] == "OK"
    state = cache(server)
    assert state["entries"] == 0 and state["misses"] == 2
    assert "build_not_kept" not in server.log()  # it is as it should be


def test_it_goes_with_retention(c_server):
    server = c_server(RETENTION="500ms")
    server.judge(submission("c", C, TESTS))
    (first,) = builds(server)
    n = iter(range(1000))

    def gone():
        server.judge(submission("c", C + f"// {next(n)}\n", TESTS))
        return first not in builds(server)
    wait_for(gone, 20, "what nobody uses")


def test_hits_and_misses_are_counted(c_server):
    server = c_server()
    for _ in range(3):
        server.judge(submission("c", C, TESTS))
    assert server.metric('scrc_build_cache_requests_total{result="hit"}') == 2
    assert server.metric('scrc_build_cache_requests_total{result="miss"}') == 1
    assert server.metric("scrc_build_cache_bytes") == cache(server)["bytes"] >= 4096
    assert server.metric("scrc_build_cache_limit_bytes") == 1 << 30
    assert server.metric("scrc_build_cache_evictions_total") == 0
