"""first_event.py PORT COUNT: how long after a test's end its event is at a subscriber.

COUNT times in turn: a C program whose last act is to print the clock is judged (WA, for nobody knows
what it prints), and its events are read as they come. Prints the median and the 99th percentile in
milliseconds; the program's exit, the check and what else is on the way are within.
"""

import http.client
import json
import sys
import time

SOURCE = """\
#include <stdio.h>
#include <time.h>
int unique = %d;
int main(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    printf("%%lld\\n", t.tv_sec * 1000000000LL + t.tv_nsec);
    return 0;
}
"""


def ask(connection, method, path, body=None):
    connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    return json.loads(answer.read())


def first_event(port, connection, n):
    """Seconds between the program's last act and its event."""
    sent = {"language": "c", "source": SOURCE % n, "stop_on_failure": False,
            "tests": [{"input": ""}, {"input": ""}]}
    id = ask(connection, "POST", "/submissions", sent)["id"]
    stream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    stream.request("GET", f"/submissions/{id}/events")
    told = None
    for line in stream.getresponse():
        now = time.time()
        if line == b"event: test\n" and told is None:
            told = now
    stream.close()
    report = ask(connection, "GET", f"/results/{id}?wait=60")
    if told is None or not report["tests"][0]["stdout"]:
        sys.exit(f"no event of a test: {report}")
    return told - int(report["tests"][0]["stdout"]) / 1e9


port, count = int(sys.argv[1]), int(sys.argv[2])
keeps = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
took = sorted(first_event(port, keeps, n) for n in range(count))
print(f"{took[count // 2] * 1000:.2f} {took[count * 99 // 100] * 1000:.2f}")
