"""Clients that are made of openapi.yaml: what is generated has the types it should, and a real server is used by it.

The programs are tests/openapi/client.py and client.ts. What they need is in build/python-tools and
tests/openapi/node_modules, where script/test puts it.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest

from harness import ROOT

TOOLS = os.environ.get("SCRC_TEST_PYTHON_TOOLS", f"{ROOT}/build/python-tools")
OPENAPI = f"{ROOT}/tests/openapi"
BIN = f"{OPENAPI}/node_modules/.bin"


def run(*command, cwd, **more):
    """What it prints."""
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **more}, stdin=subprocess.DEVNULL, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def address(server):
    return f"http://{server.client.host}:{server.client.port}"


def check(server, said):
    """What a client got is what the server has."""
    report = server.get(f"/results/{said['id']}").json
    assert said["verdict"] == report["verdict"] == "WA"
    assert said["got"] == [t["stdout"] for t in report["tests"]] == ["3\n", "3\n"]
    assert said["part"] == ["OK", "WA"]
    assert said["listed"][0] == said["id"] and len(said["listed"]) == len(set(said["listed"])) == 2
    assert said["refused"] == [422, "invalid"]
    assert said["cancelled"] == "cancelled"


@pytest.fixture(scope="module")
def python_client(tmp_path_factory):
    """A directory with the generated package scrc_client and the program, and how to run Python there."""
    if not os.path.isdir(f"{TOOLS}/openapi_python_client"):
        pytest.skip("no openapi-python-client")
    made = tmp_path_factory.mktemp("python")
    more = {"PYTHONPATH": TOOLS, "PATH": f"{TOOLS}/bin:{os.environ['PATH']}"}
    run(sys.executable, "-m", "openapi_python_client", "generate", "--path", f"{ROOT}/openapi.yaml", "--config",
        f"{OPENAPI}/python.yaml", "--output-path", f"{made}/scrc_client", "--meta", "none", "--fail-on-warning",
        cwd=made, **more)
    shutil.copy(f"{OPENAPI}/client.py", made)
    return lambda *command: run(sys.executable, *command, cwd=made, **more)


def test_python_types(python_client):
    """The generated modules are no clean Python in mypy's eyes; what uses them is checked by their types."""
    python_client("-m", "mypy", "--strict", "--follow-imports=silent", "client.py")


def test_python(python_client, server):
    check(server, json.loads(python_client("client.py", address(server))))


@pytest.fixture(scope="module")
def typescript_client(tmp_path_factory):
    """A directory with the types of the API and the program."""
    if not os.path.exists(f"{BIN}/openapi-typescript"):
        pytest.skip("no openapi-typescript")
    made = tmp_path_factory.mktemp("typescript")
    run(f"{BIN}/openapi-typescript", f"{ROOT}/openapi.yaml", "--output", f"{made}/api.ts", cwd=made)
    for name in ("client.ts", "tsconfig.json", "package.json"):
        shutil.copy(f"{OPENAPI}/{name}", made)
    os.symlink(f"{OPENAPI}/node_modules", made / "node_modules")
    return made


def test_typescript(typescript_client, server):
    """tsc is strict, writes the program and fails where a type does not fit."""
    run(f"{BIN}/tsc", cwd=typescript_client)
    check(server, json.loads(run("node", "client.js", address(server), cwd=typescript_client)))
