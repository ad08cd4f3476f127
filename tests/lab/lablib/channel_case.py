"""What must hold of the command channel to a host, whatever its machine is."""
import os
import threading

from lablib.errors import LabError


class ChannelCase:
    """The cases of a channel; a subclass that is a TestCase, too, says to which host.

    folder  of the host, for files of the cases
    limit   seconds until the case that a command takes too long for is over
    """

    host, folder, limit = None, "/tmp", 10

    def test_output_errors_and_code_are_apart(self):
        result = self.host.run("echo out; echo err >&2; exit 7")
        self.assertEqual((result.stdout, result.stderr, result.code), ("out\n", "err\n", 7))

    def test_a_signal_shows_in_the_code(self):
        self.assertEqual(self.host.run("kill -TERM $$").code, 128 + 15)

    def test_arguments_pass_unchanged(self):
        self.assertEqual(self.host.run(["printf", "%s|", "a b", "", "$x'\"", "ü"]).stdout, "a b||$x'\"|ü|")

    def test_bytes_survive_both_ways(self):
        data = os.urandom(700_001)
        self.assertEqual(self.host.run("cat", 120, stdin=data).output, data)

    def test_an_unknown_program_is_127(self):
        result = self.host.run(["no-such-program"])
        self.assertEqual(result.code, 127)
        self.assertIn("no-such-program", result.stderr)

    def test_commands_run_beside_each_other(self):
        # The second can only end if the first is still there to be answered.
        self.host.run(f"cd {self.folder} && rm -f there back && mkfifo there back").check()
        results = []
        first = threading.Thread(target=lambda: results.append(self.host.run(f"cd {self.folder}; echo ping > there; cat back", 120)))
        first.start()
        second = self.host.run(f"cd {self.folder}; read -r word < there; echo $word-pong > back", 120)
        first.join()
        self.assertEqual((second.code, results[0].stdout), (0, "ping-pong\n"))

    def test_a_command_over_its_time_is_ended(self):
        with self.assertRaises(LabError):
            self.host.run(f"echo $$ > {self.folder}/pid; exec sleep 1000", timeout=self.limit)
        self.host.run(f"while kill -0 $(cat {self.folder}/pid) 2>/dev/null; do sleep 0.2; done", 60).check()

    def test_a_process_can_be_talked_to(self):
        process = self.host.start("while read -r line; do echo \"<$line>\"; done")
        for word in (b"one", b"two"):
            process.write(word + b"\n")
            self.assertEqual(process.read(60), ("O", b"<" + word + b">\n"))
        process.end_input()
        self.assertEqual(process.wait(60).code, 0)
