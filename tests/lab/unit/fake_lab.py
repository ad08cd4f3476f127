"""A lab whose machines are unit/machine.py: what stands between a command and dom0's agent is real, and nothing boots."""
import os
import subprocess
import tempfile
from pathlib import Path

from lablib.paths import IMAGES, LAB


class FakeMachines:
    """A folder with a QEMU that is none, and with the agent. `environment` has them; `close` removes the folder."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = Path(self._folder.name)
        (self.folder / "qemu-system-x86_64").symlink_to(LAB / "unit" / "machine")
        # Sockets of labs lie beside it, so that no lab that runs here is met.
        self.silent = {**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}", "XDG_RUNTIME_DIR": str(self.folder)}
        self.silent.pop("PRERECORD_LAB", None)

    def environment(self):
        """Of machines that come up; `silent` is that of machines that never do."""
        agent = self.folder / "agent"
        if not agent.exists():
            subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", agent, IMAGES / "dom0" / "agent.c"], check=True)
        return {**self.silent, "LAB_UNIT_AGENT": str(agent)}

    def close(self):
        self._folder.cleanup()
