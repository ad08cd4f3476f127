"""The lab's hosts: Xen, the command channel, the share."""
import unittest

from lablib.channel_case import ChannelCase
from lablib.lab import Lab
from lablib.ports import wait_listening

LAB = Lab.attach()
HOST = LAB.host(1)


class Xen(unittest.TestCase):
    def test_dom0_is_listed(self):
        self.assertRegex(HOST.run("xl list").check().stdout, r"Domain-0 +0 ")

    def test_hypervisor_is_ours_and_runs_hap_guests(self):
        text = HOST.run("xl info").check().stdout
        self.assertRegex(text, r"xen_version +: 4\.(17|20)\.\d+.*-prerecord")
        self.assertRegex(text, r"virt_caps +: .*\bhvm\b.*\bhap\b.*\bshadow\b")

    def test_libraries_for_interop_are_there(self):
        version = HOST.run("readlink /usr/lib/xen").check().stdout.strip().removeprefix("xen-")
        for name in (f"libxenctrl.so.{version}", "libxenforeignmemory.so.1", "libxenevtchn.so.1", "libxencall.so.1",
                     "libxenstore.so.4", f"libxenlight.so.{version}", f"libxenguest.so.{version}"):
            with self.subTest(name):
                HOST.run(f"ldconfig -p 2>/dev/null | grep -q {name} || ls /usr/lib/*/{name} /usr/lib/xen/lib/*/{name} 2>/dev/null | grep -q .").check()


class CommandChannel(ChannelCase, unittest.TestCase):
    host = HOST


class Network(unittest.TestCase):
    def test_the_hosts_reach_each_other_by_tcp(self):
        other = LAB.host(2)
        if not LAB.has_host(2):
            self.skipTest("the lab has one host")
        server = other.start("nc -l -p 7007 > /tmp/received")
        wait_listening(other, 7007)
        HOST.run("head -c 3000000 /dev/urandom > /tmp/sent; nc host2 7007 < /tmp/sent", 240).check()
        server.wait(60).check()
        sums = [host.run(f"md5sum < {path}").check().stdout for host, path in ((HOST, "/tmp/sent"), (other, "/tmp/received"))]
        self.assertEqual(*sums)
