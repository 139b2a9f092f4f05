"""Three requests of Kafka's protocol that kcat has no word for."""

import socket
import struct


def text(s):
    return struct.pack(">h", len(s.encode())) + s.encode()


def listed(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Reply:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text(self):
        n = max(0, self.take("h"))
        self.at += n
        return self.data[self.at - n:self.at].decode()


def ask(bootstrap, api, version, body):
    host, port = bootstrap.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as s:
        request = struct.pack(">hhi", api, version, 1) + text("scrc-test") + body
        s.sendall(struct.pack(">i", len(request)) + request)
        f = s.makefile("rb")
        size, _ = struct.unpack(">ii", f.read(8))
        return Reply(f.read(size - 4))


def create_topic(bootstrap, name, partitions=1, **settings):
    configs = listed([text(k.replace("_", ".")) + text(str(v)) for k, v in settings.items()])
    topic = text(name) + struct.pack(">ih", partitions, 1) + listed([]) + configs
    reply = ask(bootstrap, 19, 2, listed([topic]) + struct.pack(">i?", 30000, False))
    reply.take("i"), reply.take("i"), reply.text()
    code = reply.take("h")
    assert code == 0, (code, reply.text())


def committed(bootstrap, group, topic, partitions=8):
    """{partition: offset}, of those that have one."""
    wanted = text(topic) + listed([struct.pack(">i", p) for p in range(partitions)])
    reply = ask(bootstrap, 9, 1, text(group) + listed([wanted]))
    out = {}
    assert reply.take("i") == 1
    reply.text()
    for _ in range(reply.take("i")):
        partition, offset = reply.take("iq")
        reply.text()
        code = reply.take("h")
        assert code in (0, 3, 15, 16), code  # not there yet, or nobody to ask yet
        if code == 0 and offset >= 0:
            out[partition] = offset
    return out


def reset_offsets(bootstrap, group, topic, partitions=1):
    """To 0; nobody may be in the group."""
    rows = listed([struct.pack(">iqh", p, 0, -1) for p in range(partitions)])
    reply = ask(bootstrap, 8, 2, text(group) + struct.pack(">i", -1) + text("") +
                struct.pack(">q", -1) + listed([text(topic) + rows]))
    assert reply.take("i") == 1
    reply.text()
    for _ in range(reply.take("i")):
        _, code = reply.take("ih")
        assert code == 0, code
