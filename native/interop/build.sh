#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds libprerecordxen into artifacts/native/VERSION, against the libraries of this machine's Xen. Without them it says so and succeeds
# with nothing built.
# usage: native/interop/build.sh [--require-xen] [--all]
#   --require-xen  fail then
#   --all          for every version of Xen that the module knows: where libraries are not this machine's, they are fetched from the release of
#                  Debian that has them, once, into artifacts/xen
set -euo pipefail
help() { sed -n "${1:-3},8s/^# //p" "${BASH_SOURCE[0]}"; }
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$root/artifacts/native
require=OFF all=no
while (($#)); do
    case $1 in
        --help) help; exit ;;
        --require-xen) require=ON ;;
        --all) require=ON all=yes ;;
        *) help 5 >&2; exit 2 ;;
    esac
    shift
done
. "$root/tools/debian-release.sh"
mapfile -t known < <(for release in "${RELEASES[@]}"; do release_xen "$release"; done)

if ! command -v cmake > /dev/null 2>&1; then
    echo "SKIPPED: libprerecordxen is not built: cmake is not installed (apt-get install cmake gcc libxen-dev)." >&2
    [[ $require == OFF ]] && exit
    exit 1
fi

# build NAME [ROOT]: against what lies in ROOT, or this machine's own libraries; sets `version` to the Xen that they are of, or to nothing.
build() {
    local folder=$root/artifacts/obj/interop/$1
    version=
    mkdir -p "$folder"
    cmake -S "$here" -B "$folder" -DCMAKE_BUILD_TYPE=Release "-DPRX_REQUIRE_XEN=$require" "-DPRX_XEN_ROOT=${2:-}" > "$folder/configure.log" 2>&1 ||
        { cat "$folder/configure.log" >&2; exit 1; }
    ! grep SKIPPED "$folder/configure.log" || return 0
    version=$(sed -n 's/^-- For Xen //p' "$folder/configure.log")
    if ! printf '%s\n' "${known[@]}" | grep -qxF "$version"; then
        echo "SKIPPED: libprerecordxen is not built for this machine's Xen $version: the module knows ${known[*]}." >&2
        [[ $require == OFF ]] || exit 1
        version=
        return
    fi

    cmake --build "$folder" > "$folder/build.log" 2>&1 || { cat "$folder/build.log" >&2; exit 1; }
    mkdir -p "$out/$version"
    cp "$folder/libprerecordxen.so" "$out/$version/libprerecordxen.so"
    echo "built artifacts/native/$version/libprerecordxen.so"
}

# fetch RELEASE FOLDER: the headers and libraries of a release's Xen
fetch() {
    local work=$2.new names
    echo "fetching the libraries of $1's Xen" >&2
    rm -rf "$work"
    mkdir -p "$work/root"
    release_open "$1" "$work/apt"
    mapfile -t names < <(apt-cache "${ARCHIVE_OPTIONS[@]}" depends libxen-dev | sed -n 's/^ *Depends: \(libxen.*\)/\1/p')
    (cd "$work" && apt-get -qq "${ARCHIVE_OPTIONS[@]}" download libxen-dev "${names[@]}" > download.log 2>&1) ||
        { cat "$work/download.log" >&2; exit 1; }
    for package in "$work"/*.deb; do
        dpkg-deb --extract "$package" "$work/root"
    done
    rm -rf "$2"
    mv "$work/root" "$2"
    rm -rf "$work"
}

rm -rf "$out"
if [[ $all == no ]]; then
    build machine
    exit
fi

# What the machine has is built against that; a machine without any has nothing but what is fetched.
require=OFF
build machine
own=$version
require=ON
for release in "${RELEASES[@]}"; do
    wanted=$(release_xen "$release")
    [[ $wanted != "$own" ]] || continue
    libraries=$root/artifacts/xen/$wanted
    [[ -d $libraries ]] || fetch "$release" "$libraries"
    build "$wanted" "$libraries"
done
