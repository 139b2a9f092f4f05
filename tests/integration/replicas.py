"""Kafka brokers as one cluster: the first is its controller too."""

import signal

from broker import READY, Broker, free_ports
from harness import wait_for

# One that stands still for a while is waited for, and not given up.
PATIENCE_MS = 60000


class Cluster:
    def __init__(self, count):
        control, *ports = free_ports(1 + count)
        self.brokers = [Broker(self._settings(id, port, control), heap="192m")
                        for id, port in enumerate(ports, 1)]
        for b in self.brokers:
            with open(b.dir + "/cluster.id", "w") as f:
                f.write("scrcScrcScrcScrcScrcSQ")

    @staticmethod
    def _settings(id, port, control):
        here, controls = f"PLAINTEXT://127.0.0.1:{port}", f"CONTROLLER://127.0.0.1:{control}"
        return {"node.id": id, "process.roles": "broker,controller" if id == 1 else "broker",
                "listeners": f"{here},{controls}" if id == 1 else here,
                "advertised.listeners": here,
                "controller.quorum.voters": f"1@127.0.0.1:{control}",
                "log.cleaner.dedupe.buffer.size": 4 << 20,  # its 128 MiB are for busier ones
                "broker.session.timeout.ms": PATIENCE_MS,
                "replica.lag.time.max.ms": PATIENCE_MS}

    @property
    def first(self):
        """Whoever asks this one asks all."""
        return self.brokers[0]

    def start(self):
        for b in self.brokers:
            b.spawn()
        wait_for(lambda: all(b.answers() for b in self.brokers), READY, "all brokers", pause=0.3)
        return self

    def hold(self, id):
        """It stands still: neither gone nor answering."""
        self.brokers[id - 1].process.send_signal(signal.SIGSTOP)

    def release(self, id):
        self.brokers[id - 1].process.send_signal(signal.SIGCONT)

    def close(self):
        for b in self.brokers:
            b.close()
