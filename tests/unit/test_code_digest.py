"""What changes a program's code digest, and what must not."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from zerosign.code_digest import code_digest

PROGRAM = '''
"""A program."""
import argparse
from zerosign import used
from zerosign.names import constant
import zerosign.deep.inner

def main():
    """Run."""
    # a comment
    print(used.function(1), constant, zerosign.deep.inner.leaf())

if __name__ == "__main__":
    main()
'''
USED = '''
import sys
from zerosign import cli, errors
from zerosign.cli import log

LIMIT = 3
OTHER = 4

def helper(x):
    return x + LIMIT

def function(x: int) -> int:
    """Doc."""
    if x > LIMIT:
        raise errors.Wrong(f"x is {x}")
    log.info("x: %d", x)
    print("working", file=sys.stderr)
    for _ in cli.progress([1], 1, "loop"):
        pass
    return helper(x)

def unrelated(x):
    return x - OTHER
'''


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    files = {
        "program.py": PROGRAM,
        "zerosign/__init__.py": "",
        "zerosign/used.py": USED,
        "zerosign/errors.py": "class Wrong(Exception):\n    pass\n",
        "zerosign/cli.py": "log = 1\n\n\ndef progress(items, total, what):\n    yield from items\n",
        "zerosign/names.py": "from numpy import pi\nconstant = 1 + pi\nother = 2\n",
        "zerosign/deep/__init__.py": "",
        "zerosign/deep/inner.py": "def leaf():\n    return 1\ndef far():\n    return 2\n",
        "zerosign/chosen.py": "def adapter():\n    return 1\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def digest(tree: Path, roots: Sequence[str] = ()) -> str:
    return code_digest(tree, ["program.py", *roots])


def edited(tree: Path, name: str, old: str, new: str) -> bool:
    """Whether an edit of one file changes the digest of the program."""
    before = digest(tree)
    path = tree / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return digest(tree) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("program.py", "print(", "repr("),
        ("program.py", 'if __name__ == "__main__":\n    main()', "main()"),
        ("zerosign/used.py", "return helper(x)", "return helper(x + 1)"),
        ("zerosign/used.py", "return x + LIMIT", "return x * LIMIT"),
        ("zerosign/used.py", "LIMIT = 3", "LIMIT = 5"),
        ("zerosign/errors.py", "pass", "code = 1"),
        ("zerosign/used.py", "if x > LIMIT", "if x >= LIMIT"),
        ("zerosign/used.py", "raise errors.Wrong", "raise ValueError"),
        ("zerosign/used.py", "cli.progress([1]", "cli.progress([2]"),
        ("zerosign/used.py", "OTHER = 4", "OTHER = 4\nprint('on import')"),
        ("zerosign/names.py", "constant = 1", "constant = 2"),
        ("zerosign/names.py", "from numpy import pi", "from numpy import e as pi"),
        ("zerosign/deep/inner.py", "return 1", "return 3"),
        (
            "zerosign/used.py",
            "def unrelated",
            "def mark(f):\n    return f\n\n@mark\ndef unrelated",
        ),
    ],
)
def test_reached_code_counts(tree: Path, name: str, old: str, new: str) -> None:
    assert edited(tree, name, old, new)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("program.py", "# a comment", "# another, longer comment\n"),
        ("program.py", '"""Run."""', '"""Run it."""'),
        ("program.py", "import argparse", "import argparse\nimport json"),
        ("zerosign/used.py", "return helper(x)", "return helper(\n        x\n    )"),
        ("zerosign/used.py", "return x - OTHER", "return x - OTHER - 1"),
        ("zerosign/used.py", "x is {x}", "x is too large: {x}"),
        ("zerosign/used.py", '"x: %d", x', '"x is %d of %d", x, LIMIT'),
        ("zerosign/used.py", '    log.info("x: %d", x)\n', ""),
        ("zerosign/used.py", '"working"', '"still working"'),
        ("zerosign/used.py", 'cli.progress([1], 1, "loop")', "[1]"),
        ("zerosign/used.py", "(x: int) -> int", "(x: float) -> float"),
        ("zerosign/cli.py", "yield from items", "yield from reversed(items)"),
        ("zerosign/used.py", "OTHER = 4", "OTHER = 5"),
        ("zerosign/names.py", "other = 2", "other = 3"),
        ("zerosign/deep/inner.py", "return 2", "return 4"),
        ("zerosign/chosen.py", "return 1", "return 2"),
    ],
)
def test_the_rest_does_not(tree: Path, name: str, old: str, new: str) -> None:
    assert not edited(tree, name, old, new)


def test_where_a_definition_is_does_not_count(tree: Path) -> None:
    before = digest(tree)
    (tree / "zerosign/used.py").rename(tree / "zerosign/deep/moved.py")
    imported = "from zerosign import used"
    program = PROGRAM.replace(imported, "from zerosign.deep import moved as used")
    (tree / "program.py").write_text(program)
    assert digest(tree) == before
    program = PROGRAM.replace(imported, "from zerosign.deep.moved import function")
    (tree / "program.py").write_text(program.replace("used.function", "function"))
    assert digest(tree) == before


def test_what_a_module_passes_on_is_followed(tree: Path) -> None:
    (tree / "zerosign/names.py").write_text("from zerosign.used import LIMIT as constant\n")
    assert edited(tree, "zerosign/used.py", "LIMIT = 3", "LIMIT = 5")


def test_roots_count_whole(tree: Path) -> None:
    before = digest(tree, ["zerosign.chosen"])
    assert before != digest(tree)
    (tree / "zerosign/chosen.py").write_text("def adapter():\n    return 2\n")
    assert digest(tree, ["zerosign.chosen"]) != before


def test_a_root_may_be_a_name_in_a_module(tree: Path) -> None:
    root = "zerosign.chosen:adapter"
    text = (tree / "zerosign/chosen.py").read_text()
    before = digest(tree, [root])
    assert before != digest(tree)
    (tree / "zerosign/chosen.py").write_text(text + "\n\ndef other():\n    return 3\n")
    assert digest(tree, [root]) == before
    (tree / "zerosign/chosen.py").write_text(text.replace("return 1", "return 2"))
    assert digest(tree, [root]) != before


def test_a_name_that_is_only_assigned_is_no_use_of_a_module(tree: Path) -> None:
    program = tree / "program.py"
    program.write_text(
        "from zerosign import used\n\n\nclass A:\n    used: int = 1\n\n\nprint(A().used)\n"
    )
    before = digest(tree)
    (tree / "zerosign/used.py").write_text(USED.replace("x - OTHER", "x * OTHER"))
    assert digest(tree) == before


def test_a_module_passed_on_counts_whole(tree: Path) -> None:
    program = tree / "program.py"
    program.write_text("from zerosign import used\nprint(vars(used))\n")
    before = digest(tree)
    (tree / "zerosign/used.py").write_text(USED.replace("x - OTHER", "x * OTHER"))
    assert digest(tree) != before


def test_every_program_of_the_workflow_has_a_digest() -> None:
    scripts = Path(__file__).parents[2] / "workflow" / "scripts"
    programs = sorted(path.name for path in scripts.glob("*.py"))
    assert programs
    digests = {code_digest(scripts, [program]) for program in programs}
    assert len(digests) == len(programs)
