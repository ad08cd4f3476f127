"""The memory that a host's hypervisor has free: what leaks is missing there."""
import time

# Of each guest that has been there Xen keeps a page or two, without any patch and extension, too.
KEPT_MEMORY = 16


def free_memory(host):
    """Pages that the host's hypervisor has free. `xl info` counts in MiB, which hides what leaks and shows what does not."""
    return int(host.run("xl debug-keys m && xl dmesg | sed -n 's/.*Dom heap: \\([0-9]*\\)kB free.*/\\1/p' | tail -n 1", 120).check().stdout) // 4


def expect_memory(host, before, timeout=120):
    """Fails if the host's free memory does not come back to `before`, but for what Xen keeps."""
    deadline = time.monotonic() + timeout
    while (missing := before - free_memory(host)) > KEPT_MEMORY:
        if time.monotonic() > deadline:
            raise AssertionError(f"{missing} pages did not come back")
