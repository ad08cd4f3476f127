"""How a control domain and its guests share a processor.

The lab's dom0 outweighs its guests 32 times (images/dom0/init), so that checks of guests at full speed do not take all day. A guest then stands still for as long
as dom0 has anything to do, which no host of anybody's does to it: what a move costs a guest is measured with the shares that Xen gives by itself.
"""
from contextlib import contextmanager

DEFAULT_WEIGHT = 256


@contextmanager
def equal_shares(*hosts):
    """Gives dom0 the weight that every domain has, and in the end the one that it had."""
    weights = [(host, _weight(host)) for host in hosts]
    try:
        for host in hosts:
            _weigh(host, DEFAULT_WEIGHT)
        yield
    finally:
        for host, weight in weights:
            _weigh(host, weight)


def _weight(host):
    return int(host.run("xl sched-credit2 -d Domain-0", 60).check().stdout.splitlines()[-1].split()[2])


def _weigh(host, weight):
    host.run(f"xl sched-credit2 -d Domain-0 -w {weight}", 60).check()
