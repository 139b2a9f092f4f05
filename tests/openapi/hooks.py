"""hooks.py - for schemathesis: what the server asks and no JSON Schema can say. A request that is meant to be good is
made so before it is sent; all others go out as they are.

Sizes in bytes, where a schema counts characters, and fields that must fit each other.
"""

import schemathesis
from schemathesis import GenerationMode

SORTS = ("-submitted_at", "submitted_at", "-finished_at", "finished_at", "-duration_ms", "duration_ms",
         "-memory_bytes", "memory_bytes")
STEP_SECONDS = {1: 900, 10: 10800, 60: 86400}  # GET /stats: how long each step is kept
TIME_LIMIT_MS = 10000  # RUNNER_TIME_LIMIT


def cut(text):
    return text.encode()[:255].decode(errors="ignore") if isinstance(text, str) else text


def cursor_fits(cursor, sort):
    """It is one that this sort could have given."""
    sort_of, *numbers = cursor.split(".")
    return sort_of == str(SORTS.index(sort)) and all(abs(int(n)) < 2 ** 63 for n in numbers)


def mend_query(query):
    if "cursor" in query and not cursor_fits(query["cursor"], query.get("sort", SORTS[0])):
        del query["cursor"]
    if int(query.get("window", 900)) > STEP_SECONDS.get(int(query.get("step", 60)), 0):
        query.pop("step", None)
    if "wait" in query:
        query["wait"] = min(float(query["wait"]), 0.1)  # or one would wait for all the others
    if "id_prefix" in query:
        query["id_prefix"] = cut(query["id_prefix"])
    if "label" in query:
        query["label"] = [name + ":" + cut(value) for name, _, value in (x.partition(":") for x in query["label"])]


def mend_submission(body):
    for name in ("id", "owner"):
        if name in body:
            body[name] = cut(body[name])
    body["labels"] = {name: cut(value) for name, value in (body.get("labels") or {}).items()}
    for test in body.get("tests") or []:
        test.pop("number", None)
    limits = body.get("limits") or {}
    if 0 < (limits.get("wall_time_limit_ms") or 0) < (limits.get("time_limit_ms") or TIME_LIMIT_MS):
        del limits["wall_time_limit_ms"]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    mend_query(case.query)
    if "id" in case.path_parameters:
        case.path_parameters["id"] = cut(case.path_parameters["id"])
    if isinstance(case.body, dict):
        mend_submission(case.body)
