"""The order of the house: what imports what, and that everything has the name of its stage."""

import ast
import functools
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
LIBRARY = SCRIPTS / "zerosign"

PACKAGES = (
    "prompts",
    "dataset",
    "videos",
    "frames",
    "models",
    "inference",
    "mapping",
    "scoring",
    "matching",
    "alignment",
    "figures",
    "demo",
    "study",
)
"""From the first to the last: a package imports only those before it, and top-level modules."""

STAGES = tuple(name for name in PACKAGES if name not in ("prompts", "models", "study"))
"""Packages with rules. Prompts and models are part of inference, and study serves all rules."""

MODULES = sorted(path for path in LIBRARY.rglob("*.py") if path.name != "__init__.py")
PROGRAMS = sorted(SCRIPTS.glob("*.py"))
BY_HAND = {"convert_dataset", "fetch_descriptions"}
"""Programs that no rule runs."""


@functools.cache
def parsed(path: Path) -> ast.Module:
    """A file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> set[str]:
    """Dotted names of the library's modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "zerosign"}


def package_of(dotted: str) -> str:
    """The package of a module of the library; "" for a top-level one."""
    second = dotted.split(".")[1]
    return second if (LIBRARY / second).is_dir() else ""


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SCRIPTS).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_package_imports_only_those_before_it(path: Path) -> None:
    place = package_of(name_of(path))
    allowed = set(PACKAGES[: PACKAGES.index(place) + 1]) | {""} if place else {""}
    wrong = {name for name in imported(path) if package_of(name) not in allowed}
    assert not wrong


def test_every_package_has_its_place_in_the_order() -> None:
    assert {path.parent.name for path in LIBRARY.glob("*/__init__.py")} == set(PACKAGES)


def test_no_module_imports_itself_by_a_detour() -> None:
    edges = {
        name_of(path): {name_of(module) for module in MODULES if used(path, module)}
        for path in MODULES
    }
    done: set[str] = set()
    while free := {name for name in edges if name not in done and edges[name] <= done}:
        done |= free
    circles = {name: sorted(edges[name] - done) for name in edges if name not in done}
    # A package's registry is named by what it finds: those import it, it imports none of them.
    assert not circles


def used(path: Path, module: Path) -> bool:
    """Whether a file imports a module at its top, or something of it."""
    name = name_of(module)
    for node in parsed(path).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == name:
                return True
            if f"{node.module}.{module.stem}" == name and any(
                alias.name == module.stem for alias in node.names
            ):
                return True
    return False


def test_no_two_modules_share_a_name() -> None:
    counts = Counter(path.stem for path in MODULES)
    kinds = {path.stem for path in (LIBRARY / "models" / "kinds").glob("*.py")}
    assert not {name for name, count in counts.items() if count > 1} - kinds


def test_top_level_modules_shadow_nothing() -> None:
    top = {path.stem for path in LIBRARY.glob("*.py")} - {"__init__"}
    # As zerosign.http and zerosign.statistics they shadow nothing; `io` would be misread.
    assert top & sys.stdlib_module_names <= {"http", "statistics"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_has_rules_docs_and_tests_of_its_name(stage: str) -> None:
    assert (ROOT / f"workflow/rules/{stage}.smk").is_file()
    assert (ROOT / f"docs/{stage}.md").is_file()
    assert list((ROOT / f"tests/unit/{stage}").glob("test_*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_tests_of_its_name(package: str) -> None:
    assert list((ROOT / f"tests/unit/{package}").glob("test_*.py"))


def test_there_are_no_other_rules() -> None:
    rules = {path.stem for path in (ROOT / "workflow/rules").glob("*.smk")}
    assert rules == {*STAGES, "common"}


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_holds_only_parse_call_and_write(path: Path) -> None:
    tree = parsed(path)
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert {"parser", "main"} <= set(functions)
    assert len(functions) <= 3
    assert not any(isinstance(node, ast.ClassDef) for node in tree.body)
    assert ast.get_docstring(tree)
    longest = max(
        (node.end_lineno or 0) - node.lineno
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    )
    assert longest <= 40


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_rule_runs_each_program(path: Path) -> None:
    rules = "\n".join(file.read_text("utf-8") for file in (ROOT / "workflow/rules").glob("*.smk"))
    assert (f"rule {path.stem}:" in rules) != (path.stem in BY_HAND)


def test_no_program_is_imported() -> None:
    names = {path.stem for path in PROGRAMS}
    for path in [*MODULES, *PROGRAMS]:
        tree = parsed(path)
        found = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert not found & names, path


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_architecture_has_a_line_for_every_file(path: Path) -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    docstring = ast.get_docstring(parsed(path)) or ""
    first = docstring.split("\n\n")[0].replace("\n", " ")
    assert f"| `{path.name}` | {first} |" in text
