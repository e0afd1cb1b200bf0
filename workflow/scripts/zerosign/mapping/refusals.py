"""Answers that decline to name a sign, by their words."""

import re

from zerosign.mapping.normalise import normal

_CANNOT = (
    r"(?:(?:can't|cannot|can not|could not|couldn't|unable to|not able to|decline to|rather not)"
    r"|(?:i|we) (?:\w+ )?(?:don't|do not|didn't|did not))"
)
_KNOW = (
    r"(?:see|tell|say|know|identify|determine|recogni[sz]e|make out|name|answer|assist|help|view"
    r"|watch|provide|process|access|give|guess|detect|understand|interpret|read|discern|find|have"
    r"|be (?:sure|certain|identified|determined|recogni[sz]ed|seen|read))"
)
_THING = (
    r"(?:signs?|gloss(?:es)?|gestures?|signing|answer|response|videos?|frames?|idea|clue|hands?)"
)
_VAGUE = (
    r"(?:unable|unclear|unknown|uncertain|unsure|undetermined|unidentified|unidentifiable"
    r"|unrecogni[sz]ed|unrecogni[sz]able|indeterminate|inconclusive|insufficient)"
)
_NOT = (
    r"(?:possible|enough|clear|clearly|visible|available|provided|signing|certain|sure"
    r"|(?:\w+ )?(?:identified|identifiable|recogni[sz]ed|recogni[sz]able|determinable))"
)
_REFUSALS = re.compile(
    "|".join(
        (
            rf"\b{_CANNOT} (?:\w+ )?{_KNOW}\b",
            rf"\b(?:i|we)(?: am|'m| are|'re) (?:\w+ )?not\b|\b{_VAGUE}\b|\bnot {_NOT}\b",
            rf"\b(?:impossible|hard|difficult) to {_KNOW}\b",
            rf"\b(?:no|not an?|not any|without an?) (?:\w+ ){{0,2}}{_THING}\b",
            rf"(?:n't|not) (?:\w+ ){{1,3}}(?:{_THING})\b",
            r"\bas an? (?:\w+ )*ai\b|\bnot one that i\b|\bnone of\b|\bunfortunately\b",
            r"\bi apologi[sz]e\b|\btoo (?:dark|blurry|blurred|short|fast|small)\b",
            r"\bplease (?:provide|upload|share|send)\b|\bneed more (?:context|information|frames)",
            r"^error \w+|^nothing \w+able\b",
        )
    )
)
_WHOLE = re.compile(r"n a|na|null|nil|none|nothing|idk|(?:i )?dunno|not sure|not applicable")


def is_refusal(text: str) -> bool:
    """Whether an answer that names no sign declines to do so, as "?" does.

    "Sorry" alone is a word like any other.
    """
    words = normal(text)
    if not words:
        return "?" in text
    return bool(_WHOLE.fullmatch(words) or _REFUSALS.search(words))
