# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/lab/build and native/interop/build.sh: packages of a release of Debian other than this machine's, through a private apt
# directory, so that the machine's own sources, lists and package database stay as they are.

# The releases whose Xen the module knows; src/Migration/Xen/Native/XenVersion.cs has the same.
RELEASES=(bookworm trixie)

# release_xen RELEASE: the version of Xen that a release has; fails for a release that is none of those that are known here.
release_xen() {
  case $1 in
    bookworm) echo 4.17 ;;
    trixie) echo 4.20 ;;
    *) return 1 ;;
  esac
}

# release_open RELEASE DIR: makes DIR a private apt directory for the release and its security updates, reached as this machine reaches its own.
release_open() {
  local release=$1 directory=$2 keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed= main security
  mkdir -p "$directory"/lists/partial "$directory"/archives/partial
  : > "$directory/status"
  main=$(release_uri Debian) security=$(release_uri Debian-Security)
  [ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
  printf 'deb %s%s %s main\n' "$signed" "${main:-http://deb.debian.org/debian/}" "$release" \
    "$signed" "${security:-http://deb.debian.org/debian-security/}" "$release-security" > "$directory/sources.list"
  ARCHIVE_OPTIONS=(
    -o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o "Dir::State=$directory" -o "Dir::State::lists=$directory/lists" -o "Dir::State::status=$directory/status"
    -o "Dir::Cache=$directory" -o "Dir::Cache::archives=$directory/archives"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  apt-get "${ARCHIVE_OPTIONS[@]}" update > "$directory/update.log" 2>&1 ||
    { cat "$directory/update.log" >&2; echo "error: the archive of Debian's $release cannot be read" >&2; return 1; }
}

# release_uri LABEL: where this machine's apt finds Debian's archive of that label; nothing if it does not know.
release_uri() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' | sed -n "s/^Debian|$1|main|//p" | head -n 1
}
