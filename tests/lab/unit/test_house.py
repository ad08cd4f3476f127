"""How the lab is laid out: its commands, and the modules of its library."""
import ast
import graphlib
import os
import re
import subprocess
import unittest

from lablib.paths import LAB


def imports(path):
    """The modules of the library that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "lablib":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lablib."):
            found.add(node.module.split(".")[1])
    return found


class Commands(unittest.TestCase):
    def test_each_file_of_bin_and_measure_is_a_command_of_the_lab_and_in_its_readme(self):
        readme = (LAB / "README.md").read_text(encoding="utf-8")
        for folder in ("bin", "measure"):
            for path in (LAB / folder).iterdir():
                if path.is_file():
                    with self.subTest(path.name):
                        self.assertEqual(os.readlink(LAB / path.name), f"{folder}/{path.name}")
                        self.assertTrue(os.access(path, os.X_OK))
                        self.assertRegex(readme, rf"(?m)^(\| `|tests/lab/){path.name}[ `]")

    def test_no_link_leads_nowhere(self):
        self.assertEqual([path.name for path in LAB.iterdir() if path.is_symlink() and not path.exists()], [])


class Cache(unittest.TestCase):
    def test_what_an_image_is_made_from_is_in_its_key(self):
        build = (LAB / "bin" / "build").read_text(encoding="utf-8")
        for part in ("dom0", "guest"):
            with self.subTest(part):
                work = re.search(rf"^build_{part}\(\) {{\n(.*?)^}}", build, re.M | re.S)[1]
                words = re.search(rf'^{part}=\$\(hash_of "\$archive/packages" (.*)\)$', build, re.M)[1]
                key = subprocess.run(["bash", "-c", f"printf '%s\\n' {words}"], capture_output=True, text=True, check=True).stdout.split()
                made_from = {f"tests/lab/images/{name}" for name in re.findall(r'\$images"?/([\w.-]+)', work)}
                self.assertEqual(set(key), made_from | {"tests/lab/bin/build"})


class Library(unittest.TestCase):
    def setUp(self):
        self.modules = {path.stem: path for path in (LAB / "lablib").glob("*.py") if path.stem != "__init__"}

    def test_modules_form_no_circle(self):
        graphlib.TopologicalSorter({name: imports(path) for name, path in self.modules.items()}).prepare()

    def test_each_module_is_used_and_listed(self):
        listed = (LAB / "lablib" / "__init__.py").read_text(encoding="utf-8")
        used = set().union(*(imports(path) for folder in ("lablib", "bin", "measure", "checks", "unit") for path in (LAB / folder).iterdir()
                             if path.suffix == ".py" or path.is_file() and b"python" in path.read_bytes().split(b"\n", 1)[0]))
        self.assertEqual(used, set(self.modules))
        for name in self.modules:
            self.assertRegex(listed, rf"(?m)^    {name} ")

    def test_no_file_is_long(self):
        for path in LAB.rglob("*"):
            if path.is_file() and "artifacts" not in path.parts and path.suffix in ("", ".py", ".c", ".h", ".ps1"):
                with self.subTest(str(path)):
                    self.assertLess(path.read_text(encoding="utf-8").count("\n"), 400)
