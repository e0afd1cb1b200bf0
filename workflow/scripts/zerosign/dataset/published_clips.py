"""Digests of the published glosses and clips, by which an altered one can be named."""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from itertools import chain

import polars as pl

from zerosign.dataset.clips import SPLITS
from zerosign.dataset.verification import Check, offenders
from zerosign.errors import UserError

_DIGEST_CHARACTERS = 4  # of base64


def publish(rows: pl.DataFrame) -> list[str]:
    """A line per class of short digests: the gloss, its clips' details, each clip's id and split.

    From them nobody can read the data set, but an altered clip or label can be named.
    """
    lines = []
    for (_, gloss), part in rows.group_by("class_index", "gloss", maintain_order=True):
        clips = sorted(_clip_digest(i, s) for i, s in part.select("video_id", "split").iter_rows())
        lines.append(_gloss_digest(gloss) + _detail_digest(part) + "".join(clips))
    return lines


def against_published(
    rows: pl.DataFrame, published: Sequence[str], known_ids: Iterable[str]
) -> list[Check]:
    """Which glosses and clips differ from those that `publish` made lines of?

    ``known_ids``: ids that may name a clip that is gone from its class.
    """
    classes = max(rows["class_index"].to_list()) + 1
    if len(published) < classes:
        raise UserError(f"the published digests know {len(published)} classes, not {classes}")
    names = {_clip_digest(i, split): i for i in known_ids for split in SPLITS}
    relabelled, altered, changed, gone, nameless = {}, [], {}, [], 0
    for (index, gloss), part in rows.group_by("class_index", "gloss", maintain_order=True):
        line = published[index]
        label, details, *clips = (
            line[i : i + _DIGEST_CHARACTERS] for i in range(0, len(line), _DIGEST_CHARACTERS)
        )
        if label != _gloss_digest(gloss):
            relabelled[f"class {index} is {gloss!r}"] = list(part["video_id"])
        left = set(clips)
        for video_id, split in part.select("video_id", "split").iter_rows():
            if _clip_digest(video_id, split) not in left:
                altered.append(video_id)
            left.discard(_clip_digest(video_id, split))
        gone += [names[digest] for digest in left if digest in names]
        nameless += sum(digest not in names for digest in left)
        if not left and len(clips) == len(part) and details != _detail_digest(part):
            changed[f"class {index}, {gloss!r}"] = list(part["video_id"])
    lost = f"{nameless} of them have ids that are nowhere in the files" if nameless else ""
    missing = tuple(sorted(set(gone)))
    return [
        offenders("published_glosses", chain(*relabelled.values()), "; ".join(relabelled)),
        offenders("published_clips", altered, "id, split or class differ" if altered else ""),
        Check(
            "published_clips_present",
            0,
            len(missing) + nameless,
            not missing and not nameless,
            missing,
            lost,
        ),
        offenders(
            "published_details",
            chain(*changed.values()),
            f"source, URL, range, signer or variant differ in {'; '.join(changed)}"
            if changed
            else "",
        ),
    ]


def _gloss_digest(gloss: str) -> str:
    return _short(f"gloss\t{gloss}")


def _clip_digest(video_id: str, split: str) -> str:
    return _short(f"{video_id}\t{split}")


def _detail_digest(part: pl.DataFrame) -> str:
    """Digest of all else that the study uses of a class's clips."""
    used = ("video_id", "source", "url", "frame_start", "frame_end", "signer", "variation_id")
    rows = part.select(*used).sort("video_id").iter_rows()
    return _short("\n".join("\t".join(map(str, row)) for row in rows))


def _short(text: str) -> str:
    """24 bits of a SHA-256 in `_DIGEST_CHARACTERS` characters."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:3]).decode()
