"""The one exception that a user can fix, and what its lines have in common."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator


class UserError(Exception):
    """A mistake in the user's configuration or data: one line that names it and how to fix it."""


@contextlib.contextmanager
def located(place: str) -> Iterator[None]:
    """Put a place before the message of a `UserError` that is raised within."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """``no model named 'x'; did you mean 'y'?``"""
    return f"no {kind} named '{name}'{suggest(name, known)}"


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a line about an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are: {', '.join(names)}" if names else ""
