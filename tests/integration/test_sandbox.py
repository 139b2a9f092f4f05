"""What the walls of a box take away is not missed: every language, in both kinds of box."""

import os
import re

import pytest

from engines import docker
from harness import ROOT, run_scrc, submission, test

# What standard libraries do with sockets, /dev, /proc and /sys when a program does not ask for
# anything of the kind, and what of it works without a network.
PROGRAMS = {
    "python": """
import asyncio, concurrent.futures, multiprocessing, os, random, signal, socket, subprocess, sys
import tempfile, threading
async def wait():
    p = await asyncio.create_subprocess_exec('cat', stdin=-1, stdout=-1)
    return (await p.communicate(b'asyncio'))[0].decode()
print(asyncio.run(wait()))
with multiprocessing.Pool(2) as pool: print(pool.map(abs, [-1, -2]))
with concurrent.futures.ThreadPoolExecutor() as pool: print(list(pool.map(abs, [-3])))
q = multiprocessing.Queue(); q.put(4); print(q.get())
a, b = socket.socketpair(); a.send(b'pair'); print(b.recv(9))
print(subprocess.run(['echo', 'five'], capture_output=True, text=True).stdout.strip())
print(len(os.urandom(3)), open('/dev/zero', 'rb').read(1), open('/dev/null').read() == '')
sys.stdout.flush()
with open('/dev/stdout', 'w') as f: f.write('stdout\\n')
signal.setitimer(signal.ITIMER_REAL, 0.01); signal.signal(signal.SIGALRM, lambda *_: None)
signal.pause()
print(os.path.exists('/proc/self/status'), os.cpu_count() > 0)
""",
    "go": """
package main
import ("fmt"; "net"; "os"; "os/exec"; "os/signal"; "runtime"; "sync"; "syscall")
func main() {
    fmt.Println(runtime.GOMAXPROCS(0))
    var wg sync.WaitGroup
    n := make(chan int, 100)
    for i := 0; i < 100; i++ { wg.Add(1); go func() { defer wg.Done(); n <- 1 }() }
    wg.Wait()
    fmt.Println(len(n))
    c := make(chan os.Signal, 1)
    signal.Notify(c, syscall.SIGUSR1)
    syscall.Kill(os.Getpid(), syscall.SIGUSR1)
    fmt.Println(<-c)
    out, err := exec.Command("/bin/echo", "child").Output()
    fmt.Print(string(out), err, "\\n")
    a, b := net.Pipe()
    go a.Write([]byte("x"))
    b.Read(make([]byte, 1))
    _, err = net.Listen("tcp", "127.0.0.1:0")
    fmt.Println(err != nil)
    l, err := net.Listen("unix", "s")
    fmt.Println(l != nil, err)
}
""",
    "c": """
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
static void *f(void *x) { return x; }
int main(void) {
    pthread_t t;
    timer_t timer;
    struct rlimit r;
    printf("%d\\n", pthread_create(&t, NULL, f, NULL) || pthread_join(t, NULL));
    printf("%d\\n", timer_create(CLOCK_MONOTONIC, NULL, &timer));
    printf("%d\\n", memfd_create("m", 0) >= 0);
    printf("%d\\n", system("exit 3") >> 8);
    printf("%d\\n", sysconf(_SC_NPROCESSORS_ONLN) > 0 && sysconf(_SC_PHYS_PAGES) > 0);
    printf("%d\\n", getrlimit(RLIMIT_STACK, &r));
}
""",
    "cpp": """
#include <chrono>
#include <fstream>
#include <future>
#include <iostream>
#include <random>
#include <thread>
int main() {
    std::random_device d;
    std::cout << (d() != d() || d() != d()) << "\\n";
    std::cout << std::async(std::launch::async, [] { return 7; }).get() << "\\n";
    std::cout << (std::thread::hardware_concurrency() > 0) << "\\n";
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::ofstream("/tmp/own") << "own";
    std::string s;
    std::ifstream("/tmp/own") >> s;
    std::cout << s << "\\n";
}
""",
    "java": """
import java.net.*; import java.nio.channels.*; import java.nio.file.*; import java.util.*;
import java.util.concurrent.*; import java.util.stream.*;
public class Main {
    public static void main(String[] a) throws Exception {
        System.out.println(Runtime.getRuntime().availableProcessors());
        System.out.println(Runtime.getRuntime().maxMemory() <= (256L << 20));
        System.out.println(IntStream.range(0, 1000).parallel().sum());
        System.out.println(Executors.newCachedThreadPool().submit(() -> 8).get());
        System.out.println(InetAddress.getByName("127.0.0.1"));
        try { new ServerSocket(0); System.out.println("listens"); }
        catch (SocketException e) { System.out.println("refused"); }
        Pipe.open(); Selector.open();
        System.out.println(new String(new ProcessBuilder("echo", "child").start().getInputStream()
                                      .readAllBytes()).trim());
        Files.writeString(Path.of("/tmp/own"), "own");
        System.out.println(Files.readString(Path.of("/tmp/own")) + UUID.randomUUID().version()
                           + (ProcessHandle.current().pid() > 0));
        new java.security.SecureRandom().nextInt();
        System.exit(0);
    }
}
""",
}
ANSWERS = {
    "python": "asyncio\n[1, 2]\n[3]\n4\nb'pair'\nfive\n3 b'\\x00' True\nstdout\nTrue True\n",
    "go": "1\n100\nuser defined signal 1\nchild\n<nil>\ntrue\ntrue <nil>\n",
    "c": "0\n0\n1\n3\n1\n0\n",
    "cpp": "1\n7\n1\nown\n",
    "java": "1\ntrue\n499500\n8\n/127.0.0.1\nrefused\nchild\nown4true\n",
}


@pytest.fixture(scope="module", params=["auto", "inplace"])
def box(request, module_server):
    return module_server(SCRC_BOX=request.param, LANGUAGES=None).start().ready()


@pytest.mark.parametrize("language", sorted(PROGRAMS))
def test_language_misses_nothing(box, language):
    tests = [test("", ANSWERS[language])] * 2
    report = box.judge(submission(language, PROGRAMS[language], tests, 10_000, 256), 120)
    assert report["verdict"] == "OK", (report["build_log"], report["tests"][0]["stdout"],
                                       report["tests"][0]["stderr"])


def test_namespaces_are_used_where_they_can_be():
    """Where a mount of theirs is refused the agent cleans in place, and all other tests pass too."""
    with open("/proc/sys/user/max_user_namespaces") as f:
        allowed = int(f.read()) > 0
    if not allowed or any("apparmor" in o for o in docker("/info")["SecurityOptions"]):
        pytest.skip("this host refuses them")
    code, out, _ = run_scrc("--check", seconds=60)
    assert code == 0 and re.search(r"^ok +box +namespaces", out, re.M), out
    code, out, _ = run_scrc("--check", SCRC_BOX="inplace", seconds=60)
    assert code == 0 and re.search(r"^ok +box +in place, because asked for", out, re.M), out


@pytest.mark.parametrize("kind", ["auto", "inplace"])
def test_counters_tell_the_next_submission_nothing(fresh_server, kind):
    """Neither times of devices nor counters of the cgroup, when it runs in the same cell."""
    server = fresh_server(SCRC_BOX=kind, LANGUAGES="c", RUNNER_CELL_USES=50,
                          RUNNER_MAX_PARALLEL=1).start().ready()
    with open(os.path.join(ROOT, "tests/hostile/S4-counters-as-state.c")) as f:
        source = f.read()
    for order in ("leave", "find"):
        report = server.judge(submission("c", source, [test(order + "\n", "none\n")]))
        assert report["verdict"] == "OK", report["stdout"]
