# SPDX-License-Identifier: GPL-2.0-only
# Sourced by native/hypervisor/build and tests/lab/build: Debian packages and
# sources through a private apt directory, so that the machine's own sources,
# lists and package database stay as they are.

# The version everything here was developed and measured with.
XEN_PINNED_VERSION='4.17.5+72-g01140da4e8-1'

die() { echo "error: $*" >&2; exit 1; }
note() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

# archive_uri: where this machine's apt finds Debian 12's main archive; nothing if it does not know.
archive_uri() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian|Debian|bookworm|main|//p' | head -n 1
}

# archive_open DIR: makes DIR a private apt directory for Debian 12's main
# archive, binaries and sources, reached as the machine itself reaches it.
archive_open() {
  local directory=$1 uri
  command -v apt-get >/dev/null || die "apt-get is missing: this needs Debian 12 (bookworm)"
  mkdir -p "$directory"/lists/partial "$directory"/archives/partial
  : > "$directory/status"
  uri=$(archive_uri)
  if [ -z "$uri" ] && [ "$(id -u)" = 0 ]; then # a fresh machine has no lists yet
    apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null
    uri=$(archive_uri)
  fi
  [ -n "$uri" ] || die "no source of Debian 12 (bookworm) main in this machine's apt configuration; add one and run 'apt-get update'"
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed=
  [ -e "$keyring" ] && signed="[signed-by=$keyring] "
  printf '%s %s%s bookworm main\n' deb "$signed" "$uri" deb-src "$signed" "$uri" > "$directory/sources.list"
  ARCHIVE_OPTIONS=(
    -o "Dir::Etc::sourcelist=$directory/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null
    -o "Dir::State=$directory" -o "Dir::State::lists=$directory/lists" -o "Dir::State::status=$directory/status"
    -o "Dir::Cache=$directory" -o "Dir::Cache::archives=$directory/archives"
    -o APT::Architecture=amd64 -o APT::Architectures=amd64 -o APT::Sandbox::User=root
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
  archive_get update > "$directory/update.log" 2>&1 ||
    { cat "$directory/update.log" >&2; die "the Debian archive cannot be read"; }
}

archive_get() { apt-get "${ARCHIVE_OPTIONS[@]}" "$@"; }

# archive_xen_version: prints the Xen version to use: the pinned one where the
# archive has it both as source and as packages, else the newest 4.17.
archive_xen_version() {
  local sources binaries version
  sources=$(apt-cache "${ARCHIVE_OPTIONS[@]}" madison xen | awk -F'|' '{gsub(/ /, "", $2); print $2}')
  binaries=$(apt-cache "${ARCHIVE_OPTIONS[@]}" madison xen-utils-4.17 | awk -F'|' '{gsub(/ /, "", $2); print $2}')
  if grep -qxF "$XEN_PINNED_VERSION" <<<"$sources" && grep -qxF "$XEN_PINNED_VERSION" <<<"$binaries"; then
    echo "$XEN_PINNED_VERSION"
    return
  fi
  version=$(grep -xFf <(echo "$binaries") <<<"$sources" | grep '^4\.17' | head -n 1 || true)
  [ -n "$version" ] || die "the archive offers no Xen 4.17 as source and as packages (sources: ${sources:-none}; packages: ${binaries:-none})"
  cat >&2 <<EOF
warning: the archive no longer offers xen $XEN_PINNED_VERSION, with which this was developed.
         Using $version instead. The patches may fail to apply (the build then stops); if they
         apply, run the lab before you trust the result.
EOF
  echo "$version"
}

# need_packages NAME...: installs on this machine those that are missing.
need_packages() {
  local name missing=()
  for name; do
    dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  note "installing: ${missing[*]}"
  [ "$(id -u)" = 0 ] || die "not root: install these first: ${missing[*]}"
  apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install: ${missing[*]}"
}
