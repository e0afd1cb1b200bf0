"""From an answer to its reading: which gloss it names, if it refuses, which gloss is nearest."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from zerosign.mapping import phrases
from zerosign.mapping.encoder import DECIMALS, Encoder
from zerosign.mapping.normalise import visible
from zerosign.mapping.outcomes import Outcome
from zerosign.mapping.reading import Reading
from zerosign.mapping.refusals import is_refusal
from zerosign.mapping.vocabulary import Vocabulary

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


def read(reply: Reply, vocabulary: Vocabulary) -> Reading:
    """All that needs no encoder.

    An answer that was cut off at the token limit counts only if it names a class: its similarity
    would be that of a fragment.
    """
    if reply.finish in _WITHOUT_ANSWER:
        return Reading(Outcome(reply.finish))
    if reply.scores is not None:
        return _scored(reply.scores)
    seen = phrases.ends(phrases.value_in_json(visible(reply.text)))
    strict = _strict(reply.text, vocabulary)
    cut_off = reply.finish == "length"
    if found := lexical(seen, vocabulary):
        return Reading(Outcome.OUT_OF_VOCABULARY, strict, found[0], -1, found[1], 1.0)
    if cut_off:
        return Reading(Outcome.CUT_OFF, strict, compared=vocabulary.normal(seen))
    if not vocabulary.normal(seen):
        return Reading(Outcome.REFUSED if is_refusal(seen) else Outcome.EMPTY, strict)
    named = _named(seen, vocabulary)
    if not named and is_refusal(seen):
        return Reading(Outcome.REFUSED, strict, compared=vocabulary.normal(seen))
    return Reading(Outcome.OUT_OF_VOCABULARY, strict, compared=named or vocabulary.normal(seen))


def lexical(seen: str, vocabulary: Vocabulary) -> tuple[int, str] | None:
    """Class and form that a visible answer names, or None.

    The whole answer; else what is left of it without denials: its conclusion, what it states, what
    it guesses, its beginning or end, what it emphasises. The first of these that names classes
    decides; it names none if it names several.
    """
    for found in _tiers(seen, vocabulary):
        classes = {index for index, _ in found}
        if classes:
            return found[0] if len(classes) == 1 else None
    return None


def _tiers(seen: str, vocabulary: Vocabulary) -> Iterator[list[tuple[int, str]]]:
    """Classes and forms that an answer names, tier after tier."""
    yield _classes_of([seen], vocabulary, within=False)
    text = phrases.without_denials(seen)
    refuses = is_refusal(seen)
    if not refuses:
        yield _classes_of([text], vocabulary, within=False)
    yield _classes_of(phrases.conclusions(text), vocabulary)
    stated = phrases.statements(text)
    yield _classes_of(stated, vocabulary)
    yield _classes_of(phrases.guesses(text), vocabulary)
    if not stated and not refuses:
        yield _classes_of(phrases.heads(text), vocabulary)[:1]
    yield _first_of(phrases.emphasised(text, capitals=seen != seen.upper()), vocabulary)


def _first_of(words: Sequence[str], vocabulary: Vocabulary) -> list[tuple[int, str]]:
    """The classes of words, if the first of them is one: "LION or BIRD" is no bird."""
    return _classes_of(words, vocabulary) if _classes_of(words[:1], vocabulary) else []


def _classes_of(
    found: Iterable[str], vocabulary: Vocabulary, within: bool = True
) -> list[tuple[int, str]]:
    classes = (_class_of(phrase, vocabulary, within) for phrase in found)
    return [each for each in classes if each]


def _class_of(phrase: str, vocabulary: Vocabulary, within: bool) -> tuple[int, str] | None:
    """The class of the most literal reading of a phrase that has one, and its form."""
    for reading in phrases.readings(phrase, within):
        words = vocabulary.normal(reading)
        index = vocabulary.find(words) if words else None
        if index is not None:
            return index, words
    return None


def _named(seen: str, vocabulary: Vocabulary) -> str:
    """The one form that an answer without a class names; "" for none or several."""
    text = phrases.without_denials(seen)
    tiers = (
        *(tier(text) for tier in (phrases.conclusions, phrases.statements, phrases.guesses)),
        phrases.emphasised(text, capitals=seen != seen.upper()),
    )
    for tier in tiers:
        words = [vocabulary.normal(phrases.first_alternative(phrase)) for phrase in tier]
        words = [word for word in words if word and not is_refusal(word)]
        if words:
            return words[0] if len(set(words)) == 1 else ""
    return ""


def _strict(text: str, vocabulary: Vocabulary) -> int:
    """The gloss that an answer equals in lower case, without blanks at its ends."""
    return vocabulary.literal.get(text.strip().lower(), -1)


def _scored(scores: Sequence[float]) -> Reading:
    order = np.argsort(-np.asarray(scores, float), kind="stable")
    best = int(order[0])
    return Reading(
        Outcome.OUT_OF_VOCABULARY,
        likeliest=best,
        top5=order[:5].tolist(),
        probability=float(softmax(scores)[best]),
    )


def is_open(reading: Reading) -> bool:
    """Whether only its similarity can give an answer a class."""
    return reading.without_class is Outcome.OUT_OF_VOCABULARY and (
        reading.lexical == reading.likeliest == -1
    )


def open_texts(replies: Iterable[Reply], vocabulary: Vocabulary) -> set[str]:
    """What `read_all` has encoded: what is compared of open answers, and then the glosses."""
    readings = (read(reply, vocabulary) for reply in replies)
    texts = {reading.compared for reading in readings if is_open(reading)}
    return {*texts, *vocabulary.names} if texts else set()


def read_all(replies: Iterable[Reply], vocabulary: Vocabulary, encode: Encoder) -> list[Reading]:
    """The reading of each reply, with the nearest gloss of those that are open.

    Ties go to the lowest class index.
    """
    found = [read(reply, vocabulary) for reply in replies]
    texts = sorted({reading.compared for reading in found if is_open(reading)})
    nearest = _nearest(texts, vocabulary.names, encode) if texts else {}
    return [
        _with_nearest(reading, *nearest[reading.compared])
        if is_open(reading) and reading.compared in nearest
        else reading
        for reading in found
    ]


def _with_nearest(reading: Reading, index: int, cosine: float) -> Reading:
    return reading._replace(nearest=index, similarity=cosine)


def _nearest(
    texts: Sequence[str], glosses: Sequence[str], encode: Encoder
) -> dict[str, tuple[int, float]]:
    """For each text the class of highest cosine and that cosine; ties to the lowest index.

    A text, or a gloss, that the encoder cannot read is left out.
    """
    cosines = np.round(encode(texts) @ encode(glosses).T, DECIMALS)
    cosines[np.isnan(cosines)] = -np.inf
    best = cosines.argmax(axis=1)
    return {
        text: (int(i), round(float(row[i]), DECIMALS))
        for text, i, row in zip(texts, best, cosines, strict=True)
        if np.isfinite(row[i])
    }
