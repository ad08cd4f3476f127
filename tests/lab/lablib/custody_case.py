"""What the checks of custody share: a move is begun, is refused with words, and leaves its guest running."""
from lablib.guest import names_of_arrivals
from lablib.marks import notes
from lablib.move_case import MoveCase
from lablib.ways import open_way

# Time enough to change a guest while it is recorded, before its handover.
RECORDED = "-Method PreRecord -Mode Observe -Window 20s -Epoch 500ms"


class HoldingCase(MoveCase):
    """Moves on one host, whose shell is both sides'."""

    @property
    def host(self):
        return self.lab.host(1)

    @property
    def shell(self):
        return self.shells[1]

    def begin_move(self, guest, options, address=None):
        """Begins a move; returns the command's number."""
        address = address or open_way(self.shell).address
        return self.shell.begin(f"Invoke-PreRecordMigration -Name {guest.name} -Destination {address} {options} -Confirm:$false -ErrorAction Stop")

    def check_refused(self, number, error_id, *words, timeout=600):
        """A command failed, and said why. Returns its words."""
        answer = self.shell.finish(number, timeout)
        self.assertNotEqual(answer["exitCode"], 0, answer["stdout"])
        said = answer["stderr"].strip()
        print(f"\n{said}", end="", flush=True)
        for word in (error_id, *words):
            self.assertIn(word, said)
        return said

    def check_runs_on(self, guest):
        """The guest runs where it was, and nothing is left of its move."""
        _, after = guest.wait_progress(5, 600)
        self.assertEqual(after.errors, 0, guest.read("data/lab-error"))
        self.assertEqual(names_of_arrivals(self.host, guest.name), [])
        self.assertEqual(notes(self.host), "", "a note was left")
