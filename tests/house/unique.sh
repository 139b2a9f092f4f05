#!/bin/sh
# tests/house/unique.sh ROOT - no two functions and no two types of the tree share a name, static ones
# included: a name that is searched for leads to one place.
cd "$1" || exit 2

names=$(find schema engine bridge client server -name '*.[ch]' -exec awk '
    FNR == 1 { name = "" }
    /^(struct|enum|union) [a-z_0-9]+ \{/ { print $1 "_" $2, FILENAME; next }
    # A definition: its name is before the first parenthesis, its body begins there or on a line of its own.
    /^[a-z_].*[a-z_0-9]\(/ && !/\);/ { match($0, /[a-z_0-9]+\(/); name = substr($0, RSTART, RLENGTH - 1) }
    name != "" && (/^\{/ || /^[a-z_].*\{/) { if (name != "main") print name "()", FILENAME; name = "" }
    /;$/ { name = "" }' {} + | sort -u)
[ "$(echo "$names" | wc -l)" -gt 1000 ] || exit 2

wrong=$(echo "$names" | awk '{ places[$1] = places[$1] " " $2; count[$1]++ }
    END { for (name in count) if (count[name] > 1) print "unique: " name " is in" places[name] }' | sort)
[ -n "$wrong" ] || exit 0
echo "$wrong"
exit 1
