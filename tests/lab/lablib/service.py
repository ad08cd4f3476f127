"""The receiver's service in a dom0, which has no systemd: its package's script writes unit and settings, and a small supervisor runs the
unit's command, again when it was killed."""
import re
import time

from lablib.errors import LabError
from lablib.ports import is_listening, wait_listening
from lablib.ways import PORT

# Not below /tmp: what root's service runs must be where only root may write, and so must each folder above.
FOLDER = "/opt/prerecord"
UNIT, LOG, STOP, PID = (f"{FOLDER}/service{suffix}" for suffix in ("", ".log", ".stop", ".pid"))
SUPERVISOR = f"""
cd / && rm -f {STOP}
until [ -e {STOP} ]; do
    {{environment}} {{command}} >> {LOG} 2>&1 < /dev/null & echo $! > {PID}
    wait $!
done
"""


class Service:
    """Runs for as long as the context does."""

    def __init__(self, host):
        self.host = host
        host.run(f"[ -x {FOLDER}/pwsh ] || {{ mkdir -p {FOLDER} && tar -C {FOLDER} -xf /share/prerecord.tar && chown -R root:root {FOLDER}; }}", 300).check()
        host.run([f"{FOLDER}/pwsh", "-NoProfile", "-NonInteractive", "-File", f"{FOLDER}/PreRecordMigration/service/ReceiverService.ps1",
                  "-Install", "-Root", UNIT, "-Port", str(PORT), "-Force"], 300).check()
        unit = host.run(f"cp {UNIT}/etc/prerecord/receiver.json /etc/prerecord/ && cat {UNIT}/etc/systemd/system/prerecord-receiver.service").check().stdout
        self._script = SUPERVISOR.format(
            environment="env " + re.search(r"^Environment=(.*)$", unit, re.M)[1], command=re.search(r"^ExecStart=(.*)$", unit, re.M)[1])

    def __enter__(self):
        self._process = self.host.start(["sh", "-c", self._script])
        self.wait_ready()
        return self

    def __exit__(self, *_):
        self.host.run(f"touch {STOP}; kill -TERM $(cat {PID})", 60)
        self._process.wait(300)

    def wait_ready(self):
        """Waits until the receiver listens."""
        wait_listening(self.host, PORT, 600)

    def kill(self):
        """Ends the service by SIGKILL; the supervisor starts it again."""
        self.host.run(f"kill -KILL $(cat {PID})", 60).check()
        deadline = time.monotonic() + 60
        while is_listening(self.host, PORT):
            if time.monotonic() > deadline:
                raise LabError(f"host{self.host.number} listens on port {PORT} though its service was killed")

    @property
    def said(self):
        """What it has said so far."""
        return self.host.run(f"cat {LOG}", 60).stdout
