# shellcheck shell=bash
# tests/package/deb.sh - the Debian package of this checkout, for those who install it. Source base.sh first.
# shellcheck disable=SC2154 # root is of base.sh

# deb_take DIR: makes DIR/scrc.deb, and DIR/newer.deb: the same with a higher version and another example of settings.
deb_take() {
    mkdir -p "$1" "$root/build/log"
    # It is made anew for each, and by one at a time.
    (
        flock 7
        "$root/script/package" >"$root/build/log/package-for-$(basename "$1").log" 2>&1 </dev/null 7>&- && cp "$root"/build/package/scrc_*.deb "$1/scrc.deb"
    ) 7>"$root/build/package.take" || return 1
    deb_newer "$1"
}

deb_newer() {
    local tree=$1/newer
    rm -rf "$tree"
    dpkg-deb -R "$1/scrc.deb" "$tree" &&
        sed -i "s/^Version: .*/Version: $(deb_version "$1/scrc.deb")+1/" "$tree/DEBIAN/control" &&
        echo '# another one' >>"$tree/etc/scrc/scrc.env" &&
        dpkg-deb --root-owner-group -b "$tree" "$1/newer.deb" >/dev/null && rm -rf "$tree"
}

deb_version() { dpkg-deb -f "$1" Version; }

# deb_needs FILE: the packages it depends on, with commas.
deb_needs() { dpkg-deb -f "$1" Depends | tr ',' '\n' | sed 's/^ *//; s/ .*//' | paste -sd,; }
