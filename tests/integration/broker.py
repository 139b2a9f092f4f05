"""A real Kafka broker of our own: one process, one node, KRaft, on free loopback ports."""

import glob
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from harness import wait_for

KAFKA_HOME = os.environ.get("SCRC_KAFKA_HOME", "")
JAVA = ["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Broker:
    def __init__(self, **properties):
        self.dir = tempfile.mkdtemp(prefix="scrc-k.", dir="/tmp")
        port, controller = free_ports(2)
        self.bootstrap = f"127.0.0.1:{port}"
        self.process = None
        settings = {
            "process.roles": "broker,controller", "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.dir + "/data", "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4, "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1, "group.initial.rebalance.delay.ms": 0,
            "auto.create.topics.enable": "true", "num.partitions": 1, **properties,
        }
        with open(self.dir + "/server.properties", "w") as f:
            f.writelines(f"{k}={v}\n" for k, v in settings.items())
        self.java("kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c",
                  self.dir + "/server.properties")

    def command(self, *arguments):
        jars = glob.glob(KAFKA_HOME + "/**/*.jar", recursive=True)
        folders = sorted({os.path.dirname(j) + "/*" for j in jars})
        return [*JAVA, "-Xmx512m", "-cp", ":".join(folders), *arguments]

    def java(self, *arguments, seconds=60):
        done = subprocess.run(self.command(*arguments), capture_output=True, timeout=seconds)
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done.stdout.decode()

    def start(self, seconds=60):
        log = open(self.dir + "/log", "ab")
        self.process = subprocess.Popen(
            self.command("kafka.Kafka", self.dir + "/server.properties"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for(self.answers, seconds, "broker", pause=0.2)
        return self

    def answers(self):
        assert self.process.poll() is None, open(self.dir + "/log").read()[-3000:]
        return subprocess.run(["kcat", "-b", self.bootstrap, "-L", "-m", "2"],
                              capture_output=True).returncode == 0

    def end(self, number):
        if self.process is not None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def stop(self):
        self.end(signal.SIGTERM)

    def kill9(self):
        self.end(signal.SIGKILL)

    def close(self):
        self.kill9()
        shutil.rmtree(self.dir, ignore_errors=True)
