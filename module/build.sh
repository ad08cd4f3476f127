#!/usr/bin/env bash
# Builds the module to artifacts/module/PreRecordMigration, where Import-Module finds it.
# usage: module/build.sh [--ready-to-run] [--output DIR]
#   --ready-to-run  compile ahead of time for linux-x64: starts faster; the assemblies still run anywhere
#   --output DIR    another directory than artifacts/module
set -euo pipefail
help() { sed -n "${1:-2},5s/^# //p" "${BASH_SOURCE[0]}"; }
usage() {
    echo "module/build.sh: $1" >&2
    help 3 >&2
    exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
output=$root/artifacts/module
publish=()
while (($#)); do
    case $1 in
        --help) help; exit ;;
        --ready-to-run) publish+=(-r linux-x64 -p:PublishReadyToRun=true) ;;
        --output)
            # What looks like an option is none either: that its value was forgotten is likelier.
            [[ ${2:-} == [!-]* ]] || usage "--output has no value"
            output=$2
            shift
            ;;
        *) usage "there is no '$1'" ;;
    esac
    shift
done

target=$output/PreRecordMigration
staging=$root/artifacts/staging/cmdlets
rm -rf "$staging"
dotnet publish "$root/src/Cmdlets" -c Release -v quiet --nologo --self-contained false -o "$staging" "${publish[@]}"

if [[ -e $staging/System.Management.Automation.dll ]]; then
    echo "module/build.sh: the reference assembly System.Management.Automation.dll would ship with the module" >&2
    exit 1
fi

rm -rf "$target"
mkdir -p "$target/bin"
cp "$staging"/*.dll "$target/bin/"
cp "$root"/module/*.psd1 "$root"/module/*.psm1 "$root"/module/*.ps1xml "$root/module/THIRD-PARTY.txt" "$root/LICENSE" "$root/CHANGELOG.md" "$target/"
sed -i -E -f "$root/module/views.sed" "$target/PreRecordMigration.Format.ps1xml"
cp -r "$root/module/en-US" "$root/module/examples" "$root/module/service" "$root/module/scripts" "$target/"

# The shim is optional: without it the module runs on the simulated host, and says what to install where Xen is named. There is one for each
# version of Xen, and the module loads that of its host.
for folder in "$root"/artifacts/native/*/; do
    if [[ -e $folder/libprerecordxen.so ]]; then
        mkdir -p "$target/bin/runtimes/linux-x64/native"
        cp -R "${folder%/}" "$target/bin/runtimes/linux-x64/native/"
    fi
done
