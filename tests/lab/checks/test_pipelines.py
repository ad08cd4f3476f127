"""The module's examples and its handles on real Xen, as an administrator types them."""
import unittest

from lablib.guest import Guest, arriving, running
from lablib.lab import Lab
from lablib.module_shell import FOLDER, Shells
from lablib.move_case import require_module
from lablib.moves import PACED
from lablib.ways import cut_relay, open_way, relay

LAB = Lab.attach()
SHELLS = Shells(LAB)
EXAMPLES = f"{FOLDER}/PreRecordMigration/examples"


def setUpModule():
    require_module(LAB)
    if not LAB.has_host(2):
        raise unittest.SkipTest("the lab has one host")


def tearDownModule():
    SHELLS.end()


class Pipelines(unittest.TestCase):
    def setUp(self):
        self.way = open_way(SHELLS[1], SHELLS[2])
        self.hosts = [LAB.host(1), LAB.host(2)]

    def web(self, number):
        return running(self.hosts, "writer", PACED, name=f"web0{number}")

    def run_example(self, script):
        """Runs an example to its end, and shows what an administrator sees."""
        output = SHELLS[1].check(f"& {EXAMPLES}/{script}", 1200)
        print(f"\n{script}\n{output}")
        return output

    def check_moved(self, guest, before):
        self.assertFalse(guest.exists())
        moved = Guest(self.hosts[1], guest.config, guest.name)
        after = moved.wait_report(lambda r: r.beat > before.beat + 5 and r.checks > before.checks, "five more beats")
        self.assertEqual(after.errors, 0, moved.read("data/lab-error"))

    def check_example_moves(self, script):
        with self.web(1) as guest:
            before = guest.report()
            self.assertIn("web01", self.run_example(script))
            self.check_moved(guest, before)

    def test_recording_order_remotepf_and_move_in_one_pipeline(self):
        self.check_example_moves("Move-InPipeline.ps1")

    def test_predictions_composed(self):
        self.check_example_moves("Move-Ordered.ps1")

    def test_preflight_feeds_the_move(self):
        self.check_example_moves("Move-Tested.ps1")

    def test_a_fleet_is_shown_and_not_moved(self):
        with self.web(1) as first, self.web(2) as second:
            output = self.run_example("Show-Fleet.ps1")
            for guest in (first, second):
                self.assertIn(guest.name, output)
                self.assertTrue(guest.exists())
                _, after = guest.wait_progress(2)
                self.assertEqual(after.errors, 0)

    def test_a_migration_whose_connection_was_cut_after_the_commit_is_resumed(self):
        shell = SHELLS[1]
        with self.web(1) as guest:
            before = guest.report()
            shell.check(f"$null = Start-Migration {guest.name} {relay(self.way)} -Method PostCopy -BandwidthLimit 1MB/s -Confirm:$false -ErrorAction Stop")
            moved = arriving(self.hosts[1], guest.config, guest.name)
            # It runs there, with most of its memory still here.
            moved.wait_report(lambda r: r.beat > before.beat, "a beat at the destination")
            cut_relay(self.way)
            shell.run(f"Get-Migration {guest.name} | Wait-Migration -ErrorAction SilentlyContinue")
            self.assertEqual(shell.check(f'"$((Get-Migration {guest.name}).State)"').strip(), "Interrupted")
            missing = int(SHELLS[2].check("(Get-MigrationReceiver).Incoming[-1].MissingPages"))
            self.assertGreater(missing, 0)
            relay(self.way)
            result = shell.check(f"(Resume-Migration {guest.name} -Confirm:$false -ErrorAction Stop | Wait-Migration).DomainName", 900)
            self.assertEqual(result.strip(), guest.name)
            self.check_moved(guest, before)
