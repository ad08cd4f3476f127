"""Copies files of unpacked Debian packages, with the libraries they need, into an image's root."""
import glob
import os
import re
import shutil
import subprocess
import sys

LIBRARY_FOLDERS = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "usr/lib/xen-4.*/lib/x86_64-linux-gnu", "lib64"]
MERGED = re.compile(r"^(bin|sbin|lib|lib64)/")


class Image:
    def __init__(self, packages, root):
        self.packages, self.root, self.done = packages, root, set()

    def take(self, path):
        """Takes `path` (no leading slash): a file with its libraries, a link with its target, or a folder."""
        if path in self.done:
            return
        self.done.add(path)
        source = os.path.join(self.packages, path)
        target = os.path.join(self.root, MERGED.sub(r"usr/\1/", path))
        if os.path.islink(source):
            link = os.readlink(source)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.lexists(target):
                os.symlink(link, target)
            pointed = link.lstrip("/") if link.startswith("/") else os.path.normpath(os.path.join(os.path.dirname(path), link))
            if os.path.exists(os.path.join(self.packages, pointed)):
                self.take(pointed)
        elif os.path.isdir(source):
            os.makedirs(target, exist_ok=True)
            for name in sorted(os.listdir(source)):
                self.take(os.path.join(path, name))
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.lexists(target):
                shutil.copy2(source, target)
            self.take_libraries(source)

    def take_libraries(self, source):
        with open(source, "rb") as file:
            if file.read(4) != b"\x7fELF":
                return
        text = subprocess.run(["readelf", "-d", "-l", source], capture_output=True, text=True, check=True).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.*)\]", text):
            self.take(self.find_library(name, source))
        for name in re.findall(r"program interpreter: (.*)\]", text):
            self.take(name.lstrip("/"))

    def find_library(self, name, wanted_by):
        for folder in LIBRARY_FOLDERS:
            for path in glob.glob(os.path.join(self.packages, folder, name)):
                return os.path.relpath(path, self.packages)
        sys.exit(f"error: no package has {name}, which {wanted_by} needs")


def main():
    packages, root, lists = sys.argv[1], sys.argv[2], sys.argv[3:]
    for folder in ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "etc", "root", "var", "proc", "sys", "dev", "tmp", "run"]:
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    for folder in ["bin", "sbin", "lib", "lib64"]:
        if not os.path.lexists(os.path.join(root, folder)):
            os.symlink("usr/" + folder, os.path.join(root, folder))
    image = Image(packages, root)
    for name in lists:
        with open(name, encoding="utf-8") as file:
            for line in file:
                pattern = line.strip().lstrip("/")
                if not pattern or pattern.startswith("#"):
                    continue
                paths = sorted(glob.glob(os.path.join(packages, pattern)))
                if not paths:
                    sys.exit(f"error: {name} wants /{pattern}, which no package has")
                for path in paths:
                    image.take(os.path.relpath(path, packages))


main()
