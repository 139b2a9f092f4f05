"""A Kafka broker that asks who comes and what he may do.

It has four listeners: one in plaintext for the tests themselves, whose user may do everything,
one with SASL/PLAIN for the users of USERS, whose password is their name, one with TLS, and one
that advertises a name nobody knows."""

import os
import struct
import subprocess
import tempfile

from broker import Broker, free_ports, protocol_text

USERS = ["scrc", *(f"user{i}" for i in range(40))]

# What the protocol calls them.
KINDS = {"topic": 2, "group": 3, "cluster": 4, "transactional-id": 5}
RIGHTS = {"READ": 3, "WRITE": 4, "DESCRIBE": 8, "IDEMPOTENT_WRITE": 12}
LITERAL, PREFIXED, ALLOW = 3, 4, 3
CREATE_ACLS, DELETE_ACLS = 30, 31


def make_certificate(directory):
    """One that signs itself, for 127.0.0.1: (PEM of certificate, PEM of key)"""
    names = [os.path.join(directory, name) for name in ("tls.crt", "tls.key")]
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                    "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
    return names


class SecuredBroker(Broker):
    def __init__(self):
        self.tls = tempfile.TemporaryDirectory(prefix="scrc-tls.")
        self.certificate, key = make_certificate(self.tls.name)
        store = os.path.join(self.tls.name, "store.pem")
        with open(store, "w") as out:
            for name in (key, self.certificate):
                with open(name) as f:
                    out.write(f.read())
        plain, sasl, tls, lost, control = free_ports(5)
        self.sasl, self.tls_listener = f"127.0.0.1:{sasl}", f"127.0.0.1:{tls}"
        self.lost = f"127.0.0.1:{lost}"
        users = " ".join(f'user_{u}="{u}"' for u in USERS)
        outside = f"PLAINTEXT://127.0.0.1:{plain},SASL://{self.sasl},TLS://{self.tls_listener}"
        super().__init__({
            "listeners": f"{outside},LOST://{self.lost},CONTROLLER://127.0.0.1:{control}",
            "advertised.listeners": f"{outside},LOST://no-such-host.invalid:{lost}",
            "listener.security.protocol.map":
                "PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,LOST:PLAINTEXT,"
                "CONTROLLER:PLAINTEXT",
            "controller.quorum.voters": f"1@127.0.0.1:{control}",
            "auto.create.topics.enable": "false",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "allow.everyone.if.no.acl.found": "false",
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config":
                f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};",
            "listener.name.tls.ssl.keystore.type": "PEM",
            "listener.name.tls.ssl.keystore.location": store,
        })

    def close(self):
        super().close()
        self.tls.cleanup()

    def settings(self, user):
        """A server's, to come as this user."""
        return {"KAFKA_BROKERS": self.sasl, "KAFKA_PROP_SECURITY_PROTOCOL": "sasl_plaintext",
                "KAFKA_PROP_SASL_MECHANISM": "PLAIN", "KAFKA_PROP_SASL_USERNAME": user,
                "KAFKA_PROP_SASL_PASSWORD": user}

    def allow(self, user, *acls):
        """Each (kind, name, right); a name that ends with * is a prefix."""
        self._change(CREATE_ACLS, [_filled(user, *acl) for acl in acls])

    def forbid(self, user, *acls):
        """Takes back what was given by the same words."""
        self._change(DELETE_ACLS, [_filled(user, *acl) for acl in acls])

    def _change(self, api, entries):
        said = self.ask(api, 1, struct.pack(">i", len(entries)) + b"".join(entries))
        _, _, count, error = struct.unpack_from(">iiih", said)
        assert count == len(entries) and error == 0, (api, said)


def _filled(user, kind, name, right):
    prefix = name.endswith("*")
    return (struct.pack(">b", KINDS[kind]) + protocol_text(name.rstrip("*")) +
            struct.pack(">b", PREFIXED if prefix else LITERAL) + protocol_text(f"User:{user}") +
            protocol_text("*") + struct.pack(">bb", RIGHTS[right], ALLOW))
