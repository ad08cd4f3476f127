"""A commit that meets a failure, on real Xen: never two copies that run, never a guest that is lost.

Calls of Xen's libraries fail in the module's process alone (images/share/faults.c); ways stall because their relay is stopped.
"""
import contextlib
import time

from lablib.custody_case import RECORDED, HoldingCase
from lablib.guest import Guest, arriving, names_of_arrivals, running
from lablib.lab import Lab
from lablib.marks import is_marked, notes
from lablib.module_shell import ModuleShell
from lablib.move_case import require_module
from lablib.moves import METHODS, PACED, SLOWLY
from lablib.ports import forward
from lablib.ways import PORT, RELAY_PORT, cut_relay, open_tunnel, receive

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = {}
RELAYED = f"localhost:{RELAY_PORT}"


def setUpModule():
    require_module(LAB)
    SHELLS[1] = ModuleShell(HOST, faulty=True)


def tearDownModule():
    SHELLS.pop(1).kill()


def stands_still(guest):
    """Whether no vCPU of a guest can run."""
    return bool({"p", "s"} & set(guest.listed()[4]))


@contextlib.contextmanager
def relayed(shell):
    """A way to this host's receiver whose relay can be stopped and ended."""
    receive(shell)
    forward(HOST, RELAY_PORT, f"127.0.0.1:{PORT}")
    try:
        yield
    finally:
        HOST.run("killall -CONT socat; killall socat; while killall -0 socat; do sleep 0.1; done 2>/dev/null")


class FaultCase(HoldingCase):
    lab, shells = LAB, SHELLS

    def tearDown(self):
        self.shell.heal()

    def state_of(self, guest):
        """What this host says of the guest's last migration."""
        return self.shell.check(f'"$(@(Get-Migration {guest.name})[-1].State)"').strip()

    def check_resumed(self, guest, before):
        """The migration is resumed, and the guest is whole at its destination, by its own name."""
        self.shell.check(f"$null = Resume-Migration {guest.name} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop", 900)
        self.check_whole(guest, before)
        self.check_runs_on(guest)

    def check_used_up(self, call):
        """The fault was met as often as it was set."""
        self.assertEqual(self.shell.heal()[call], 0, f"{call} was not called")


class Calls(FaultCase):
    def check_source_that_cannot_be_destroyed(self, method):
        with running([HOST], "writer", PACED) as guest:
            before = guest.report()
            source = Guest(HOST, guest.config, HOST.run(["xl", "domid", guest.name]).check().stdout.strip())
            number = self.begin_move(guest, METHODS[method])
            moved = arriving(HOST, guest.config, guest.name)
            self.shell.fail("destroy", times=1000)
            answer = self.shell.finish(number, 900)
            print(f"\n{method}: {answer['exitCode']}\n{answer['stdout']}{answer['stderr']}", end="", flush=True)
            self.assertTrue(stands_still(source), "the source may run")
            moved.wait_progress(3)
            self.assertIn("Destroying", notes(HOST))
            self.shell.heal()
            # The next tool that is asked for it ends it.
            with ModuleShell(HOST) as other:
                said = other.run(f"Start-PreRecord -Name {guest.name} -Window 1s -Confirm:$false -ErrorAction Stop | Stop-PreRecord -Confirm:$false")
                print(f"\n{said['stderr']}", end="", flush=True)
            self.assertNotEqual(HOST.run(f"xl domname {source.name}").code, 0, "the remains are still there")
            arrived = Guest(HOST, guest.config, (names_of_arrivals(HOST, guest.name) or [guest.name])[0])
            self.check_whole(arrived, before)

    def test_the_source_cannot_be_destroyed_after_post_copy(self):
        self.check_source_that_cannot_be_destroyed("post-copy")

    def test_the_source_cannot_be_destroyed_after_pre_copy(self):
        self.check_source_that_cannot_be_destroyed("pre-copy")

    def test_the_source_cannot_be_destroyed_after_pre_record(self):
        self.check_source_that_cannot_be_destroyed("observe")

    def test_a_start_that_took_effect_and_says_that_it_failed_leaves_one_copy_that_can_be_resumed(self):
        with running([HOST], "writer", PACED) as guest:
            before = guest.report()
            receive(self.shell)
            self.shell.fail("unpause", "after", 1)
            number = self.begin_move(guest, METHODS["post-copy"])
            self.check_refused(number, "Invoke", timeout=900)
            self.check_used_up("unpause")
            self.assertTrue(stands_still(guest), "the source may run")
            self.check_resumed(guest, before)

    def test_a_start_that_failed_leaves_the_guest_where_it_was(self):
        with running([HOST], "writer", PACED) as guest:
            receive(self.shell)
            self.shell.fail("unpause", "before", 1)
            number = self.begin_move(guest, METHODS["post-copy"])
            self.check_refused(number, "HypervisorCall", timeout=900)
            self.check_used_up("unpause")
            self.check_runs_on(guest)

    def test_a_resumption_that_fails_once_is_made_again(self):
        with running([HOST], "writer", PACED) as guest:
            self.shell.fail("resume", "before", 1)
            number = self.shell.begin(f"Start-PreRecord -Name {guest.name} -Mode Rollback -Window 1s -Confirm:$false -ErrorAction Stop | Stop-PreRecord -Confirm:$false")
            answer = self.shell.finish(number)
            print(f"\n{answer['exitCode']} {answer['stderr']}", end="", flush=True)
            self.check_used_up("resume")
            self.check_runs_on(guest)

    def test_a_guest_that_could_not_be_woken_is_woken_by_the_next_command(self):
        with running([HOST], "writer", PACED) as guest:
            self.shell.fail("resume", "before", 1000)
            number = self.shell.begin(f"Start-PreRecord -Name {guest.name} -Mode Rollback -Window 1s -Confirm:$false -ErrorAction Stop | Stop-PreRecord -Confirm:$false")
            self.check_refused(number, "xc_domain_resume")
            self.assertIn("s", guest.listed()[4])
            self.shell.heal()
            self.check_observed(guest)
            self.check_runs_on(guest)


class Ways(FaultCase):
    def commit(self, guest, before, options):
        """Moves a guest by the relay until it runs at its destination; the command's number, and the domain there."""
        number = self.begin_move(guest, options, RELAYED)
        moved = arriving(HOST, guest.config, guest.name)
        moved.wait_report(lambda report: report.beat > before.beat, "a beat at the destination", 600)
        return number, moved

    def test_a_way_that_stalls_after_the_commit_is_noticed_and_the_guest_can_be_resumed(self):
        with running([HOST], "writer", PACED) as guest, relayed(self.shell):
            before = guest.report()
            number, moved = self.commit(guest, before, SLOWLY)
            HOST.run("killall -STOP socat").check()
            stalled = time.monotonic()
            self.check_refused(number, "ConnectionLost")
            print(f"\nnoticed after {time.monotonic() - stalled:.0f} s", end="", flush=True)
            self.assertTrue(stands_still(guest), "the source may run")
            self.assertTrue(stands_still(moved), "pages are missing")
            HOST.run("killall -CONT socat").check()
            self.check_resumed(guest, before)

    def test_of_two_resumptions_at_once_one_goes_on_and_the_receiver_lives(self):
        with running([HOST], "writer", PACED) as guest, relayed(self.shell):
            before = guest.report()
            number, moved = self.commit(guest, before, SLOWLY)
            HOST.run("killall -KILL socat").check()
            self.check_refused(number, "ConnectionLost")
            forward(HOST, RELAY_PORT, f"127.0.0.1:{PORT}")
            answer = self.shell.run(
                f"$first = Resume-Migration {guest.name} -Confirm:$false -ErrorAction Stop\n"
                f"try {{ $null = Resume-Migration {guest.name} -Confirm:$false -ErrorAction Stop; 'both went on' }} catch {{ $_.FullyQualifiedErrorId }}\n"
                "$null = $first | Wait-Migration -ErrorAction Stop", 900)
            print(f"\n{answer['stdout']}{answer['stderr']}", end="", flush=True)
            self.assertEqual(answer["exitCode"], 0)
            self.assertNotIn("both went on", answer["stdout"])
            self.check_whole(guest, before)
            self.check_runs_on(guest)

    def test_a_command_that_is_cancelled_on_a_stalled_way_returns_within_seconds(self):
        with running([HOST], "writer", PACED) as guest, relayed(self.shell):
            before = guest.report()
            number, moved = self.commit(guest, before, SLOWLY)
            HOST.run("killall -STOP socat").check()
            cancelled = time.monotonic()
            self.shell.cancel(number)
            answer = self.shell.finish(number, 120)
            print(f"\nreturned after {time.monotonic() - cancelled:.0f} s: {answer}", end="", flush=True)
            self.assertTrue(answer["cancelled"])
            self.assertTrue(stands_still(guest), "the source may run")
            # It goes on in its process until the other side has said nothing for the peer timeout.
            self.shell.run(f"Get-Migration {guest.name} | Wait-Migration -ErrorAction SilentlyContinue", 300)
            self.assertEqual(self.state_of(guest), "Interrupted")
            HOST.run("killall -CONT socat").check()
            self.check_resumed(guest, before)


class Cuts(FaultCase):
    """Pre-copy is cut when nothing is missing any more: the guest runs at its destination, and its source, which knows that it has left, has
    not yet said that all is there. With two hosts the guest goes to the second one."""

    @contextlib.contextmanager
    def cut_when_all_is_there(self):
        """The guest at its source, a report of before, the same guest at its destination, and the destination's shell; each side stands
        where the cut has brought it."""
        self.shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Confirm:$false")
        hosts = [HOST, LAB.host(2)] if LAB.has_host(2) else [HOST]
        with running(hosts, "writer", PACED) as guest, ModuleShell(hosts[-1], faulty=True) as destination:
            before = guest.report()
            way = open_tunnel(self.shell, destination)
            try:
                destination.fail("unpause", "hold")
                number = self.begin_move(guest, METHODS["pre-copy"], way.address)
                destination.wait_held("unpause")
                self.assertEqual(self.arrival(destination)["State"], "Starting")
                moved = arriving(hosts[-1], guest.config, guest.name)
                number_there = moved.listed()[1]
                # The source has committed. What it would say next, it says after the cut.
                with self.shell.stopped():
                    destination.heal()
                    self.assertEqual(self.wait_arrival(destination, "Running"), {"State": "Running", "MissingPages": 0, "Error": None})
                    cut_relay(way)
                    self.wait_arrival(destination, "Finished")
                self.check_refused(number, "ConnectionLost")
                self.assertEqual(self.state_of(guest), "Interrupted")
                self.assertTrue(stands_still(guest), "the source may run")
                moved = Guest(hosts[-1], guest.config, hosts[-1].run(["xl", "domname", number_there]).check().stdout.strip())
                print(f"\nafter the cut it runs at its destination as {moved.name}", end="", flush=True)
                moved.wait_report(lambda report: report.beat > before.beat + 3, "beats at the destination", 600)
                yield guest, before, moved, destination
            finally:
                destination.heal()
                HOST.run("killall socat")

    @staticmethod
    def arrival(shell):
        """Where the last migration that came to a shell stands."""
        return shell.values("(Get-MigrationReceiver).Incoming[-1] | Select-Object State, MissingPages, Error | ConvertTo-Json -Compress")

    def wait_arrival(self, shell, state):
        """Waits until the last migration that came to a shell stands at a state."""
        deadline = time.monotonic() + 300
        while (arrival := self.arrival(shell))["State"] != state:
            self.assertLess(time.monotonic(), deadline, arrival)
            time.sleep(0.2)
        return arrival

    def test_pre_copy_that_is_cut_when_nothing_is_missing_is_told_so_when_its_source_comes_back(self):
        with self.cut_when_all_is_there() as (guest, before, moved, destination):
            open_tunnel(self.shell, destination)
            self.shell.check(f"$null = Resume-Migration {guest.name} -Confirm:$false -ErrorAction Stop | Wait-Migration -ErrorAction Stop", 900)
            arrived = Guest(moved.host, guest.config, guest.name)
            self.check_whole(arrived, before)
            for host in {guest.host.number: guest.host, moved.host.number: moved.host}.values():
                self.assertEqual((names_of_arrivals(host, guest.name), notes(host)), ([], ""))
            self.assertEqual(guest.exists(), guest.host.number == moved.host.number, "the source's copy is there, or the guest is not")

    def test_pre_copy_that_is_cut_when_nothing_is_missing_is_destroyed_by_no_force(self):
        with self.cut_when_all_is_there() as (guest, before, moved, destination):
            answer = destination.run("Get-MigrationReceiver | Stop-MigrationReceiver -Force -Confirm:$false")
            print(f"\n{answer['exitCode']} {answer['stderr']}", end="", flush=True)
            self.check_whole(moved, before)
            self.assertTrue(stands_still(guest), "the source may run")
            # The source's copy is worth nothing any more, and goes when the administrator says so.
            self.shell.check(f"Stop-Migration {guest.name} -Force -Confirm:$false -ErrorAction Stop")
            self.check_whole(moved, before)


class Receivers(FaultCase):
    def test_a_receiver_that_is_stopped_while_a_guest_is_made_ends_that_within_seconds(self):
        self.shell.check("Get-MigrationReceiver | Stop-MigrationReceiver -Confirm:$false")
        with running([HOST], "writer", PACED) as guest, ModuleShell(HOST) as other:
            receive(other)
            number = self.shell.begin(
                f"Invoke-PreRecordMigration -Name {guest.name} -Destination localhost:{PORT} {RECORDED} -Confirm:$false -ErrorAction Stop")
            arriving(HOST, guest.config, guest.name)
            began = time.monotonic()
            print(f"\n{other.run('Get-MigrationReceiver | Stop-MigrationReceiver -Confirm:$false', 300)}", end="", flush=True)
            print(f"\nstopped after {time.monotonic() - began:.0f} s", end="", flush=True)
            self.check_refused(number, "Invoke")
            self.check_runs_on(guest)
            self.assertFalse(is_marked(HOST), "a mark was left")
