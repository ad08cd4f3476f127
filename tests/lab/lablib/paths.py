"""Where things lie in the repository."""
from pathlib import Path

LAB = Path(__file__).resolve().parents[1]
REPOSITORY = LAB.parents[1]
IMAGES = LAB / "images"
ARTIFACTS = REPOSITORY / "artifacts"
# What every dom0 sees as /share, as tests/lab/publish fills it.
SHARE = ARTIFACTS / "share"
