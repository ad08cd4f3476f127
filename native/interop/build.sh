#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds libprerecordxen into artifacts/native. Without the Xen headers it says so and succeeds with nothing built;
# with --require-xen it fails then.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build="$root/artifacts/obj/interop"
out="$root/artifacts/native"
require=OFF
case $* in
    '') ;;
    --require-xen) require=ON ;;
    --help) echo "usage: native/interop/build.sh [--require-xen]"; sed -n '3,4s/^# //p' "$0"; exit ;;
    *) echo "usage: native/interop/build.sh [--require-xen]" >&2; exit 2 ;;
esac
if ! command -v cmake >/dev/null 2>&1; then
    echo "SKIPPED: libprerecordxen is not built: cmake is not installed (apt-get install cmake gcc libxen-dev)." >&2
    [ "$require" = OFF ] && exit 0
    exit 1
fi
mkdir -p "$build" "$out"
cmake -S "$here" -B "$build" -DCMAKE_BUILD_TYPE=Release "-DPRX_REQUIRE_XEN=$require" >"$build/configure.log" 2>&1 || {
    cat "$build/configure.log" >&2
    exit 1
}
grep SKIPPED "$build/configure.log" && exit 0
cmake --build "$build" >"$build/build.log" 2>&1 || {
    cat "$build/build.log" >&2
    exit 1
}
cp "$build/libprerecordxen.so" "$out/libprerecordxen.so"
echo "built artifacts/native/libprerecordxen.so"
