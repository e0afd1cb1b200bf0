"""The yes or no that an answer concludes with, as a reader takes it."""

import re

from zerosign.mapping.normalise import visible

_CHOICE = re.compile(
    r"\b(?:yes|no)[\s\"'*]{0,3}(?:/|or|and|nor|versus|vs)[\s\"'*]{0,3}(?:yes|no)\b"
    r"|\bneither yes nor no\b",
    re.I,
)
"""Both words as a choice that is not made."""
_LABELLED = re.compile(
    r"\b(?:verdict|answer|conclusion|decision|result|match|judg[e]?ment)\b\W{0,5}"
    r"(?:(?:is|would be|will be|must be)\W{1,5})?(?P<said>yes|no|true|false)\b",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:not|rather than|instead of|cannot (?:say|answer|be)|can't (?:say|answer|be))"
    r"\W{1,3}(?:an? |really |simply |definitely )?\W{0,2}(?:yes|no)\b",
    re.I,
)
_IMAGINED = re.compile(
    r"\b(?:yes|no)\W{1,3}(?:would|could|might|should|needs?|requires?|means?)\b", re.I
)
"""What a verdict would need: "Yes would need contact"."""
_DETERMINER = re.compile(
    r"\bno[ -](?=\w)(?!(?:to|as|because|since|for|based|given|with|due|but|and|match|rather|instead"
    r"|it|this|the|that|they|he|she|there|its)\b)",
    re.I,
)
"""The "no" of "no doubt", "no difference": a word of ordinary sentences."""
_VERDICTS = (
    re.compile(r"\b(yes|no)(?: match)?\W*$", re.I),
    re.compile(r"\b(YES|NO)\b"),
    re.compile(r"(?:^|[.!?:*\n]\s*)(yes|no)\b", re.I),
    re.compile(r"\b(yes|no)\b", re.I),
)
"""The first that matches decides, by its last match: a verdict is the end of an answer, or is in
capitals, or begins a sentence or emphasis; only else any yes or no."""


def verdict(text: str) -> bool | None:
    """The yes or no that an answer concludes with, after its reasoning; None if there is none.

    What follows "verdict:" and the like decides, else the last of the words that is a verdict: not
    denied ("not YES"), imagined ("yes would need contact"), a choice ("YES or NO") or a determiner
    ("no difference"). A closing "it is not a match" without either word is no verdict.
    """
    shown = _CHOICE.sub(" ", visible(text))
    labelled = [match["said"] for match in _LABELLED.finditer(shown)]
    if labelled:
        return labelled[-1].lower() in {"yes", "true"}
    for other in (_DENIED, _IMAGINED, _DETERMINER):
        shown = other.sub(" ", shown)
    for pattern in _VERDICTS:
        if found := pattern.findall(shown.strip()):
            return found[-1].lower() == "yes"
    return None
