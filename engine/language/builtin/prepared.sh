# prepared.sh - what prepare_*.sh have in common; they source it.
#
# What is prepared stands in $dir, and is complete when $dir is there: it is made in $new, on the same
# volume, and moved at the end, so that two that make it at once and one that is killed do no harm.
# $dir/manifest has the hash of every file, $dir/says the last line of stdout.

# Fast first: 150 MB are read at each start.
hash=$(command -v b2sum || command -v sha256sum)

# prepared TOP: sets $dir, and $new when there is nothing yet. What was made before is verified, and the
# script ends: with exit code 1 when it is damaged.
prepared() {
    dir=$1/scrc
    if [ -d "$dir" ]; then
        (cd "$dir" && "$hash" -c manifest) >/dev/null 2>&1 && cat "$dir/says" && exit
        echo "$dir is damaged" >&2
        exit 1
    fi
    new=$(mktemp -d "$1/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
}

# keep SAYS [FILE...]: moves $new to its place; the files, which are elsewhere, are verified with it.
keep() {
    echo "$1" >"$new/says"
    shift
    {
        (cd "$new" && find . -type f)
        printf '%s\n' "$@"
    } | sed '/^$/d' | sort -u | (cd "$new" && xargs "$hash") >all
    mv all "$new/manifest"
    chmod -R a+rX "$new"
    [ -d "$dir" ] || mv "$new" "$dir"
    cat "$dir/says"
}
