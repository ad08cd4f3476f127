"""The receiver's service in a dom0, installed from its Debian package. dom0 has no systemd: a small supervisor runs the unit's command, again when it
was killed."""
import json
import re
import time

from lablib.errors import LabError
from lablib.ports import is_listening, wait_listening
from lablib.ways import PORT

# Not below /tmp: what root's service runs must be where only root may write, and so must each folder above.
FOLDER = "/opt/powershell"
LOG, STOP, PID = (f"/run/receiver{suffix}" for suffix in (".log", ".stop", ".pid"))
# PowerShell is a package of its own, which Debian does not have. What dom0 has of Debian's packages was not installed by dpkg, which so knows none.
INSTALL = f"""
[ -e /usr/bin/pwsh ] && exit
mkdir -p {FOLDER} && /bin/tar -C {FOLDER} --exclude=./PreRecordMigration -xf /share/prerecord.tar && chown -R root:root {FOLDER} || exit
mkdir -p /var/lib/dpkg/info /var/lib/dpkg/updates && touch /var/lib/dpkg/status || exit
/usr/bin/dpkg --force-depends,bad-path --install /share/prerecord-migration_*_amd64.deb || exit
printf '#!/bin/sh\nexec {FOLDER}/pwsh "$@"\n' > /usr/bin/pwsh && chmod 755 /usr/bin/pwsh
"""
SUPERVISOR = f"""
cd / && rm -f {STOP}
until [ -e {STOP} ]; do
    {{environment}} {{command}} >> {LOG} 2>&1 < /dev/null & echo $! > {PID}
    wait $!
done
"""


class Service:
    """Runs for as long as the context does."""

    def __init__(self, host, paging=""):
        self.host = host
        host.run(INSTALL, 600).check()
        settings = json.loads(host.run("cat /etc/prerecord/receiver.json", 60).check().stdout)
        if settings != {"Address": "127.0.0.1", "Port": PORT}:
            raise LabError(f"the package's service listens where the lab does not expect it: {settings}")
        unit = host.run("cat /lib/systemd/system/prerecord-receiver.service", 60).check().stdout
        self._script = SUPERVISOR.format(
            environment=f"env PRERECORD_XEN_PAGING={paging} " + re.search(r"^Environment=(.*)$", unit, re.M)[1],
            command=re.search(r"^ExecStart=(.*)$", unit, re.M)[1])
        self._heard = 0

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

    def said_since_last(self):
        """What it has said since this was last asked."""
        said = self.said
        new, self._heard = said[self._heard:], len(said)
        return new
