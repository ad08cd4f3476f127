# SPDX-License-Identifier: GPL-2.0-only
# Sourced by native/hypervisor/build, check-base and tests/lab/build: Debian packages and sources through a private apt
# directory, so that the machine's own sources, lists and package database stay as they are.

ARCHIVE_BASES=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/base

die() { echo "error: $*" >&2; exit 1; }
note() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

# base_read RELEASE: sets series, tried, advisories and lab from base/RELEASE.
base_read() {
  case $1 in '' | */*) die "no release of Debian has the name '$1'" ;; esac
  [ -f "$ARCHIVE_BASES/$1" ] || die "Debian's release $1 is not one of those that there is a hypervisor for: $(cd "$ARCHIVE_BASES" && echo *)"
  . "$ARCHIVE_BASES/$1"
}

# archive_uri SUITE: where this machine's apt finds an archive of Debian. SUITE is a release, or the security updates of one
# (bookworm-security); of another release than the machine's own the same mirror is taken. Nothing if it does not know.
archive_uri() {
  local label=Debian
  case $1 in *-security) label=Debian-Security ;; esac
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(CODENAME)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
    awk -F'|' -v label="$label" -v suite="$1" '
      $1 != "Debian" || $2 != label || $4 != "main" || ($3 ~ /-/ && label == "Debian") { next }
      $3 == suite { own = $5; exit }
      !other { other = $5 }
      END { print own ? own : other }'
}

# archive_sources RELEASE [security]: the lines of a sources.list for the release's main archive, binaries and sources, and for its security updates.
archive_sources() {
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg signed= suite uri
  [ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
  for suite in "$1" ${2:+"$1-$2"}; do
    uri=$(archive_uri "$suite")
    if [ -z "$uri" ] && [ "$(id -u)" = 0 ]; then # a fresh machine has no lists yet
      apt-get -qq -o DPkg::Lock::Timeout=300 update >/dev/null
      uri=$(archive_uri "$suite")
    fi
    [ -n "$uri" ] || die "this machine's apt configuration names no archive for Debian's $suite; add one and run 'apt-get update'"
    printf '%s %s%s %s main\n' deb "$signed" "$uri" "$suite" deb-src "$signed" "$uri" "$suite"
  done
}

# archive_open DIR [RELEASE [security]]: makes DIR a private apt directory for Debian 12's main archive or for another release's, and its
# security updates, reached as the machine itself reaches its own.
archive_open() {
  local lines
  command -v apt-get >/dev/null || die "apt-get is missing: this needs Debian"
  mkdir -p "$1"
  lines=$(archive_sources "${2:-bookworm}" "${@:3}") || exit 1
  printf '%s\n' "$lines" > "$1/sources.list"
  archive_update "$1"
}

# archive_update DIR: the same with the archives that DIR/sources.list names.
archive_update() {
  local directory=$1
  mkdir -p "$directory"/lists/partial "$directory"/archives/partial
  : > "$directory/status"
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

# archive_versions NAME Sources|Packages: all versions of a source or a binary package that the archive names.
archive_versions() {
  apt-cache "${ARCHIVE_OPTIONS[@]}" madison "$1" | awk -F'|' -v name="$1" -v kind="$2" '
    { gsub(/ /, "", $1); gsub(/ /, "", $2) }
    $1 == name && $3 ~ (" " kind "$") && !seen[$2]++ { print $2 }'
}

# newest_of SERIES: of the versions on standard input the newest that is one of the series; nothing if none is.
newest_of() {
  local version newest=
  while read -r version; do
    case $version in "$1".*) ;; *) continue ;; esac
    [ -z "$newest" ] || dpkg --compare-versions "$version" gt "$newest" || continue
    newest=$version
  done
  echo "$newest"
}

# archive_xen_version RELEASE: prints the version of Xen's packages that tests/lab takes: the one that $PRERECORD_LAB_XEN_VERSION names, else
# that of base/RELEASE.
archive_xen_version() (
  base_read "$1"
  version=${PRERECORD_LAB_XEN_VERSION:-$lab} offered=$(archive_versions "xen-utils-$series" Packages)
  [ "$version" != newest ] || version=$(newest_of "$series" <<<"$offered")
  grep -qxF "${version:-none}" <<<"$offered" ||
    die "the archive of Debian's $1 has no packages of xen ${version:-$series} (but: $(paste -sd' ' <<<"$offered")); PRERECORD_LAB_XEN_VERSION says which to take"
  echo "$version"
)

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
