"""What a run of unittest comes to, as the suites of this repository say it in their last line."""
import unittest


def count(result):
    """How many tests passed, failed and were skipped. A test counts once, however many of its subtests failed or were skipped; what fails
    around tests, as a class' setup, counts as a failure of its own."""
    bad = [test for test, _ in result.failures + result.errors] + result.unexpectedSuccesses
    broken, around = ({_whole(test) for test in bad if isinstance(test, unittest.TestCase) == ran} for ran in (True, False))
    skipped = len({_whole(test) for test, _ in result.skipped} - broken)
    return result.testsRun - len(broken) - skipped, len(broken) + len(around), skipped


def _whole(test):
    """The name of the test that a subtest belongs to."""
    return str(getattr(test, "test_case", test))
