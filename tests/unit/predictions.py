"""A small study by hand: clips and the predictions of runs, for tests of scores."""

import polars as pl

from zerosign.mapping import PREDICTIONS

GLOSSES = ["car", "book", "dad", "none"]


def clips() -> pl.DataFrame:
    """4 classes, 3 test clips each (signers a, b, c), train clips 4, 3, 2, 1; one shared video."""
    rows = []
    for index, gloss in enumerate(GLOSSES):
        for split, count in (("train", 4 - index), ("test", 3)):
            for k in range(count):
                video = f"{split}{index}{k}"
                url = "http://x/twin" if video in ("test10", "train20") else f"http://x/{video}"
                rows.append(
                    {
                        "video_id": video,
                        "gloss": gloss,
                        "class_index": index,
                        "split": split,
                        "signer": "abc"[k] if split == "test" else "abz"[k % 3],
                        "source": "left" if k else "right",
                        "url": url,
                        "path": None,
                        "frame_start": 1,
                        "frame_end": -1,
                        "variation_id": k % 2,
                    }
                )
    return pl.DataFrame(rows, schema_overrides={"class_index": pl.Int32, "path": pl.String})


def predictions(answers: dict[str, tuple], scores: dict[str, list[int]] | None = None):
    """Predictions of the test clips: (outcome, class or None, what was compared, text) by clip.

    A clip that is not named is answered right.
    """
    rows = []
    for clip in clips().filter(pl.col("split") == "test").iter_rows(named=True):
        right = ("mapped", clip["class_index"], clip["gloss"], clip["gloss"])
        outcome, index, compared, text = answers.get(clip["video_id"], right)
        step = "none" if index is None else "exact" if compared == GLOSSES[index] else "similarity"
        top5 = (scores or {}).get(clip["video_id"])
        rows.append(
            {
                "video_id": clip["video_id"],
                "gloss": clip["gloss"],
                "class_index": clip["class_index"],
                "text": text,
                "compared": compared,
                "predicted": None if index is None else GLOSSES[index],
                "predicted_index": index,
                "step": "likelihood" if top5 else step,
                "similarity": None,
                "nearest": "dad" if outcome == "out_of_vocabulary" else None,
                "top5": top5,
                "outcome": outcome,
                "correct": index == clip["class_index"],
            }
        )
    return pl.DataFrame(rows, schema=PREDICTIONS)


def run(name: str) -> dict[str, str]:
    """An entry of --runs."""
    parts = {"model": "m", "prompt": "p", "sampling": "s", "checkpoint": "c"}
    return {"run": name, **parts, "label": f"label of {name}"}


MISTAKES = {
    "test00": ("missing", None, "", ""),
    "test01": ("mapped", 1, "auto", "auto"),  # a synonym of car, mapped to book
    "test02": ("out_of_vocabulary", None, "motorcar", "The sign is motorcar."),
    "test10": ("mapped", 2, "dad", "dad"),  # the same video stands under dad
    "test11": ("refusal", None, "i do not know", "I do not know"),
    "test12": ("mapped", 1, "book", "The sign is BOOK."),
    "test20": ("error", None, "", ""),
    "test21": ("mapped", 0, "car", " Car"),
}
