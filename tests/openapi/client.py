"""client.py URL - uses the client that openapi-python-client makes of openapi.yaml, in all its types.

Submits and waits, lists, reads a part of a report, is refused and cancels. Prints what it got as JSON.
"""

import json
import sys
from datetime import datetime, timedelta, timezone

import httpx

from scrc_client import Client
from scrc_client.api.judging import cancel, get_result, list_results, submit
from scrc_client.models import (Accepted, Cancelled, CheckerName, Limits, Page, PartialReport, Pending, Problem, Report,
                                ReportField, Sort, State, Submission, SubmissionLabelsType0, Test, Verdict)
from scrc_client.types import UNSET, Unset

SUM = "print(sum(map(int, input().split())))"


def judged(client: Client) -> Report:
    labels = SubmissionLabelsType0.from_dict({"by": "python"})
    answer = submit.sync(client=client, wait=60.0, body=Submission(
        language="python", source=SUM, labels=labels, checker=CheckerName.TOKENS, stop_on_failure=False,
        limits=Limits(time_limit_ms=5000),
        tests=[Test(input_="1 2", expected_output="3"), Test(input_="1 2", expected_output="4")]))
    assert isinstance(answer, Report), answer
    return answer


def listed(client: Client) -> list[str]:
    """All pages, of one each."""
    ids: list[str] = []
    cursor: str | None = None
    while True:
        page = list_results.sync(client=client, label=["by:python"], state=State.DONE, sort=Sort.OLDEST, limit=1,
                                 since=datetime.now(timezone.utc) - timedelta(hours=1),
                                 cursor=UNSET if cursor is None else cursor)
        assert isinstance(page, Page), page
        ids += [item.id for item in page.results]
        cursor = page.next_cursor
        if cursor is None:
            return ids


def part(client: Client, id: str) -> PartialReport:
    answer = get_result.sync(id, client=client, fields=[ReportField.VERDICT, ReportField.TESTS])
    assert isinstance(answer, PartialReport), answer
    assert answer.id is UNSET and answer.verdict is Verdict.WA
    return answer


def refused(client: Client) -> Problem:
    answer = submit.sync(client=client, body=Submission(language="none", source=SUM))
    assert isinstance(answer, Problem), answer
    return answer


def cancelled(client: Client) -> str:
    answer = submit.sync(client=client, wait=0.00001, body=Submission(language="python", source="while True: pass"))
    assert isinstance(answer, Accepted), answer
    assert isinstance(get_result.sync(answer.id, client=client), Pending)
    end = cancel.sync(answer.id, client=client)
    assert isinstance(end, Cancelled), end
    return end.state


def main(url: str) -> None:
    with Client(base_url=url, raise_on_unexpected_status=True, timeout=httpx.Timeout(90)) as client:
        report = judged(client)
        judged(client)
        partial = part(client, report.id)
        assert not isinstance(partial.tests, Unset)
        problem = refused(client)
        print(json.dumps({
            "id": report.id, "verdict": report.verdict, "got": [test.stdout for test in report.tests],
            "listed": listed(client), "part": [test.verdict for test in partial.tests],
            "refused": [problem.status, problem.code], "cancelled": cancelled(client)}))


main(sys.argv[1])
