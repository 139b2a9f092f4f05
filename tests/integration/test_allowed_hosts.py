"""Whose name the server answers to, and to whose pages."""

import pytest

from harness import submission

HELLO = submission("python", "print(1)")
ROUTES = [("GET", "/"), ("GET", "/system"), ("GET", "/results"), ("POST", "/submissions"),
          ("POST", "/results/a/publish"), ("DELETE", "/submissions/a"), ("GET", "/events"),
          ("GET", "/healthz"), ("GET", "/nothing")]


def ask(server, method, path, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    body = HELLO if path == "/submissions" else None
    if path == "/events" and not names:
        method = "HEAD"  # else it has no end
    return server.request(method, path, body=body, headers=names)


@pytest.fixture(scope="module")
def idle(module_server):
    return module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES="python",
                         ALLOWED_HOSTS="judge.example.org").start()


@pytest.mark.parametrize("method, path", ROUTES)
def test_every_route_refuses_foreign_hosts_and_origins(idle, method, path):
    """A name that was made to point here, a form and a script of another page."""
    assert ask(idle, method, path).status not in (403, 421)
    for refused, headers in ((421, {"Host": "evil.example"}),
                             (403, {"Origin": "http://evil.example"}), (403, {"Origin": "null"}),
                             (403, {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"})):
        answer = ask(idle, method, path, **headers)
        assert answer.status == refused, (headers, answer)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "ALLOWED_HOSTS" in answer.json["detail"]


def test_own_pages_and_listed_ones(idle):
    at = f"127.0.0.1:{idle.client.port}"
    for headers in ({}, {"Origin": "http://" + at, "Sec_Fetch_Site": "same-origin"},
                    {"Host": "localhost"}, {"Host": "judge.example.org"},
                    {"Host": "judge.example.org", "Origin": "https://judge.example.org"},
                    {"Origin": "https://judge.example.org"}, {"Sec_Fetch_Site": "same-origin"}):
        assert ask(idle, "POST", "/submissions", **headers).status == 202, headers
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate",
            "Sec_Fetch_Dest": "document"}
    assert ask(idle, "GET", "/", **link).status in (200, 404)
    assert ask(idle, "POST", "/submissions", **link).status == 403


def test_a_server_in_reach_of_others(fresh_server):
    """As in a container: by address it answers, by a name only where that is listed."""
    server = fresh_server(RUNNER_MAX_PARALLEL=0, HTTP_LISTEN="0.0.0.0:0", ALLOW_ANONYMOUS=1).start()
    for host, status in (("localhost:8080", 200), ("192.0.2.7:8080", 200), ("[2001:db8::1]", 200),
                         ("scrc:8080", 421)):
        assert ask(server, "GET", "/healthz", Host=host).status == status, host
    server.terminate()
    server.settings["ALLOWED_HOSTS"] = "scrc"
    server.start()
    assert ask(server, "GET", "/healthz", Host="scrc:8080").status == 200
    server.terminate()
    server.settings["ALLOWED_HOSTS"] = "*"
    server.start()
    assert ask(server, "GET", "/healthz", Host="any.example").status == 200
    assert ask(server, "GET", "/healthz", Host="any.example",
               Origin="http://other.example").status == 403


def test_every_answer_says_what_it_is(idle):
    for method, path in ROUTES + [("GET", "/openapi.yaml"), ("GET", "/languages")]:
        headers = ask(idle, method, path).headers
        assert headers.get_all("X-Content-Type-Options") == ["nosniff"], path
        assert headers.get_all("Cross-Origin-Resource-Policy") == ["same-origin"], path
