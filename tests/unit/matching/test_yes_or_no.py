"""Verdicts as a reader reads them."""

import pytest

from zerosign.matching.yes_or_no import verdict


@pytest.mark.parametrize(
    "text",
    [
        *["YES", "yes.", "<think>no no no</think> Yes!", '{"match": "yes"}', "**Yes**"],
        *["YES. There is no mismatch.", "**Yes** - there is no doubt about it"],
        *["Yes (no contradictions)", "yes, with no doubt whatever"],
        "There is no doubt. Yes, it is the sign, as no other has this movement.",
        *["Yes \u2014 there is no difference.", "YES, and NO part of it differs."],
        *["VERDICT: YES", "Verdict: **YES** (not NO)", "My answer is yes.", "Final answer: YES."],
        *["The answer is YES; no other sign fits.", '{"match": true}', "YES or NO: YES"],
        *["I would say yes. No would need another movement.", "At first no, but then YES"],
        *["It is yes rather than no.", "Does it match? Yes", "The hand shape fits.\nYES"],
        "The movement fits, there is no contact in either. I'd say yes",
    ],
)
def test_yes(text: str) -> None:
    assert verdict(text) is True


@pytest.mark.parametrize(
    "text",
    [
        *["NO", "no", "The hand opens. **No**.", "no, it isn't", "No match.", "VERDICT: NO MATCH"],
        *["At first yes, but the movement is another: NO", "I would say no to that"],
        *["VERDICT: NO (not YES)", "I would say no. Yes would need contact."],
        *["Verdict: no. A yes would require both hands.", '{"match": false}', "NO, not YES."],
        *["The answer is NO rather than YES.", "YES or NO? NO", "No - the palm is turned."],
        *["The sign has no contact, so no.", "No. The description says yes to two hands."],
        *["There is no contact with the chin. NO", "No, because there is no second hand."],
    ],
)
def test_no(text: str) -> None:
    assert verdict(text) is False


@pytest.mark.parametrize(
    "text",
    [
        *["", "<think>yes", "I know nothing of yesterday.", "Hard to say", "It is not a match."],
        *["I cannot say YES or NO.", "yes/no", "Neither yes nor no.", "Yes and no."],
        *["There is no difference.", "No doubt.", "I can't say yes.", "The answer is not YES."],
    ],
)
def test_no_verdict(text: str) -> None:
    assert verdict(text) is None
