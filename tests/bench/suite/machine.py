"""What a benchmark ran on: a number means nothing without it."""

from __future__ import annotations

import http.client
import json
import os
import pathlib
import platform
import re
import shutil
import socket
import subprocess
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[3]


def machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "cpu": _first(r"model name\s*: (.*)", "/proc/cpuinfo") or platform.machine(),
        "memory_mib": int(_first(r"MemTotal:\s+(\d+)", "/proc/meminfo") or 0) // 1024,
        "kernel": platform.release(),
    }


def versions(scrc: pathlib.Path) -> dict[str, str]:
    return {"scrc": _said(str(scrc), "--version").removeprefix("scrc "), "commit": commit(),
            "docker": docker_version(), "python": platform.python_version()}


def commit() -> str:
    """SCRC_COMMIT where the sources are without their history, as in an image."""
    return (os.environ.get("SCRC_COMMIT")
            or _said("git", "-C", str(ROOT), "describe", "--always", "--dirty") or "unknown")


def title(about: dict[str, Any]) -> str:
    """The machine and the commit of a manifest, in one line for a chart."""
    m, v = about["machine"], about["versions"]
    cpu = re.sub(r"\((R|TM)\)|\b\d+-Core Processor\b|\bProcessor\b", "", m["cpu"])
    return (f"{m['cores']} cores of {' '.join(cpu.split())}, {round(m['memory_mib'] / 1024)} GiB, "
            f"Linux {m['kernel'].split('-')[0]}, Docker {v['docker'].split('+')[0]}, "
            f"scrc {v['commit']}")


def docker_version() -> str:
    """Asked of the engine itself, since an image need not have its client."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        return _said("docker", "version", "--format", "{{.Server.Version}}") or "unknown"
    connection = http.client.HTTPConnection("docker", timeout=10)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(10)
        connection.sock.connect(host.removeprefix("unix://"))
        connection.request("GET", "/version")
        return str(json.loads(connection.getresponse().read())["Version"])
    except (OSError, ValueError, KeyError):
        return "unknown"
    finally:
        connection.close()


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, pathlib.Path(path).read_text())
    return found.group(1).strip() if found else ""


def _said(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20,
                          stdin=subprocess.DEVNULL)
    return done.stdout.strip() if done.returncode == 0 else ""
