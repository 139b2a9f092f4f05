"""seed.py TABLE N - N more finished rows in the table of a stopped server, as copies of one that is there.

About one each second up to the time of the row that is copied, with verdicts, languages and
durations as chance has it, but always the same: 86,400 of them are a day of traffic.
"""

import random
import sqlite3
import sys

path, count = sys.argv[1], int(sys.argv[2])
VERDICTS = ("OK", "OK", "OK", "WA", "TL", "ML", "RE", "BF")
LANGUAGES = ("python", "c", "cpp", "go", "java")
chance = random.Random(1)

db = sqlite3.connect(path)
db.row_factory = sqlite3.Row
row = dict(db.execute("SELECT * FROM job WHERE state = 2 ORDER BY seq LIMIT 1").fetchone())
texts = {table: db.execute(f"SELECT json FROM {table} WHERE seq = ?", (row["seq"],)).fetchone()[0]
         for table in ("body", "report")}
(last,) = db.execute("SELECT max(seq) FROM job").fetchone()
columns = list(row)
insert = f"INSERT INTO job({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def copy(i):
    """The i-th row; the last of them is the newest."""
    at = row["submitted_ms"] - (count - i) * 1000 + chance.randrange(1000)
    took = round(chance.lognormvariate(5, 1)) + 1  # some 150 ms, a few take seconds
    return {**row, "seq": last + 1 + i, "id": f"seed-{i:07}", "verdict": chance.choice(VERDICTS),
            "language": chance.choice(LANGUAGES), "submitted_ms": at, "finished_ms": at + took,
            "duration_ms": took, "cpu_time_ms": took * 3 // 4, "memory_bytes": chance.randrange(4096) << 14}


with db:
    rows = [copy(i) for i in range(count)]
    db.executemany(insert, (tuple(r[c] for c in columns) for r in rows))
    for table, json in texts.items():
        db.executemany(f"INSERT INTO {table}(seq, json) VALUES (?, ?)", ((r["seq"], json) for r in rows))
db.close()
