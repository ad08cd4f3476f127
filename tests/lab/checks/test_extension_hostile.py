"""Guests that mean harm, while the hypervisor's extension records and serves them: the host lives, and the guest alone is the loser.

LAB_EXTENSION_CALLS: how many calls the fuzzer makes (default 1500).
"""
import contextlib
import os

from lablib.extension_case import HOST, Case, install_tool, running, serves_nested_paging
from lablib.extension_tool import ACCESSES, BACKUPS, HARVEST, Refused, Tool

CALLS = int(os.environ.get("LAB_EXTENSION_CALLS", "1500"))
# The last digits of requests, as in tests/lab/images/guest/hostile.c.
REACH, FIND, WRITE, DIE, CALL, GRANT, LIE, GIVE, HOARD, LIE_FOR_GOOD = range(10)
HOARDED, FAR_AWAY = 256, 1 << 28
RECORDS, STORE, SLOTS = range(3)


def setUpModule():
    install_tool()


class Hostile(Case):
    def setUp(self):
        self.number = 0

    def ask(self, guest, what, timeout=600):
        """What the guest could map: (how many frames, how many of them were not its own before)."""
        self.number += 10
        reply = guest.request(self.number + what, timeout)
        return int(reply["right"]), int(reply["wrong"])

    def check_calls(self, *overrides, flags=ACCESSES | BACKUPS):
        """Has both the guest and the tool make absurd hypercalls, while the guest changes its page tables and gives pages back where it can."""
        with running("hostile2", *overrides) as (guest, tool):
            self.begin(tool, slots=32768, flags=flags)
            for _ in range(2):
                self.ask(guest, CALL, 1200)
                tool("epoch")
            self.check_rollback(tool)
            self.check_healthy(guest)
            self.send_away(tool)
            tool("unpause")
            tool.send("answer 32 20")
            self.ask(guest, CALL, 1200)
            tool.receive(1200)
            tool("stop")
            tool("release")
            self.check_healthy(guest)
            # The tool's calls leave the guest paused. It can do what it was asked for when it runs again.
            self.number += 10
            guest.write("data/lab-request", self.number + CALL)
            tool(f"fuzz 5 {CALLS}", 1200)
            tool("tidy", 600)
            guest.request(self.number + CALL, 1200)
            self.check_healthy(guest)

    def destroy_itself(self, guest):
        """Returns when the guest has crashed, or hardly runs and says nothing, or has run for long without a word. Time is the guest's own, as
        the machine may be slow."""
        self.number += 10
        guest.write("data/lab-request", self.number + DIE)
        word, spoken, used, quiet = None, 0, 0, 0
        while used - spoken < 20 and quiet < 5:
            *_, state, time = guest.listed()
            if "c" in state:
                return
            report, rested = guest.report(), float(time) - used < 0.5
            used = float(time)
            quiet = quiet + 1 if rested and report == word else 0
            if report != word:
                word, spoken = report, used
            # The host has to answer, however slow the emulating machine is beside two vCPUs that never rest.
            HOST.run("sleep 2", 600).check()

    def check_end_while_recorded(self, *overrides, flags=ACCESSES | BACKUPS):
        with running("hostile2", *overrides) as (guest, tool):
            self.begin(tool, slots=32768, flags=flags)
            self.destroy_itself(guest)
            tool("epoch")
            self.assertGreater(self.check_rollback(tool)["changed"], 250)

    def check_end_while_served(self, *overrides):
        with running("hostile2", *overrides) as (guest, tool):
            self.send_away(tool)
            tool("unpause")
            tool("answer 64 5 20000", 1200)
            tool.send("answer 64 5")
            self.destroy_itself(guest)
            guest.destroy()
            with contextlib.suppress(Refused):  # the domain may go while a page is on its way
                tool.receive(600)


class Granted(Hostile):
    """Pages that are missing are granted: another domain cannot wait in Xen for them."""

    def check_grants(self, *overrides):
        with running("hostile2", *overrides) as (guest, tool):
            self.ask(guest, GRANT)
            references = [int(word) for word in guest.read("data/lab-grants").split()]
            self.assertEqual(len(references), 24)
            second = Tool(guest)
            self.send_away(tool)
            # The tool does not send the page yet: Xen asks for it, and tells the other domain to try again.
            with self.assertRaises(Refused):
                second(f"grant {references[0]} 0")
            self.assertGreater(tool.numbers("query")["count"], 0)
            tool("unpause")
            tool.send("answer 32 20")
            for reference in references:
                self.assertEqual(second.numbers(f"grant {reference} 600000", 700)["word"], reference)
            tool.receive(1200)
            tool("stop")
            tool("release")
            second.kill()
            self.check_healthy(guest)

    def test_by_a_paravirtual_guest(self):
        self.check_grants()

    def test_with_shadow_page_tables(self):
        self.check_grants('type="pvh"', "hap=0")

    def test_with_nested_paging(self):
        self.require_nested_paging()
        self.check_grants('type="pvh"')


class Translated(Hostile):
    """A PVH guest names guest frames. Its page tables are its own, and change whenever it likes."""

    def each_paging(self):
        """For each kind of page tables: the configuration that has a guest use it, and the flags that it is recorded with."""
        for paging, flags in (("hap=0", ACCESSES | BACKUPS), *([("hap=1", ACCESSES | BACKUPS | HARVEST)] if serves_nested_paging() else [])):
            with self.subTest(paging):
                yield ('type="pvh"', paging), flags

    def test_its_absurd_calls_with_shadow_page_tables(self):
        self.check_calls('type="pvh"', "hap=0")

    def test_its_absurd_calls_with_nested_paging(self):
        self.require_nested_paging()
        self.check_calls('type="pvh"', flags=ACCESSES | BACKUPS | HARVEST)

    def test_it_gives_pages_back_while_it_is_recorded(self):
        for overrides, flags in self.each_paging():
            with running("hostile2", *overrides) as (guest, tool):
                self.ask(guest, HOARD)
                self.begin(tool, flags=flags)
                self.assertEqual(self.ask(guest, GIVE)[0], HOARDED)
                tool("epoch")
                self.assertGreaterEqual(self.check_rollback(tool)["backed"], HOARDED)
                self.check_healthy(guest)

    def test_it_gives_pages_back_that_are_missing(self):
        # Nobody asks for the old pages' content any more, and it does not overwrite the new pages in their place.
        for overrides, _ in self.each_paging():
            with running("hostile2", *overrides) as (guest, tool):
                self.ask(guest, HOARD)
                self.send_away(tool)
                tool("unpause")
                tool.send("answer 16 20")
                self.assertEqual(self.ask(guest, GIVE, 1200)[0], HOARDED)
                self.assertIn("missing 0", tool.receive(1200))
                tool("stop")
                tool("release")
                self.check_healthy(guest)

    def test_it_gives_all_of_its_memory_back_while_it_is_recorded(self):
        for overrides, flags in self.each_paging():
            self.check_end_while_recorded(*overrides, flags=flags)

    def test_it_gives_all_of_its_memory_back_while_it_is_served(self):
        for overrides, _ in self.each_paging():
            self.check_end_while_served(*overrides)

    def test_a_page_far_away_is_not_paid_for_by_the_host(self):
        # Xen keeps 20 bytes for each page that the domain may have, and the tool some more.
        for overrides, flags in self.each_paging():
            with running("hostile2", *overrides) as (guest, tool):
                self.assertEqual(self.ask(guest, REACH)[0], 1)
                with self.assertRaisesRegex(Refused, "too long"):
                    tool(f"claim {FAR_AWAY + 1}")
                self.record(guest, tool, epochs=1, flags=flags)
                self.check_healthy(guest)


class Paravirtualised(Hostile):
    """A PV guest names machine frames itself. It maps and writes all that Xen lets it have."""

    def test_its_absurd_calls(self):
        self.check_calls()

    def check_tables_are_xens(self, tool, *tables):
        """The tables that Xen fills and the tool reads are in frames of Xen: nobody can map them for writing, or as frames of the guest."""
        for table in tables:
            self.assertEqual(tool.numbers(f"table {table}"), {"xen": 1, "write": 0, "guest": 0})

    def test_it_writes_every_frame_while_it_is_recorded(self):
        with running("hostile2") as (guest, tool):
            own, _ = self.ask(guest, FIND)
            self.assertGreater(own, 30000)
            self.begin(tool, slots=32768)
            self.check_tables_are_xens(tool, RECORDS, STORE, SLOTS)
            for _ in range(2):
                written, new = self.ask(guest, WRITE)
                self.assertEqual(new, 0, "the guest has frames that are not its own")
                self.assertGreater(written, 30000)
                self.assertGreater(tool.numbers("epoch")["count"], 30000)
            self.check_rollback(tool)
            self.check_healthy(guest)

    def test_it_writes_every_frame_while_it_is_served(self):
        with running("hostile2") as (guest, tool):
            self.ask(guest, FIND)
            self.send_away(tool)
            self.check_tables_are_xens(tool, RECORDS)
            tool("unpause")
            tool.send("answer 32 20")
            _, new = self.ask(guest, WRITE, 1200)
            self.assertEqual(new, 0, "the guest has frames that are not its own")
            self.assertIn("missing 0", tool.receive(1200))
            tool("stop")
            tool("release")
            self.check_healthy(guest)

    def test_it_lies_about_page_numbers_while_it_is_recorded(self):
        with running("hostile2") as (guest, tool):
            self.ask(guest, HOARD)
            self.ask(guest, FIND)
            self.begin(tool)
            self.assertEqual(self.ask(guest, LIE)[0], HOARDED)
            tool("epoch")
            self.check_rollback(tool)
            self.check_healthy(guest)

    def test_it_lies_about_page_numbers_while_it_is_served(self):
        # A missing page is known by its number. One whose number has changed would be missing for ever.
        with running("hostile2") as (guest, tool):
            self.ask(guest, HOARD)
            self.ask(guest, FIND)
            self.send_away(tool)
            tool("unpause")
            tool.send("answer 32 20")
            self.assertEqual(self.ask(guest, LIE_FOR_GOOD, 1200)[0], HOARDED)
            self.assertIn("missing 0", tool.receive(1200))
            tool("stop")
            tool("release")
            self.check_healthy(guest)

    def test_it_destroys_itself_while_it_is_recorded(self):
        # The memory at the start is still known, because each original was taken before the first write to its page.
        self.check_end_while_recorded()

    def test_it_destroys_itself_while_it_is_served(self):
        self.check_end_while_served()
