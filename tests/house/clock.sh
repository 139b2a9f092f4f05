#!/bin/sh
# tests/house/clock.sh ROOT - nothing is measured, and no wait ends, by the clock that people set
# (CLOCK_REALTIME): only schema/base/clock.c reads it, for timestamps, and in the engine only those files
# that compare with timestamps of others. tests/vm turns it during a run.
cd "$1" || exit 2

# What reads or waits by that clock, and the files that may.
wall='CLOCK_(REALTIME|TAI)|\b(gettimeofday|ftime|time|localtime|mktime|alarm|setitimer) *\(|\b(pthread_cond_timedwait|pthread_mutex_timedlock|sem_timedwait|mq_timed[a-z]*) *\('
may_read='^schema/base/clock\.c:'
# Timestamps: of a report, of files in the cache, of volumes, of the submission's coming.
may_stamp='^engine/(judge/judge|build/build_cache|build/toolchain_cache|queue/look_ahead)\.c:'

wrong=$(
    # Comments and strings may name what code may not.
    find schema engine bridge client server -name '*.[ch]' -exec grep -HnE "$wall" {} + |
        grep -vE "$may_read" | grep -vE '^[^:]*:[0-9]*: *(/\*| \*)' | grep -vE '"[^"]*('"$wall"')[^"]*"'
    find engine -name '*.[ch]' -exec grep -HnE 'clock_(wall|shared)_ms' {} + | grep -vE "$may_stamp"
)
[ -n "$wrong" ] || exit 0
echo "clock: the wall clock is for timestamps"
echo "$wrong"
exit 1
