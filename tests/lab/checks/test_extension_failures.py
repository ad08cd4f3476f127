"""What may go wrong with the hypervisor's extension: killed tools, destroyed guests, absurd calls. The host lives, its memory comes back.

LAB_EXTENSION_CALLS: how many calls the fuzzer makes (default 1500).
"""
import os

from lablib.errors import LabError
from lablib.extension_case import HOST, Case, install_tool, running, serves_nested_paging
from lablib.extension_tool import ACCESSES, BACKUPS, RUNNING, SERVING, Refused, Tool
from lablib.memory import expect_memory, free_memory

CALLS = int(os.environ.get("LAB_EXTENSION_CALLS", "1500"))


def setUpModule():
    install_tool()


class KilledTool(Case):
    """At each step the tool is killed. Another tool, which is refused while the first one lives, then takes over and ends what was begun, or goes on."""

    def successor(self, guest, tool, load=False):
        """`load`: the guest's own table of its memory is missing, so the second tool takes what the first one left in a file."""
        second = Tool(guest)
        if load:
            second("load")
        with self.assertRaisesRegex(Refused, "busy"):
            second("prepare 20000")
        with self.assertRaisesRegex(Refused, "busy"):
            second("adopt")
        tool.kill()
        self.assertEqual(second.numbers("adopt")["pfns"] > 30000, True)
        return second

    def test_while_it_records(self):
        steps = ("prepare 20000", "grow 20000", f"start {ACCESSES | BACKUPS}", "epoch", "stop")
        with running("writer2") as (guest, tool):
            for last in range(len(steps)):
                for step in steps[:last + 1]:
                    tool(step)
                tool = self.successor(guest, tool)
                if tool.numbers("query")["flags"] & RUNNING:
                    self.check_healthy(guest, 1)
                    tool("epoch")
                    tool("stop")
                tool("release")
            self.record(guest, tool)
            self.check_healthy(guest)
            tool.kill()

    def test_while_pages_are_missing(self):
        with running("writer2") as (guest, tool):
            self.send_away(tool)
            tool = self.successor(guest, tool, load=True)
            tool("unpause")
            tool("answer 16 5 2000", 600)
            tool = self.successor(guest, tool, load=True)
            self.assertTrue(tool.numbers("query")["flags"] & SERVING)
            self.assertEqual(tool.numbers("answer 64 5", 1200)["missing"], 0)
            tool("stop")
            tool("release")
            self.check_healthy(guest)
            tool.kill()


class Destroyed(Case):
    def test_while_it_is_recorded(self):
        with running("many2") as (guest, tool):
            self.begin(tool)
            guest.wait_progress(1)
            guest.destroy()

    def test_while_pages_are_missing(self):
        with running("many2") as (guest, tool):
            self.send_away(tool)
            tool("unpause")
            with self.assertRaisesRegex(Refused, "busy"):
                tool("stop")
            while not tool.numbers("query")["count"]:
                tool("wait 1000")
            guest.destroy()


class Refusals(Case):
    """Guests with nested paging that cannot be looked after are refused at once."""

    def check_refused(self, config, *overrides):
        self.require_nested_paging()
        with running(config, *overrides) as (guest, tool):
            with self.assertRaisesRegex(Refused, "not supported"):
                tool("prepare 20000")
            self.check_healthy(guest, 1)

    def test_populate_on_demand(self):
        self.check_refused("idle", 'type="pvh"', "maxmem=256")

    def test_nested_virtualisation(self):
        try:
            self.check_refused("hvm", 'type="hvm"', "nestedhvm=1", 'extra="console=hvc0 quiet mitigations=off pci=noearly lab.workload=idle"')
        except LabError as error:
            # Xen 4.20 has it only on processors with features that QEMU does not emulate, and makes no such domain elsewhere.
            if "domain creation fail: Invalid argument" not in str(error):
                raise
            self.skipTest("Xen has no nested virtualisation on this processor")


class Pools(Case):
    """The pages from which Xen makes page tables of its own for a guest."""

    def test_what_was_added_comes_back(self):
        for overrides, tables in (((), 0), (('type="pvh"', "hap=0"), 0), (('type="pvh"',), 64)):
            if tables and not serves_nested_paging():
                continue
            # With nested paging the pool is made small first, so that there is something to add. Tables that have taken the place of
            # large pages remain.
            with self.subTest(overrides), running("writer2", *overrides) as (guest, tool):
                if tables:
                    tool("empty")
                before = free_memory(HOST)
                tool("prepare 20000")
                tool("grow 256")
                tool(f"start {ACCESSES}")
                guest.wait_progress(1)
                tool("epoch")
                added = before - free_memory(HOST)
                tool("stop")
                tool("release")
                self.assertGreater(added, 550)  # the tables take 417
                expect_memory(HOST, before - tables)
                self.check_healthy(guest, 1)

    def test_without_memory_to_split_large_pages_no_missing_page_is_shown(self):
        self.require_nested_paging()
        with running("writer2", 'type="pvh"') as (guest, tool):
            self.send_away(tool)
            tool("empty")
            tool("unpause")
            self.assertEqual(tool.numbers("answer 64 20", 1200)["missing"], 0)
            tool("stop")
            tool("release")
            self.check_healthy(guest)


class Arguments(Case):
    def test_absurd_calls_in_proper_sequences(self):
        self.check_absurd_calls()

    def test_absurd_calls_with_nested_paging(self):
        self.require_nested_paging()
        self.check_absurd_calls('type="pvh"')

    def check_absurd_calls(self, *overrides):
        with running("writer2", *overrides) as (guest, tool):
            for seed in (1, 2):
                accepted = tool.numbers(f"fuzz {seed} {CALLS}", 1200)
                print(f"\n{accepted}", end="", flush=True)
                self.assertTrue(all(accepted[f"op{number}"] for number in range(1, 10)), accepted)
                tool("tidy", 600)
                self.check_healthy(guest)
            # Whatever happened before, a proper recording works.
            self.record(guest, tool)
            self.check_healthy(guest)

    def test_absurd_calls_while_the_guest_dies(self):
        with running("writer2") as (guest, tool):
            tool(f"fuzz 3 {CALLS // 10}", 600)
            tool.send(f"fuzz 4 {1000 * CALLS}")
            guest.destroy()

    def test_a_missing_page_does_not_become_a_page_table(self):
        with running("trail") as (guest, tool):
            pfn = int(tool(f"find {TRAIL_MAGIC}").split()[0].split(":")[1])
            self.send_away(tool)
            # Xen cannot make dom0 wait: it asks for the page, and the call fails.
            with self.assertRaisesRegex(Refused, "temporarily unavailable"):
                tool(f"pin {pfn} 1")
            self.assertEqual(tool.numbers("query")["count"], 1)
            tool("unpause")
            tool("answer 32 20", 1200)
            # The page is there now, and its words are no valid entries.
            with self.assertRaisesRegex(Refused, "Invalid argument"):
                tool(f"pin {pfn} 1")
            tool("stop")
            tool("release")
            self.check_healthy(guest)


TRAIL_MAGIC = 0x7472616c69617274
