"""Prints the bill of materials of a package as CycloneDX JSON: the NuGet packages whose assemblies are in it, with their versions and checksums.

usage: materials.py PROJECT-ASSETS PACKAGE
"""
import base64
import json
import sys
import zipfile
from pathlib import Path


def components(assets, shipped):
    """What NuGet restored and whose assemblies are shipped, in order."""
    [target] = [target for name, target in assets["targets"].items() if "/" not in name]
    for name, parts in sorted(target.items()):
        library = assets["libraries"][name]
        files = {Path(file).name for file in parts.get("runtime", {})}
        if library["type"] == "package" and files & shipped:
            package, version = name.split("/")
            yield {
                "type": "library", "name": package, "version": version, "purl": f"pkg:nuget/{package}@{version}",
                "hashes": [{"alg": "SHA-512", "content": base64.b64decode(library["sha512"]).hex()}],
            }


def main(assets, package):
    with zipfile.ZipFile(package) as archive:
        shipped = {Path(name).name for name in archive.namelist() if name.endswith(".dll")}
    name, version = Path(package).stem.split(".", 1)
    print(json.dumps({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": name, "version": version, "licenses": [{"license": {"id": "Apache-2.0"}}]}},
        "components": list(components(json.loads(Path(assets).read_text(encoding="utf-8")), shipped)),
    }, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
