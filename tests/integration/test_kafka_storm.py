"""Whatever ends, leaves or stands still, and in whichever order: see storm.py."""

from fleet import Fleet
from harness import LONG
from storm import faults, line, storm


def test_servers_database_and_broker_end_at_random(own_postgres, broker, fresh_server, record_property):
    primary = own_postgres()
    fleet = Fleet(primary.create(), fresh_server)
    counts = storm(fleet, primary, broker, *((20000, 200) if LONG else (200, 12)))
    print(line(counts))
    record_property("storm", line(counts))
    assert not faults(counts), faults(counts)
