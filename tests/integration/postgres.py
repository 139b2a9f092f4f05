"""A real PostgreSQL as processes of ours (script/lib/postgres.sh), which end with us, and psql beside it:
a client that shares no code with the server's."""

import contextlib
import functools
import itertools
import os
import subprocess

from harness import ROOT, wait_for

POSTGRES_SH = os.path.join(ROOT, "script/lib/postgres.sh")
SHARED = os.environ.get("SCRC_TEST_POSTGRES", "")  # a URL of a superuser's database
OPTIONS = os.environ.get("SCRC_TEST_POSTGRES_OPTIONS", "")  # of every database that has none
CALL = '. "$0"; "$@"'

# Unlike what we expect of a server: another order of letters; and one that is refused.
TURKISH = "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR'"
LATIN1 = "TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"


def call(*command):
    """A function of the script; what it prints, without the end of the line."""
    done = subprocess.run(["bash", "-c", CALL, POSTGRES_SH, *command], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise PostgresError(done.stderr.strip())
    return done.stdout.rstrip("\n")


class PostgresError(Exception):
    """What psql said."""


@functools.cache
def program(name):
    """The path of one of PostgreSQL's own."""
    return os.path.join(call("eval", "echo $postgres_bin"), name)


def psql(url, *options):
    """The command; what it prints: columns apart by |, rows by the end of a line."""
    return [program("psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-d", url, *options]


def sql(url, text, seconds=60):
    """The rows as psql prints them."""
    done = subprocess.run(psql(url, "-c", text), stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=seconds)
    if done.returncode != 0:
        raise PostgresError(done.stderr.strip())
    return done.stdout.rstrip("\n")


class Databases:
    """Databases of one server, which somebody else has started."""

    names = (f"scrc_{os.getpid()}_p{n}" for n in itertools.count())

    def __init__(self, url):
        self.url = url  # of a database that is always there
        self.made = {}

    def create(self, options=OPTIONS):
        """A new, empty database; options are words of CREATE DATABASE. Returns its URL."""
        name = next(Databases.names)
        url = call("postgres_create", self.url, name, options)
        self.made[url] = name
        return url

    def drop(self, url):
        """Also when somebody is connected to it."""
        call("postgres_drop", self.url, self.made.pop(url))

    def close(self):
        for url in list(self.made):
            self.drop(url)


class Postgres(Databases):
    """A server of the test's own. words: of postgres_settle() in the script, "fsync", "tcp", "tls".
    Address and data stay the same through stop(), quit(), kill9() and start()."""

    def __init__(self, *words):
        # Its keeper is no child of ours: whoever kills us and our children leaves it time to clear up.
        self.keeper = subprocess.Popen(
            ["setsid", "-f", "bash", "-c", CALL, POSTGRES_SH, "postgres_keep", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        said = self.keeper.stdout.readline().split()
        assert said[:1] == ["ready"], "PostgreSQL does not start (package postgresql)"
        super().__init__(said[1])
        self.dir = said[2]

    def tell(self, command):
        self.keeper.stdin.write(command + "\n")
        answer = self.keeper.stdout.readline().strip()
        assert answer == "ok", f"PostgreSQL does not obey '{command}':\n{self.log()[-2000:]}"

    def start(self):
        self.tell("start")

    def stop(self):
        """As an administrator does: who is connected is told."""
        self.tell("stop")

    def quit(self):
        """At once, by the server itself."""
        self.tell("quit")

    def kill9(self):
        """All of its processes."""
        self.tell("kill")

    def pause(self):
        """All of its processes: connections stay open and nothing answers."""
        self.tell("pause")

    def resume(self):
        self.tell("resume")

    @contextlib.contextmanager
    def paused(self):
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def log(self):
        with open(self.dir + "/log", errors="replace") as f:
            return f.read()

    def configure(self, **settings):
        """configure(synchronous_standby_names="*"): of those that need no new start."""
        for name, value in settings.items():
            sql(self.url, f"ALTER SYSTEM SET {name} = '{value}'")
        sql(self.url, "SELECT pg_reload_conf()")

    def standby(self, *words):
        """A server that follows this one, asynchronously, from what this one has now. One that stopped
        lags behind until it is started again, so promote() then loses what came in between."""
        return Postgres(f"standby={self.dir}", *words)

    def promote(self):
        """A standby becomes a server of its own, with a timeline of its own."""
        self.tell("promote")

    def wait_for(self, primary, seconds=30):
        """Until this standby has all that its primary has now."""
        there = sql(primary.url, "SELECT pg_current_wal_flush_lsn()")
        wait_for(lambda: sql(self.url, f"SELECT pg_last_wal_replay_lsn() >= '{there}'") == "t",
                 seconds, "the standby")

    def close(self):
        """Ends it, and waits until its directory is gone."""
        self.made.clear()
        self.keeper.stdin.close()
        self.keeper.stdout.read()
        self.keeper.stdout.close()
        self.keeper.wait(10)


def open_shared():
    """For tests that end nothing: the server that the environment names, or one of our own."""
    return Databases(SHARED) if SHARED else Postgres()
