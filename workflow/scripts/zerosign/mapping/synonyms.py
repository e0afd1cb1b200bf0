"""Synonyms of glosses from WordNet, read by nltk, or from a table.

Princeton's database is four plain-text indices and four data files; Debian's wordnet-base puts
them in /usr/share/wordnet, and nltk's wordnet.zip holds the same.
"""

import contextlib
import tempfile
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from zerosign.errors import UserError
from zerosign.mapping.mapping_settings import SynonymSource, WordNetSynonyms
from zerosign.mapping.normalise import normal

SYNONYMS = {
    "class_index": pl.Int32,
    "gloss": pl.String,
    "synonym": pl.String,
    "origin": pl.String,
    "other_class": pl.Int32,
}

_FILES = [
    name
    for part in ("noun", "verb", "adj", "adv")
    for name in (f"index.{part}", f"data.{part}", f"{part}.exc")
]


@contextlib.contextmanager
def wordnet(path: str | Path) -> Iterator[Any]:
    """nltk's reader of a WordNet database: a folder, or a zip archive that holds one.

    nltk opens only databases within its own data folders, and needs two files that synonyms don't
    use and Debian's package does not have: so it reads a temporary copy with these two made up.
    """
    import nltk
    from nltk.corpus.reader import WordNetCorpusReader

    found = database(Path(path))
    folders = list(nltk.data.path)
    with tempfile.TemporaryDirectory() as home:
        copy = Path(home, "corpora", "wordnet")
        copy.mkdir(parents=True)
        for name in _FILES:
            if not found.joinpath(name).is_file():
                raise UserError(
                    f"{path}: has no {name}, so it is no WordNet database; install it again"
                )
            copy.joinpath(name).write_bytes(found.joinpath(name).read_bytes())
        copy.joinpath("lexnames").write_text("".join(f"{i:02d}\tunnamed\t1\n" for i in range(45)))
        copy.joinpath("index.sense").touch()
        nltk.data.path[:] = [home]
        try:
            # nltk leaves some files open, also where a damaged database makes it give up.
            with contextlib.ExitStack() as opened:

                class Reader(WordNetCorpusReader):
                    def open(self, file: str) -> Any:
                        return opened.enter_context(super().open(file))

                with warnings.catch_warnings(action="ignore"):  # that it reads only English
                    reader = Reader(str(copy), None)
                yield reader
        finally:
            nltk.data.path[:] = folders


def synonyms(reader: Any, word: str) -> dict[str, str]:
    """Lemmas that share a synset with a word, in any part of speech and base form.

    Each with the first synset that gave it, as nltk names it: "car.n.01". The word itself is left
    out.
    """
    found: dict[str, str] = {}
    for synset in reader.synsets(word.casefold().replace(" ", "_")):
        for lemma in synset.lemma_names():
            found.setdefault(lemma.replace("_", " ").casefold(), synset.name())
    found.pop(word.casefold(), None)
    return found


def from_source(source: SynonymSource, glosses: Sequence[str]) -> pl.DataFrame:
    """Synonyms (schema `SYNONYMS`) of each gloss from where the study says."""
    if isinstance(source, WordNetSynonyms):
        return from_wordnet(source.wordnet, glosses)
    return from_table(source.table, glosses)


def from_wordnet(path: str | Path, glosses: Sequence[str]) -> pl.DataFrame:
    """Synonyms (schema `SYNONYMS`) of each gloss; `origin` is the synset."""
    try:
        with wordnet(path) as reader, warnings.catch_warnings(action="error"):
            rows = [(gloss, *pair) for gloss in glosses for pair in synonyms(reader, gloss).items()]
    except UserError:
        raise
    except Exception as error:  # nltk fails in many ways on a damaged database
        reason = str(error) or type(error).__name__
        raise UserError(
            f"{path}: nltk cannot read this WordNet database ({reason}); install it again"
        ) from error
    return _table(glosses, rows)


def from_table(path: str | Path, glosses: Sequence[str]) -> pl.DataFrame:
    """Synonyms (schema `SYNONYMS`) from a CSV (UTF-8) with the columns gloss and synonym."""
    try:
        table = pl.read_csv(path, infer_schema=False, empty_string_is_null=False).fill_null("")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(
            f"{path}: cannot be read as CSV in UTF-8 ({str(error).splitlines()[0]})"
        ) from None
    if not {"gloss", "synonym"} <= set(table.columns):
        raise UserError(f"{path}: needs the columns gloss and synonym; name them in the first line")
    unknown = sorted(set(table["gloss"]) - set(glosses))
    if unknown:
        raise UserError(
            f"{path}: {unknown[0]!r} is no gloss of the study; correct or remove its rows"
        )
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


def database(path: Path) -> Path | zipfile.Path:
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
    raise UserError(
        f"{path}: has no index.noun, so it is no WordNet database; "
        "name the folder or zip archive that has it"
    )
