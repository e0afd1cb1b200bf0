"""Small pieces of WLASL metadata, and where the real one is."""

import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PLACES = (ROOT / "resources" / "wlasl", ROOT.parent / "shared" / "wlasl")


def real_metadata() -> Path | None:
    """Folder with WLASL_v0.3.json and nslt_<K>.json, which are not part of the project.

    By the environment variable ZEROSIGN_WLASL, else in resources/wlasl or ../shared/wlasl.
    """
    named = os.environ.get("ZEROSIGN_WLASL")
    places = [Path(named)] if named else PLACES
    return next((place for place in places if (place / "WLASL_v0.3.json").is_file()), None)


def instance(video_id: str = "00001", **changes: Any) -> dict[str, Any]:
    """An instance of a gloss, with some changes."""
    base = {
        "bbox": [0, 0, 10, 10],
        "fps": 25,
        "frame_start": 1,
        "frame_end": -1,
        "instance_id": 0,
        "signer_id": 3,
        "source": "aslu",
        "split": "train",
        "url": "http://example.org/a.mp4",
        "variation_id": 0,
        "video_id": video_id,
    }
    return base | changes
