"""The classes of a study as words: which answer, once normalised, is which gloss."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import polars as pl

from zerosign.errors import UserError
from zerosign.mapping.inflection import base_forms
from zerosign.mapping.normalise import normal, without_optional_marks
from zerosign.study_file import StudyFile

_TABLE = "give both their written forms in a table that mapping.glosses names (docs/mapping.md)"
_SHORTEST_PART = 3  # letters: "head ache" is "headache", but "a bout" is not "about"


@dataclass(frozen=True)
class Vocabulary:
    """The glosses by class index, and the ways in which each is written."""

    glosses: Sequence[str]
    language: str
    """Of the glosses, ISO 639-1: it decides on i, and English is inflected."""
    forms: Mapping[str, int]
    """From a written form, normalised, to its class."""

    @classmethod
    def of(
        cls,
        glosses: Sequence[str],
        language: str = "en",
        written: Mapping[str, Sequence[str]] | None = None,
    ) -> "Vocabulary":
        """The vocabulary of these glosses; ``written``: the forms of those not written as named.

        Raises `UserError` that names a gloss without a letter, or two that are written alike: an
        answer could never be the one, or would always be both.
        """
        forms: dict[str, int] = {}
        for index, gloss in enumerate(glosses):
            for form in (written or {}).get(gloss, [gloss]):
                words = normal(form, language)
                if not words:
                    raise UserError(
                        f"gloss {gloss!r} has no letter or digit, so no answer can be it; rename "
                        "it, or give it a written form in a table that mapping.glosses names"
                    )
                other = forms.setdefault(words, index)
                if other != index:
                    raise UserError(
                        f"glosses {glosses[other]!r} and {gloss!r} are both written {words!r} "
                        f"once case and punctuation are gone; merge or rename them, or {_TABLE}"
                    )
        return cls(tuple(glosses), language, forms)

    def normal(self, text: str) -> str:
        """Words as the forms of this vocabulary are written."""
        return normal(text, self.language)

    def find(self, words: str) -> int | None:
        """The class of normalised words, inflected or compounded as they may be; None: no class."""
        found = self._literal(words)
        if found is None:
            found = self._joined.get(words.replace(" ", "")) if _is_compound(words) else None
        if found is None and self.language == "en":
            bases = (self._literal(base) for base in base_forms(words))
            found = next((index for index in bases if index is not None), None)
        return found

    def _literal(self, words: str) -> int | None:
        found = self.forms.get(words)
        return self._unmarked.get(without_optional_marks(words)) if found is None else found

    @cached_property
    def names(self) -> Sequence[str]:
        """What stands for each class where texts are compared: its first written form."""
        first: dict[int, str] = {}
        for words, index in self.forms.items():
            first.setdefault(index, words)
        return [first[index] for index in range(len(self.glosses))]

    @cached_property
    def literal(self) -> Mapping[str, int]:
        """From each gloss in lower case to its class: all that the authors' script compares."""
        return {gloss.lower(): i for i, gloss in reversed(list(enumerate(self.glosses)))}

    @cached_property
    def _unmarked(self) -> Mapping[str, int]:
        """Forms without marks that may be left out, where that leaves one class."""
        return _unambiguous((without_optional_marks(w), i) for w, i in self.forms.items())

    @cached_property
    def _joined(self) -> Mapping[str, int]:
        """Forms written as one word, where that leaves one class."""
        return _unambiguous((words.replace(" ", ""), i) for words, i in self.forms.items())


def of_study(study: StudyFile, glosses: Sequence[str], forms: Path | None) -> Vocabulary:
    """The vocabulary of a study with these glosses by class index, and a table of their forms."""
    written = read_forms(forms, glosses) if forms else {}
    return Vocabulary.of(glosses, study.read(str, "mapping", "language"), written)


def read_forms(path: str | Path, glosses: Sequence[str]) -> dict[str, list[str]]:
    """Written forms by gloss, from a CSV (UTF-8) with the columns gloss and form; `UserError`."""
    try:
        table = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{path}: cannot be read as CSV in UTF-8 ({str(error).splitlines()[0]})"
        ) from None
    if not {"gloss", "form"} <= set(table.columns):
        raise UserError(f"{path}: needs the columns gloss and form; name them in the first line")
    written: dict[str, list[str]] = {}
    known = set(glosses)
    for gloss, form in table.select("gloss", "form").iter_rows():
        if gloss not in known:
            raise UserError(f"{path}: {gloss!r} is no gloss of the study; correct or remove it")
        written.setdefault(gloss, []).append(form)
    return written


def _is_compound(words: str) -> bool:
    """Whether words may be one that is written apart: "head ache", or one of two: "thankyou"."""
    parts = words.split(" ")
    return len(parts) == 1 or (
        len(parts) == 2 and all(len(part) >= _SHORTEST_PART for part in parts)
    )


def _unambiguous(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, set[int]] = {}
    for words, index in pairs:
        found.setdefault(words, set()).add(index)
    return {words: next(iter(indices)) for words, indices in found.items() if len(indices) == 1}
