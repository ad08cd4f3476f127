"""Recording on real Xen, let go again: guests run on whole. Refusals: a clear error, and the domain runs on."""
import subprocess
import tempfile
import unittest
from pathlib import Path

from lablib.guest import running
from lablib.lab import Lab
from lablib.module_shell import PWSH, Shells, install
from lablib.move_case import MoveCase, require_module
from lablib.moves import PACED
from lablib.ways import open_way

LAB = Lab.attach()
HOST = LAB.host(1)
SHELLS = Shells(LAB)

# `mapped` is how many more mappings of other domains' memory the process has afterwards.
ROLL_BACK = """
$mapped = {{ [regex]::Matches([System.IO.File]::ReadAllText('/proc/self/maps'), 'privcmd').Count }}
$before = & $mapped
$p = Start-PreRecord -Name {name} -Mode Rollback -Window 1s -Epoch 250ms -Confirm:$false -ErrorAction Stop
$d = $p | Restore-PageBackup -Confirm:$false -ErrorAction Stop
@{{ name = $d.Name; id = $d.Id; state = "$($d.State)"; backed = $p.BackedUpPages; proved = $p.RollbackProof.IsProved
   mapped = (& $mapped) - $before }} | ConvertTo-Json -Compress
"""


def setUpModule():
    require_module(LAB)


def tearDownModule():
    SHELLS.end()


def shell():
    return SHELLS[1]


class Recordings(MoveCase):
    lab, shells = LAB, SHELLS

    def check_let_go(self, guest):
        before, after = guest.wait_progress(5)
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        self.assertGreater(after.checks, before.checks)
        self.assertEqual(HOST.run("xenstore-list /prerecord/source").stdout.strip(), "", "a marker was left")

    def check_recording(self, config):
        with running([HOST], config, PACED) as guest:
            self.assertGreater(self.check_rollback(guest)["recorded"], 0)
            self.check_observed(guest)
            self.check_let_go(guest)

    def test_one_vcpu_is_recorded_and_let_go(self):
        self.check_recording("writer")

    def test_two_vcpus_are_recorded_and_let_go(self):
        self.check_recording("writer2")

    def test_beside_an_emulator_a_domain_is_recorded_and_let_go(self):
        self.check_recording("hvm")

    def test_a_domain_is_rolled_back_into_a_fresh_one_of_its_name(self):
        with running([HOST], "writer", PACED) as guest:
            before = HOST.run(["xl", "domid", guest.name]).check().stdout.strip()
            rolled_back = shell().values(ROLL_BACK.format(name=guest.name), 900)
            self.assertEqual(rolled_back["name"], guest.name)
            self.assertEqual(rolled_back["state"], "Running")
            self.assertIs(rolled_back["proved"], True)
            self.assertGreater(rolled_back["backed"], 0)
            self.assertEqual(rolled_back["mapped"], 0, "pages are still mapped")
            after = HOST.run(["xl", "domid", guest.name]).check().stdout.strip()
            self.assertNotEqual(after, before, "the domain was not a fresh one")
            self.assertEqual(str(rolled_back["id"]), after)
            names = [line.split()[0] for line in HOST.run(["xl", "list"]).check().stdout.splitlines()[2:]]
            self.assertEqual(names, [guest.name], "another copy was left")
            self.check_let_go(guest)

    def test_a_tool_that_is_killed_while_recording_leaves_a_domain_that_the_next_run_mends(self):
        with running([HOST], "writer") as guest:
            self.check_mended(guest, "Observe")
            self.check_let_go(guest)


class Examination(unittest.TestCase):
    def test_this_host_says_what_its_abilities_rest_on(self):
        said = shell().check(
            "Test-MigrationHost | ForEach-Object { \"$($_.Capability)=$($_.IsAvailable) $($_.Reason)\" }")
        rows = dict(line.split("=", 1) for line in said.splitlines() if line)
        for name in ("Control", "Recording", "Rollback", "RemotePF", "Hypervisor", "MemoryPaging", "ShadowPaging",
                     "Extension", "NestedExtension", "Toolstack", "FreeMemory"):
            self.assertTrue(rows[name].startswith("True "), f"{name}: {rows[name]}")
        version = HOST.run("readlink /usr/lib/xen").check().stdout.strip().removeprefix("xen-")
        self.assertIn(version, rows["Hypervisor"])
        self.assertIn(version, rows["Toolstack"])
        self.assertTrue(rows["InPlaceRollback"].startswith("False "), rows["InPlaceRollback"])

    def test_a_table_is_formatted_as_in_a_terminal(self):
        with running([HOST], "idle") as guest:
            lines = shell().check("Get-MigrationDomain | Format-Table Name, State").split("\n")
            self.assertRegex(lines[1], r"^Name +State")
            self.assertRegex(lines[2], r"^---- +-----")
            self.assertRegex(lines[3], rf"^{guest.name} +Running")


class Refusals(unittest.TestCase):
    """Bad input on real Xen: a clear error, and the domain runs on."""

    def check_refused(self, command, error_id, *words):
        answer = shell().run(command)
        self.assertNotEqual(answer["exitCode"], 0)
        self.assertIn(error_id, answer["stderr"])
        for word in words:
            self.assertIn(word, answer["stderr"])

    def test_a_guest_that_does_not_suspend_runs_on(self):
        with running([HOST], "nosuspend") as guest:
            self.check_refused(f"Start-PreRecord -Name {guest.name} -Mode Rollback -Confirm:$false -ErrorAction Stop", "SuspendTimeout")
            guest.wait_progress(3)

    def test_unknown_domain(self):
        self.check_refused("Start-PreRecord -Name nobody -Confirm:$false -ErrorAction Stop", "DomainNotFound", "nobody")

    def test_nobody_listens(self):
        with running([HOST], "idle") as guest:
            self.check_refused(
                f"Invoke-PreRecordMigration -Name {guest.name} -Destination localhost:9 -Confirm:$false -ErrorAction Stop",
                "DestinationUnreachable", ":9")
            guest.wait_progress(3)

    def check_connect_refuses(self, command, *words):
        """A PowerShell of its own, because a process looks for the library once, and cannot change its user."""
        install(HOST)
        script = b"$ErrorActionPreference = 'Stop'; try { Connect-MigrationHost } catch { [Console]::Error.WriteLine(\"$($_.FullyQualifiedErrorId): $_\"); exit 1 }"
        HOST.run("cat > /tmp/connect.ps1", 60, stdin=script).check()
        result = HOST.run(command.format(connect=f"{PWSH} -NoProfile -File /tmp/connect.ps1"), 300)
        self.assertNotEqual(result.code, 0)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_not_root(self):
        self.check_connect_refuses("HOME=/tmp su -s /bin/sh nobody -c '{connect}'", "AccessDenied", "root")

    def test_a_library_of_another_version(self):
        with tempfile.TemporaryDirectory() as folder:
            source, library = Path(folder, "other.c"), Path(folder, "other.so")
            source.write_text("unsigned int prx_abi_version(void) { return 99; }\n")
            subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
            HOST.run("cat > /tmp/other.so", 60, stdin=library.read_bytes()).check()
        self.check_connect_refuses("PRERECORD_XEN_LIBRARY=/tmp/other.so {connect}", "LibraryMissing", "version 99")

    def test_populate_on_demand(self):
        with running([HOST], "idle", "maxmem=256") as guest:
            self.check_refused(f"Start-PreRecord -Name {guest.name} -Confirm:$false -ErrorAction Stop", "NotSupported", "maxmem")
            guest.wait_progress(3)

    def test_rollback_beside_an_emulated_serial_port(self):
        with running([HOST], "hvm", PACED, 'serial="pty"') as guest:
            self.check_refused(
                f"Start-PreRecord -Name {guest.name} -Mode Rollback -Confirm:$false -ErrorAction Stop", "OutputNotIsolable", "serial", "Observe")
            guest.wait_progress(3)

    def test_an_emulated_graphics_card(self):
        with running([HOST], "hvm", 'vga="stdvga"', "memory=192") as guest:
            self.check_refused(f"Start-PreRecord -Name {guest.name} -Confirm:$false -ErrorAction Stop", "NotSupported", "graphics card", "vga=")
            guest.wait_progress(3)

    def test_destination_out_of_memory(self):
        way = open_way(shell())
        with running([HOST], "idle", "memory=800") as guest:
            self.check_refused(
                f"Invoke-PreRecordMigration -Name {guest.name} -Destination {way.address} -Confirm:$false -ErrorAction Stop",
                "OutOfMemory", "memory")
            guest.wait_progress(3)
