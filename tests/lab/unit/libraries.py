"""Shared libraries for tests of what is loaded ahead of others."""
import subprocess


def build(folder, name, source, *options):
    """Builds a source into a shared library of the folder."""
    subprocess.run(["gcc", "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", *options, "-shared", "-fPIC", "-o", folder / name, source, "-ldl"], check=True)
