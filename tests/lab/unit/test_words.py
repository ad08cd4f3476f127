"""What guests and Xen's tools print, as the library reads it."""
import unittest

from lablib.costs import Cost, process_seconds
from lablib.errors import LabError
from lablib.guest import Report, parse_migration
from lablib.host import Result
from lablib.random_rounds import ARRIVED, BY_HAND, CUT, SOURCE, Kind, Round, table
from lablib.results import count


class Words(unittest.TestCase):
    def test_a_guests_report(self):
        report = Report.parse("beat=3 checks=70 writes=17 errors=1 spawned=24 keys=2000 uptime=8.25 workload=mixed")
        self.assertEqual(report, Report(3, 70, 17, 1, 24, 2000, 8.25, "mixed"))

    MIGRATED = ("1.25 cpu  10 0 10 500 0 0 5 7 0 0\n10.50 libxl: issuing PVH suspend request via XenBus control node\n12.75 migration target: Domain started successfully.\n"
                "13.00 code 0\n13.00 cpu  110 0 210 900 0 0 5 7 0 0\n104857600 bytes (105 MB, 100 MiB) copied, 13 s, 8.1 MB/s\n")
    SPENT = "sent 0m0.000s 0m0.500s\nsent 1m1.000s 0m0.500s\nreceived 0m0.000s 0m0.000s\nreceived 0m20.000s 0m2.000s\n"

    def test_what_xl_migrate_took(self):
        moved = parse_migration(Result("xl migrate", 0, self.MIGRATED.encode(), b"", 14.0))
        self.assertEqual((moved.seconds, moved.downtime, moved.bytes, moved.cost), (11.75, 2.25, 104857600, None))

    def test_what_xl_migrate_cost(self):
        moved = parse_migration(Result("xl migrate", 0, (self.MIGRATED + self.SPENT).encode(), b"", 14.0))
        self.assertEqual(moved.cost, Cost(40.0, 22.0, 3.0))

    def test_what_a_process_cost(self):
        self.assertEqual(process_seconds("7 (a b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 25 75 20 0 9 0 1"), 3.0)

    def test_an_xl_migrate_that_failed_or_says_too_little(self):
        for text, said in ((self.MIGRATED.replace("code 0", "code 1"), "failed"), (self.MIGRATED.replace("suspend", ""), "too little"),
                           (self.MIGRATED.replace("cpu ", ""), "too little")):
            with self.subTest(said), self.assertRaisesRegex(LabError, said):
                parse_migration(Result("xl migrate", 0, text.encode(), b"", 14.0))

    def test_the_table_of_random_rounds(self):
        rounds = [Round(7, 1, "writer by the ring", "post-copy", CUT, 1.0, ARRIVED, "", ""),
                  Round(7, 2, "writer by the ring", "post-copy", CUT, 2.0, ARRIVED, "", ""),
                  Round(8, 1, "pvwriter by the extension", "pre-copy", SOURCE, 2.0, BY_HAND, "", "")]
        lines = table(rounds).splitlines()
        self.assertEqual(lines[2:7], ["| pre-copy | source's tool killed | 1 |  |  |  |  |  | 1 |",
                                      "| post-copy | connections cut | 2 |  | 2 |  |  |  |  |",
                                      "| all | pvwriter by the extension | 1 |  |  |  |  |  | 1 |",
                                      "| all | writer by the ring | 2 |  | 2 |  |  |  |  |",
                                      "| all |  | 3 |  | 2 |  |  |  | 1 |"])
        self.assertEqual(lines[-1], "3 rounds; seed 7, 8.")

    def test_what_is_moved(self):
        self.assertEqual([str(Kind.parse(text)) for text in ("writer:ring", "pvwriter:service", "hvm")],
                         ["writer by the ring", "pvwriter by the extension, to the service", "hvm by the ring"])
        for text in ("", ":ring", "writer:rings", "writer:service:ring"):
            with self.subTest(text), self.assertRaises(ValueError):
                Kind.parse(text)


class Results(unittest.TestCase):
    class Sample(unittest.TestCase):
        def test_passes(self):
            pass

        def test_fails_twice(self):
            for part in range(2):
                with self.subTest(part):
                    self.fail()

        def test_fails_and_is_skipped(self):
            with self.subTest("skipped"):
                self.skipTest("")
            self.fail()

        def test_is_skipped(self):
            self.skipTest("")

        @unittest.expectedFailure
        def test_passes_although_it_must_not(self):
            pass

    class Around(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            raise LabError

        def test_never_runs(self):
            pass

    def test_a_test_counts_once_whatever_became_of_its_parts(self):
        loader, result = unittest.TestLoader(), unittest.TestResult()
        unittest.TestSuite([loader.loadTestsFromTestCase(self.Sample), loader.loadTestsFromTestCase(self.Around)]).run(result)
        self.assertEqual(count(result), (1, 4, 1))
