"""A run has a core of its own, where there are cores enough."""
import os

CORES = {"language": "python", "source": "import os\nprint(*sorted(os.sched_getaffinity(0)))",
         "tests": [{}]}
MOVES = {"language": "python", "tests": [{}], "source": "import os\nall_of_them = set(range(1024))\n"
         "os.sched_setaffinity(0, all_of_them)\nprint(*sorted(os.sched_getaffinity(0)))"}


def test_runs_have_a_core_each_while_there_are_enough(fresh_server):
    mine = os.sched_getaffinity(0)
    for parallel, cores in ((1, 1), (len(mine) + 1, len(mine))):
        server = fresh_server(RUNNER_MAX_PARALLEL=parallel).start().ready()
        # The first run has one for sure; a later one not where something else was busy there.
        seen = server.judge(CORES)["tests"][0]["stdout"].split()
        assert len(seen) == cores and {int(core) for core in seen} <= mine, seen
        assert server.judge(MOVES)["tests"][0]["exit_code"] == 0  # it may try
        assert server.terminate() == 0
