"""docs/nginx.conf before a real server: who has a password gets through, and nobody to the metrics but this host."""

import base64
import os

from broker import free_ports
from harness import ROOT, Client, submission, test
from nginx import nginx

ALICE = {"Authorization": "Basic " + base64.b64encode(b"alice:secret").decode(), "Host": "judge.example.org"}


def test_one_server_behind_it(fresh_server, tmp_path):
    server = fresh_server(ALLOWED_HOSTS="judge.example.org").start().ready()
    (port,) = free_ports(1)
    os.chmod(tmp_path, 0o755)
    (tmp_path / "htpasswd").write_text("alice:{PLAIN}secret\n")
    with open(os.path.join(ROOT, "docs/nginx.conf")) as f:
        conf = f.read()
    for name, ours in (("listen 80;", f"listen 127.0.0.1:{port};"), ("127.0.0.1:8080", f"127.0.0.1:{server.client.port}"),
                       ("/etc/nginx/scrc.htpasswd", f"{tmp_path}/htpasswd")):
        assert name in conf
        conf = conf.replace(name, ours)
    client = Client(f"127.0.0.1:{port}")
    with nginx(tmp_path, port, "access_log off;\n" + conf):
        hello = submission("python", "print('hi')", [test("", "hi")])
        assert client.post(hello).status == 401
        answer = client.post(hello, "?wait=60", headers=ALICE)
        assert answer.status == 200 and answer.json["verdict"] == "OK", answer
        assert client.post(hello, headers=ALICE | {"Host": "other.example.org"}).status == 421
        assert client.get("/", headers=ALICE).status == 200
        assert client.get("/metrics", headers={"Host": "judge.example.org"}).status == 200
