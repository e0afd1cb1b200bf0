from typing import Any

import polars as pl
import pytest
from helpers.predictions import GLOSSES, RUNS, only, run, widened

from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.scoring import prompt_leakage


@pytest.mark.parametrize(
    ("text", "examples", "mentioned"),
    [
        ("Which sign is this? Name it with one word.", [], ["sign", "what", "name"]),
        ("Answer with a gloss, for example book, run or happy.", ["book", "happy", "run"], []),
        ("Examples: BOOK, RUN.", ["book", "run"], []),
        ('Answer like "book".', ["book"], []),
        ("Answer \u2018book\u2019.", ["book"], []),
        ("You may answer book, run, happy and dance.", ["book", "dance", "happy", "run"], []),
        ("Say ICE CREAM.", ["ice cream"], []),
        ("Answer with one word like book or run.", ["book", "run"], []),
        ("What does it look like? A sign.", [], ["sign"]),
        ("Output: book", ["book"], []),
        ("Answer: the name of the sign", [], ["name", "sign"]),
        ("Example output: see book", [], ["book"]),  # "see book" is another word than "book"
        ("Say one of these:\nbook\nice cream\n", ["book", "ice cream"], []),
        ("- book\n* run.\n1. happy\n 2) dance", ["book", "dance", "happy", "run"], []),
        ("Sign?\nName:", [], ["name", "sign"]),
        ("Watch the clip, then say or\nsign, name", [], ["name", "sign"]),
        ("Watch the hands, the face, and the sign.", [], ["sign"]),
        ("A notebook is no answer.", [], ["no"]),
        ("", [], []),
    ],
)
def test_glosses_that_a_prompt_names(text: str, examples: Any, mentioned: Any) -> None:
    glosses = ["book", "run", "happy", "dance", "sign", "name", "no", "ice cream"]
    found = prompt_leakage.named(text, glosses)
    assert found.examples == examples
    assert found.mentioned == sorted(set(mentioned) & set(glosses))


def test_leaks_leave_the_named_classes_out(joined: pl.DataFrame) -> None:
    prompts = {"p": Prompt(task=Task.PREDICT, system="Examples: NONE, CAR.", user="Which book?")}
    row = only(prompt_leakage.leaks(joined, RUNS, prompts, GLOSSES, 0.95), run="bad")
    assert (row["leak"], row["examples"], row["mentioned"]) == (True, "car, none", "book")
    assert (row["n_available"], row["n_without"], row["correct_without"]) == (11, 6, 2)
    # book, only mentioned, is still there; without it, dad is left
    assert (row["n_without_named"], row["correct_without_named"]) == (3, 1)
    left = joined.filter(pl.col("run") == "bad", pl.col("gloss").is_in(["book", "dad"]))
    assert (row["low_without"], row["high_without"]) == widened(left)
    left = left.filter(pl.col("gloss") == "dad")
    assert (row["low_without_named"], row["high_without_named"]) == widened(left)
    honest = {"p": Prompt(task=Task.PREDICT, system=None, user="{candidates}")}
    row = only(prompt_leakage.leaks(joined, RUNS, honest, GLOSSES, 0.95), run="bad")
    assert (row["leak"], row["n_without"]) == (False, 11)
    replayed = [
        run("good"),
        run("bad").model_copy(update={"prompt": ""}),
    ]  # whose prompt is not known
    table = prompt_leakage.leaks(joined, replayed, honest, GLOSSES, 0.95)
    assert table["run"].to_list() == ["good"]
    none = prompt_leakage.leaks(joined, replayed[1:], {}, GLOSSES, 0.95)
    assert none.is_empty() and none.schema == table.schema


def test_a_prompt_that_names_every_class(joined: pl.DataFrame) -> None:
    prompts = {"p": Prompt(task=Task.PREDICT, system=None, user=f"Examples: {', '.join(GLOSSES)}.")}
    row = only(prompt_leakage.leaks(joined, RUNS, prompts, GLOSSES, 0.95), run="good")
    assert (row["top1"], row["n_without"], row["top1_without"]) == (1, 0, None)
    assert (row["n_without_named"], row["top1_without_named"]) == (0, None)
