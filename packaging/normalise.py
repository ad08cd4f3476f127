"""Writes a .nupkg anew so that it has nothing of when and where it was made: its entries in order, each with the commit's time, and the one
whose name is chosen at random by a name of its own; the types of its contents in order.

usage: normalise.py PACKAGE RESULT, with SOURCE_DATE_EPOCH
"""
import os
import re
import sys
import time
import zipfile

RANDOM = re.compile(rb"package/services/metadata/core-properties/[0-9a-f]+\.psmdcp")
NAMED = b"package/services/metadata/core-properties/properties.psmdcp"
TYPE = re.compile(rb"<(?:Default|Override) [^>]*/>")
IDENTIFIER = re.compile(rb'Id="R[0-9A-F]+"')


def rewritten(name, content):
    """An entry as it is kept. The relations name the random entry, and have random identifiers."""
    if name == "_rels/.rels":
        content = RANDOM.sub(NAMED, content)
        numbers = iter(range(1, 1000))
        content = IDENTIFIER.sub(lambda _: b'Id="R%d"' % next(numbers), content)
    if name == "[Content_Types].xml":
        types = iter(sorted(TYPE.findall(content)))
        content = TYPE.sub(lambda _: next(types), content)
    return RANDOM.sub(NAMED, name.encode()).decode(), content


def main(package, result):
    moment = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    with zipfile.ZipFile(package) as source:
        entries = dict(rewritten(info.filename, source.read(info)) for info in source.infolist() if not info.is_dir())
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name in sorted(entries):
            info = zipfile.ZipInfo(name, moment)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            target.writestr(info, entries[name])


if __name__ == "__main__":
    main(*sys.argv[1:])
