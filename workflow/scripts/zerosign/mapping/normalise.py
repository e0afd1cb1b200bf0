"""From what a model wrote to the words it means: reasoning, markdown, phrases, inflection.

Everything here only proposes *forms* of an answer. A form decides nothing unless it equals a
gloss (`mapping.decisions.exact`), so a wrong proposal is harmless.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

_THINKING = re.compile(r"<(think|thinking|reasoning)>.*?</\1>|◁think▷.*?◁/think▷", re.S | re.I)
_THINKING_END = re.compile(r".*(?:</(?:think|thinking|reasoning)>|◁/think▷)", re.S | re.I)
_THINKING_OPEN = re.compile(r"(?:<(?:think|thinking|reasoning)>|◁think▷).*", re.S | re.I)
_FINAL = re.compile(r"<answer>(.*?)(?:</answer>|$)|\\boxed\{([^{}]*)\}", re.S | re.I)
_SPECIAL = re.compile(r"<\|[^|>]*\|>|```\w*|</?answer>", re.I)

_LEAD = re.compile(
    r"\b(?:sign|gloss|word|answer|label|prediction|term)\b"
    r"[^.:;=\n]{0,60}?(?:\b(?:is|means|represents|for|be)\b|[:=])(?P<rest>[^.;\n]+)"
    r"|\bsigning\b(?P<signing>[^.;\n]+)",
    re.I,
)
_FILLER = re.compile(
    r"^(?:(?:most likely|likely|probably|possibly|indeed|for|means?|is|of|to be"
    r"|(?:the|a|an) (?:asl |english )?(?:word|sign|gloss|verb|noun|term)(?: (?:for|of|is))?"
    r"|the|a|an|to)\b[\s:\"'*_`]*)+",
    re.I,
)
_EMPHASIS = re.compile(r"\"([^\"\n]{1,40})\"|(?<!\w)'([^'\n]{1,40})'(?!\w)|\*\*([^*\n]{1,40})\*\*")
_CAPITALS = re.compile(r"\b[A-Z]{2,}(?:[ -][A-Z]{2,})*\b")
_NEGATION = re.compile(r"\b(?:not|never|neither|nor|rather than|instead of|unlike)\b|n't\b", re.I)
_NOT_GLOSSES = {"ASL", "ID"}
_HEADINGS = {"gloss", "sign", "answer", "word", "prediction", "final answer", "asl gloss"}
_IRREGULAR = {"women": "woman", "men": "man", "persons": "person", "people": "person"}
_NOT_INFLECTED = {"news"}


def visible(text: str) -> str:
    """The answer without its reasoning block and special tokens; "" when only reasoning came."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub("[\u2018-\u201b]", "'", re.sub("[\u201c-\u201f\u00ab\u00bb]", '"', text))
    text = _THINKING.sub(" ", text)
    text = _THINKING_END.sub("", text)
    text = _THINKING_OPEN.sub("", text)
    final = [a or b for a, b in _FINAL.findall(text) if (a or b).strip()]
    return _SPECIAL.sub(" ", final[-1] if final else text).strip()


def normal(text: str) -> str:
    """Lower case, words separated by one blank, no punctuation but apostrophes within words."""
    text = unicodedata.normalize("NFKC", text).replace("\u2019", "'").casefold()
    text = re.sub(r"(?<!\w)'|'(?!\w)|[^\w']|_", " ", text)
    return " ".join(text.split())


def forms(text: str) -> Iterator[list[str]]:
    """Tiers of normalised forms of a visible answer, the most literal first.

    The whole answer; without fillers; what follows "the sign is"; its first and last line; what it
    emphasises; then singular and base forms of all of these.
    """
    lines = [line for line in text.splitlines() if normal(line) not in {"", *_HEADINGS}] or [""]
    tiers = [
        [text],
        [_without_filler(text), _spelled(text)],
        [phrase for phrase in stated(text) if phrase],
        [_without_filler(lines[0]), _without_filler(lines[-1])],
        list(_emphasised(text)),
    ]
    seen: list[str] = []
    for tier in tiers:
        normalised = _unique(normal(form) for form in tier)
        seen += normalised
        yield normalised
    yield _unique(base for form in seen for base in base_forms(form))


def stated(text: str) -> list[str]:
    """What follows "the sign is", "gloss:", "signing" and the like, in order, normalised."""
    found = []
    for match in _LEAD.finditer(text):
        rest = match["rest"] or match["signing"]
        found.append(normal(_without_filler(rest)))
    return _unique(found)


def base_forms(form: str) -> list[str]:
    """Likely singulars and infinitives of a form's last word, the likelier first."""
    head, _, word = form.rpartition(" ")
    if word in _NOT_INFLECTED:
        return []
    bases = [_IRREGULAR[word]] if word in _IRREGULAR else []
    if word.endswith("'s"):
        bases.append(word[:-2])
    elif word.endswith("s") and not word.endswith("ss"):
        bases.append(word[:-1])
        if word.endswith("ies"):
            bases.insert(0, word[:-3] + "y")
        elif word.endswith("ves"):
            bases += [word[:-3] + "f", word[:-3] + "fe"]
        elif word.endswith("es"):
            bases.append(word[:-2])
    for ending in ("ing", "ed"):
        if word.endswith(ending):
            stem = word[: -len(ending)]
            bases += [stem + "e", stem]
            if len(stem) > 2 and stem[-1] == stem[-2]:
                bases.append(stem[:-1])
            if ending == "ed" and stem.endswith("i"):
                bases.append(stem[:-1] + "y")
    lead = f"{head} " if head else ""
    return _unique(lead + base for base in bases if len(base) > 2)


def _without_filler(text: str) -> str:
    text = re.sub(r"\s*\([^()]*\)", " ", text)
    text = text.strip(" \t\n\"'*_`#>-:.,!?{}[]")
    return _FILLER.sub("", text)


def _spelled(text: str) -> str:
    """A fingerspelled answer as a word: "B-O-O-K" is "book"."""
    letters = re.fullmatch(r"\W*(\w(?:[-. ]\w)+)\W*", text)
    return re.sub(r"[-. ]", "", letters[1]) if letters else ""


def _emphasised(text: str) -> Iterator[str]:
    """Quoted, bold and capitalised words after any "but", unless something is denied there."""
    text = re.split(r"\bbut\b", text)[-1]
    if _NEGATION.search(text):
        return
    for groups in _EMPHASIS.findall(text):
        yield next(filter(None, groups))
    if text != text.upper():
        yield from (word for word in _CAPITALS.findall(text) if word not in _NOT_GLOSSES)


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(item for item in items if item))
