"""schemathesis, with all its checks, finds nothing that the server does otherwise than openapi.yaml says.

It sends what the description allows and what it does not, operation by operation and in sequences. How it is set up
is in tests/openapi/schemathesis.toml and hooks.py; the program is in build/python-tools, where script/test puts it.
A seed makes what it sends the same in every run.
"""

import os
import re
import shutil
import subprocess
import sys

import pytest

yaml = pytest.importorskip("yaml")

from harness import LONG, ROOT, submission

TOOLS = os.environ.get("SCRC_TEST_PYTHON_TOOLS", f"{ROOT}/build/python-tools")
EXAMPLES, SEEDS = (50, (1, 2, 3)) if LONG else (3, (1,))


def of_this_server(languages):
    """The description with what differs from server to server, and each event by itself: until OpenAPI 3.2 a schema
    has no word for that."""
    with open(f"{ROOT}/openapi.yaml") as f:
        spec = yaml.safe_load(f)
    sent = spec["components"]["schemas"]["Submission"]["properties"]["language"]
    sent.update(enum=languages, examples=languages)
    # In a form all is text, so what is of a wrong type in JSON is right there: that is in test_form.py.
    spec["paths"]["/submissions"]["post"]["requestBody"]["content"].pop("multipart/form-data", None)
    for parameter in spec["paths"]["/stats"]["get"]["parameters"]:
        if parameter["name"] == "language":
            parameter["schema"] = {"enum": [*languages, "other"]}
    for path in ("/events", "/submissions/{id}/events"):
        stream = spec["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
        data = {"type": "string", "contentMediaType": "application/json",
                "contentSchema": stream["schema"]["contentSchema"]}
        stream.update(schema={"type": "object", "properties": {"data": data}}, examples={})
    return spec


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_found(fresh_server, tmp_path, seed):
    if not os.path.isdir(f"{TOOLS}/schemathesis"):
        pytest.skip("no schemathesis")
    server = fresh_server(LANGUAGES="python").start().ready()
    spec = of_this_server(["python"])
    (tmp_path / "openapi.yaml").write_text(yaml.safe_dump(spec))
    for name in ("schemathesis.toml", "hooks.py"):
        shutil.copy(f"{ROOT}/tests/openapi/{name}", tmp_path)
    done = subprocess.run(
        [sys.executable, f"{TOOLS}/bin/schemathesis", "run", "openapi.yaml", "--checks", "all", "--no-color",
         "--url", f"http://{server.client.host}:{server.client.port}", "--seed", str(seed),
         "--max-examples", str(EXAMPLES)],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": TOOLS}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=1800)
    print(done.stdout)
    assert done.returncode == 0
    operations = [m for path in spec["paths"].values() for m in path if m in ("get", "post", "delete")]
    assert re.search(r"Tested: (\d+)", done.stdout).group(1) == str(len(operations))
    assert server.alive() and server.judge(submission("python", "print(1)", priority=10))["verdict"] == "OK"
