"""Hybrid on real Xen: rounds by Xen's log-dirty mode, and then only what they left is missing, whoever serves it: the hypervisor's extension
with nested paging, with shadow page tables and for PV guests, Xen's paging ring, and beside an emulator."""
from lablib.guest import arriving, running
from lablib.lab import Lab
from lablib.marks import notes
from lablib.memory import expect_memory, free_memory
from lablib.module_shell import ModuleShell, Shells
from lablib.move_case import MoveCase, require_module
from lablib.moves import METHODS, PACED, move
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS, RING = Shells(LAB), Shells(LAB, paging="ring")
MOST_ROUNDS = 5


def setUpModule():
    require_module(LAB)


class HybridCase(MoveCase):
    lab = LAB

    @classmethod
    def tearDownClass(cls):
        # The next class' shell listens where this one does.
        cls.shells.end()

    def check_hybrid(self, config, *overrides):
        """Moves a guest; what is left of it at the commit is a part of its memory, and all that was sent after it."""
        free = free_memory(HOST)
        with self.subTest(config), running([HOST], config, *overrides) as guest:
            before = guest.report()
            measured, moved = move(open_way(self.shells[1]), guest, METHODS["hybrid"])
            print(f"\n{config} by hybrid: {measured}", end="", flush=True)
            self.check_whole(moved, before)
            self.assertIn(measured["rounds"], range(1, MOST_ROUNDS + 1))
            self.assertGreater(measured["early"], measured["left"], "the rounds left as much as they sent")
            self.assertLessEqual(measured["pushed"] - measured["early"], measured["left"])
            self.assertGreaterEqual(measured["pushed"] - measured["early"] + measured["demanded"], measured["left"])
            self.assertGreater(measured["tables"], 0)
            self.assertEqual(notes(HOST), "", "a note was left")
        expect_memory(HOST, free)


class ByExtension(HybridCase):
    shells = SHELLS

    def test_nested_paging(self):
        self.check_hybrid("writer", PACED)
        self.check_hybrid("writer2", PACED)

    def test_shadow_page_tables(self):
        self.check_hybrid("shadow", PACED)

    def test_pv_guests(self):
        self.check_hybrid("pvwriter", PACED)
        self.check_hybrid("pvwriter2", PACED)

    def test_an_emulator(self):
        self.check_hybrid("hvm", PACED)

    def test_a_guest_that_writes_as_fast_as_it_can(self):
        """Rounds do not wait until it is done."""
        self.check_hybrid("writer2")

    def test_fewer_faults_than_post_copy(self):
        with running([HOST], "writer", PACED) as guest:
            after, guest = move(open_way(self.shells[1]), guest, METHODS["post-copy"])
            both, guest = move(open_way(self.shells[1]), guest, METHODS["hybrid"])
            print(f"\npost-copy: {after}\nhybrid: {both}", end="", flush=True)
            self.assertLess(both["faults"], after["faults"])
            self.assertLess(both["exposure"], after["exposure"])

    def test_a_source_that_is_killed_after_the_guest_has_left(self):
        """Another tool takes the migration over, and the guest loses nothing."""
        free = free_memory(HOST)
        for config in ("writer2", "pvwriter"):
            with self.subTest(config), running([HOST], config) as guest:
                before = guest.report()
                way = open_way(self.shells[1])
                with ModuleShell(HOST) as killed:
                    # So slow that what the rounds left, which is all that these guests write to, is still missing when the tool is killed.
                    killed.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} {METHODS['hybrid']} -BandwidthLimit 2MB/s "
                                 "-Confirm:$false -ErrorAction Stop")
                    moved = arriving(HOST, guest.config, guest.name)
                    moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 900)
                    killed.end_alone()
                with ModuleShell(HOST) as successor:
                    method = successor.check(
                        f"$r = Resume-Migration {guest.name} -TakeOver -Destination {way.address} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop\n"
                        "\"$($r.Method)\"", 900)
                    self.assertEqual(method.strip(), "Hybrid")
                self.check_whole(guest, before)
                self.assertEqual(notes(HOST), "", "a note was left")
        expect_memory(HOST, free)


class ByRing(HybridCase):
    shells = RING

    def test_nested_paging(self):
        self.check_hybrid("writer", PACED)

    def test_an_emulator(self):
        self.check_hybrid("hvm", PACED)


class BetweenHosts(MoveCase):
    lab, shells = LAB, SHELLS

    @classmethod
    def tearDownClass(cls):
        cls.shells.end()

    def test_redis_and_writer(self):
        self.check_move("mixed", "hybrid", 2)

    def test_to_and_fro(self):
        self.check_series("writer2", 2, 3, PACED, methods=("hybrid", "post-copy"))
