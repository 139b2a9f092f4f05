"""Requests as bytes, most of them odd: each has one answer, as RFC 9112 demands, and where it is in
doubt what a request is, the connection ends with it. Then the same through a proxy."""

import re
import socket

import pytest

from broker import free_ports
from harness import wait_for
from nginx import nginx

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /submissions HTTP/1.1\r\nHost: localhost\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKED = POST + JSON + b"Transfer-Encoding: chunked\r\n\r\n"
HIDDEN = GET + b"\r\n"  # what a smuggler would have answered too
END = b"\r\n"


def length(n, body=b""):
    return POST + JSON + b"Content-Length: " + n + b"\r\n\r\n" + body


# name: (bytes, status) where the connection ends; (bytes, status, True) where it goes on.
ODD = {
    # ---- what ends a line, and what a line is
    "bare LF": (GET.replace(b"\r\n", b"\n") + b"\n" + HIDDEN, 400),
    "bare LF in the request line": (GET.replace(b"\r\n", b"\n", 1) + END + HIDDEN, 400),
    "bare LF behind a header": (GET + b"A: b\n" + END + HIDDEN, 400),
    "bare LF at the end": (GET + b"\n" + HIDDEN, 400),
    "bare CR in a value": (GET + b"A: b\rc\r\n" + END + HIDDEN, 400),
    "bare CR at the end": (GET + b"\r\r\n" + HIDDEN, 400),
    "CR CR LF": (GET + b"A: b\r\r\n" + END + HIDDEN, 400),
    "bare CR in the request line": (b"GET /healthz\rHTTP/1.1\r\n" + END + HIDDEN, 400),
    "folded with a blank": (GET + b"A: b\r\n c\r\n" + END + HIDDEN, 400),
    "folded with a tab": (GET + b"A: b\r\n\tc\r\n" + END + HIDDEN, 400),
    "folded length": (POST + JSON + b"Content-Length:\r\n 38\r\n" + END + HIDDEN, 400),
    "folded at once": (b"GET /healthz HTTP/1.1\r\n Host: localhost\r\n" + END + HIDDEN, 400),
    "a blank line that is not empty": (GET + b" \r\n" + HIDDEN, 400),
    "an empty line before": (b"\r\n" + HIDDEN, 200, True),
    "three empty lines before": (b"\r\n\r\n\r\n" + HIDDEN, 200, True),
    "a bare LF before": (b"\n" + HIDDEN, 400),
    # ---- the request line
    "two blanks": (b"GET  /healthz HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "two blanks before the version": (b"GET /healthz  HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "a tab between": (b"GET\t/healthz HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "a blank at its end": (b"GET /healthz HTTP/1.1 \r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "a blank before": (b" GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "a blank in the target": (b"GET /heal thz HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "no target": (b"GET HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "no version": (b"GET /healthz\r\n" + END + HIDDEN, 400),
    "HTTP/0.9": (b"GET /healthz\r\n", 400),
    "HTTP/2.0": (b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n" + END + HIDDEN, 505),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.2": (b"GET /healthz HTTP/1.2\r\nHost: localhost\r\n" + END + HIDDEN, 505),
    "HTTP/1.10": (b"GET /healthz HTTP/1.10\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "HTTP/11": (b"GET /healthz HTTP/11\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "http/1.1": (b"GET /healthz http/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "HTTPS/1.1": (b"GET /healthz HTTPS/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "a method that is no token": (b"G(T /healthz HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "a method with NUL": (b"GE\0T /healthz HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "a method nobody knows": (b"BREW /healthz HTTP/1.1\r\nHost: localhost\r\n" + END, 405, True),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\nHost: localhost\r\n" + END, 405, True),
    "CONNECT": (b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n" + END, 404, True),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "SSH": (b"SSH-2.0-OpenSSH_9.2p1\r\n", 400),
    "only zeros": (b"\0" * 64, 400),
    # ---- the target
    "absolute form": (b"GET http://localhost/healthz HTTP/1.1\r\nHost: localhost\r\n" + END, 200,
                      True),
    "absolute form, another scheme": (b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n" +
                                      END + HIDDEN, 400),
    "absolute form, another host": (b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost"
                                    b"\r\n" + END, 421, True),
    "absolute form without a host": (b"GET http:///healthz HTTP/1.1\r\nHost: localhost\r\n" + END +
                                     HIDDEN, 400),
    "absolute form with a user": (b"GET http://a@localhost/healthz HTTP/1.1\r\nHost: localhost\r\n"
                                  + END + HIDDEN, 400),
    "authority form": (b"GET localhost:80 HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "star": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" + END, 404, True),
    "star of GET": (b"GET * HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "no slash": (b"GET healthz HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "a fragment": (b"GET /healthz#a HTTP/1.1\r\nHost: localhost\r\n" + END + HIDDEN, 400),
    "obs-text in the target": (b"GET /results/\xff HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "a control in the target": (b"GET /results/\x01 HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "NUL in the target": (b"GET /results/\0 HTTP/1.1\r\nHost: localhost\r\n" + END, 400),
    "an encoded NUL": (b"GET /results/%00 HTTP/1.1\r\nHost: localhost\r\n" + END, 400, True),
    "half an escape": (b"GET /results/%4 HTTP/1.1\r\nHost: localhost\r\n" + END, 400, True),
    "encoded line ends": (b"GET /results/a%0d%0aA:b HTTP/1.1\r\nHost: localhost\r\n" + END, 404,
                          True),
    "a long target": (b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: localhost\r\n" + END, 414),
    "many parameters": (b"GET /results?" + b"&" * 5000 + b" HTTP/1.1\r\nHost: localhost\r\n" + END,
                        414),
    # ---- headers
    "a colon first": (GET + b": x\r\n" + END + HIDDEN, 400),
    "only a colon": (GET + b":\r\n" + END + HIDDEN, 400),
    "a colon first, in a body's head": (POST + JSON + b":\r\nContent-Length: 38\r\n" + END +
                                        HIDDEN, 400),
    "no colon": (GET + b"A\r\n" + END + HIDDEN, 400),
    "a blank before the colon": (GET + b"A : b\r\n" + END + HIDDEN, 400),
    "a tab before the colon": (GET + b"A\t: b\r\n" + END + HIDDEN, 400),
    "a blank in a name": (GET + b"A b: c\r\n" + END + HIDDEN, 400),
    "NUL in a name": (GET + b"A\0: b\r\n" + END + HIDDEN, 400),
    "NUL in a value": (GET + b"A: b\0c\r\n" + END + HIDDEN, 400),
    "NUL in a length": (length(b"2\x000", b"{}") + HIDDEN, 400),
    "a control in a value": (GET + b"A: b\x01\r\n" + END + HIDDEN, 400),
    "DEL in a value": (GET + b"A: b\x7f\r\n" + END + HIDDEN, 400),
    "a tab in a value": (GET + b"A: b\tc\r\n" + END, 200, True),
    "obs-text in a value": (GET + b"A: \xe9\xff\r\n" + END, 200, True),
    "obs-text in a name": (GET + b"\xe9: a\r\n" + END + HIDDEN, 400),
    "an empty value": (GET + b"A:\r\n" + END, 200, True),
    "blanks round a value": (GET + b"A: \t b \t \r\n" + END, 200, True),
    "an odd name": (GET + b"!#$%&'*+-.^_`|~0: b\r\n" + END, 200, True),
    "101 headers": (GET + b"A: b\r\n" * 100 + END + HIDDEN, 431),
    "a large header": (GET + b"A: " + b"b" * 20000 + b"\r\n" + END + HIDDEN, 431),
    "a large cookie": (GET + b"Cookie: " + b"a;" * 7000 + b"\r\n" + END, 200, True),
    # ---- Host
    "no Host": (b"GET /healthz HTTP/1.1\r\n" + END + HIDDEN, 400),
    "two Hosts": (GET + b"Host: localhost\r\n" + END + HIDDEN, 400),
    "two different Hosts": (GET + b"hOsT: evil.example\r\n" + END + HIDDEN, 400),
    "an empty Host": (b"GET /healthz HTTP/1.1\r\nHost:\r\n" + END, 421, True),
    "a Host with a path": (b"GET /healthz HTTP/1.1\r\nHost: localhost/a\r\n" + END + HIDDEN, 400),
    "a Host with a user": (b"GET /healthz HTTP/1.1\r\nHost: a@localhost\r\n" + END + HIDDEN, 400),
    "a Host with a blank": (b"GET /healthz HTTP/1.1\r\nHost: local host\r\n" + END + HIDDEN, 400),
    "a Host with a word as port": (b"GET /healthz HTTP/1.1\r\nHost: localhost:a\r\n" + END, 400),
    "a list of Hosts": (b"GET /healthz HTTP/1.1\r\nHost: localhost, evil\r\n" + END + HIDDEN, 400),
    "another Host": (b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n" + END, 421, True),
    "HTTP/1.0 without Host": (b"GET /healthz HTTP/1.0\r\n" + END, 200),
    "HTTP/1.0 with two": (b"GET /healthz HTTP/1.0\r\nHost: localhost\r\nHost: b\r\n" + END, 400),
    # ---- lengths
    "two lengths": (POST + JSON + b"Content-Length: 0\r\nContent-Length: 38\r\n" + END + HIDDEN,
                    400),
    "one length twice": (POST + JSON + b"Content-Length: 2\r\n" * 2 + END + b"{}" + HIDDEN, 400),
    "a list of lengths": (length(b"2, 2", b"{}") + HIDDEN, 400),
    "length +2": (length(b"+2", b"{}") + HIDDEN, 400),
    "length -2": (length(b"-2", b"{}") + HIDDEN, 400),
    "length 0x2": (length(b"0x2", b"{}") + HIDDEN, 400),
    "length 2.0": (length(b"2.0", b"{}") + HIDDEN, 400),
    "length 1e1": (length(b"1e1", b"{}") + HIDDEN, 400),
    "length 2 2": (length(b"2 2", b"{}") + HIDDEN, 400),
    "no length in it": (length(b"", b"{}") + HIDDEN, 400),
    "a quoted length": (length(b'"2"', b"{}") + HIDDEN, 400),
    "length 2^64": (length(b"18446744073709551616", b"{}") + HIDDEN, 413),
    "length 2^64 + 2": (length(b"18446744073709551618", b"{}") + HIDDEN, 413),
    "length 002": (length(b"002", b"{}"), 422, True),
    "a blank before the length's colon": (POST + JSON + b"Content-Length : 38\r\n" + END + HIDDEN,
                                          400),
    "length and chunked": (POST + JSON + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n" +
                           END + b"0\r\n\r\n" + HIDDEN, 400),
    "chunked and length": (POST + JSON + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n" +
                           END + b"0\r\n\r\n" + HIDDEN, 400),
    # ---- transfer codings
    "gzip": (POST + JSON + b"Transfer-Encoding: gzip\r\n" + END + HIDDEN, 400),
    "gzip, chunked": (POST + JSON + b"Transfer-Encoding: gzip, chunked\r\n" + END + HIDDEN, 501),
    "chunked, gzip": (POST + JSON + b"Transfer-Encoding: chunked, gzip\r\n" + END + HIDDEN, 400),
    "chunked, chunked": (POST + JSON + b"Transfer-Encoding: chunked, chunked\r\n" + END + HIDDEN,
                         501),
    "chunked twice": (POST + JSON + b"Transfer-Encoding: chunked\r\n" * 2 + END + HIDDEN, 400),
    "identity": (POST + JSON + b"Transfer-Encoding: identity\r\n" + END + HIDDEN, 400),
    "xchunked": (POST + JSON + b"Transfer-Encoding: xchunked\r\n" + END + HIDDEN, 400),
    "chunked;a=b": (POST + JSON + b"Transfer-Encoding: chunked;a=b\r\n" + END + HIDDEN, 400),
    "an empty coding": (POST + JSON + b"Transfer-Encoding:\r\n" + END + HIDDEN, 400),
    "chunked behind a vertical tab": (POST + JSON + b"Transfer-Encoding:\x0bchunked\r\n" + END +
                                      HIDDEN, 400),
    "a blank before the coding's colon": (POST + JSON + b"Transfer-Encoding : chunked\r\n" + END +
                                          b"0\r\n\r\n" + HIDDEN, 400),
    "CHUNKED": (POST + JSON + b"Transfer-Encoding: CHUNKED\r\n" + END + b"2\r\n{}\r\n0\r\n\r\n",
                422, True),
    "chunked in HTTP/1.0": (b"POST /submissions HTTP/1.0\r\n" + JSON +
                            b"Transfer-Encoding: chunked\r\n" + END + b"0\r\n\r\n" + HIDDEN, 400),
    # ---- chunks
    "chunks": (CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", 422, True),
    "an extension": (CHUNKED + b'2;a="b"\r\n{}\r\n0;c\r\n\r\n', 422, True),
    "zeros before a size": (CHUNKED + b"0002\r\n{}\r\n000\r\n\r\n", 422, True),
    "a trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nA: b\r\n\r\n", 422, True),
    "a chunk with a bare LF": (CHUNKED + b"2\n{}\n0\n\n" + HIDDEN, 400),
    "a bare LF behind the data": (CHUNKED + b"2\r\n{}\n0\r\n\r\n" + HIDDEN, 400),
    "a bare CR behind the size": (CHUNKED + b"2\r{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a chunk longer than it says": (CHUNKED + b"1\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a chunk shorter than it says": (CHUNKED + b"3\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a size that is a word": (CHUNKED + b"two\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a size of 0x2": (CHUNKED + b"0x2\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a size of -2": (CHUNKED + b"-2\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a size of +2": (CHUNKED + b"+2\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "no size": (CHUNKED + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a blank before a size": (CHUNKED + b" 2\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a blank behind a size": (CHUNKED + b"2 \r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a size of 2^64": (CHUNKED + b"10000000000000000\r\n" + HIDDEN, 413),
    "a size of 2^64 + 2": (CHUNKED + b"10000000000000002\r\n{}\r\n0\r\n\r\n" + HIDDEN, 413),
    "NUL in a size": (CHUNKED + b"2\0\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a long extension": (CHUNKED + b"2;" + b"a" * 5000 + b"\r\n{}\r\n0\r\n\r\n" + HIDDEN, 400),
    "a length as trailer": (CHUNKED + b"0\r\nContent-Length: 38\r\n\r\n" + HIDDEN, 400),
    "a coding as trailer": (CHUNKED + b"0\r\nTransfer-Encoding: chunked\r\n\r\n" + HIDDEN, 400),
    "a trailer with a colon first": (CHUNKED + b"0\r\n: a\r\n\r\n" + HIDDEN, 400),
    "a trailer without a colon": (CHUNKED + b"0\r\nA\r\n\r\n" + HIDDEN, 400),
    "a folded trailer": (CHUNKED + b"0\r\nA: b\r\n c\r\n\r\n" + HIDDEN, 400),
    "large trailers": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 1000 + b"\r\n" + HIDDEN, 431),
    # ---- bodies
    "two types": (POST + JSON * 2 + b"Content-Length: 2\r\n\r\n{}" + HIDDEN, 400),
    "a coded body": (POST + JSON + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", 415),
    "an identity body": (POST + JSON + b"Content-Encoding: identity\r\nContent-Length: 2\r\n\r\n{}",
                         422, True),
    "latin-1": (POST + b"Content-Type: application/json; charset=latin1\r\nContent-Length: 2\r\n"
                b"\r\n{}", 415),
    "utf-8": (POST + b'Content-Type: application/json;charset="UTF-8"\r\nContent-Length: 2\r\n'
              b"\r\n{}", 422, True),
    "GET with a body": (GET + b"Content-Length: 2\r\n\r\n{}", 200, True),
    "GET with chunks": (GET + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 200, True),
    "a body nobody wants": (b"DELETE /submissions/no HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Length: 2\r\n\r\n{}", 404, True),
    # ---- more than one
    "a good one, then a colon": (HIDDEN + GET + b": x\r\n\r\n" + HIDDEN, [200, 400]),
    "two good ones, then a folded one": (HIDDEN * 2 + GET + b"A: b\r\n c\r\n\r\n" + HIDDEN,
                                         [200, 200, 400]),
    "three good ones": (HIDDEN * 3, [200, 200, 200], True),
    "a body, an empty line, another": (length(b"2", b"{}") + b"\r\n" + HIDDEN, [422, 200], True),
    "a broken chunk behind a good one": (HIDDEN + CHUNKED + b"x\r\n" + HIDDEN, [200, 400]),
}
assert len(ODD) >= 90


class Line:
    """One connection, and the answers that come over it."""

    def __init__(self, host, port, data):
        self.socket = socket.create_connection((host, port), timeout=20)
        self.socket.settimeout(20)
        self.have = b""
        self.send(data)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError:
            pass  # an answer may be there all the same

    def more(self):
        try:
            piece = self.socket.recv(65536)
        except ConnectionError:
            piece = b""
        self.have += piece
        return bool(piece)

    def answer(self):
        """(status, head, body) of the next; None where the connection ends."""
        while b"\r\n\r\n" not in self.have:
            if not self.more():
                return None
        head, self.have = self.have.split(b"\r\n\r\n", 1)
        size = int(re.search(rb"(?i)\r\nContent-Length: (\d+)", head).group(1))
        while len(self.have) < size:
            assert self.more(), "half an answer"
        body, self.have = self.have[:size], self.have[size:]
        return int(head.split()[1]), head, body


def row(name):
    data, status, *goes_on = ODD[name]
    return data, status if isinstance(status, list) else [status], bool(goes_on)


@pytest.fixture(scope="module")
def idle(module_server):
    return module_server(RUNNER_MAX_PARALLEL=0, LANGUAGES="python").start()


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("name", ODD)
def test_one_answer(idle, name, cut):
    data, statuses, goes_on = row(name)
    at = len(data) // 2 if cut else len(data)
    line = Line(idle.client.host, idle.client.port, data[:at])
    with line.socket:
        line.send(data[at:])
        for status in statuses:
            answer = line.answer()
            assert answer and answer[0] == status, answer
            if status >= 400:
                assert b"application/problem+json" in answer[1], answer
            assert b"nosniff" in answer[1] and b"Cross-Origin-Resource-Policy" in answer[1]
        if goes_on:
            line.send(HIDDEN)
            assert line.answer()[0] == 200
        else:
            assert line.answer() is None, "a second answer"


# ---- behind a proxy ----

NGINX = """
log_format passed '$upstream_status';
access_log {dir}/access.log passed;
ignore_invalid_headers off;
underscores_in_headers on;
upstream scrc {{ server {upstream}; keepalive 4; }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://scrc;
        proxy_http_version 1.1;
        proxy_request_buffering off;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
    }}
}}"""


@pytest.fixture(scope="module")
def proxy(idle, tmp_path_factory):
    """Debian's nginx on a port of its own: (port, how many requests it has passed on)."""
    directory, (port,) = tmp_path_factory.mktemp("nginx"), free_ports(1)

    def passed():
        with open(f"{directory}/access.log") as f:
            return sum(line.strip() not in ("", "-") for line in f)
    with nginx(directory, port, NGINX.format(dir=directory, port=port,
                                             upstream=f"{idle.client.host}:{idle.client.port}")):
        yield port, passed


def served(server):
    """Requests that scrc has counted, but for those that ask for this."""
    text = server.get("/metrics").body.decode()
    counts = re.findall(r'^scrc_http_requests_total\{(.*)\} (\d+)', text, re.M)
    return sum(int(n) for labels, n in counts if "/metrics" not in labels)


@pytest.mark.parametrize("name", ODD)
def test_never_two_from_one_behind_a_proxy(idle, proxy, name):
    port, passed = proxy
    served_before, passed_before = served(idle), passed()
    line = Line("127.0.0.1", port, ODD[name][0])
    with line.socket:
        line.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while line.more():
            pass
        assert line.have, "no answer"
    wait_for(lambda: served(idle) - served_before == passed() - passed_before, 10,
             f"{name}: as many requests here as nginx has passed on")
