# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/lab/build, native/interop/build.sh and packaging/debian: the releases of Debian whose Xen the module knows, and their packages.
. "$(dirname "${BASH_SOURCE[0]}")/../native/hypervisor/debian-archive.sh"

# src/Migration/Xen/Native/XenVersion.cs has the same.
RELEASES=(bookworm trixie)

# release_xen RELEASE: the version of Xen that a release has; fails for a release that is none of those that are known here.
release_xen() {
  case $1 in
    bookworm) echo 4.17 ;;
    trixie) echo 4.20 ;;
    *) return 1 ;;
  esac
}

# release_open RELEASE DIR: makes DIR a private apt directory for the release and its security updates.
release_open() { archive_open "$2" "$1" security; }
