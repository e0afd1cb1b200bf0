"""English inflection: likely singulars, infinitives and spellings of a word.

Only proposals: one decides nothing unless it equals a gloss. So what matters is that none is
another word: "hating" is no form of "hat".
"""

import itertools

from zerosign.mapping.normalise import unique

_IRREGULAR = {"women": "woman", "men": "man", "persons": "person", "people": "person"}
_NOT_INFLECTED = {"news", "shorts", "goods", "customs", "evening", "wedding", "ceiling", "sibling"}
_VOWELS = "aeiou"
_SIBILANTS = ("s", "x", "z", "ch", "sh", "o")


def base_forms(form: str) -> list[str]:
    """Likely singulars, infinitives and American spellings of a form's last word, likelier first.

    "studies" is "study"; "hoping" is "hope" and "running" is "run", but "hating" is not "hat" and
    "planes" is not "plan": English doubles the consonant, or adds es to sibilants only.
    """
    head, _, word = form.rpartition(" ")
    if word in _NOT_INFLECTED:
        return []
    bases = [_IRREGULAR[word]] if word in _IRREGULAR else []
    bases += [*_without_s(word), *_without_ending(word, "ing"), *_without_ending(word, "ed")]
    bases += _american(word)
    lead = f"{head} " if head else ""
    return unique(lead + base for base in bases if len(base) > 2)


def _without_s(word: str) -> list[str]:
    if word.endswith("'s"):
        return [word[:-2]]
    if not word.endswith("s") or word.endswith("ss"):
        return []
    if word.endswith("ies"):
        return [word[:-3] + "y", word[:-1]]
    if word.endswith("ves"):
        return [word[:-1], word[:-3] + "f", word[:-3] + "fe"]
    if word.endswith("es") and word[:-2].endswith(_SIBILANTS):
        return [word[:-1], word[:-2]]
    return [word[:-1]]


def _without_ending(word: str, ending: str) -> list[str]:
    """Infinitives of a word in -ing or -ed."""
    if not word.endswith(ending):
        return []
    stem = word.removesuffix(ending)
    bases = [stem + "e"]
    if not _would_double(stem):
        bases.append(stem)
    if len(stem) > 2 and stem[-1] == stem[-2]:
        bases.append(stem[:-1])
    if ending == "ed" and stem.endswith("i"):
        bases.append(stem[:-1] + "y")
    return bases


def _would_double(stem: str) -> bool:
    """Whether a verb of this stem doubles its last letter before -ing: "hat", but not "visit"."""
    if len(stem) < 3:
        return False
    before, vowel, last = stem[-3], stem[-2], stem[-1]
    syllables = sum(a in _VOWELS and b not in _VOWELS for a, b in itertools.pairwise(stem))
    closed = before not in _VOWELS and vowel in _VOWELS and last not in _VOWELS + "wxy"
    return closed and syllables == 1


def _american(word: str) -> list[str]:
    """ "colour" is "color", "centre" is "center"; no words as short as "four" and "hour"."""
    if len(word) < 6:
        return []
    singular = word.removesuffix("s")
    if singular.endswith("our"):
        return [singular[:-2] + "r"]
    return [singular[:-2] + "er"] if singular.endswith("tre") else []
