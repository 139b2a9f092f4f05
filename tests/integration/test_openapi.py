"""openapi.yaml says what the server does: real answers against its schemas."""

import gzip
import json
import re

import pytest

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

from harness import ROOT, quote, submission, test, wait_for
from sse import Event, Stream

with open(f"{ROOT}/openapi.yaml") as f:
    SPEC = yaml.safe_load(f)

# Any request may be answered so: what the responses Refused and Failed list.
ANYWHERE = {"400", "403", "404", "405", "413", "414", "421", "422", "431", "500", "501", "503",
            "505"}


def plain(node, closed):
    """The schema without references; closed: nothing may come that is not described."""
    if isinstance(node, list):
        return [plain(n, closed) for n in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = SPEC
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return plain({**target, **{k: v for k, v in node.items() if k != "$ref"}}, closed)
    made = {k: plain(v, closed) for k, v in node.items()}
    if closed and isinstance(made.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def template_of(path):
    path = path.split("?")[0]
    if path in SPEC["paths"]:
        return path
    return next((t for t in SPEC["paths"]
                 if re.fullmatch(re.sub(r"\\{(id|name)\\}", "[^/]+", re.escape(t)), path)), path)


def check(method, path, answer):
    """The answer is one that is described for this operation."""
    operation = SPEC["paths"].get(template_of(path), {}).get(method.lower(), {"responses": {}})
    status = str(answer.status)
    described = plain(operation["responses"], True).get(status)
    kind = answer.headers["Content-Type"].split(";")[0]
    if not described:
        assert status in ANYWHERE, f"{method} {path}: {answer} is not described"
        described = plain(SPEC["components"]["responses"]["Refused" if status < "5" else "Failed"], True)
    assert kind in described["content"], f"{method} {path}: {kind} is not described"
    for name, header in described["headers"].items():
        assert answer.headers[name] or not header.get("required"), f"{method} {path}: no {name}"
    if kind.endswith(("/json", "+json")):
        schema = described["content"][kind]["schema"]
        if "anyOf" in schema and "fields=" not in path:
            schema = schema["anyOf"][0]  # all of a report
        jsonschema.Draft202012Validator(schema).validate(answer.json)
    return answer


def ask(server, method, path, body=None):
    return check(method, path, server.request(method, path, body=body))


def test_the_description_itself():
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(SPEC)


def nodes(node):
    if isinstance(node, dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else []:
        yield from nodes(child)


def test_what_is_sent_needs_no_defaults():
    """A generator of types takes a property with a default for one that is always there."""
    for name in ("Submission", "Limits", "Test", "Checker"):
        for node in nodes(SPEC["components"]["schemas"][name]):
            for property in node.get("properties", {}).values():
                assert "default" not in property, f"{name}: {property}"


def test_every_operation_says_what_any_request_may_be_answered():
    responses = SPEC["components"]["responses"]
    for name, said in (("Refused", "4"), ("Failed", "5")):
        listed = {s for s in ANYWHERE if s[0] == said}
        assert listed == set(re.findall(r"\b[45]\d\d\b", responses[name]["description"])), name
    for path, item in SPEC["paths"].items():
        for operation in (item[m] for m in ("get", "post", "delete") if m in item):
            assert operation["responses"]["4XX"] == {"$ref": "#/components/responses/Refused"}, path
            assert operation["responses"]["5XX"] == {"$ref": "#/components/responses/Failed"}, path


def test_names_are_names():
    """A comma that is not quoted makes a name of the rest of its sentence."""
    for node in nodes(SPEC):
        assert all(re.fullmatch(r"[\w.$/{}*+-]+", str(key)) for key in node), list(node)
        for name, property in node.get("properties", {}).items():
            assert isinstance(property, dict) and re.fullmatch("[a-z][a-z0-9_]*", name), name


def test_every_schema_is_referred_to():
    used = {node["$ref"].rpartition("/")[2] for node in nodes(SPEC) if "$ref" in node}
    assert set(SPEC["components"]["schemas"]) <= used


def test_fields_are_those_of_a_report():
    schemas = SPEC["components"]["schemas"]
    assert set(schemas["ReportField"]["enum"]) == set(schemas["Report"]["properties"])
    assert schemas["PartialReport"]["properties"] == schemas["Report"]["properties"]


def test_every_field_can_be_asked_for(server):
    id = server.submit(submission("python", "print(1)"))
    server.report(id)
    for name in SPEC["components"]["schemas"]["ReportField"]["enum"]:
        assert set(ask(server, "GET", f"/results/{id}?fields={name}").json) == {name}
    assert ask(server, "GET", f"/results/{id}?fields=none").status == 422
    several = ask(server, "GET", f"/results/{id}?fields=id,verdict&fields=labels").json
    assert several == {"id": id, "verdict": "OK", "labels": {}}
    most = ",".join(["id"] * 32)
    assert ask(server, "GET", f"/results/{id}?fields={most}").body.count(b'"id"') == 1
    assert ask(server, "GET", f"/results/{id}?fields={most}&fields=id").status == 422


@pytest.mark.parametrize("body", [
    submission("python", ""), submission("python", "1", id="x" * 256),
    submission("python", "1", id="\u00e9" * 128), submission("python", "1", priority=11),
    submission("python", "1", limits={"memory_limit_bytes": -1}),
    submission("python", "1", checker="loose"), submission("python", "1", more=1)])
def test_what_is_described_as_wrong_is_refused(server, body):
    schema = plain(SPEC["components"]["schemas"]["Submission"], True)
    described = jsonschema.Draft202012Validator(schema).is_valid(body)
    assert ask(server, "POST", "/submissions", body).status == 422
    assert not described or len(body["id"].encode()) > 255  # a schema counts characters


def test_the_server_hands_out_this_description(server):
    answer = ask(server, "GET", "/openapi.yaml")
    assert answer.headers["Content-Type"] == "application/yaml"
    assert yaml.safe_load(answer.body) == SPEC


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_the_page_and_what_it_is_made_of(server, path):
    page = ask(server, "GET", path)
    if page.status == 404:
        pytest.skip("built without the dashboard")
    names = set(re.findall(rb'"/assets/([^"]+)"', page.body))
    assert len(names) >= 3, page
    assert page.headers["Cache-Control"] == "no-cache"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    again = server.request("GET", path, headers={"If-None-Match": page.headers["ETag"]})
    assert again.status == 304 and not again.body
    small = server.request("GET", path, headers={"Accept-Encoding": "gzip"})
    assert gzip.decompress(small.body) == page.body
    assert small.headers["ETag"] != page.headers["ETag"]
    for name in names:
        assert ask(server, "GET", "/assets/" + name.decode()).status == 200
    assert ask(server, "GET", "/assets/nothing.js").status == 404


REPORTS = [
    submission("python", "print(input())", [test("a", "a"), test("b", "c"), test("d", "d")]),
    submission("python", "import os; os.write(1, b'\\xff'); raise SystemExit(3)", [test("", "")]),
    submission("python", "import os; os.kill(os.getpid(), 11)"),
    submission("python", "def f(:"),
    submission("c", "int main(void) { return x; }", [test()]),
    submission("python", "while True: pass", [test()], 300),
    submission("python", "print('x' * 200000)", [test("", "y")], checker="tokens"),
]


@pytest.mark.parametrize("sent", REPORTS, ids=range(len(REPORTS)))
def test_reports_are_as_described(server, sent):
    schema = plain(SPEC["paths"]["/submissions"]["post"]["requestBody"], True)
    jsonschema.Draft202012Validator(schema["content"]["application/json"]["schema"]).validate(sent)
    answer = ask(server, "POST", "/submissions?wait=60", sent)
    assert answer.status == 200, answer
    id = quote(answer.json["id"])
    assert ask(server, "GET", f"/results/{id}").json == answer.json
    ask(server, "GET", f"/results/{id}?fields=id,verdict")
    assert ask(server, "GET", f"/submissions/{id}").status == 200
    assert ask(server, "DELETE", f"/submissions/{id}").status == 409
    assert ask(server, "GET", "/results").status == 200


def test_answers_about_what_waits_are_as_described(module_server):
    server = module_server(RUNNER_MAX_PARALLEL=0, MAX_QUEUED=2, LANGUAGES=None).start()
    sent = submission("python", "1", id="waits")
    assert ask(server, "POST", "/submissions", sent).status == 202
    assert ask(server, "GET", "/results/waits").status == 202
    assert ask(server, "GET", "/results/waits?wait=0.1").status == 202
    assert ask(server, "POST", "/submissions", {**sent, "source": "2"}).status == 409
    assert ask(server, "POST", "/submissions", {**sent, "id": None}).status == 202
    # A shared table is counted a moment later.
    wait_for(lambda: server.get("/stats").json["present"]["queued"] == 2, 10, "both are counted")
    assert ask(server, "POST", "/submissions", {**sent, "id": "3"}).status == 429
    assert ask(server, "GET", "/results?state=queued&limit=1").json["next_cursor"]
    assert ask(server, "DELETE", "/submissions/waits").status == 200
    assert ask(server, "GET", "/results/waits").json["error"] == "cancelled"
    assert ask(server, "GET", "/readyz").status in (200, 503)


def schema_of(name):
    return jsonschema.Draft202012Validator(plain(SPEC["components"]["schemas"][name], True))


def test_lines_of_an_export_are_items(server):
    assert ask(server, "POST", "/submissions?wait=60", {**REPORTS[1], "labels": {"a": "b"}}).status == 200
    lines = ask(server, "GET", "/results.ndjson?label=a:b").body.splitlines()
    assert len(lines) == 1
    schema_of("Item").validate(json.loads(lines[0]))


def validate_events(events, report):
    names = {"state": "EventState", "test": "EventTest", "report": report}
    for e in events:
        schema_of(names[e.name]).validate(e.data)


def test_events_are_as_described(server):
    everything = Stream(server, "/events").read_head()
    # Long enough that its own stream is open before it ends.
    sent = submission("c", '#include <stdio.h>\n#include <unistd.h>\nint main(void){sleep(1);puts("x");return 0;}',
                      [test("", "x"), test("", "x")], id="openapi-events")
    assert ask(server, "POST", "/submissions", sent).status in (200, 202)
    own = Stream(server, "/submissions/openapi-events/events")
    validate_events(own.to_end(), "Report")
    events = everything.until(lambda events: any(
        e.name == "report" and e.data["id"] == "openapi-events" for e in events))
    validate_events(events, "EventState")
    assert {e.name for e in own.events} == {"state", "test", "report"}
    final = ask_stream_again(server, own.events[-1].id)
    assert final.status == 204 and "204" in SPEC["paths"]["/submissions/{id}/events"]["get"][
        "responses"]


def ask_stream_again(server, last):
    return Stream(server, "/submissions/openapi-events/events", last=last).read_head()


def test_examples_of_events_are_events():
    for path in ("/events", "/submissions/{id}/events"):
        content = SPEC["paths"][path]["get"]["responses"]["200"]["content"]["text/event-stream"]
        for example in content["examples"].values():
            blocks = [Event(0, b) for b in example["value"].strip("\n").split("\n\n") if b]
            events = [e for e in blocks if e.name and e.name != "report"]
            assert events
            validate_events(events, "Report")


def examples():
    content = SPEC["paths"]["/submissions"]["post"]["requestBody"]["content"]
    return [e["value"] for e in content["application/json"]["examples"].values()]


@pytest.mark.parametrize("sent", examples(), ids=range(len(examples())))
def test_examples_are_judged(server, sent):
    assert ask(server, "POST", "/submissions?wait=60", sent).json["verdict"] == "OK"


@pytest.mark.parametrize("method, path, body, status", [
    ("GET", "/languages", None, 200), ("GET", "/healthz", None, 200),
    ("GET", "/readyz", None, 200), ("GET", "/results?sort=nothing", None, 422),
    ("GET", "/results?label=a:b&label=c:d", None, 200), ("GET", "/results?label=a", None, 422),
    ("GET", "/results.csv?label=a:b", None, 200), ("GET", "/results.csv?limit=1", None, 422),
    ("GET", "/results.ndjson", None, 200), ("GET", "/results.ndjson?cursor=x", None, 422),
    ("GET", "/stats", None, 200), ("GET", "/stats?window=86400", None, 200),
    ("GET", "/stats?step=2", None, 422), ("GET", "/system", None, 200),
    ("GET", "/metrics", None, 200), ("GET", "/submissions/nobody/events", None, 404),
    ("GET", "/results/nobody", None, 404), ("GET", "/results/%00", None, 400),
    ("GET", "/submissions/nobody", None, 404), ("DELETE", "/submissions/nobody", None, 404),
    ("POST", "/results/nobody/publish", None, 409),
    ("PUT", "/results", None, 405), ("GET", "/nowhere", None, 404),
    ("POST", "/submissions", b"{", 400), ("POST", "/submissions", {"language": 5}, 422)])
def test_answers_are_as_described(server, method, path, body, status):
    assert ask(server, method, path, body).status == status


@pytest.mark.parametrize("name, values", [
    ("limit", [1, 500]), ("sort", None), ("state", None), ("status", None)])
def test_parameters_are_taken(server, name, values):
    parameters = {p["name"]: plain(p, False)
                  for p in plain(SPEC["paths"]["/results"]["get"]["parameters"], True)}
    for value in values or parameters[name]["schema"]["enum"]:
        assert ask(server, "GET", f"/results?{name}={quote(str(value))}").status == 200
    limit = parameters["limit"]["schema"]
    for value in (limit["minimum"] - 1, limit["maximum"] + 1):
        assert ask(server, "GET", f"/results?limit={value}").status == 422


METHODS = {"GET", "POST", "PUT", "DELETE", "PATCH"}


@pytest.mark.parametrize("path", SPEC["paths"])
def test_methods_are_those_that_are_described(server, path):
    described = METHODS & {method.upper() for method in SPEC["paths"][path]}
    for method in METHODS - described:
        answer = ask(server, method, re.sub("{.*?}", "x", path))
        allow = set(answer.headers["Allow"].split(", "))
        assert answer.status == 405 and allow == described | ({"HEAD"} if "GET" in described else set())


@pytest.mark.parametrize("path", [p for p in SPEC["paths"] if "get" in SPEC["paths"][p] and p != "/events"])
def test_a_head_is_a_get_without_body_and_accept_is_not_looked_at(server, path):
    path = re.sub("{.*?}", "x", path)
    got = check("GET", path, server.request("GET", path, headers={"Accept": "image/png"}))
    head = server.request("HEAD", path)
    assert head.status == got.status and not head.body
    assert set(head.headers) == set(got.headers)
    assert head.headers["Content-Type"] == got.headers["Content-Type"]


@pytest.mark.parametrize("accept_encoding", ["identity", "gzip"])
def test_a_report_that_is_known_is_not_sent_again(server, accept_encoding):
    id = server.submit(submission("python", "print('x' * 9000)"))
    server.report(id)
    encoding = {"Accept-Encoding": accept_encoding}
    first = check("GET", f"/results/{id}", server.request("GET", f"/results/{id}", headers={"Accept-Encoding": "identity"}))
    again = server.request("GET", f"/results/{id}", headers={**encoding, "If-None-Match": first.headers["ETag"]})
    assert again.status == 304 and not again.body
    for name in plain(SPEC["paths"]["/results/{id}"]["get"]["responses"]["304"]["headers"], False):
        assert again.headers[name]
