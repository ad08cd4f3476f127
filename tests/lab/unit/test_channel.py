"""The command channel, from a Host to dom0's agent, without a machine between them."""
import unittest
from unittest import mock

from fake_lab import FakeMachines
from lablib.channel_case import ChannelCase
from lablib.lab import Lab


class Channel(ChannelCase, unittest.TestCase):
    limit = 1

    @classmethod
    def setUpClass(cls):
        machines = FakeMachines()
        cls.addClassCleanup(machines.close)
        cls.folder = machines.folder
        cls.enterClassContext(mock.patch.dict("os.environ", machines.environment()))
        cls.host = cls.enterClassContext(Lab(images=machines.folder, output=machines.folder / "out", log=lambda _: None)).host(1)
