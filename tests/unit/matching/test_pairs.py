"""The pairs of a clip and a gloss that matching runs judge."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from zerosign.errors import UserError
from zerosign.matching import pairs
from zerosign.matching.matching_settings import MatchingSettings

GLOSSES = ["before", "last", "none", "year", "go", "tree"]
COUNTS = [3, 2, 1, 0, 4, 2]  # test clips
SAME = ("before", "last")  # one video has both labels


def clips(counts: Sequence[int] = COUNTS) -> pl.DataFrame:
    rows = []
    for k, (gloss, count) in enumerate(zip(GLOSSES, counts, strict=True)):
        for number in range(count + 1):
            split = "test" if number < count else "train"
            shared = gloss in SAME and split == "train"
            rows.append(
                {"video_id": f"{k}{number}", "gloss": gloss, "class_index": k, "split": split}
                | {"url": "shared" if shared else f"u{k}{number}", "path": None}
                | {"frame_start": 1, "frame_end": -1}
            )
    return pl.DataFrame(rows, schema_overrides={"path": pl.String})


def encode(texts: Sequence[str]) -> np.ndarray:
    """Texts on a circle, by their lengths: the nearest is the text of the nearest length."""
    angles = np.array([len(text) / 10 for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def drawn(
    described: dict[str, str] | None = None,
    seed: int = 1,
    random: int = 1,
    hard: int = 1,
    counts: Sequence[int] = COUNTS,
) -> pl.DataFrame:
    """The pairs of the small study."""
    settings = MatchingSettings.model_construct(seed=seed, random=random, hard=hard)
    return pairs.pairs(clips(counts), "test", described, encode, settings)


def shown(table: pl.DataFrame) -> pl.DataFrame:
    return table.join(
        clips().select("video_id", pl.col("gloss").alias("own")), on="video_id", how="left"
    )


def test_every_test_clip_with_its_own_gloss_and_as_many_others() -> None:
    table = drawn()
    assert table.schema == pairs.PAIRS
    right = shown(table.filter("match"))
    assert (right["own"] == right["gloss"]).all()
    assert Counter(right["gloss"]) == {g: n for g, n in zip(GLOSSES, COUNTS, strict=True) if n}
    random = table.filter(pl.col("kind") == "random")
    assert Counter(random["gloss"]) == Counter(right["gloss"])
    assert not random["match"].any()
    hard = table.filter(pl.col("kind") == "hard")
    assert Counter(hard["video_id"]) == dict.fromkeys(right["video_id"], 1)


@hypothesis_settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=6), st.integers(1, 3), st.integers(0, 5))
def test_what_holds_of_any_study(counts: list[int], random: int, hard: int) -> None:
    try:
        table = drawn(counts=counts, random=random, hard=hard)
    except UserError:
        there = {gloss for gloss, count in zip(GLOSSES, counts, strict=True) if count}
        assert not there or (not hard and (len(there) == 1 or there == set(SAME)))
        return
    assert not table.select(pl.struct("video_id", "question").is_duplicated().any()).item()
    own = dict(clips(counts).select("video_id", "gloss").iter_rows())
    for video_id, gloss, match in table.select("video_id", "gloss", "match").iter_rows():
        assert (own[video_id] == gloss) == match
        assert match or {own[video_id], gloss} != set(SAME)
    assert table["match"].sum() == sum(counts)
    assert (table["question"] == table["gloss"]).all()


def test_a_study_without_negatives_stops() -> None:
    with pytest.raises(UserError, match="no two glosses of split 'test' can be told apart"):
        drawn(counts=[3, 2, 0, 0, 0, 0], hard=0)
    with pytest.raises(UserError, match="no clip of split 'test' has a gloss with a description"):
        drawn({"year": "It has no clip."})


def test_the_same_pairs_each_time_and_others_with_another_seed() -> None:
    assert drawn().equals(drawn())
    again = pairs.pairs(
        clips().reverse(), "test", None, encode, MatchingSettings(seed=1, random=1, hard=1)
    )
    assert again.equals(drawn())
    assert not drawn(seed=2).equals(drawn())


def test_random_pairs_prefer_no_clip() -> None:
    counts = [40, 40, 40, 40, 40, 40]
    seen = Counter()
    for seed in range(60):
        table = drawn(seed=seed, hard=0, counts=counts)
        seen.update(table.filter(pl.col("gloss") == "tree", ~pl.col("match"))["video_id"])
    # 200 clips of other glosses, each drawn with probability 1/5 in each of 60 draws.
    assert len(seen) == 200
    assert np.std(list(seen.values())) == pytest.approx(np.sqrt(60 * 0.2 * 0.8), rel=0.3)


def test_hard_pairs_are_with_the_likest_description() -> None:
    described = {"before": "x" * 5, "last": "x" * 5, "none": "x" * 9, "go": "x" * 6}
    table = drawn(described, random=0)
    assert set(table["gloss"]) == set(described)
    assert dict(table.select("gloss", "description").iter_rows()) == described
    hard = shown(table.filter(pl.col("kind") == "hard"))
    # "last" would be nearest to "before", but one video shows both.
    assert dict(hard.select("own", "gloss").iter_rows()) == {
        "before": "go",
        "last": "go",
        "none": "go",
        "go": "before",
    }


def test_glosses_of_one_description_are_no_wrong_pair() -> None:
    described = {"before": "x" * 5, "none": "x" * 9, "go": "x" * 5}
    table = shown(drawn(described, hard=2, random=3))
    wrong = set(table.filter(~pl.col("match")).select("own", "gloss").iter_rows())
    assert ("before", "none") in wrong
    assert not wrong & {("before", "go"), ("go", "before")}


def test_without_descriptions_the_glosses_are_compared() -> None:
    hard = shown(drawn(random=0).filter(pl.col("kind") == "hard"))
    assert dict(hard.select("own", "gloss").iter_rows())["tree"] == "last"  # of four letters
    assert drawn()["description"].null_count() == drawn().height


def test_a_clip_asked_at_random_about_its_nearest_gloss_is_asked_about_the_next() -> None:
    described = {"before": "x" * 5, "none": "x" * 9, "go": "x" * 6}
    table = shown(drawn(described))
    random = set(table.filter(kind="random").select("video_id", "gloss").iter_rows())
    nearest = {"before": ["go", "none"], "none": ["go", "before"], "go": ["before", "none"]}
    hard = dict(table.filter(kind="hard").select("video_id", "gloss").iter_rows())
    for video_id, own in table.filter("match").select("video_id", "own").iter_rows():
        left = [gloss for gloss in nearest[own] if (video_id, gloss) not in random]
        assert hard.get(video_id) == (left[0] if left else None)
    assert any(
        hard[v] != nearest[o][0]
        for v, o in table.select("video_id", "own").iter_rows()
        if v in hard
    )


def test_few_clips_give_what_they_have() -> None:
    table = drawn(random=9, hard=0)
    asked = Counter(table.filter(pl.col("kind") == "random")["gloss"])
    # All clips of other glosses, but for those that may show the same sign.
    assert asked["before"] == sum(COUNTS) - 3 - 2
    assert asked["tree"] == sum(COUNTS) - 2
