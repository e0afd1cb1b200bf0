"""From one answer to one class: the likeliest, an exact match, or the nearest gloss."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from zerosign.mapping.encoder import DECIMALS, Encoder
from zerosign.mapping.normalise import forms, normal, stated, visible
from zerosign.mapping.outcomes import Outcome, Step

_REFUSAL = re.compile(
    r"\b(?:i|we)(?: am|'m| are|'re)?(?: really)?"
    r" (?:don't|do not|can't|cannot|can not|could not|couldn't|unable|not|sorry)\b"
    r"|\b(?:unable to|not able to|impossible to|difficult to (?:determine|identify|say|tell)"
    r"|(?:cannot|can't|could not) be (?:determined|identified)|sorry but|as an ai"
    r"|(?:is|are) (?:unclear|unknown|not (?:clear|visible|enough))|no (?:clear )?sign (?:is|was))\b"
    r"|^(?:unknown|unclear|n a|nothing|none|no sign|unsure|not sure|unidentified|indeterminate"
    r"|unrecogni[sz]able|no answer|sorry)$"
)
_WITHOUT_ANSWER = (
    Outcome.MISSING,
    Outcome.ERROR,
    Outcome.BLOCKED,
    Outcome.REFUSED,
    Outcome.EMPTY,
)


class Reply(NamedTuple):
    """One of the answers about a clip."""

    finish: str
    """How it ended: stop, length (the token limit), refused, blocked, empty, error, missing."""
    text: str
    scores: Sequence[float] | None = None
    """Log-likelihood of every class, by class index, of a run that scored all classes."""
    question: str = ""
    """Which of the prompt's questions it answers."""


class Decision(NamedTuple):
    """What an answer became."""

    outcome: Outcome
    step: Step = Step.NONE
    class_index: int = -1
    """-1 for none."""
    similarity: float | None = None
    """Cosine of the nearest gloss; 1 for an exact match."""
    compared: str = ""
    """The form of the answer that was compared with the glosses."""
    nearest: int = -1
    """The class of highest cosine, above the threshold or not; -1 where no cosine was needed."""
    top5: list[int] | None = None
    """The five likeliest classes, where the classes were scored."""
    probability: float | None = None
    """That of the class, where the classes were scored."""


def decide(
    replies: Iterable[Reply], glosses: Sequence[str], encode: Encoder, threshold: float
) -> list[Decision]:
    """The decision on each reply; the classes are ``glosses`` by index.

    An answer that was cut off at the token limit counts only if an exact form of it names a class:
    its similarity would be that of a fragment. Below ``threshold`` (cosine) an answer is out of
    vocabulary. Ties go to the lowest class index.
    """
    decisions = _all_without_encoder(replies, glosses)
    texts = _open(decisions)
    nearest = dict(zip(texts, _nearest(texts, glosses, encode), strict=True)) if texts else {}
    return [
        _by_similarity(d, *nearest[d.compared], threshold)
        if d.outcome is Outcome.OUT_OF_VOCABULARY
        else d
        for d in decisions
    ]


def open_texts(replies: Iterable[Reply], glosses: Sequence[str]) -> set[str]:
    """What `decide` has encoded: answers that nothing else maps, and then the glosses."""
    texts = _open(_all_without_encoder(replies, glosses))
    return {*texts, *map(normal, glosses)} if texts else set()


def _all_without_encoder(replies: Iterable[Reply], glosses: Sequence[str]) -> list[Decision]:
    classes: dict[str, int] = {}
    for index, gloss in enumerate(glosses):
        classes.setdefault(normal(gloss), index)
    return [_without_encoder(reply, classes) for reply in replies]


def _open(decisions: Iterable[Decision]) -> list[str]:
    """The answers that are left to their similarity."""
    return sorted({d.compared for d in decisions if d.outcome is Outcome.OUT_OF_VOCABULARY})


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


def _without_encoder(reply: Reply, classes: Mapping[str, int]) -> Decision:
    """Everything that needs no encoder; what is left open is out of vocabulary for now."""
    if reply.finish in _WITHOUT_ANSWER:
        return Decision(Outcome(reply.finish))
    if reply.scores is not None:
        return _likeliest(reply.scores)
    seen = visible(reply.text)
    whole = normal(seen)
    cut_off = reply.finish == "length"
    if not whole:
        return Decision(Outcome.CUT_OFF if cut_off else Outcome.EMPTY)
    found = exact(seen, classes)
    if found:
        return Decision(Outcome.CLASSIFIED, Step.EXACT, found[0], 1.0, found[1])
    if cut_off:
        return Decision(Outcome.CUT_OFF, compared=whole)
    if is_refusal(seen):
        return Decision(Outcome.REFUSED, compared=whole)
    phrases = stated(seen)
    return Decision(Outcome.OUT_OF_VOCABULARY, compared=phrases[0] if len(phrases) == 1 else whole)


def _likeliest(scores: Sequence[float]) -> Decision:
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    best = int(order[0])
    return Decision(
        Outcome.CLASSIFIED,
        Step.LIKELIHOOD,
        best,
        top5=order[:5].tolist(),
        probability=float(softmax(scores)[best]),
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
    return decision._replace(outcome=Outcome.CLASSIFIED, step=Step.SIMILARITY, class_index=index)
