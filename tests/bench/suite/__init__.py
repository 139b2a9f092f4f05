"""The benchmark suite: load plans, matrices of cases, and the charts of what came of them.

plan      which cases, under which load, for how long
schedule  what is sent when
programs  the 25 programs, and whether a report is right
machine   what it ran on
servers   the servers of a case: replicas in one consumer group
doors     the ways in: Kafka, or HTTP where no broker is to be had
record    one submission: what was meant, what came, a row of a CSV file
run       one run of a case
numbers   percentiles, throughput, the aggregate of runs
manifest  benchmark_manifest.json
charts    the six charts, light and dark

script/bench suite --help says how to use it.
"""
