"""Words as they are compared: one case, one Unicode form, no punctuation, in any script."""

import re
import unicodedata
from collections.abc import Iterable

_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?</\1>|◁think▷.*?◁/think▷", re.S | re.I)
_THINKING_END = re.compile(r"</(?:think|thinking|reasoning)>|◁/think▷", re.I)
_THINKING_OPEN = re.compile(r"(?:<(?:think|thinking|reasoning)>|◁think▷).*", re.S | re.I)
_FINAL = re.compile(r"<answer>(.*?)(?:</answer>|$)|\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}", re.S | re.I)
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\{([^{}]*)\}")
_SPECIAL = re.compile(
    r"<\|[^|>]*\|>|```\w*|</?(?:answer|sign|gloss|word|label|output|image|video|s|bos|eos|pad)>",
    re.I,
)
_SINGLE_QUOTES = re.compile("[\u2018-\u201b\u2032\u00b4`]")
_DOUBLE_QUOTES = re.compile("[\u201c-\u201f\u2033\u00ab\u00bb\u300c-\u300f]")

_DOTTED_I = {"tr", "az"}
"""Languages in which i keeps its dot in capitals, and the dotless one is a letter."""
_OPTIONAL_MARKS = re.compile("[\u064b-\u065f\u0670\u0591-\u05c7]")
"""Vowel signs of Arabic and points of Hebrew, which most texts leave out."""
_TATWEEL = "\u0640"  # stretches an Arabic word, and is no letter


def visible(text: str) -> str:
    """The answer without its reasoning block and special tokens; "" when only reasoning came."""
    text = unicodedata.normalize("NFKC", text)
    text = _THINKING.sub(" ", text)
    text = _THINKING_END.split(text)[-1]
    text = _THINKING_OPEN.sub("", text)
    final = [a or b for a, b in _FINAL.findall(text) if (a or b).strip()]
    text = _LATEX_TEXT.sub(r"\1", final[-1]) if final else text
    text = _SPECIAL.sub(" ", text)
    return _SINGLE_QUOTES.sub("'", _DOUBLE_QUOTES.sub('"', text)).strip()


def normal(text: str, language: str = "en") -> str:
    """Lower case, words separated by one blank, no punctuation but apostrophes within words.

    Letters keep their combining marks, without which Hindi and Thai lose their vowels. Unicode is
    folded to one form (NFKC), so that composed, decomposed and fullwidth letters are the same.
    ``language``: the code of the words' language (ISO 639-1), for Turkish and Azeri i.
    """
    text = unicodedata.normalize("NFKC", text)
    if language in _DOTTED_I:
        text = text.replace("\u0130", "i").replace("I", "\u0131")
    text = unicodedata.normalize("NFKC", text.casefold()).replace("\u2019", "'")
    text = "".join(map(_letter, text))
    return " ".join(re.sub(r"(?<!\S)'+|'+(?!\S)", " ", text).split())


def without_optional_marks(words: str) -> str:
    """Arabic without vowel signs, Hebrew without points; other scripts as they are."""
    return _OPTIONAL_MARKS.sub("", words)


def unique(items: Iterable[str]) -> list[str]:
    """The items that are not empty, each once, in order."""
    return list(dict.fromkeys(item for item in items if item))


def _letter(character: str) -> str:
    """A letter, mark or number as it is; nothing for a joiner; a blank for all else."""
    category = unicodedata.category(character)
    if category == "Cf" or character == _TATWEEL or "\ufe00" <= character <= "\ufe0f":
        return ""
    if category in {"Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Nd", "Nl", "No"}:
        return character
    return "'" if character == "'" else " "
