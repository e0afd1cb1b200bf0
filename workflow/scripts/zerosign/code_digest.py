"""A digest of the code that a program can reach, blind to what cannot change its output.

Snakemake notices neither a changed helper module nor a changed program that a `shell:` rule
calls, and it takes a touched `script:` for a changed one. So every rule carries the digest of its
program in `params`, and an answer's key that of the code that makes the answer. The digest covers,
transitively, those functions, classes and constants of the zerosign package that are named: a
change elsewhere in the same module does not count, a change of anything reached does.

It does not count where a definition is, how it is laid out and documented, the types of
arguments, and what is said on the way: log lines, progress, the texts of errors and of ``--help``.

Names are followed statically, and in doubt too far rather than too short: `import zerosign.a`,
`from zerosign import a`, `from zerosign.a import f`, attributes of such modules, plain names
within a module, whatever a module runs on import. A module that is used in any other way (passed
on, searched with `getattr`) counts whole. Code that is chosen by a string at run time cannot be
found and is given as a further root.
"""

import ast
import copy
import functools
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

PACKAGE = "zerosign"
_WHOLE = ""  # the name that stands for all of a module
_ON_IMPORT = "*"  # the name that stands for the statements that act when a module is imported
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_LOG, _PROGRESS = "zerosign.cli:log", "zerosign.cli:progress"


class Place(NamedTuple):
    """A top-level name in a module."""

    path: Path
    name: str


Imports = Mapping[str, list[Place]]


class Module(NamedTuple):
    """A parsed module: its top-level statements by the names they bind, and its imports."""

    statements: dict[str, list[ast.stmt]]
    imports: dict[str, list[Place]]


def code_digest(scripts: Path, roots: Iterable[str]) -> str:
    """First 16 hex digits of the SHA-256 of all that the roots reach.

    A root is a program (``score.py``), a module of the package, counted whole, or
    ``module:name``. Programs and package lie in ``scripts``. Raises FileNotFoundError for a
    missing file, SyntaxError for one that does not parse.
    """
    waiting = [_place_of(scripts, root) for root in roots]
    reached: dict[Place, str] = {}
    while waiting:
        place = waiting.pop()
        if place in reached:
            continue
        module = _parse(place.path, scripts, place.path.stat().st_mtime_ns)
        if place.name == _WHOLE:
            waiting += [Place(place.path, name) for name in module.statements]
            statements = []
        else:
            waiting.append(Place(place.path, _ON_IMPORT))
            statements = module.statements.get(place.name, [])
            if not statements:  # what a module only passes on
                waiting += module.imports.get(place.name, [])
        reached[place] = "\n".join(_text(statement, module.imports) for statement in statements)
        for statement in statements:
            waiting += _references(statement, place.path, module)
    lines = sorted(f"{place.name}:{text}" for place, text in reached.items() if text)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def root_of(definition: object) -> str:
    """The root that stands for a function or class of the package; for a lambda, its module."""
    module, name = definition.__module__, definition.__qualname__  # type: ignore[attr-defined]
    return f"{module}:{name}" if name.isidentifier() else module


def _place_of(scripts: Path, root: str) -> Place:
    if root.endswith(".py"):
        return Place(scripts / root, _ON_IMPORT)
    module, _, name = root.partition(":")
    return Place(_module_path(scripts, module), name or _WHOLE)


def _module_path(folder: Path, dotted: str) -> Path:
    base = folder.joinpath(*dotted.split("."))
    package = base / "__init__.py"
    return package if package.exists() else base.with_suffix(".py")


@functools.cache
def _parse(path: Path, library: Path, _modified_ns: int) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=os.fspath(path))
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
        silent = _Silent(library, imports).visit(statement)
        if silent is None:
            continue
        names = set(_bound(silent))
        for name in names:
            statements.setdefault(name, []).append(silent)
        if not names or _acts_on_import(silent, statements, imports):
            statements[_ON_IMPORT].append(silent)
    return Module(statements, imports)


class _Silent(ast.NodeTransformer):
    """Takes out what cannot change an output."""

    def __init__(self, library: Path, imports: Imports) -> None:
        self._imports = imports
        self._log = _place_of(library, _LOG)
        self._progress = _place_of(library, _PROGRESS)
        self._in_function = False

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        # A body that only said something is empty now.
        if getattr(node, "body", None) == [] and not isinstance(node, ast.Module):
            node.body = [ast.Pass()]  # type: ignore[attr-defined]
        return node

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        acts = any(isinstance(n, ast.Call | ast.NamedExpr | ast.Await) for n in ast.walk(node.test))
        empty = isinstance(node.body[0], ast.Pass) and not node.orelse
        return None if empty and not acts else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):  # a docstring, or a string that documents
            return None
        if isinstance(node.value, ast.Call) and self._tells(node.value):
            return None
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._is(node.func, self._progress):
            return self.visit(node.args[0])
        if isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument":
            node.keywords = [word for word in node.keywords if word.arg != "help"]
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        node.cause = None
        return self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self._within(node, in_function=True)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._within(node, in_function=False)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        self.generic_visit(node)
        if not self._in_function:  # fields of a class are what their types make them
            return node
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def _within(self, node: ast.AST, in_function: bool) -> ast.AST:
        outside, self._in_function = self._in_function, in_function
        try:
            return self.generic_visit(node)
        finally:
            self._in_function = outside

    def _tells(self, call: ast.Call) -> bool:
        """Whether a call only says something to whoever watches."""
        if isinstance(call.func, ast.Attribute) and self._is(call.func.value, self._log):
            return True
        return (isinstance(call.func, ast.Name) and call.func.id == "print") and any(
            word.arg == "file" and ast.unparse(word.value) == "sys.stderr" for word in call.keywords
        )

    def _is(self, node: ast.expr, place: Place) -> bool:
        root, attributes = _chain(node)
        return any(
            _follow(imported, attributes) == (place, []) for imported in self._imports.get(root, [])
        )


def _text(statement: ast.stmt, imports: Imports) -> str:
    """A statement's code, with the package's definitions by their names, wherever they are."""
    return ast.unparse(_ByName(imports).visit(copy.deepcopy(statement)))


class _ByName(ast.NodeTransformer):
    """Replaces `cache.read_clips`, and names that an import gave, by `read_clips`."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._named(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        named = self._named(node)
        return named if named is not node else super().generic_visit(node)  # type: ignore[return-value]

    def visit_Import(self, node: ast.Import) -> ast.AST:
        own = any(alias.name.split(".")[0] == PACKAGE for alias in node.names)
        return ast.Pass() if own else node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return ast.Pass() if (node.module or "").split(".")[0] == PACKAGE else node

    def _named(self, node: ast.expr) -> ast.expr:
        root, attributes = _chain(node)
        if root not in self._imports or not isinstance(getattr(node, "ctx", None), ast.Load):
            return node
        place, rest = _follow(self._imports[root][0], attributes)
        named: ast.expr = ast.Name(place.name or _module_name(place.path), ast.Load())
        for attribute in rest:
            named = ast.Attribute(named, attribute, ast.Load())
        return named


def _module_name(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem


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
    statement: ast.stmt, statements: dict[str, list[ast.stmt]], imports: Imports
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
                yield _follow(place, attributes)[0]
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


def _follow(place: Place, attributes: list[str]) -> tuple[Place, list[str]]:
    """Step from an imported module into submodules, as far as attributes name them.

    The place, and the attributes that are of what is there.
    """
    if place.name != _WHOLE:
        return place, attributes
    path = place.path
    for number, attribute in enumerate(attributes):
        inner = _module_path(path.parent, attribute)
        if path.name != "__init__.py" or not inner.exists():
            return Place(path, attribute), attributes[number + 1 :]
        path = inner
    return Place(path, _WHOLE), []
