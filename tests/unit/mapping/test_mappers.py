"""What every mapper chooses of the same reading."""

import pytest

from zerosign.mapping.mappers import LIKELIHOOD, MAPPERS, Decision, of_free_answers
from zerosign.mapping.mapping_settings import MappingSettings
from zerosign.mapping.outcomes import Outcome
from zerosign.mapping.reading import Reading

OPEN = Outcome.OUT_OF_VOCABULARY


@pytest.mark.parametrize(
    ("reading", "classes"),
    [
        (Reading(OPEN, strict=1, lexical=1, similarity=1.0), (1, 1, 1, 1, -1)),
        (Reading(OPEN, lexical=1, similarity=1.0), (-1, 1, 1, 1, -1)),
        (Reading(OPEN, similarity=0.5, nearest=2), (-1, -1, 2, 2, -1)),
        (Reading(OPEN, similarity=0.4999, nearest=2), (-1, -1, -1, 2, -1)),
        (Reading(Outcome.REFUSED), (-1, -1, -1, -1, -1)),
        (Reading(OPEN, likeliest=3), (-1, -1, -1, -1, 3)),
    ],
)
def test_classes(reading: Reading, classes: tuple[int, ...]) -> None:
    decided = [Decision(reading, mapper, 0.5) for mapper in MAPPERS.values()]
    assert tuple(decision.class_index for decision in decided) == classes
    for decision in decided:
        named = decision.class_index >= 0
        assert decision.outcome == (Outcome.CLASSIFIED if named else reading.without_class)
        assert (decision.step == "none") is not named


def test_a_study_may_count_by_each_mapper_for_free_answers() -> None:
    encoder = {"checkpoint": "package:x"}
    for name in of_free_answers():
        MappingSettings.of({"mapper": name, "encoder": encoder, "threshold": 0.5})
    with pytest.raises(ValueError, match=LIKELIHOOD):
        MappingSettings.of({"mapper": LIKELIHOOD, "encoder": encoder, "threshold": 0.5})
