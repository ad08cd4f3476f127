#!/usr/bin/env bash
# Publishes the shell into artifacts/shell: self-contained (no .NET needed where it runs) and precompiled
# (ReadyToRun), because just-in-time compilation under emulation costs half a minute.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
output="${1:-$root/artifacts/shell}"
rm -rf "$output"
dotnet publish "$root/src/Shell/Shell.csproj" --configuration Release --runtime linux-x64 --self-contained true \
    -p:PublishReadyToRun=true --output "$output" --nologo --verbosity quiet
"$output/prerecord-shell" -NoModule -Command '"prerecord-shell runs on .NET " + [Environment]::Version'
