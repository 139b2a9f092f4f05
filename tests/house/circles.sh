#!/bin/sh
# tests/house/circles.sh ROOT - no module includes itself by way of others. A module is foo.h and foo.c.
cd "$1" || exit 2

find schema engine bridge client server -name '*.[ch]' -exec grep -H '^ *# *include "' {} + |
    sed -n 's/^\(.*\)\.[ch]: *# *include "\(.*\)\.h".*/\1 \2/p' | sort -u |
    awk '
        # The shortest way from a module back to itself; "" when there is none.
        function circle(start,    queue, last, at, came, next_ones, n, i, way, m) {
            queue[last = 1] = start
            for (at = 1; at <= last; at++) {
                n = split(includes[queue[at]], next_ones, " ")
                for (i = 1; i <= n; i++) {
                    if (next_ones[i] == start) {
                        way = start
                        for (m = queue[at]; m != start; m = came[m])
                            way = m " -> " way
                        return start " -> " way
                    }
                    if (!(next_ones[i] in came)) {
                        came[next_ones[i]] = queue[at]
                        queue[++last] = next_ones[i]
                    }
                }
            }
            return ""
        }
        function wrong(text) {
            print "circles: " text
            bad = 1
        }
        $1 == $2 { next }
        !($1 in includes) { modules[++count] = $1 }
        { includes[$1] = includes[$1] " " $2 }
        END {
            if (count == 0)
                exit 2
            for (i = 1; i <= count; i++) {
                way = circle(modules[i])
                if (way == "" || (modules[i] in printed))
                    continue
                wrong(way)
                n = split(way, members, " -> ")
                for (m = 1; m <= n; m++)
                    printed[members[m]] = 1
            }
            exit bad
        }'
