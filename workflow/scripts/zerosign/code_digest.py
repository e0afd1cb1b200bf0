"""A digest of the code that a program can reach, blind to comments, docstrings and layout.

Snakemake notices neither a changed helper module nor a changed program that a `shell:` rule
calls, and it takes a touched `script:` for a changed one. So every rule carries the digest of its
program in `params`. The digest covers the program and, transitively, those functions, classes and
constants of the zerosign package that it names: a change elsewhere in the same module does not
count, a change of anything reached does.

Names are followed statically, and in doubt too far rather than too short: `import zerosign.a`,
`from zerosign import a`, `from zerosign.a import f`, attributes of such modules, plain names
within a module, whatever a module runs on import. A module that is used in any other way (passed
on, searched with `getattr`) counts whole. Code that is chosen by a string at run time cannot be
found and is given as a further root.
"""

import ast
import functools
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGE = "zerosign"
_WHOLE = ""  # the name that stands for all of a module
_ON_IMPORT = "*"  # the name that stands for the statements that act when a module is imported
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Place(NamedTuple):
    """A top-level name in a module."""

    path: Path
    name: str


class Module(NamedTuple):
    """A parsed module: its top-level statements by the names they bind, and its imports."""

    statements: dict[str, list[ast.stmt]]
    imports: dict[str, list[Place]]


def code_digest(program: Path, roots: Iterable[str] = ()) -> str:
    """First 16 hex digits of the SHA-256 of all that `program` reaches.

    `roots` are what is chosen by name at run time: ``module:name``, or a module, counted whole. The
    package lies next to the program. Raises FileNotFoundError for a missing file, SyntaxError for
    one that does not parse.
    """
    library = program.parent
    waiting = [Place(program, _ON_IMPORT)]
    for module_name, _, name in (root.partition(":") for root in roots):
        waiting.append(Place(_module_path(library, module_name), name or _WHOLE))
    reached: dict[Place, str] = {}
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        module = _parse(place.path, library, place.path.stat().st_mtime_ns)
        if place.name == _WHOLE:
            waiting += [Place(place.path, name) for name in module.statements]
            statements = []
        else:
            waiting.append(Place(place.path, _ON_IMPORT))
            statements = module.statements.get(place.name, [])
        reached[place] = "\n".join(ast.unparse(statement) for statement in statements)
        for statement in statements:
            waiting += _references(statement, place.path, module)
    lines = sorted(
        f"{place.path.relative_to(library).as_posix()}:{place.name}:{text}"
        for place, text in reached.items()
        if text
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _module_path(folder: Path, dotted: str) -> Path:
    base = folder.joinpath(*dotted.split("."))
    package = base / "__init__.py"
    return package if package.exists() else base.with_suffix(".py")


@functools.cache
def _parse(path: Path, library: Path, _modified_ns: int) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=os.fspath(path))
    _drop_docstrings(tree)
    imports: dict[str, list[Place]] = {}
    statements: dict[str, list[ast.stmt]] = {_ON_IMPORT: []}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, place in _package_imports(node, library):
                imports.setdefault(name, []).append(place)
    for statement in tree.body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for name, single in _other_imports(statement):
                statements.setdefault(name, []).append(single)
            continue
        names = set(_bound(statement))
        for name in names:
            statements.setdefault(name, []).append(statement)
        if not names or _acts_on_import(statement, statements, imports):
            statements[_ON_IMPORT].append(statement)
    return Module(statements, imports)


def _drop_docstrings(tree: ast.Module) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | _FUNCTION) and ast.get_docstring(node) is not None:
            rest = node.body[1:]
            node.body = rest if rest or isinstance(node, ast.Module) else [ast.Pass()]


def _package_imports(
    node: ast.Import | ast.ImportFrom, library: Path
) -> Iterator[tuple[str, Place]]:
    """Names that an import binds to the package's modules and definitions."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] == PACKAGE:
                dotted = alias.name if alias.asname else PACKAGE
                yield alias.asname or PACKAGE, Place(_module_path(library, dotted), _WHOLE)
    elif node.module and node.module.split(".")[0] == PACKAGE:
        for alias in node.names:
            module = _module_path(library, f"{node.module}.{alias.name}")
            place = (
                Place(module, _WHOLE)
                if module.exists()
                else Place(_module_path(library, node.module), alias.name)
            )
            yield alias.asname or alias.name, place


def _other_imports(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, ast.stmt]]:
    """Imports from elsewhere, one name each, so that a new neighbour changes nothing."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.split(".")[0] != PACKAGE:
                yield alias.asname or alias.name.split(".")[0], ast.Import(names=[alias])
    elif (node.module or "").split(".")[0] != PACKAGE:
        for alias in node.names:
            single = ast.ImportFrom(module=node.module, names=[alias], level=node.level)
            yield alias.asname or alias.name, single


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Top-level names that a statement binds."""
    if isinstance(statement, _FUNCTION):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.If | ast.Try):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, _FUNCTION):
                yield node.name


def _acts_on_import(
    statement: ast.stmt, statements: dict[str, list[ast.stmt]], imports: dict[str, list[Place]]
) -> bool:
    """Whether a definition is decorated by the package's own code, which may register it."""
    own = {
        name for name, bound in statements.items() if any(isinstance(s, _FUNCTION) for s in bound)
    }
    return any(
        isinstance(node, ast.Name) and (node.id in imports or node.id in own)
        for decorator in getattr(statement, "decorator_list", [])
        for node in ast.walk(decorator)
    )


def _references(node: ast.AST, path: Path, module: Module) -> Iterator[Place]:
    """Places that a piece of code names, in its own module or through an import."""
    if isinstance(node, ast.Attribute):
        root, attributes = _chain(node)
        if root in module.imports:
            for place in module.imports[root]:
                yield _follow(place, attributes)
            return
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from module.imports.get(node.id, [])
        if node.id in module.statements:
            yield Place(path, node.id)
    for child in ast.iter_child_nodes(node):
        yield from _references(child, path, module)


def _chain(node: ast.expr) -> tuple[str, list[str]]:
    """`a.b.c` as its root name and attributes; an empty root for anything but names and dots."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    return (node.id if isinstance(node, ast.Name) else ""), attributes


def _follow(place: Place, attributes: list[str]) -> Place:
    """Step from an imported module into submodules, as far as attributes name them."""
    if place.name != _WHOLE:
        return place
    path = place.path
    for attribute in attributes:
        inner = _module_path(path.parent, attribute)
        if path.name != "__init__.py" or not inner.exists():
            return Place(path, attribute)
        path = inner
    return Place(path, _WHOLE)
