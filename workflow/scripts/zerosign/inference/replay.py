"""Somebody else's predictions as answers, so that the same code scores them on the same clips."""

from pathlib import Path

import polars as pl

from zerosign.errors import UserError
from zerosign.files import digest

ANSWER_COLUMNS = ("answer", "predicted_gloss")  # ours, and that of Javorek et al. (2026)
REPLAYED = dict.fromkeys(("video_id", "question", "text", "finish", "error", "key"), pl.String)
_ERROR = "ERROR:"


def replayed_answers(path: str | Path, clips: pl.DataFrame) -> pl.DataFrame:
    """Answers (the columns `REPLAYED` of those that inference writes) to all clips, from a CSV.

    The CSV has video_id and answer, or the authors' columns video_id and predicted_gloss. An
    answer that starts with "ERROR:" is a failure, an empty one is empty, and the word "none"
    stays a word. Ids that lost their leading zeros are recognised. `clips` are those expected; rows
    for others are a `UserError`, as is a duplicate clip or one whose ground_truth_gloss is another
    than ours. A clip that is not in the CSV is an error, too, whether or not its video is here:
    leaving clips out must not raise a rate.
    """
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"{path}: cannot be read as CSV ({str(error).splitlines()[0]})") from None
    column = next((name for name in ANSWER_COLUMNS if name in table.columns), None)
    if "video_id" not in table.columns or column is None:
        raise UserError(f"{path}: needs the columns video_id and {' or '.join(ANSWER_COLUMNS)}")
    glosses = dict(clips.select("video_id", "gloss").iter_rows())
    width = max(map(len, glosses), default=0)
    rows = {}
    for row in table.iter_rows(named=True):
        given = row["video_id"] or ""
        video = given if given in glosses else given.zfill(width)
        if video not in glosses:
            raise UserError(f"{path}: clip {given!r} is not expected here; remove its row")
        if video in rows:
            raise UserError(f"{path}: duplicate clip {given!r}; keep one row")
        truth = row.get("ground_truth_gloss")
        if truth and _plain(truth) != _plain(glosses[video]):
            raise UserError(
                f"{path}: clip {given!r} is {truth!r} there and {glosses[video]!r} here; "
                "is it of another version of the data set?"
            )
        rows[video] = row[column] or ""
    for video in glosses:
        rows.setdefault(video, f"{_ERROR} not in the file")
    return pl.DataFrame([_answer(video, text) for video, text in rows.items()], schema=REPLAYED)


def _plain(gloss: str) -> str:
    """A gloss without case, blanks and punctuation."""
    return "".join(character for character in gloss.casefold() if character.isalnum())


def _answer(video: str, text: str) -> dict[str, str | None]:
    failed = text.startswith(_ERROR)
    return {
        "video_id": video,
        "question": "",
        "text": "" if failed else text,
        "finish": "error" if failed else "stop",
        "error": text.removeprefix(_ERROR).strip() if failed else None,
        "key": digest(["replay", video, text]),
    }
