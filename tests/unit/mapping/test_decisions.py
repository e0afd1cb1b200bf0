"""Which gloss an answer names, as a careful reader takes it; which answers name none or refuse."""

import pytest

from zerosign.mapping.decisions import Reply, read
from zerosign.mapping.outcomes import Outcome
from zerosign.mapping.vocabulary import Vocabulary

_GLOSSES = """
about again always back bad bar basketball because bird black book but can cat color cook
cry dark different dog easy father fine finish football glasses go good hat have hearing
help hot how letter like man mean more mother new no none person plan please read right room
same school short sign since some teacher thin time want what where white who with woman
work wrong yes you
"""
GLOSSES = _GLOSSES.split()
WORDS = Vocabulary.of(GLOSSES)

NAMED = """
The sign is not unclear: it is BOOK. => book
No. => no
Yes, the sign is DOG. => dog
Yes. => yes
The sign means "no". => no
NO => no
The gloss for this sign is: "TO GO". => go
The sign is "BECAUSE". => because
The sign is BUT. => but
The sign is WITH. => with
The sign is "SINCE". => since
The sign is ABOUT => about
The gloss is "YOU" => you
You => you
The gloss is NONE. => none
It means "none". => none
Based on the provided frames, the sign being performed is "WHERE". => where
In the video, the person is performing the ASL sign for "please". => please
The sign performed in the video is likely "WORK," as the fists tap together. => work
The person is signing "work" in ASL. => work
The ASL sign for "WORK" is shown in the video. => work
WORK (both fists tap) => work
work/job => work
**Sign:** WORK\\n**Meaning:** job => work
Sign: WORK. Meaning: job. => work
### Answer\\nwork => work
Answer:\\nwork => work
The answer is: work => work
My guess: work => work
Guess: work => work
It's a sign for work => work
Work, I think. => work
work? maybe => work
It could be WORK, or maybe not. => work
It's definitely WORK! => work
not WORK but COOK => cook
not work but cook => cook
The sign isn't WORK; COOK => cook
hats => hat
planned => plan
bars => bar
barring => bar
liking => like
liked => like
means => mean
foot-ball => football
Basket Ball => basketball
schools => school
TEACHER'S => teacher
{"gloss": "CRY"} => cry
{"gloss": "CRY", "reason": "tears, not SAD"} => cry
{"reasoning": "It may be SAD", "gloss": "CRY"} => cry
{"gloss": "cry", "expl => cry
{"gloss": "none"} => none
{"result": "cry"} => cry
{"top_prediction": "cry", "confidence": 0.3} => cry
[{"gloss": "cry", "score": 0.8}, {"gloss": "sad", "score": 0.1}] => cry
<sign>cry</sign> => cry
<gloss>CRY</gloss> => cry
[CRY] => cry
(cry) => cry
{cry} => cry
"cry" (sad) => cry
cry - to weep => cry
CRY — tears => cry
Cry (verb): to weep => cry
CRY/WEEP => cry
cry,weep => cry
cry; weep => cry
cry & weep => cry
cry\\nweep\\nsad => cry
1. cry\\n2. weep => cry
1: cry => cry
#1 cry => cry
- cry\\n- weep => cry
* cry => cry
Option A: cry => cry
A: cry => cry
ANSWER: CRY => cry
Final gloss: CRY => cry
Predicted gloss: CRY => cry
GLOSS=CRY => cry
gloss is cry => cry
It's cry => cry
this is the sign "cry" => cry
signing cry => cry
The sign in the image is CRY. => cry
The signed word is "cry" => cry
The signed word: cry => cry
The signer says "cry". => cry
I'm going with CRY. => cry
I'll say CRY. => cry
I will go with CRY => cry
Let me think. The hands go to the eyes... CRY => cry
Hmm, CRY => cry
OK: cry => cry
Sure, cry => cry
Here is the answer: cry => cry
Here's the gloss: CRY => cry
Assistant: cry => cry
cry</s> => cry
cry<eos> => cry
CRY\\nCRY\\nCRY => cry
cry cry cry cry => cry
cry. cry. cry. => cry
cry1 => cry
CRY+ => cry
CRY++ => cry
CRY(2h) => cry
sign: CRY; handshape: 1 => cry
I don't know, maybe cry? => cry
I do not know. My guess is cry. => cry
Unclear. Maybe CRY. => cry
Unknown, but possibly "cry" => cry
Sorry, I think it is cry. => cry
What? => what
The sign is easy. => easy
None => none
The video shows a person signing the ASL sign for "finish". => finish
The sign in the video appears to be the ASL sign for "finish" => finish
The person in the video is making the ASL sign for "finish," which involves both hands. => finish
The gesture in the video represents the ASL sign for the word "finish." => finish
The sign being made is "FINISH." Both hands flip outward. => finish
finish (ASL) => finish
FINISH - ASL => finish
In ASL, this is the sign for FINISH. => finish
This clip depicts the sign "FINISH". => finish
The answer: **finish**. => finish
**Answer:** finish => finish
**Gloss:** FINISH => finish
*Gloss*: FINISH => finish
Gloss:\\n\\nFINISH => finish
The gloss is:\\n\\n**FINISH** => finish
The gloss is: \\n\\nfinish => finish
Sign identified: FINISH => finish
Identified sign: FINISH => finish
Detected sign: "finish" => finish
Recognized gloss: finish => finish
English gloss: Finish. => finish
English word: finish => finish
One-word answer: finish => finish
Meaning: finish => finish
I would label this as FINISH. => finish
I'd label it "finish". => finish
I would gloss this as FINISH. => finish
I identify this as FINISH. => finish
I see the sign FINISH. => finish
I see FINISH. => finish
It appears to be "finish". => finish
It seems like the sign for finish. => finish
This seems to be FINISH. => finish
This might be FINISH? => finish
Looks like FINISH to me. => finish
Likely the sign FINISH => finish
Finish is the word. => finish
"Finish" is what the signer signs. => finish
The closest match is FINISH. => finish
The closest gloss is FINISH. => finish
Closest match: FINISH => finish
The best match is "finish". => finish
The most probable gloss is FINISH. => finish
The most likely sign is FINISH, not START. => finish
FINISH rather than COMPLETE. => finish
FINISH, definitely. => finish
FINISH. Not START. => finish
It's not START, it's FINISH. => finish
It's not START. It's FINISH. => finish
It is neither START nor BEGIN; it is FINISH. => finish
The sign isn't "start" but "finish". => finish
I first thought START, but it is FINISH. => finish
At first glance this looks like WANT. However, the correct sign is FINISH. => finish
This could be WANT or HAVE. I choose HAVE. => have
Between WANT and HAVE, I would say HAVE. => have
The sign is either WANT or HAVE; I'd go with HAVE. => have
WANT? HAVE? I'd say HAVE. => have
A sign meaning "finish". => finish
sign meaning finish => finish
The word is "finish", fingerspelled F-I-N-I-S-H. => finish
F-I-N-I-S-H => finish
F.I.N.I.S.H. => finish
f i n i s h => finish
The fingerspelled word is C-A-T. => cat
NO NO NO => no
YES YES => yes
"""

NONE = """
The gloss is not in the list.
No, I can't identify it.
I see no sign language here
The person appears to be signing, but I can't tell what.
no sign language
The woman is standing in a room.
The man is cold.
The signer is a woman.
This is a video of a man signing.
This is a video of a woman making a sign.
The person makes a sign with both hands.
The sign involves the right hand.
The sign is made with the right hand.
The sign uses the back of the hand.
The sign for 'all done'
ALL DONE
all gone
The sign for "I"
none of these
The sign shown is **THANK YOU**.
job/work
I am not sure if this is WORK or not.
Probably not WORK.
Neither.
The opposite of HOT
The handshape is "Y"
letter A
The letter "B"
number 5
5
hating
hated
planes
planed
caring
baring
shorts
maybe
can not
can't
cannot
a bout
all ways
AFRICAN
RUSSIAN
SORRY
Sorry.
I'm sorry
I'm sorry, but I can't determine the sign.
I'm sorry, but the sign is not clear.
I am unable to provide the gloss.
I cannot provide an answer.
I can't help with identifying signs.
I can't see the video
The video is not available.
The video is black.
The image is blank.
no movement
No motion detected
No person visible
The person is not doing anything.
There are no hands
Need more context
More information is needed.
More frames needed
I need to see more frames.
I need more time
Please wait.
Please try again.
Help me
Thanks!
Thank you.
Hello! How can I help you today?
How can I help?
What is this sign?
What sign is this?
Which sign?
Can you tell me more?
Could you share the video?
The answer is unknown.
The correct answer cannot be determined.
The sign is difficult to identify.
The sign is hard to see.
The sign is too fast.
The sign is bad quality
It is too dark to see.
I have no clue
beats me
Pass
skip
undefined
NaN
Null
N/A - no sign
not applicable
Not a sign
This is not a sign.
not a real sign
Random gesture
still image
hand gesture
HAND
waving
no good
no one
no problem
not bad
never mind
The person is not signing anything
The sign starts with an open hand and closes.
The signer starts with both hands open.
The person is wearing a black shirt.
The man is wearing a hat.
The woman has long hair and glasses.
The background is white.
She is wearing glasses.
A person making a hand sign
A woman signing
woman signing
a man in a black shirt
The person's hand is near the mouth.
The person is signing in American Sign Language.
This is American Sign Language.
The signer uses a flat hand, then a fist.
Right hand
"Right hand" moves up.
RIGHT HAND MOVES UP
The dominant hand moves up and down.
Two fingers tap twice.
It is a greeting.
This is a common sign.
It is a one-handed sign.
The sign has one movement.
The sign is simple.
The sign is used for greeting.
W
I-L-Y
GRANDMOTHER
MOTHER-IN-LAW
STEPMOTHER
COWBOY
CATFISH
BLACKBOARD
GREENHOUSE
STUDY-BOOK
FINE THANK YOU
YES NO
GOOD MORNING
t h a n k s
CAT DOG
elephant / cat
The signer may be signing ELEPHANT, which differs from CAT.
ELEPHANT (similar to CAT)
ELEPHANT; compare with "CAT"
The sign is ELEPHANT. A CAT would have two hands.
The sign is "elephant". It is similar to "cat".
GIRAFFE\\nOther options: CAT, DOG
1. GIRAFFE\\n2. CAT
Top 3: giraffe, cat, dog
giraffe, cat
{"gloss": "giraffe", "alternatives": ["cat", "dog"]}
{"description": "the hand moves", "gloss": "giraffe"}
<think>cat or dog? I think cat</think>giraffe
"""


def lines(text: str) -> list[str]:
    """The lines of a text, in each of which ``\\n`` is a new line."""
    return [line.replace("\\n", "\n") for line in text.strip("\n").split("\n")]


def named(answer: str, words: Vocabulary = WORDS, finish: str = "stop") -> str | None:
    """The gloss that an answer names."""
    index = read(Reply(finish, answer), words).lexical
    return None if index < 0 else words.glosses[index]


@pytest.mark.parametrize("case", lines(NAMED))
def test_answers_that_name_a_gloss(case: str) -> None:
    answer, _, gloss = case.rpartition(" => ")
    assert named(answer) == gloss


@pytest.mark.parametrize("answer", lines(NONE))
def test_answers_that_name_none(answer: str) -> None:
    assert named(answer) is None


@pytest.mark.parametrize(
    ("answer", "gloss"),
    [
        ("The sign is MORE, not SAME.", "more"),
        ("The sign shown is MORE (not SAME).", "more"),
        ("I'm not sure, maybe cry", "cry"),
        ("I'm not certain, but the sign looks like CRY.", "cry"),
        ("home, not house", "home"),
        ("It is not HOUSE but HOME.", "home"),
        ("not home", None),
        ("The sign is not HOME.", None),
    ],
)
def test_denials_and_hedges(answer: str, gloss: str | None) -> None:
    assert named(answer, Vocabulary.of(["more", "same", "cry", "home", "house"])) == gloss


def test_a_word_of_denial_may_be_a_gloss() -> None:
    words = Vocabulary.of(["not", "don't know", "never", "know", "no", "sorry", "unknown"])
    for gloss in words.glosses:
        assert named(gloss.upper(), words) == gloss
        assert named(f"The sign is {gloss.upper()}.", words) == gloss


@pytest.mark.parametrize(
    ("answer", "gloss"),
    [
        *[("book or magazine", "book"), ("cry / sad", "cry"), ("1. book 2. read", "book")],
        *[("magazine or book", None), ("LION, BIRD", None), ("Top 3: bird, book", "bird")],
        *[("It may be BIRD or BOOK; my final answer is BOOK.", "book")],
        *[("The sign is BIRD. The sign is BOOK.", None), ("dog, dog, dog", "dog")],
    ],
)
def test_of_several_answers_the_first_counts_unless_one_is_chosen(
    answer: str, gloss: str | None
) -> None:
    assert named(answer, Vocabulary.of(["book", "read", "cry", "bird", "dog"])) == gloss


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        *[("I don't know", "refused"), ("I cannot tell which sign this is.", "refused")],
        *[("No sign detected.", "refused"), ("Cannot determine", "refused"), ("N/A", "refused")],
        *[("As an AI, I can't watch videos.", "refused"), ("???", "refused"), ("", "empty")],
        *[("sorry", "out_of_vocabulary"), ("SORRY", "out_of_vocabulary")],
        *[("I'm sorry, but I can't tell.", "refused"), ("uncle", "out_of_vocabulary")],
        *[("I'm not sure, but it could be GRANDMOTHER.", "out_of_vocabulary")],
        *[("DON'T KNOW", "out_of_vocabulary"), ("never", "out_of_vocabulary")],
        *[('{"sign": null}', "refused"), ("...", "empty"), ("None of these", "refused")],
    ],
)
def test_what_becomes_of_an_answer_without_a_class(answer: str, outcome: str) -> None:
    found = read(Reply("stop", answer), Vocabulary.of(["book", "sign", "no", "check"]))
    assert (found.lexical, found.without_class) == (-1, outcome)


def test_sorry_is_a_sign_where_it_is_a_gloss() -> None:
    words = Vocabulary.of(["sorry", "book"])
    assert named("SORRY", words) == "sorry"
    assert named("The sign is SORRY.", words) == "sorry"
    assert named("Sorry, I can't tell.", words) is None


def test_what_is_compared_where_no_gloss_is_named() -> None:
    compared = [
        read(Reply("stop", answer), WORDS).compared
        for answer in ("The sign is KITTEN.", "a beverage", "Maybe LION or TIGER?", "“Kitten”!")
    ]
    assert compared == ["kitten", "a beverage", "lion", "kitten"]


def test_an_answer_that_was_cut_off_counts_if_it_names_a_gloss() -> None:
    assert named("The sign is CRY. The hands", finish="length") == "cry"
    assert read(Reply("length", "The hands"), WORDS).without_class is Outcome.CUT_OFF
    assert read(Reply("length", "<think>cry"), WORDS).without_class is Outcome.CUT_OFF


def test_a_long_answer_is_read_as_fast_as_it_is_long() -> None:
    for part in ("the hand moves and ", "not ", "a ", '"', "(", "sign is ", "1. ", "{"):
        assert named(part * 4000) in {None, *GLOSSES}
