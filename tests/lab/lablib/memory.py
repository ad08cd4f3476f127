"""The memory that a host's hypervisor has free: what leaks is missing there."""
import time

# Pages. Xen keeps a page or two of each guest that was there, also without patches and extension.
KEPT_MEMORY = 16


def free_memory(host):
    """Pages that the host's hypervisor has free. They are taken from its own log, because `xl info` counts in MiB, which hides small leaks."""
    return int(host.run("xl debug-keys m && xl dmesg | sed -n 's/.*Dom heap: \\([0-9]*\\)kB free.*/\\1/p' | tail -n 1", 120).check().stdout) // 4


def expect_memory(host, before, timeout=120):
    """Fails if the host's free memory does not come back to `before`, less what Xen keeps."""
    deadline = time.monotonic() + timeout
    while (missing := before - free_memory(host)) > KEPT_MEMORY:
        if time.monotonic() > deadline:
            raise AssertionError(f"{missing} pages did not come back")
