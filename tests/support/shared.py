"""The folder of reference data that is not committed."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def shared_dir(*parts: str) -> Path:
    """Return `parts` below the folder named by BIGLOOP_SHARED, or skip and say what is missing.

    Without the variable it is `shared` beside the checkout.
    """
    folder = Path(os.environ.get("BIGLOOP_SHARED") or ROOT.parent / "shared")
    path = folder.joinpath(*parts)
    if not path.exists():
        wanted = "/".join(("$BIGLOOP_SHARED", *parts))
        pytest.skip(f"needs {wanted}, which is not on this machine")
    return path
