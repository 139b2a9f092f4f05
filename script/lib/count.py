"""count.py DIRECTORY - sums what the parts of script/test left there.

For each part NAME.status (its exit code), NAME.log (what it said) and, of ctest and pytest, NAME.xml (JUnit);
without one its log has lines `PASS name` and `FAIL name`. skipped.txt names what was not even tried. Prints
what failed and the end of what it said, the names of all that was skipped or failed, then
`N passed, N failed, N skipped`. Exit code 1 when one failed.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as xml

# ctest knows programs; cmocka says how many tests each of them ran.
CMOCKA = re.compile(r"^\[ +(PASSED|FAILED|SKIPPED) +\] (\d+) test\(s\)", re.M)

LINES = 60  # of what one that failed has said


def of_program(case):
    """(passed, failed, skipped) of one ctest entry, and what it said."""
    text = case.findtext("system-out") or ""
    status = case.get("status")
    if status in ("notrun", "disabled") or case.find("skipped") is not None:
        return 0, 0, 1, text
    said = {word: int(n) for word, n in CMOCKA.findall(text)}
    passed, failed, skipped = (said.get(w, 0) for w in ("PASSED", "FAILED", "SKIPPED"))
    if status == "fail":
        return passed, max(failed, 1), skipped, text  # it may have died before it could count
    return (passed, failed, skipped, text) if said else (1, 0, 0, text)


def of_pytest(case):
    for word in ("failure", "error"):
        if case.find(word) is not None:
            return 0, 1, 0, case.findtext(word) or ""
    return (0, 0, 1, "") if case.find("skipped") is not None else (1, 0, 0, "")


def of_log(path):
    """Lines PASS name and FAIL name; what is said of one that failed is above it."""
    said = []
    for line in path.read_text(errors="replace").splitlines():
        word, _, name = line.partition(" ")
        if word not in ("PASS", "FAIL"):
            said.append(line)
            continue
        yield name, int(word == "PASS"), int(word == "FAIL"), 0, "\n".join(said)
        said = []


def entries(directory, part):
    """Yields (name, passed, failed, skipped, what it said)."""
    path = directory / (part + ".xml")
    if not path.exists():
        yield from of_log(directory / (part + ".log"))
        return
    for case in xml.parse(path).iter("testcase"):
        of = of_program if case.get("status") else of_pytest
        yield (f"{case.get('classname')}.{case.get('name')}", *of(case))


def tell(part, path, counts, failures):
    """What failed in a part, and the end of what it said."""
    for name, said in failures:
        print(f"---- failed: {part}: {name} (all of it: {path})")
        print("\n".join(said.rstrip().splitlines()[-LINES:]))
    print("{}: {} passed, {} failed, {} skipped".format(part, *counts))


def main(directory):
    total, names = [0, 0, 0], []
    for status in sorted(directory.glob("*.status")):
        part, path = status.stem, status.with_suffix(".log")
        counts, failures = [0, 0, 0], []
        for name, *of_one, said in entries(directory, part):
            counts = [a + b for a, b in zip(counts, of_one)]
            names += [f"{word}: {part}: {name}" + (f" ({n})" if n > 1 else "")
                      for word, n in zip(("failed", "skipped"), of_one[1:]) if n]
            if of_one[1]:
                failures.append((name, said))
        if status.read_text().strip() != "0" and not counts[1]:
            counts[1] = 1
            how = f"ended with {status.read_text().strip()}"
            names.append(f"failed: {part}: {how}")
            failures.append((how, path.read_text(errors="replace")))
        tell(part, path, counts, failures)
        total = [a + b for a, b in zip(total, counts)]
    not_tried = directory / "skipped.txt"
    for name in not_tried.read_text().splitlines() if not_tried.exists() else ():
        total[2] += 1
        names.append(f"skipped: {name}")
    for name in sorted(names, reverse=True):  # those that failed at last
        print(name)
    print("{} passed, {} failed, {} skipped".format(*total))
    return 1 if total[1] else 0


sys.exit(main(pathlib.Path(sys.argv[1])))
