"""count.py DIRECTORY - sums what the parts of script/test left there.

For each part NAME.status (its exit code) and NAME.xml (JUnit, of ctest or pytest) or NAME.txt (lines
`PASS name` and `FAIL name`); skipped.txt names what was not even tried. Prints the names of what
failed and of what was skipped, then `N passed, N failed, N skipped`. Exit code 1 when one failed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as xml

# ctest knows programs; cmocka says how many tests each of them ran.
CMOCKA = re.compile(r"^\[ +(PASSED|FAILED|SKIPPED) +\] (\d+) test\(s\)", re.M)


def of_program(case):
    """(passed, failed, skipped) of one ctest entry."""
    status = case.get("status")
    if status in ("notrun", "disabled") or case.find("skipped") is not None:
        return 0, 0, 1
    said = {word: int(n) for word, n in CMOCKA.findall(case.findtext("system-out") or "")}
    passed, failed, skipped = (said.get(w, 0) for w in ("PASSED", "FAILED", "SKIPPED"))
    if status == "fail":
        return passed, max(failed, 1), skipped  # it may have died before it could count
    return (passed, failed, skipped) if said else (1, 0, 0)


def of_pytest(case):
    if case.find("failure") is not None or case.find("error") is not None:
        return 0, 1, 0
    return (0, 0, 1) if case.find("skipped") is not None else (1, 0, 0)


def entries(path):
    """Yields (name, passed, failed, skipped)."""
    if path.suffix == ".txt":
        for word, name in re.findall(r"^(PASS|FAIL) (.*)", path.read_text(), re.M):
            yield name, int(word == "PASS"), int(word == "FAIL"), 0
        return
    for case in xml.parse(path).iter("testcase"):
        of = of_program if case.get("status") else of_pytest
        yield (f"{case.get('classname')}.{case.get('name')}", *of(case))


def main(directory):
    total = [0, 0, 0]
    for status in sorted(directory.glob("*.status")):
        part, failed_before = status.stem, total[1]
        for suffix in (".xml", ".txt"):
            path = directory / (part + suffix)
            for name, *counts in entries(path) if path.exists() else ():
                total = [a + b for a, b in zip(total, counts)]
                for word, n in zip(("failed", "skipped"), counts[1:]):
                    if n:
                        print(f"{word}: {part}: {name}" + (f" ({n})" if n > 1 else ""))
        if status.read_text().strip() != "0" and total[1] == failed_before:
            total[1] += 1
            print(f"failed: {part}: ended with {status.read_text().strip()}")
    not_tried = directory / "skipped.txt"
    for name in not_tried.read_text().splitlines() if not_tried.exists() else ():
        total[2] += 1
        print(f"skipped: {name}")
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
