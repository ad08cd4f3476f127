"""What the checks of moves share: guests are moved by the module, and must be whole where they have come to."""
import unittest

from lablib.guest import running
from lablib.marks import is_marked, plugs
from lablib.module_shell import ModuleShell
from lablib.moves import METHODS, RECORD, move
from lablib.ways import open_way


def require_module(lab):
    """Skips a module of checks where its host lacks what `tests/lab/publish` makes."""
    if lab.host(1).run("[ -e /share/prerecord.tar ]").code != 0:
        raise unittest.SkipTest("the module is not published into the lab's share: tests/lab/publish")


class MoveCase(unittest.TestCase):
    """Moves in `lab` by `shells`, which a subclass sets."""

    lab = None
    shells = None

    def check_whole(self, guest, before):
        """The guest goes on checking itself, and has found nothing wrong since a report."""
        after = guest.wait_report(
            lambda r: r.beat > before.beat + 10 and (r.checks > before.checks or r.workload in ("idle", "many")), "ten more beats")
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        if after.workload in ("redis", "mixed"):
            keys, right, wrong, missing = guest.verify_redis()
            self.assertEqual((right, wrong, missing), (keys, 0, 0))

    def check_nothing_left(self, *hosts):
        """Nothing that holds outputs back is there any more, and no mark: on the hosts, or on the first one."""
        for host in hosts or (self.lab.host(1),):
            self.assertEqual(plugs(host), "", f"something of a plug was left on host{host.number}")
            self.assertFalse(is_marked(host), f"a mark was left on host{host.number}")

    def check_rollback(self, guest):
        """Records a guest in Rollback and lets it go. The guest changed its memory meanwhile, and the module proves that it could be put back.
        Returns what the module says of the recording."""
        said = self.shells[guest.host.number].values(RECORD.format(name=guest.name, mode="Rollback"))
        print(f"\n{guest.name}: {said}")
        self.assertGreater(said["changed"], 0, "nothing changed, so nothing was proved")
        self.assertGreaterEqual(said["backed"], said["changed"])
        self.assertIs(said["proved"], True)
        return said

    def check_observed(self, guest):
        """Records a guest in Observe and lets it go."""
        said = self.shells[guest.host.number].values(RECORD.format(name=guest.name, mode="Observe"))
        self.assertGreater(said["recorded"], 0)

    def check_mended(self, guest, mode):
        """Kills a tool while it records a guest; the next recording finds and mends it."""
        killed = ModuleShell(guest.host)
        killed.begin(f"Start-PreRecord -Name {guest.name} -Mode {mode} -Window 60s -Epoch 500ms -Confirm:$false")
        guest.wait_progress(3)
        killed.kill()
        self.check_observed(guest)

    def require_hosts(self, count):
        """The numbers of so many hosts; skips the test where the lab has fewer."""
        numbers = list(range(1, count + 1))
        if not all(self.lab.has_host(number) for number in numbers):
            self.skipTest("the lab has one host")
        return numbers

    def check_move(self, config, method, hosts, *overrides, options=""):
        """Moves one guest by one method, with options besides, and has it check itself where it has come to."""
        numbers = self.require_hosts(hosts)
        way = open_way(*(self.shells[number] for number in numbers))
        with running([self.lab.host(number) for number in numbers], config, *overrides) as guest:
            before = guest.report()
            measured, moved = move(way, guest, f"{METHODS[method]} {options}")
            print(f"\n{config} by {method}, {hosts} host(s): {measured}")
            self.check_whole(moved, before)
            self.assertGreater(measured["tables"], 0)
            self.assertAlmostEqual(sum(measured["parts"].values()), measured["downtime"], places=4)
            self.assertEqual(measured["pages"]["Demanded"], measured["demanded"])
            self.check_observations(config, method, measured)
            if method != "rollback":
                self.assertGreater(measured["parts"]["Suspend"], 0)
                self.assertGreater(measured["parts"]["Toolstack"], 0)
            if method == "rollback":
                self.assertIs(measured["proved"], True)
                self.assertGreater(measured["backed"], 0)
            if hosts == 2:
                self.assertFalse(guest.exists())

    def check_observations(self, config, method, measured):
        """The hypervisor's extension has told what was used and who asked; the ring, which serves HVM guests, tells who asked alone."""
        if method != "pre-copy" and not config.startswith("hvm"):
            self.assertGreater(measured["used"], 0)
            if method in ("observe", "rollback"):
                self.assertGreater(measured["precision"], 0)
                self.assertGreater(measured["recall"], 0)
        else:
            self.assertIsNone(measured["used"])
        if measured["faults"] > 10:
            self.assertTrue(any(vcpu >= 0 for vcpu in measured["vcpus"]), measured["vcpus"])

    def check_series(self, config, hosts, moves, *overrides, methods=("post-copy", "rollback")):
        """Moves one guest again and again by methods in turn, to and fro between two hosts, because a later move shows what an earlier one
        spoiled. A minute after the last move the guest must still be whole."""
        numbers = self.require_hosts(hosts)
        with running([self.lab.host(number) for number in numbers], config, *overrides) as guest:
            for i in range(moves):
                before = guest.report()
                method = methods[i % len(methods)]
                way = open_way(*(self.shells[number] for number in (numbers[::-1] if i % 2 else numbers)))
                measured, guest = move(way, guest, METHODS[method])
                print(f"\n{config} by {method}, {hosts} host(s), move {i + 1}: {measured}", end="", flush=True)
                if method == "rollback":
                    self.assertIs(measured["proved"], True)
                self.check_whole(guest, before)
            report = guest.report()
            last = guest.wait_report(lambda r: r.uptime > report.uptime + 60, "a minute more")
            self.assertEqual(last.errors, 0, guest.read("data/lab-error"))

    def check_each_method(self, config, hosts, *overrides):
        """Moves a fresh guest by each method."""
        for method in METHODS:
            with self.subTest(method):
                self.check_move(config, method, hosts, *overrides)
