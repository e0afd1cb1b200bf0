"""What an answer names, as a reader takes it: statements, alternatives, denials, emphasis.

Everything here proposes phrases of an answer. A phrase decides nothing unless a form of it is a
gloss (`zerosign.mapping.vocabulary.Vocabulary.find`).
"""

import re
from collections.abc import Iterator

from zerosign.mapping.normalise import normal, unique
from zerosign.mapping.refusals import is_refusal

_JSON = re.compile(
    r"[\"'](?:\w+[_ ])?(?:gloss|sign|answer|label|prediction|word|result|output|class|guess)"
    r"(?:es|s)?[\"']\s*:\s*"
    r"(?:\"([^\"]*)\"|'([^']*)'|\[([^\]]*)\]|(null))",
    re.I,
)
_IDIOMS = re.compile(
    r"\b(?:there is |there's |with |without |beyond )?(?:no|a|any) (?:doubt|question)\b"
    r"|\b(?:not|n't) only\b",
    re.I,
)
_UNSURE = re.compile(
    r"\b(?:i am |i'm )?not (?:\w+ )?(?:sure|certain|confident)\b"
    r"(?! (?:if|whether|that|it|this|what))",
    re.I,
)
_ASIDE = re.compile(r"\balternatively\b[^.\n]*", re.I)
_CLAUSE = re.compile(r"([.,;:!?()\n]+|\bbut\b)", re.I)
_DENYING = re.compile(
    r"\b(?:am|is|are|was|were|do|does|did|can|could|have|has|had|will|would|should|must|may|might)"
    r" not\b|\b(?:\w+n't|cannot|unable)\b",
    re.I,
)
"""A clause with one of these says nothing of what it names: "the person is not signing"."""
_DENIED = re.compile(
    r"(?:\b(?:not|never|nor|neither|rather than|instead of|unlike|opposite of|other than"
    r"|as opposed to)\b|(?<=different )from\b|\bno (?=\w)).*",
    re.I | re.S,
)
_SENTENCE_END = re.compile(
    r"[;\n\u3002\u0964]+|(?<!\d)[.!?]+(?=\s|$|[\"'*)])|,?\s+but\s+|,?\s+though\s+"
)

_CONCLUSIONS = re.compile(
    r"\b(?:final|best|most likely|likeliest)(?: (?:\w+ ){0,2}(?:answer|guess|gloss|sign|choice))?"
    r"(?: (?:is|would be)|\s*[:=])|\b(?:i|i'd|i would|i'll) (?:choose|pick|go with)\b",
    re.I,
)
_STATEMENTS = re.compile(
    r"\b(?:sign|gloss|glosses|word|answer|label|prediction|term|guess|choice)\b[^.:;=\n]{0,60}?"
    r"(?:\b(?:is|are|means?|represents?|for|be|as|of)\b|[:=]|\s[-\u2013\u2014]\s)"
    r"|\b(?:signing|(?:signer|person|man|woman|he|she|they) signs?)\b"
    r"|\b(?:means?|meaning|represents?|identified as|interpreted as|recogni[sz]ed as"
    r"|corresponds? to|stands for|signif(?:y|ies)|denotes?|translates? to"
    r"|(?:would|i'd|i) (?:say|guess))\b"
    r"|^\W*(?:asl|english|wlasl|fs|top[- ]?\d+|candidates|possibilities|options)\b\s*[:=-]",
    re.I | re.M,
)
_GUESSES = re.compile(
    r"\b(?:i (?:think|believe|suppose|assume)|looks? like|looks? to be|resembles?"
    r"|(?:appears?|seems?) to be|(?:could|might|may|must|would) be|maybe|perhaps|possibly|probably"
    r"|likely)\b"
    r"|\b(?:it|this|that)(?: is|'s)\b",
    re.I,
)
_NAMED_FIRST = re.compile(
    r"^\W{0,10}(?P<named>\S.{0,40}?)\W{1,5}(?:is|was|would be) (?:(?:the|my|a|most|very) )*"
    r"(?:\w+ )?(?:sign|gloss|word|answer|guess|choice|likely|likeliest|probable)\b",
    re.I,
)
_FILLER = re.compile(
    r"^(?:(?:sure|okay|ok|hmm+|certainly|of course|assistant|option \w|here is|here's)[\s,:.!]+"
    r"|(?:that|it|this|is|are|was|be|been|means?|most likely|likely|probably|possibly|maybe"
    r"|perhaps|indeed|simply|either|both|for|of|as|to be|like|something like|showing|making"
    r"|(?:the|a|an) (?:asl |english )?(?:word|sign|gloss|verb|noun|term)(?: (?:for|of|is))?"
    r"|(?:the |a )?(?:colou?r|holiday|letter|number|verb|noun|concept|phrase)(?= [^\W\d])"
    r"|the|a|an|to)(?=\W|$)[\s:\"'*_`]*)+",
    re.I,
)
_TRAILER = re.compile(
    r"\s+(?:in (?:asl|american sign language|sign language|(?:this|the) (?:video|clip))"
    r"|(?:being )?(?:performed|shown|signed|made)|sign|gloss)$",
    re.I,
)
_CLAUSE_END = re.compile(
    r"(?<=\S),?\s+(?:as|because|since|which|where|with|when|while|although|given|based|due|by"
    r"|using|made|performed|who|that|confidence|explanation)\b.*|\s[-\u2013\u2014:]+\s.*|:.*",
    re.I | re.S,
)
_ALTERNATIVES = re.compile(
    r"\s*(?:[,;/|&\n\u3001]|\s\d+[.)]|\b(?:or|and|alternatively)\b)[\s,]*(?:\b(?:or|and)\b\s*)?",
    re.I,
)
_LIST_MARK = re.compile(
    r"^\s*(?:\(?\d{1,2}[.):]|\([A-Za-z]\)|[A-Za-z][.)]|#(?:\d{1,2} )?|fs[-: ])\s*(?=\S)"
)
_LETTER_MARK = re.compile(r"^[A-Za-z]\.(?=\S)")  # "U.S.": no mark of a list
_VARIANT = re.compile(r"(?<=\w)(?:[-_#]\d{1,2}[a-z]?|_[A-Za-z]|\d)$")
_EMPHASIS = re.compile(r"\"([^\"\n]{1,40})\"|(?<!\w)'([^'\n]{1,40})'(?!\w)|\*\*([^*\n]{1,40})\*\*")
_CAPITALS = re.compile(r"\b[A-Z]{2,}(?:[ -][A-Z]{2,})*\b")
_HAND = re.compile(r"\W*[- ]?(?:hand|shape|handshape)", re.I)
_QUESTIONS = {"what", "which", "who", "this", "that", "it", "here", "there"}
_NOT_GLOSSES = {"ai", "asl", "id", "sign", "gloss", "video", "wlasl"}
_HEADINGS = {"gloss", "sign", "signs", "answer", "word", "prediction", "final answer", "asl gloss"}
_LONGEST = 1500  # characters at each end of an answer
_LONGEST_PHRASE = 120  # characters after "the sign is"
_MOST_WORDS = 3  # of each alternative, where nothing else says that words are a list
_INTERJECTIONS = {"yes", "no", "sure", "sorry", "ok", "okay", "well", "right", "fine", "please"}


def ends(text: str) -> str:
    """The beginning and the end of a long answer, where it names its sign."""
    return text if len(text) <= 2 * _LONGEST else f"{text[:_LONGEST]}\n{text[-_LONGEST:]}"


def value_in_json(text: str) -> str:
    """What JSON, whole or cut off, gives as the answer; other text as it is."""
    found = _JSON.search(text)
    return next(part for part in found.groups() if part is not None) if found else text


def without_denials(text: str) -> str:
    """An answer without what it denies: "MORE, not SAME" is "MORE", "not book" is nothing.

    An alternative that comes after ("alternatively, …") goes, too.
    """
    text = _ASIDE.sub("", _UNSURE.sub(",", _IDIOMS.sub(" ", text)))
    clauses = _CLAUSE.split(text)
    left = ["" if _DENYING.search(clause) else _DENIED.sub("", clause) for clause in clauses]
    if left == clauses:
        return text
    return "".join("," if clause.casefold() == "but" else clause for clause in left)


def conclusions(text: str) -> list[str]:
    """What follows "my final answer is", "most likely:" and the like."""
    return _after(_CONCLUSIONS, text)


def statements(text: str) -> list[str]:
    """What an answer states: "the sign is …", "gloss: …", "signing …", "… is the sign"."""
    found = [match["named"] for match in map(_NAMED_FIRST.search, _sentences(text)) if match]
    # "What is this sign?" asks, "WHAT is the sign" answers.
    first = [named for named in found if named.lower() not in _QUESTIONS or named.isupper()]
    return [*_after(_STATEMENTS, text), *first]


def guesses(text: str) -> list[str]:
    """What an answer names less surely: "maybe …", "it could be …", "it is …"."""
    return _after(_GUESSES, text)


def heads(text: str) -> list[str]:
    """The beginning of an answer that goes on to explain, its first and its last line."""
    sentences = [part for part in _sentences(text) if normal(part) not in {"", *_HEADINGS}]
    if not sentences:
        return []
    first = _CLAUSE_END.sub("", sentences[0])
    last = [] if _LIST_MARK.match(sentences[-1]) else [sentences[-1]]
    if normal(first) in _INTERJECTIONS and len(sentences) > 1:
        return last
    return [sentences[0], first, *last]


def emphasised(text: str, capitals: bool) -> list[str]:
    """Quoted, bold and capitalised words, in order; no names of handshapes.

    ``text`` is what is left of an answer whose ``capitals`` emphasise: not all of it is in them.
    """
    found = []
    for match in _EMPHASIS.finditer(text):
        if not _HAND.match(text, match.end()):
            found.append((match.start(), next(filter(None, match.groups()))))
    if capitals:
        words = _CAPITALS.finditer(text)
        found += [(m.start(), m[0]) for m in words if not _HAND.match(text, m.end())]
    return [word for _, word in sorted(found) if normal(word) not in _NOT_GLOSSES]


def readings(phrase: str, within: bool = False) -> Iterator[str]:
    """A phrase as it is and without what wraps a word, the most literal first.

    Of alternatives without a choice ("cry or sad", "1. cry 2. sad") the first counts, as it does
    in a ranked list. ``within``: the phrase is a part of an answer, so that a clause may follow
    the word: "CRY, as the fingers trace tears", "CRY in ASL".
    """
    parts = [phrase]
    if within:
        inner = _EMPHASIS.match(phrase.lstrip(" :"))
        parts += [next(filter(None, inner.groups()))] if inner else []
        parts.append(_TRAILER.sub("", _bare(_CLAUSE_END.sub("", _bare(phrase)))))
    if within or _is_list(phrase):
        parts += [first_alternative(part) for part in parts]
    for part in unique(parts):
        bare = _bare(part)
        yield from (part, bare, _VARIANT.sub("", bare), _once(bare), _spelled(bare))


def first_alternative(phrase: str) -> str:
    """The first of several words that a phrase offers."""
    words = _LIST_MARK.sub("", _bare(phrase))
    return next((part for part in _ALTERNATIVES.split(words) if normal(part)), "")


def _is_list(text: str) -> bool:
    """Whether an answer is nothing but short alternatives, and no refusal."""
    return not is_refusal(text) and all(
        len(part.split()) <= _MOST_WORDS for part in _ALTERNATIVES.split(_bare(text))
    )


def _after(lead: re.Pattern[str], text: str) -> list[str]:
    """What follows each lead within its sentence."""
    rests = (
        sentence[match.end() : match.end() + _LONGEST_PHRASE]
        for sentence in _sentences(text)
        for match in lead.finditer(sentence)
    )
    return [rest for rest in unique(rests) if normal(rest) not in {"", "signing"}]


def _sentences(text: str) -> list[str]:
    return [part for part in _SENTENCE_END.split(text) if part and part.strip()]


def _bare(text: str) -> str:
    """A phrase without brackets, quotes, marks of lists and words that only lead to it."""
    text = re.sub(r"\s*\((?:[^()]{2,}|\d)\)", " ", text)
    if not _LETTER_MARK.match(text):
        text = _LIST_MARK.sub("", text.strip(" \t\n\"'*_`>-•"))
    text = text.strip(" \t\n\"'*_`#>-:.,;!?{}[]()$•")
    return _FILLER.sub("", text).strip(" \t\n\"'*_`#>-:.,;!?{}[]()$•")


def _once(text: str) -> str:
    """A word that is repeated, once: "DOG DOG" is "DOG"."""
    words = text.split()
    return words[0] if words and len({word.casefold() for word in words}) == 1 else text


def _spelled(text: str) -> str:
    """A fingerspelled answer as a word: "B-O-O-K" is "BOOK"."""
    letters = re.fullmatch(r"\W*(\w(?:[-. ]\w)+)\W*", text)
    return re.sub(r"[-. ]", "", letters[1]) if letters else ""
