"""The driver: whatever ends it, no machine is left behind."""
import unittest

from lablib.driver_case import DriverCase


class Driver(DriverCase, unittest.TestCase):
    pass
