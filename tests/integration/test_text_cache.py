"""Large texts of a shared table travel to a server once: it keeps them in DATA_DIR/texts."""

import os

from harness import fill, in_file, submission, test, wait_for

LARGE = "x" * 300_000
COUNTS = "print(len(input()))"


def counting(expected="300000", text=LARGE):
    return submission("python", COUNTS, [test(text, expected)])


def kept(server):
    try:
        return [name for name in os.listdir(server.data + "/texts") if len(name) == 64]
    except FileNotFoundError:
        return []


def test_a_text_travels_once(fleet):
    here, there = fleet.start(2)
    fleet.ready()
    for server in (here, there):
        wait_for(lambda: server.judge(counting())["verdict"] == "OK" and kept(server), 60, "it is kept")
    (name,) = kept(here)
    assert kept(there) == [name]
    assert fleet.number("SELECT count(*) FROM text") == 1
    # What is in the table now would not do: nobody asks it.
    fleet.sql("UPDATE text SET body = 'other'")
    assert [here.judge(counting())["verdict"] for _ in range(6)] == ["OK"] * 6
    report = here.judge(counting("1"))
    assert report["verdict"] == "WA" and report["tests"][0]["stdout"] == "300000\n"


def test_a_damaged_file_is_fetched_again(fleet):
    (server,) = fleet.start(1)
    fleet.ready()
    server.judge(counting())
    (name,) = wait_for(lambda: kept(server), 10, "it is kept")
    path = f"{server.data}/texts/{name}"
    for damage in (b"y" * 300_000, b"", b"x" * 299_999):
        with open(path, "wb") as f:
            f.write(damage)
        assert server.judge(counting())["verdict"] == "OK"
        wait_for(lambda: os.path.exists(path) and os.path.getsize(path) == 300_000, 10, "it is whole")


def test_it_is_there_after_a_restart(fleet):
    (server,) = fleet.start(1)
    fleet.ready()
    server.judge(counting())
    wait_for(lambda: kept(server), 10, "it is kept")
    server.restart(kill=True)
    server.ready()
    fleet.sql("UPDATE text SET body = 'other'")
    assert server.judge(counting())["verdict"] == "OK"


@in_file
def test_a_table_of_ones_own_needs_none(fresh_server):
    server = fresh_server().start().ready()
    assert server.judge(counting())["verdict"] == "OK"
    assert not os.path.exists(server.data + "/texts")


def test_a_full_disk_of_a_server(fleet, small_disk):
    """It judges and answers as before, says once that it keeps nothing, and nothing is lost."""
    (server,) = fleet.start(1, DATA_DIR=small_disk + "/data")
    fleet.ready()
    fill(small_disk + "/full")
    for number in range(5):
        assert server.judge(counting(text=LARGE + "x" * number, expected=f"{300_000 + number}"))["verdict"] == "OK"
    assert len(server.logged("texts_not_kept")) == 1 and kept(server) == []
    assert server.get("/readyz").status == 200
    assert fleet.number("SELECT count(*) FROM report") == 5
    server.restart(kill=True)  # on a disk that is full from the start
    server.ready()
    assert server.judge(counting())["verdict"] == "OK"
    assert server.terminate() == 0
