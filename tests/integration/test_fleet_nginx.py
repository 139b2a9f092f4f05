"""docs/fleet-nginx.conf before real servers with one STORE."""

import os
import re

import pytest

from broker import free_ports
from harness import ROOT, Client, submission, test, wait_for
from nginx import nginx

HELLO = submission("python", "print('hi')", [test("", "hi")])


@pytest.fixture
def fleet(database, fresh_server, tmp_path):
    """Three servers that judge nothing, and a client of the nginx before them."""
    servers = [fresh_server(STORE=database, RUNNER_MAX_PARALLEL=0, LEASE_TIMEOUT="2s").start() for _ in range(3)]
    (port,) = free_ports(1)
    with open(os.path.join(ROOT, "docs/fleet-nginx.conf")) as f:
        conf = f.read().replace("listen 80;", f"listen 127.0.0.1:{port};")
    for n, server in enumerate(servers, 1):
        conf = conf.replace(f"scrc-{n}:8080", f"127.0.0.1:{server.client.port}")
    assert not re.search(r"scrc-\d", conf)
    with nginx(tmp_path, port, "access_log off;\n" + conf):
        yield servers, Client(f"127.0.0.1:{port}")


def test_any_of_them_answers_for_what_any_has_taken(fleet):
    servers, client = fleet
    ids = [client.submit(HELLO) for _ in range(60)]
    assert len(set(ids)) == 60
    assert [client.get(f"/results/{id}").status for id in ids] == [202] * 60
    for server in servers:
        accepted = server.client.metric('scrc_http_requests_total{method="POST",route="/submissions",code="202"}')
        assert 10 <= accepted <= 30, "each takes its share"
        assert server.get(f"/submissions/{ids[0]}").status == 200


def test_one_that_is_gone_is_not_missed(fleet):
    servers, client = fleet
    wait_for(lambda: servers[0].client.metric("scrc_servers") == 3, 20, "it sees the others")
    shown = servers[0].get("/system").json["servers"]
    assert sorted((s["own"], s["over"]) for s in shown) == [(False, False), (False, False), (True, False)]
    servers[1].process.kill()
    servers[1].process.wait()
    ids = [client.submit(HELLO) for _ in range(30)]
    assert [client.get(f"/results/{id}").status for id in ids] == [202] * 30
    wait_for(lambda: servers[0].client.metric("scrc_servers") == 2, 20, "it is taken for dead")
    assert [s["over"] for s in servers[2].get("/system").json["servers"]] == [False, False, True]
