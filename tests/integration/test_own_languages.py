"""LANGUAGES chooses, LANGUAGES_DIR adds."""

import json

from harness import IMAGES, run_scrc, submission, test, wait_for

HELLO = submission("python", "print('hi')", [test("", "hi")])


def test_a_language_of_ones_own(fresh_server, tmp_path):
    """LANGUAGES_DIR adds a row without compiling; a wrong one is a refused start."""
    (tmp_path / "broken.json").write_text('{"title": 5}')
    code, _, err = run_scrc(LANGUAGES_DIR=str(tmp_path))
    assert code == 2 and "broken.json" in err, err


def test_environment_of_a_language_of_ones_own(fresh_server, tmp_path):
    """Its own PATH and LANG are those that its commands see, and where they are found."""
    (tmp_path / "own.json").write_text(json.dumps({
        "run_image": IMAGES["PYTHON_IMAGE"], "source_name": "own.py", "workdir": "/tmp",
        "run": ["python3", "{source}"], "hello": "print('scrc')",
        "run_env": ["LANG=C", "PATH=/nowhere:/usr/bin:/usr/local/bin", "OWN=1"]}))
    server = fresh_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="own").start().ready()
    report = server.judge(submission(
        "own", "import os\nfor n in ('LANG', 'PATH', 'OWN'): print(os.environ[n])",
        [test("", "C\n/nowhere:/usr/bin:/usr/local/bin\n1")]))
    assert report["verdict"] == "OK", report


def test_a_language_that_cannot_start_says_why(fresh_server, tmp_path):
    own = {"run_image": IMAGES["PYTHON_IMAGE"], "source_name": "own.py", "run": ["python3", "{source}"],
           "hello": "print('scrc')"}
    (tmp_path / "absent.json").write_text(json.dumps({**own, "version": ["no-such-program", "-V"]}))
    (tmp_path / "silent.json").write_text(json.dumps({**own, "version": ["false"]}))
    server = fresh_server(LANGUAGES_DIR=str(tmp_path), LANGUAGES="absent,silent").start()

    def errors():
        said = {l["name"]: l["error"] for l in server.get("/languages").json["languages"]}
        return said if not any("the self-test" in s for s in said.values()) else None
    said = wait_for(errors, 120, "both self-tests to fail")
    assert said["absent"] == "start 'no-such-program': No such file or directory"
    assert said["silent"] == "'false' does not run: (it said nothing)"


def test_chosen_languages(fresh_server):
    """LANGUAGES: the others are not there, and their images need not be."""
    server = fresh_server(LANGUAGES="python", C_IMAGE="scrc-test/none", GO_IMAGE="scrc-test/none",
                          CPP_IMAGE="scrc-test/none", JAVA_IMAGE="scrc-test/none").start().ready()
    assert [l["name"] for l in server.get("/languages").json["languages"]] == ["python"]
    assert server.judge(HELLO)["verdict"] == "OK"
    refused = server.post(submission("c", "int main(void) {}"))
    assert refused.status == 422 and refused.json["errors"][0]["pointer"] == "/language"
    assert server.degraded() == [] and "scrc-test" not in server.log()
