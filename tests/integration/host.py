"""What the host sees of its cells: memory that no process holds, and the accounts of its root, which
all cells share whatever user a program is in its own."""

import collections
import os
import re
import threading

from harness import MIB

SHARE = 16  # all cells together may take a sixteenth of an account


def number(path):
    with open(path) as f:
        return int(f.read().split()[0])


def memory():
    """What is left for everybody, and what the kernel itself has: sockets, pipes, page tables and
    the like, but no process's pages, no file's, and nothing that it gives back when asked."""
    with open("/proc/meminfo") as f:
        kib = {name: int(n) for name, n in re.findall(r"^(\w+): +(\d+) kB", f.read(), re.M)}
    used = kib["MemTotal"] - sum(kib[n] for n in ("MemFree", "Buffers", "Cached", "SwapCached",
                                                  "AnonPages", "KReclaimable"))
    return {"available": kib["MemAvailable"] * 1024, "kernel": used * 1024}


def signals():
    """Pending for root of this host, and how many may be."""
    with open("/proc/self/status") as f:
        return tuple(map(int, re.search(r"^SigQ:\s+(\d+)/(\d+)", f.read(), re.M).groups()))


def keys():
    with open("/proc/key-users") as f:
        found = re.search(r"^ *0: +\d+ \d+/\d+ (\d+)/(\d+)", f.read(), re.M)
    return tuple(map(int, found.groups())) if found else (0, 1)


def terminals():
    return number("/proc/sys/kernel/pty/nr"), number("/proc/sys/kernel/pty/max")


def inotify():
    """Instances that processes of containers hold; how many one user may."""
    held = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cgroup") as f:
                if "docker" not in f.read():
                    continue
            for fd in os.listdir(f"/proc/{pid}/fd"):
                held += "inotify" in os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            pass  # it has gone
    return held, number("/proc/sys/fs/inotify/max_user_instances")


ACCOUNTS = {"signals": signals, "keys": keys, "terminals": terminals, "inotify": inotify}


class Watch:
    """with Watch() as seen: ... Then seen.kernel and seen.lost are the most that the kernel's own
    memory grew for a fifth of a second and that everybody's shrank, in bytes; seen.accounts the most
    of each account."""

    def __enter__(self):
        self.first = memory()
        self.recent = collections.deque(maxlen=4)
        self.kernel = self.lost = 0
        self.before = {name: look()[0] for name, look in ACCOUNTS.items()}
        self.accounts = dict.fromkeys(ACCOUNTS, 0)
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def _watch(self):
        while not self.end.wait(0.05):
            self.look()

    def look(self):
        now = memory()
        self.recent.append(now["kernel"] - self.first["kernel"])
        self.kernel = max(self.kernel, min(self.recent))
        self.lost = max(self.lost, self.first["available"] - now["available"])
        for name, look in ACCOUNTS.items():
            self.accounts[name] = max(self.accounts[name], look()[0] - self.before[name])

    def __exit__(self, *_):
        self.end.set()
        self.thread.join()

    def faults(self, memory_limit):
        """What a program with that limit should not have been able to do, in words. Memory that
        processes and files hold is left out: it is in the limits of whoever holds it."""
        found = [f"{name}: {taken} of {look()[1]}" for name, look in ACCOUNTS.items()
                 if (taken := self.accounts[name]) > look()[1] // SHARE]
        if self.kernel > memory_limit + 64 * MIB:
            found.append(f"{self.kernel / MIB:.0f} MiB of the kernel's memory")
        return found
