# prepared.sh - what prepare_*.sh have in common; they source it.
#
# What is prepared stands in $dir, and is complete when $dir is there: it is made in $new, in the work
# directory, and copied to the volume at the end, all of it or nothing. So two that make it at once, one
# that is killed and a full disk do no harm, and where there was no room it is made at the next start.
# $dir/manifest has the hash of every file, $dir/says the last line of stdout.

# Fast first: 150 MB are read at each start.
hash=$(command -v b2sum || command -v sha256sum) || { echo "no b2sum and no sha256sum" >&2 && exit 1; }

# prepared TOP: sets $dir, and $new when there is nothing yet. What was made before is verified, and the
# script ends: with exit code 1 when it is damaged.
prepared() {
    dir=$1/scrc
    if [ -d "$dir" ]; then
        (cd "$dir" && "$hash" -c manifest) >/dev/null 2>&1 && cat "$dir/says" && exit
        echo "$dir is damaged" >&2
        exit 1
    fi
    new=$PWD/new
    mkdir "$new"
}

# keep SAYS: puts $new into its place.
keep() {
    echo "$1" >"$new/says"
    (cd "$new" && find . -type f -exec "$hash" {} +) >all
    mv all "$new/manifest"
    copy=$(mktemp -d "${dir%/*}/new.XXXXXX")
    trap 'rm -rf "$copy"' EXIT
    cp -R "$new/." "$copy"
    chmod -R a+rX "$copy"
    [ -d "$dir" ] || mv "$copy" "$dir"
    cat "$dir/says"
}
