"""Debian's nginx as a process of ours."""

import contextlib
import shutil
import socket
import subprocess

from harness import wait_for

CONF = """daemon off;
master_process off;
worker_processes 1;
pid {dir}/pid;
error_log {dir}/error.log;
events {{ worker_connections 512; }}
http {{
client_body_temp_path {dir}/body;
proxy_temp_path {dir}/proxy;
fastcgi_temp_path {dir}/fastcgi;
uwsgi_temp_path {dir}/uwsgi;
scgi_temp_path {dir}/scgi;
{http}
}}
"""


@contextlib.contextmanager
def nginx(directory, port, http):
    """One that has these lines in its block `http` and listens on the port, with its files there."""
    binary = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert binary, "nginx is missing: it is of packages_test"
    with open(f"{directory}/conf", "w") as f:
        f.write(CONF.format(dir=directory, http=http))
    process = subprocess.Popen([binary, "-p", directory, "-c", f"{directory}/conf"], stdin=subprocess.DEVNULL)

    def listens():
        assert process.poll() is None, open(f"{directory}/error.log").read()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    try:
        wait_for(listens, 20, "nginx")
        yield
    finally:
        process.terminate()
        process.wait(20)
