"""The hypervisor's extension on real guests: what it records is true, originals are kept, missing pages are served.

LAB_EXTENSION_ROLLBACKS, LAB_EXTENSION_SERVED: how often each load is rolled back and served (default 2 and 1).
"""
import os

from lablib.extension_case import HOST, Case, install_tool, running, serves_nested_paging, stands_still
from lablib.extension_tool import ACCESSES, BACKUPS, FULL, HARVEST, Refused

ROLLBACKS = int(os.environ.get("LAB_EXTENSION_ROLLBACKS", "2"))
SERVED = int(os.environ.get("LAB_EXTENSION_SERVED", "1"))


def setUpModule():
    install_tool()


class Recording(Case):
    def trails(self, flags, *overrides, before=lambda tool, page, touched: None):
        """Records a guest that goes along trails. Yields for each trail what the guest touched and what was recorded of that, as (page, whether
        written). `before` is called before each trail, with the trail's page of each pfn, and may add to what is touched."""
        with running("trail", *overrides) as (guest, tool):
            guest.request(6)  # once the guest answers, the trail's pages are there
            self.begin(tool, flags=flags)
            page = {int(pfn): int(number) for number, pfn in (word.split(":") for word in tool(f"find {TRAIL_MAGIC}").split())}
            self.assertEqual(sorted(page.values()), list(range(TRAIL_PAGES)))
            for request in (7, 8, 9):
                tool("epoch")
                touched = trail(request)
                before(tool, page, touched)
                guest.request(request)
                tool("epoch")
                yield touched, [(page[pfn], written) for pfn, written in tool.records() if pfn in page]
            if flags & BACKUPS:
                self.check_rollback(tool)
            self.check_healthy(guest)

    def test_the_trajectory_is_true(self):
        for overrides in ((), ('type="pvh"', "hap=0"), *([('type="pvh"',)] if serves_nested_paging() else [])):
            with self.subTest(overrides):
                for touched, recorded in self.trails(ACCESSES | BACKUPS, *overrides):
                    self.assertEqual(recorded, touched)

    def test_a_page_that_xen_changes_leaves_those_around_it_untouched(self):
        # Xen changes the entry of one page inside a large page that nobody has touched yet. That counts as a write to the one page alone.
        self.require_nested_paging()

        def change(tool, page, touched):
            away = {number for number, _ in touched}
            changed = {pfn // 512: pfn for pfn, number in page.items() if number not in away}
            tool("pause")
            for pfn in changed.values():
                tool(f"retype {pfn}")
            tool("unpause")
            touched += [(page[pfn], True) for pfn in changed.values()]

        for flags in (ACCESSES | BACKUPS, ACCESSES | BACKUPS | HARVEST):
            with self.subTest(flags):
                for touched, recorded in self.trails(flags, 'type="pvh"', before=change):
                    self.assertEqual(sorted(recorded), sorted(touched))

    def test_the_trajectory_by_the_processor_s_own_bits_is_true(self):
        self.require_nested_paging()
        for flags in (ACCESSES | HARVEST, ACCESSES | BACKUPS | HARVEST):
            with self.subTest(flags):
                known, written = set(), set()
                for touched, recorded in self.trails(flags, 'type="pvh"'):
                    self.assertEqual(sorted(recorded), sorted(touched))
                    # Pages new to the recording come in order, and so do first writes where originals are kept; the rest is found at the end.
                    faults = [(page, write) for page, write in touched if page not in known or (flags & BACKUPS and write and page not in written)]
                    self.assertEqual(recorded[:len(faults)], faults)
                    known.update(page for page, _ in touched)
                    written.update(page for page, write in touched if write)

    def test_a_full_store_pauses_the_domain_and_growing_lets_it_run(self):
        with running("writer2", rate=0) as (guest, tool):
            tool("prepare 20000")
            with self.assertRaisesRegex(Refused, "No space left"):
                tool(f"start {ACCESSES | BACKUPS}")
            tool("grow 256")
            tool("pause")
            tool(f"start {ACCESSES | BACKUPS}")
            tool("snapshot")
            tool("unpause")
            for slots in (600, 1200, 20000):
                while not tool.numbers("query")["flags"] & FULL:
                    tool("wait 1000")
                self.assertTrue(stands_still(guest, tool))
                stopped = tool.numbers("query")
                self.assertLessEqual(stopped["used"], stopped["slots"])
                tool(f"grow {slots}")
            guest.wait_progress(1)
            self.assertFalse(tool.numbers("query")["flags"] & FULL)
            self.check_rollback(tool)
            self.check_healthy(guest)


class Writers(Case):
    """Writes by Xen that depend on an instant: here the instant is forced."""

    def test_page_tables_that_are_loaded_for_the_first_time(self):
        # Xen completes the root table of a process when it is first loaded. Each child has one or two of them.
        with running("born2") as (guest, tool):
            for request in (1, 3):
                guest.request(request)
                self.begin(tool)
                guest.request(request + 1)
                self.check_rollback(tool)
            self.check_healthy(guest)

    def test_a_clock_that_is_set(self):
        # Xen writes it into the page that it shares with the guest. For an HVM guest this is one of the guest's own pages.
        for paging in ("hap=0", "hap=1"):
            if paging == "hap=1" and not serves_nested_paging():
                continue
            with self.subTest(paging), running("idle", 'type="pvh"', paging) as (guest, tool):
                for _ in range(2):
                    self.begin(tool)
                    HOST.run("date -s @$(($(date +%s) + 1))", 120).check()
                    guest.wait_progress(1)
                    self.check_rollback(tool)
                self.check_healthy(guest)


class Load(Case):
    """Each load is recorded, rolled back and served again and again on one guest."""

    def check(self, config, *overrides, flags=ACCESSES | BACKUPS):
        with running(config, *overrides) as (guest, tool):
            for _ in range(ROLLBACKS):
                found = self.record(guest, tool, flags=flags)
                print(f"\n{config}: {found}", end="", flush=True)
                self.assertGreater(found["changed"], 20)
            self.check_healthy(guest)
            for _ in range(SERVED):
                found = self.serve(tool)
                print(f"\n{config}: {found}", end="", flush=True)
                self.assertGreater(found["away"], 25000)
                self.check_healthy(guest)

    def test_idle(self):
        self.check("idle")

    def test_writer_on_two_vcpus(self):
        self.check("writer2")

    def test_many_processes_on_two_vcpus(self):
        self.check("many2")

    def test_redis(self):
        self.check("redis", "memory=192")

    def test_shadow_hvm_writer_on_two_vcpus(self):
        self.check("writer2", 'type="pvh"', "hap=0")

    def test_shadow_hvm_many_processes(self):
        self.check("many", 'type="pvh"', "hap=0")

    def test_nested_writer_on_two_vcpus(self):
        self.check_nested("writer2")

    def test_nested_many_processes_on_two_vcpus(self):
        self.check_nested("many2")

    def check_nested(self, config):
        self.require_nested_paging()
        # The module records like this; the trajectory above is also tried by faults alone.
        self.check(config, 'type="pvh"', flags=ACCESSES | BACKUPS | HARVEST)

    def test_ballooning_and_log_dirty_at_once(self):
        self.check_ballooned_and_saved()

    def test_nested_ballooning_and_log_dirty_at_once(self):
        self.require_nested_paging()
        self.check_ballooned_and_saved('type="pvh"', flags=ACCESSES | BACKUPS | HARVEST)

    def check_ballooned_and_saved(self, *overrides, flags=ACCESSES | BACKUPS):
        with running("writer2", *overrides) as (guest, tool):
            for _ in range(ROLLBACKS):
                tool("logdirty 1")
                self.begin(tool, flags=flags)
                for mib in (100, 128):
                    HOST.run(f"xl mem-set {guest.name} {mib}", 120).check()
                    for _ in range(2):
                        guest.wait_progress(1)
                        tool("epochs 1 1 1")
                        tool("epoch")
                    while abs(guest.memory() - mib) > 2:
                        tool("wait 2000")
                # A kernel that is moving its balloon does not suspend, and the save fails.
                HOST.run(f"xl save -c {guest.name} /tmp/extension.save && rm /tmp/extension.save", 600).check()
                guest.wait_progress(1)
                print(f"\nballooned and saved: {self.check_rollback(tool)}", end="", flush=True)
            self.check_healthy(guest)

    def test_disk_and_network(self):
        HOST.run("/etc/xen/scripts/lab-devices", 120).check()
        with running("devices") as (guest, tool):
            for _ in range(ROLLBACKS):
                found = self.record(guest, tool, excused=600)
                print(f"\ndevices: {found}", end="", flush=True)
                self.assertGreater(found["changed"], 20)
            self.check_healthy(guest)


# What tests/lab/images/guest/trail.c does.
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
