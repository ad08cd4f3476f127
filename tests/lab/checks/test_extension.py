"""The hypervisor's extension on real PV guests: what it records is true, originals are kept, missing pages are served.

LAB_EXTENSION_REPEATS: how often each load is rolled back and served (default 1).
"""
import contextlib
import os
import random
import time
import unittest

from extension_tool import ACCESSES, BACKUPS, FULL, LOST, RUNNING, Refused, Tool, install
from lab_guest import Guest
from prerecord_lab import Lab

HOST = Lab.attach().host(1)
REPEATS = int(os.environ.get("LAB_EXTENSION_REPEATS", "1"))
PACED = "console=hvc0 quiet mitigations=off lab.mib=16 lab.rate=1000 lab.workload="
LOADS = ("idle", "writer2", "many2", "redis")


def setUpModule():
    install(HOST)


def free_memory():
    return int(HOST.run("xl info | sed -n 's/^free_memory *: //p'").check().stdout)


@contextlib.contextmanager
def running(config, *overrides):
    """A PV guest and a tool for it; afterwards both are gone and the host has its memory back."""
    before = free_memory()
    workload = config.rstrip("2")
    guest = Guest(HOST, config).create('type="pv"', f'extra="{PACED}{workload}"', *overrides)
    tool = None
    try:
        guest.wait_report(lambda report: report.beat >= 3 and (report.keys or workload != "redis"), "three beats")
        tool = Tool(guest)
        yield guest, tool
    finally:
        if tool:
            tool.kill()
        if guest.exists():
            guest.destroy()
    deadline = time.monotonic() + 60
    while free_memory() < before:
        if time.monotonic() > deadline:
            raise AssertionError(f"{before - free_memory()} MiB did not come back")
        time.sleep(0.5)


def begin(tool, slots=20000, flags=ACCESSES | BACKUPS):
    """Snapshot and start at one instant of the guest."""
    tool(f"prepare {slots}")
    tool(f"grow {slots}")
    tool("pause")
    tool("snapshot")
    tool(f"start {flags}")
    tool("unpause")


def end(tool):
    tool("unpause")
    tool("stop")
    tool("release")


class Test(unittest.TestCase):
    def check_rollback(self, tool):
        tool("pause")
        found = tool.numbers("compare")
        flags = tool.numbers("query")["flags"]
        end(tool)
        self.assertEqual((found["wrong"], flags & LOST), (0, 0), found)
        self.assertLessEqual(found["excused"], 8)
        return found

    def check_healthy(self, guest, beats=5):
        before, after = guest.wait_progress(beats)
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload not in ("idle", "redis", "many"):
            self.assertGreater(after.checks, before.checks)
        if after.workload == "redis":
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))


class Recording(Test):
    def test_the_trajectory_is_true(self):
        with running("trail") as (guest, tool):
            begin(tool)
            page = {int(pfn): int(number) for number, pfn in (word.split(":") for word in tool(f"find {TRAIL_MAGIC}").split())}
            self.assertEqual(sorted(page.values()), list(range(TRAIL_PAGES)))
            for request in (7, 8, 9):
                tool("epoch")
                guest.write("data/lab-request", request)
                while f"request={request} " not in (guest.read("data/lab-reply") or ""):
                    time.sleep(0.2)
                tool("epoch")
                seen = [(page[pfn], written) for pfn, written in tool.records() if pfn in page]
                self.assertEqual(seen, trail(request))
            tool("pause")
            end(tool)
            self.check_healthy(guest)

    def test_originals_are_kept(self):
        for load in LOADS:
            with self.subTest(load), running(load) as (guest, tool):
                for _ in range(REPEATS):
                    begin(tool)
                    for _ in range(6):
                        time.sleep(0.5)
                        tool("epoch")
                    found = self.check_rollback(tool)
                    print(f"\n{load}: {found}", end="", flush=True)
                    self.assertGreater(found["changed"], 20)
                    self.check_healthy(guest, 2)

    def test_originals_are_kept_while_the_guest_balloons_and_is_logged(self):
        with running("writer2") as (guest, tool):
            begin(tool)
            HOST.run(f"xl mem-set {guest.name} 100", 60).check()
            saving = HOST.start(f"xl save -c {guest.name} /tmp/extension.save")
            for _ in range(6):
                time.sleep(0.5)
                tool("epoch")
            HOST.run(f"xl mem-set {guest.name} 128", 60).check()
            saving.wait(300).check()
            HOST.run("rm /tmp/extension.save").check()
            time.sleep(2)
            print(f"\nballooned and saved: {self.check_rollback(tool)}", end="", flush=True)
            self.check_healthy(guest)

    def test_a_full_store_pauses_the_domain_and_growing_lets_it_run(self):
        with running("writer2", 'extra="console=hvc0 quiet mitigations=off lab.workload=writer lab.mib=16"') as (guest, tool):
            tool("prepare 20000")
            with self.assertRaisesRegex(Refused, "No space left"):
                tool(f"start {ACCESSES | BACKUPS}")
            tool("grow 256")
            tool("pause")
            tool("snapshot")
            tool(f"start {ACCESSES | BACKUPS}")
            tool("unpause")
            for slots in (600, 1200, 20000):
                while not tool.numbers("query")["flags"] & FULL:
                    tool("wait 1000")
                stopped = tool.numbers("query")
                self.assertLessEqual(stopped["used"], stopped["slots"])
                time.sleep(1)
                self.assertEqual(tool.numbers("query")["used"], stopped["used"])
                tool(f"grow {slots}")
            self.assertFalse(tool.numbers("query")["flags"] & FULL)
            time.sleep(1)
            self.check_rollback(tool)
            self.check_healthy(guest)


class RemotePF(Test):
    def test_missing_pages_are_served(self):
        for load in LOADS:
            with self.subTest(load), running(load) as (guest, tool):
                for _ in range(REPEATS):
                    tool("pause")
                    tool("snapshot")
                    away = tool.numbers("away")
                    tool("unpause")
                    print(f"\n{load}: away {away['away']}, {tool('answer 32 20')}", end="", flush=True)
                    self.assertGreater(away["away"], 30000)
                    tool("stop")
                    tool("release")
                    self.check_healthy(guest)


class Failures(Test):
    def test_a_killed_tool_leaves_a_running_guest_that_another_tool_takes_over(self):
        with running("writer2") as (guest, tool):
            begin(tool)
            tool.kill()
            self.check_healthy(guest)
            second = Tool(guest)
            self.assertTrue(second.numbers("query")["flags"] & RUNNING)
            with self.assertRaisesRegex(Refused, "busy"):
                second("prepare 20000")
            second("stop")
            second("release")
            second.close()
            self.check_healthy(guest)

    def test_a_guest_may_be_destroyed_while_it_is_recorded(self):
        with running("writer2") as (guest, tool):
            begin(tool)
            time.sleep(1)
            guest.destroy()

    def test_a_guest_may_be_destroyed_while_pages_are_missing(self):
        for load in ("writer2", "many2"):
            with self.subTest(load), running(load) as (guest, tool):
                tool("pause")
                tool("snapshot")
                tool("away")
                tool("unpause")
                with self.assertRaisesRegex(Refused, "busy"):
                    tool("stop")
                time.sleep(1)
                self.assertGreater(tool.numbers("query")["count"], 0)
                guest.destroy()

    def test_absurd_arguments_are_refused(self):
        numbers = (0, 1, 7, 8, 511, 512, 32767, 32768, 32769, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 47, 1 << 63, (1 << 64) - 1)
        choose = random.Random(5)
        with running("writer2") as (guest, tool):
            for _ in range(600):
                version = choose.choice((1, 1, 1, 1, 1, 1, 1, 0, 2, (1 << 32) - 1))
                command = choose.choice((*range(14), 1 << 31, (1 << 32) - 1))
                flags = choose.choice((0, 0, 0, 1, 2, 3, 4, (1 << 32) - 1))
                pad = choose.choice((0, 0, 0, 0, 0, 0, 0, 1))
                tool("raw " + " ".join(map(str, (version, command, flags, pad, *(choose.choice(numbers) for _ in range(4))))))
            for command in ("stop", "release"):
                with contextlib.suppress(Refused):
                    tool(command)
            # Whatever happened before, a proper recording works.
            begin(tool)
            tool("epoch")
            self.check_rollback(tool)
            self.check_healthy(guest)


# What tests/lab/guest/trail.c does.
TRAIL_PAGES, TRAIL_STEPS, TRAIL_MAGIC = 1024, 512, 0x7472616c69617274


def trail(request):
    """The pages that the request touches, in order: (page, whether written)."""
    mask = (1 << 64) - 1
    state = request

    def draw():
        nonlocal state
        state = (state + 0x9e3779b97f4a7c15) & mask
        z = ((state ^ (state >> 30)) * 0xbf58476d1ce4e5b9) & mask
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & mask
        return z ^ (z >> 31)

    order, touched = list(range(TRAIL_PAGES)), []
    for i in range(TRAIL_STEPS):
        j = i + draw() % (TRAIL_PAGES - i)
        order[i], order[j] = order[j], order[i]
        touched.append((order[i], draw() % 4 == 0))
    return touched


if __name__ == "__main__":
    unittest.main()
