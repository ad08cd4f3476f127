"""Takes the uncompressed ELF kernel out of a bzImage: extract_kernel.py BZIMAGE VMLINUX."""
import lzma
import struct
import subprocess
import sys


def decompress(payload, name):
    """By the magic number that it begins with: Debian 12's kernels are compressed with XZ, Debian 13's with Zstandard."""
    if payload[:6] == b"\xfd7zXZ\x00":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "--decompress", "--stdout"], input=payload, stdout=subprocess.PIPE, check=True).stdout
    sys.exit(f"error: {name} is compressed with neither XZ nor Zstandard")


def main():
    with open(sys.argv[1], "rb") as file:
        image = file.read()
    # Linux boot protocol: setup sectors at 0x1f1, payload offset and length at 0x248 and 0x24c.
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start:start + length]
    # The last four bytes are the uncompressed size, put there by the kernel's build.
    kernel = decompress(payload[:-4], sys.argv[1])
    if kernel[:4] != b"\x7fELF" or len(kernel) != struct.unpack("<I", payload[-4:])[0]:
        sys.exit(f"error: {sys.argv[1]} holds no complete ELF kernel")
    with open(sys.argv[2], "wb") as file:
        file.write(kernel)


main()
