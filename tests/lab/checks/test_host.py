"""The lab's hosts: Xen, the command channel, the share."""
import os
import threading
import unittest

from lablib.errors import LabError
from lablib.lab import Lab
from lablib.ports import wait_listening

HOST = Lab.attach().host(1)


class Xen(unittest.TestCase):
    def test_dom0_is_listed(self):
        self.assertRegex(HOST.run("xl list").check().stdout, r"Domain-0 +0 ")

    def test_hypervisor_is_ours_and_runs_hap_guests(self):
        text = HOST.run("xl info").check().stdout
        self.assertRegex(text, r"xen_version +: 4\.17\.\d+-prerecord")
        self.assertRegex(text, r"virt_caps +: .*\bhvm\b.*\bhap\b.*\bshadow\b")

    def test_libraries_for_interop_are_there(self):
        for name in ("libxenctrl.so.4.17", "libxenforeignmemory.so.1", "libxenevtchn.so.1", "libxencall.so.1",
                     "libxenstore.so.4", "libxenlight.so.4.17", "libxenguest.so.4.17"):
            with self.subTest(name):
                HOST.run(f"ldconfig -p 2>/dev/null | grep -q {name} || ls /usr/lib/*/{name} /usr/lib/xen/lib/*/{name} 2>/dev/null | grep -q .").check()


class CommandChannel(unittest.TestCase):
    def test_output_errors_and_code_are_apart(self):
        result = HOST.run("echo out; echo err >&2; exit 7")
        self.assertEqual((result.stdout, result.stderr, result.code), ("out\n", "err\n", 7))

    def test_a_signal_shows_in_the_code(self):
        self.assertEqual(HOST.run("kill -TERM $$").code, 128 + 15)

    def test_arguments_pass_unchanged(self):
        self.assertEqual(HOST.run(["printf", "%s|", "a b", "", "$x'\"", "ü"]).stdout, "a b||$x'\"|ü|")

    def test_bytes_survive_both_ways(self):
        data = os.urandom(700_001)
        self.assertEqual(HOST.run("cat", 120, stdin=data).output, data)

    def test_an_unknown_program_is_127(self):
        result = HOST.run(["no-such-program"])
        self.assertEqual(result.code, 127)
        self.assertIn("no-such-program", result.stderr)

    def test_commands_run_beside_each_other(self):
        # The second can only end if the first is still there to be answered.
        HOST.run("rm -f /tmp/there /tmp/back; mkfifo /tmp/there /tmp/back").check()
        results = []
        first = threading.Thread(target=lambda: results.append(HOST.run("echo ping > /tmp/there; cat /tmp/back", 120)))
        first.start()
        second = HOST.run("read -r word < /tmp/there; echo $word-pong > /tmp/back", 120)
        first.join()
        self.assertEqual((second.code, results[0].stdout), (0, "ping-pong\n"))

    def test_a_command_over_its_time_is_ended(self):
        with self.assertRaises(LabError):
            HOST.run("echo $$ > /tmp/pid; exec sleep 1000", timeout=10)
        HOST.run("while kill -0 $(cat /tmp/pid) 2>/dev/null; do sleep 0.2; done", 60).check()

    def test_a_process_can_be_talked_to(self):
        process = HOST.start("while read -r line; do echo \"<$line>\"; done")
        for word in (b"one", b"two"):
            process.write(word + b"\n")
            self.assertEqual(process.read(60), ("O", b"<" + word + b">\n"))
        process.end_input()
        self.assertEqual(process.wait(60).code, 0)


class Network(unittest.TestCase):
    def test_the_hosts_reach_each_other_by_tcp(self):
        other = Lab.attach().host(2)
        if other.run("true").code != 0:
            self.skipTest("the lab has one host")
        server = other.start("nc -l -p 7007 > /tmp/received")
        wait_listening(other, 7007)
        HOST.run("head -c 3000000 /dev/urandom > /tmp/sent; nc host2 7007 < /tmp/sent", 240).check()
        server.wait(60).check()
        sums = [host.run(f"md5sum < {path}").check().stdout for host, path in ((HOST, "/tmp/sent"), (other, "/tmp/received"))]
        self.assertEqual(*sums)
