"""The command channel, from a Host to dom0's agent, without a machine between them."""
import unittest
from unittest import mock

from fake_lab import FakeMachines
from lablib.channel_case import ChannelCase
from lablib.lab import AttachedLab, Lab


class Channel(ChannelCase, unittest.TestCase):
    limit = 1

    @classmethod
    def setUpClass(cls):
        machines = FakeMachines()
        cls.addClassCleanup(machines.close)
        cls.folder = machines.folder
        cls.enterClassContext(mock.patch.dict("os.environ", machines.environment()))
        lab = cls.enterClassContext(Lab(images=[machines.folder], output=machines.folder / "out", log=lambda _: None))
        cls.host, cls.control = lab.host(1), lab.control

    def test_a_lab_that_is_attached_to_knows_which_hosts_it_has(self):
        lab = AttachedLab(self.control)
        # Many times, because a host that is not there answers before all of the question has been sent, or after.
        for _ in range(100):
            self.assertEqual([lab.has_host(number) for number in (1, 2)], [True, False])
