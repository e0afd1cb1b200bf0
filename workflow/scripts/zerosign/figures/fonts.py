"""Fonts for all scripts: what the figures' own font lacks is drawn with fonts installed here."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import polars as pl

from zerosign import cli

MAIN = "DejaVu Sans"  # comes with matplotlib
HINT = "install fonts that have them, e.g. Debian's fonts-noto-core and fonts-noto-cjk"


class Fallbacks(NamedTuple):
    """Fonts for characters that `MAIN` lacks."""

    families: tuple[str, ...]
    """Names of fonts, the one with most of the characters first."""
    without: frozenset[str]
    """Characters that no font has."""


def fallbacks(texts: Iterable[str]) -> Fallbacks:
    """The fewest installed fonts that have the characters of texts which `MAIN` lacks.

    As found by taking the font with most of them again and again; of equals the first by name.
    """
    characters = {c for text in texts for c in text if unicodedata.category(c)[0] not in "ZC"}
    return _fallbacks(frozenset(characters))


@functools.lru_cache(maxsize=16)
def _fallbacks(characters: frozenset[str]) -> Fallbacks:
    from matplotlib import font_manager

    missing = {c for c in characters if ord(c) not in _codes(font_manager.findfont(MAIN))}
    families: list[str] = []
    if missing:
        fonts = sorted({(entry.name, entry.fname) for entry in font_manager.fontManager.ttflist})
        have = [(name, {c for c in missing if ord(c) in _codes(file)}) for name, file in fonts]
        while have:
            name, most = max(have, key=lambda each: len(each[1] & missing))
            if not most & missing:
                break
            families.append(name)
            missing -= most
    return Fallbacks(tuple(families), frozenset(missing))


@functools.cache
def _codes(file: str) -> frozenset[int]:
    """Code points that a font's file has; none of one that cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()


def strings(tables: Mapping[str, pl.DataFrame]) -> set[str]:
    """All texts in tables."""
    return {
        text
        for table in tables.values()
        for name, dtype in table.schema.items()
        if dtype == pl.String
        for text in table[name].drop_nulls().unique()
    }


def drawable(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Tables with code points (U+6C34) for characters that no font here has, which are logged."""
    without = fallbacks(strings(tables)).without
    if not without:
        return dict(tables)
    cli.log.warning("no font here has %s; %s", " ".join(sorted(without)[:20]), HINT)
    old, new = sorted(without), [f"U+{ord(c):04X}" for c in sorted(without)]
    return {
        name: table.with_columns(pl.selectors.string().str.replace_many(old, new))
        for name, table in tables.items()
    }
