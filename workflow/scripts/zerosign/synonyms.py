"""Synonyms of glosses from WordNet's own files, or from a table.

Princeton's database is four plain-text indices and four data files; Debian's wordnet-base puts
them in /usr/share/wordnet, and nltk's wordnet.zip holds the same. They are read here directly:
nltk 3.10 opens them only within its own data folders and beside a file that Debian does not have.
A test holds the result against nltk's.
"""

import functools
import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from zerosign.errors import UserError
from zerosign.normalise import normal

SYNONYMS = {
    "class_index": pl.Int32,
    "gloss": pl.String,
    "synonym": pl.String,
    "origin": pl.String,
    "other_class": pl.Int32,
}

_SUFFIXES = {  # morphological substitutions of WordNet's morphy(7)
    "noun": [
        *[("s", ""), ("ses", "s"), ("ves", "f"), ("xes", "x"), ("zes", "z")],
        *[("ches", "ch"), ("shes", "sh"), ("men", "man"), ("ies", "y")],
    ],
    "verb": [
        *[("s", ""), ("ies", "y"), ("es", "e"), ("es", "")],
        *[("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")],
    ],
    "adj": [("er", ""), ("est", ""), ("er", "e"), ("est", "e")],
    "adv": [],
}
_MARKER = re.compile(r"\((?:a|p|ip)\)$")  # where an adjective may stand


class WordNet:
    """Synsets of a WordNet database: a folder, or a zip archive that holds one."""

    def __init__(self, path: str | Path) -> None:
        self._root = _database(Path(path))

    def synonyms(self, word: str) -> dict[str, str]:
        """Lemmas that share a synset with a word, in any part of speech and base form.

        Each with the first synset that gave it, as "noun:02961779". The word itself is left out.
        """
        found: dict[str, str] = {}
        lemma = word.casefold().replace(" ", "_")
        for part in _SUFFIXES:
            for base in self._base_forms(lemma, part):
                for offset in self._index(part)[base]:
                    for other in self._lemmas(part, offset):
                        found.setdefault(other, f"{part}:{offset:08d}")
        found.pop(word.casefold(), None)
        return found

    def _base_forms(self, form: str, part: str) -> list[str]:
        """The form and its bases that the index knows: exceptions, else suffixes stripped once."""
        bases = self._exceptions(part).get(form)
        if bases is None:
            rules = _SUFFIXES[part]
            bases = [form[: -len(old)] + new for old, new in rules if form.endswith(old)]
        index = self._index(part)
        return [f for f in dict.fromkeys([form, *bases]) if f in index]

    @functools.cache  # noqa: B019 - one database a process
    def _index(self, part: str) -> dict[str, list[int]]:
        index = {}
        for line in self._lines(f"index.{part}"):
            lemma, _, synsets, pointers, *rest = line.split()
            index[lemma] = [int(offset) for offset in rest[int(pointers) + 2 :][: int(synsets)]]
        return index

    @functools.cache  # noqa: B019
    def _exceptions(self, part: str) -> dict[str, list[str]]:
        return {form: bases for form, *bases in map(str.split, self._lines(f"{part}.exc"))}

    @functools.cache  # noqa: B019
    def _data(self, part: str) -> bytes:
        return self._root.joinpath(f"data.{part}").read_bytes()

    def _lemmas(self, part: str, offset: int) -> list[str]:
        data = self._data(part)
        fields = data[offset : data.index(b"\n", offset)].decode("ascii").split()
        if fields[:1] != [f"{offset:08d}"]:
            raise UserError(f"{self._root}/data.{part} does not fit its index; install it again")
        count = int(fields[3], 16)
        words = fields[4 : 4 + 2 * count : 2]
        return [_MARKER.sub("", word).replace("_", " ").casefold() for word in words]

    def _lines(self, name: str) -> list[str]:
        text = self._root.joinpath(name).read_text("utf-8")
        return [line for line in text.splitlines() if not line.startswith("  ")]


def from_wordnet(path: str | Path, glosses: Sequence[str]) -> pl.DataFrame:
    """Synonyms (schema `SYNONYMS`) of each gloss; `origin` is the synset."""
    wordnet = WordNet(path)
    return _table(
        glosses,
        ((gloss, *found) for gloss in glosses for found in wordnet.synonyms(gloss).items()),
    )


def from_table(path: str | Path, glosses: Sequence[str]) -> pl.DataFrame:
    """Synonyms (schema `SYNONYMS`) from a CSV (UTF-8) with the columns gloss and synonym."""
    try:
        table = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: not a readable CSV ({str(error).splitlines()[0]})") from None
    if not {"gloss", "synonym"} <= set(table.columns):
        raise UserError(f"{path}: needs the columns gloss and synonym")
    unknown = sorted(set(table["gloss"]) - set(glosses))
    if unknown:
        raise UserError(f"{path}: gloss {unknown[0]!r} is no class of the study")
    rows = table.select("gloss", "synonym").iter_rows()
    return _table(glosses, ((gloss, synonym, Path(path).name) for gloss, synonym in rows))


def _table(glosses: Sequence[str], rows: Iterable[tuple[str, str, str]]) -> pl.DataFrame:
    classes = {normal(gloss): index for index, gloss in reversed(list(enumerate(glosses)))}
    position = {gloss: index for index, gloss in enumerate(glosses)}
    found: dict[tuple[int, str], str] = {}
    for gloss, synonym, origin in rows:
        if normal(synonym) and normal(synonym) != normal(gloss):
            found.setdefault((position[gloss], normal(synonym)), origin)
    return pl.DataFrame(
        [
            (index, glosses[index], synonym, origin, classes.get(synonym))
            for (index, synonym), origin in sorted(found.items())
        ],
        schema=SYNONYMS,
        orient="row",
    )


def _database(path: Path) -> Path | zipfile.Path:
    """Where index.noun lies: the folder or archive itself, or the folder `wordnet` in it."""
    if not path.exists():
        raise UserError(
            f"{path}: no WordNet there; install Debian's wordnet-base, or name a folder or zip "
            "archive with WordNet's index.noun"
        )
    root = zipfile.Path(path) if path.is_file() and zipfile.is_zipfile(path) else path
    for folder in (root, root / "wordnet", root / "dict"):
        if (folder / "index.noun").is_file():
            return folder
    raise UserError(f"{path}: holds no index.noun, so it is no WordNet database")
