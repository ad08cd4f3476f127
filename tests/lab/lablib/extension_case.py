"""What the checks of the hypervisor's extension share: guests with their tool, recordings, and the proof of a rollback."""
import contextlib
import os
import unittest

from lablib.configurations import NATIVE_CLOCK
from lablib.extension_tool import ACCESSES, BACKUPS, LOST, Tool, install
from lablib.guest import Guest
from lablib.lab import Lab
from lablib.memory import expect_memory, free_memory

HOST = Lab.attach().host(1)
VCPUS = int(os.environ.get("LAB_EXTENSION_VCPUS", "2"))
WORDS = "console=hvc0 quiet mitigations=off lab.mib=16 lab.rate={rate} lab.keys=200 lab.workload={workload}"


def install_tool():
    install(HOST)


def serves_nested_paging():
    """Whether this host's hypervisor also records guests with nested paging: on AMD's processors."""
    return "prerecord-nested" in HOST.run("xl info | grep xen_caps", 120).check().stdout


@contextlib.contextmanager
def running(config, *overrides, rate=1000):
    """A PV guest, or what the overrides make of it, and a tool for it. Afterwards both are gone and the host has all of its memory back."""
    before = free_memory(HOST)
    HOST.run(f": > /out/guest-{config}.log", 120).check()
    workload = config.rstrip("2")
    if 'type="pvh"' in overrides:
        overrides += NATIVE_CLOCK
    guest = Guest(HOST, config).create('type="pv"', 'on_reboot="preserve"', f'extra="{WORDS.format(rate=rate, workload=workload)}"', *overrides, timeout=300)
    tool = None
    try:
        guest.wait_report(lambda report: report.beat >= 3 and (report.keys or workload != "redis") and
                          (report.checks or workload != "devices"), "its workload", 600)
        tool = Tool(guest)
        yield guest, tool
    finally:
        if tool:
            tool.kill()
        if guest.exists():
            guest.destroy()
        HOST.run("rm -f /tmp/extension-[0-9]*", 120).check()
    expect_memory(HOST, before)


def stands_still(guest, tool):
    """Whether the guest, which would never rest, uses no processor time. `xl list` does not show a pause by the extension, and
    `xl unpause` does not end it."""
    def used():
        tool("wait 1000")
        return guest.listed()[5]
    return used() == used()


class Case(unittest.TestCase):
    def require_nested_paging(self):
        if not serves_nested_paging():
            self.skipTest("nested paging is recorded by the hypervisor on AMD's processors")

    def begin(self, tool, slots=20000, flags=ACCESSES | BACKUPS):
        """Starts a recording, and copies the memory of that instant."""
        tool(f"prepare {slots}")
        tool(f"grow {slots}")
        tool("pause")
        tool(f"start {flags}")
        tool("snapshot")
        tool("unpause")

    def check_rollback(self, tool, excused=8):
        """Ends the recording. The originals, and the pages that were not written, must together be the memory at its start."""
        tool("pause")
        found = tool.numbers("compare")
        flags = tool.numbers("query")["flags"]
        tool("stop")
        tool("release")
        tool("unpause")
        self.assertEqual((found["wrong"], flags & LOST), (0, 0), found)
        self.assertLessEqual(found["excused"], excused, found)
        return found

    def record(self, guest, tool, epochs=3, excused=8, flags=ACCESSES | BACKUPS):
        """One recording of `epochs` epochs, each as long as a heartbeat of the guest."""
        self.begin(tool, flags=flags)
        for _ in range(epochs):
            guest.wait_progress(1)
            tool("epoch")
        return self.check_rollback(tool, excused)

    def send_away(self, tool):
        """Spoils and declares missing all pages that can be; the guest is left paused. Returns how many."""
        tool("pause")
        tool("snapshot")
        away = tool.numbers("spoil")["away"]
        tool("prepare 0")
        self.assertEqual(tool.numbers("missing")["missing"], away)
        tool("serve")
        return away

    def serve(self, tool):
        """Serves all pages, from the first missing one to the last. Returns what `answer` says."""
        away = self.send_away(tool)
        tool("unpause")
        answered = tool.numbers("answer 32 20", 1200)
        tool("stop")
        tool("release")
        return {"away": away, **answered}

    def check_healthy(self, guest, beats=3):
        console = HOST.run(f"grep 'multicall(s) failed' -A1 /out/guest-{guest.name}.log", 120).stdout
        self.assertEqual(console, "", "the kernel's page table operations fail")
        before, after = guest.wait_progress(beats, 600)
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("writer", "devices"):
            self.assertGreater(guest.wait_report(lambda report: report.checks > before.checks, "another check", 600).errors + 1, 0)
        if after.workload == "redis":
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))
