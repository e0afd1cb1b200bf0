"""A new kind of model is one file, found by its name."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zerosign.errors import UserError
from zerosign.models import kinds as package
from zerosign.models import registry
from zerosign.study import error_lines, schemas

DUMMY = '''
"""A model that answers with a word of its entry."""
from typing import Literal

from zerosign.models.base import Answer
from zerosign.models.model_entry import ModelEntry
from zerosign.models.registry import ModelKind


class ParrotEntry(ModelEntry):
    meaningless = frozenset({"quantization"})
    adapter: Literal["parrot"]
    word: str


class Parrot:
    def __init__(self, entry):
        self.word = entry.word

    def bucket(self, request):
        return 0

    def prepare(self, requests):
        return requests

    def answer(self, prepared):
        return [Answer(self.word, "stop") for _ in prepared]


KIND = ModelKind(
    summary="a parrot",
    entry=ParrotEntry,
    pose=lambda entry, name, prompt, values, glosses: ([], {}),
    identity=lambda entry: entry.answering,
    load=Parrot,
    without_video=True,
    generates=True,
)
'''
MODELS = {"polly": {"adapter": "parrot", "checkpoint": "./x", "word": "book"}}


@pytest.fixture
def parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A file ``parrot.py`` in a folder of the package of kinds."""
    (tmp_path / "parrot.py").write_text(DUMMY)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    registry.kinds.cache_clear()
    yield
    registry.kinds.cache_clear()
    sys.modules.pop("zerosign.models.kinds.parrot", None)


def checked(models: dict[str, object]) -> dict[str, registry.AnyModelEntry]:
    """The entries of a models.yaml."""
    found: dict[str, registry.AnyModelEntry] = error_lines.check(
        registry.entries_type(), models, "models.yaml"
    )
    return found


@pytest.mark.usefixtures("parrot")
def test_one_file_makes_a_kind_of_model() -> None:
    (entry,) = checked(dict(MODELS)).values()
    kind = registry.kind("parrot")
    assert kind.load(entry).answer([1])[0].text == "book"
    assert kind.identity(entry)["word"] == "book"


@pytest.mark.usefixtures("parrot")
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"word": None}, r"^models\.yaml: polly\.word: "),
        ({"quantization": "4bit"}, "quantization has no meaning with adapter: parrot; remove it"),
        ({"wort": 1}, "unknown key 'wort'; did you mean 'word'?"),
    ],
)
def test_the_checks_know_its_keys(change: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        checked({"polly": MODELS["polly"] | change})


@pytest.mark.usefixtures("parrot")
def test_the_schema_knows_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(schemas.FILES, "models", (registry.entries_type(), "Models"))
    properties = schemas.schema_of("models")["$defs"]["ParrotEntry"]["properties"]
    assert properties["word"]["type"] == "string"
    assert properties["adapter"]["const"] == "parrot"
    assert "quantization" not in properties


def test_an_unknown_kind() -> None:
    with pytest.raises(UserError, match="no adapter named 'chatt'; did you mean 'chat'"):
        registry.kind("chatt")
    with pytest.raises(UserError, match="adapter: 'parrot' is none of the choices"):
        checked(dict(MODELS))


@pytest.mark.parametrize("name", ["Polly", "a/b", "", "-x", "a b"])
def test_names_become_parts_of_file_names(name: str) -> None:
    entry = {"adapter": "chat", "checkpoint": "./x", "decoding": {"max_new_tokens": 8}}
    assert checked({"a.b-c_1": entry})
    with pytest.raises(UserError, match=r"no valid name|pattern"):
        checked({name: entry})


def test_the_docs_list_every_kind() -> None:
    text = (Path(__file__).parents[3] / "docs/models.md").read_text("utf-8")
    for name, kind in registry.kinds().items():
        assert f"| `{name}` | {kind.summary} |" in text
