"""What reruns, and what does not: the contract of README.md, on real Snakemake runs."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import workflow_runs
from helpers.workflow_runs import Checkout, Job, rules

UNTRAINED = "demo-untrained.demo-gloss.u12"
INTERNVL = "demo-internvl.demo-gloss.u12"
DRAWN = ("accuracy", "outcomes", "per_gloss", "confusion", "alignment", "matching")
FIGURES = {Job("figure", f"figure={name}") for name in DRAWN}
AGGREGATES = {Job("score"), Job("describe_study"), *FIGURES}

pytestmark = pytest.mark.slow


def asked(run: str) -> set[Job]:
    """Jobs of one run alone."""
    return {Job("infer", f"run={run}, shard=0"), Job("map_labels", f"run={run}")}


def test_nothing_to_do_after_a_run(study: Checkout) -> None:
    assert "Nothing to be done" in study.snakemake().stdout


def test_a_touched_file_reruns_nothing(study: Checkout) -> None:
    later = time.time() + 5
    touched = 0
    for path in study.folder.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (later, later))
            touched += 1
    assert touched > 100
    assert study.planned() == set()


def test_comments_and_layout_rerun_nothing(study: Checkout) -> None:
    def reformat(text: str) -> str:
        text = re.sub(r"^def ", "\n# A comment before a function.\ndef ", text, flags=re.MULTILINE)
        return text + "\n\n# A comment at the end.\n"

    for path in (study.folder / "workflow" / "scripts").rglob("*.py"):
        study.edit(str(path.relative_to(study.folder)), reformat)
    assert study.planned() == set()


def test_a_changed_prompt_reruns_its_runs(study: Checkout) -> None:
    def change(prompts: Any) -> None:
        prompts["second"] = prompts["demo-gloss"] | {"user": "Name this sign."}

    def use(config: Any) -> None:
        config["runs"] = [
            {"model": "demo-untrained", "prompt": "demo-gloss", "sampling": "u12"},
            {"model": "demo-internvl", "prompt": "second", "sampling": "u12"},
            config["runs"][-1],
        ]

    study.edit_yaml("config/prompts.yaml", change)
    study.edit_yaml("config/test.yaml", use)
    second = "demo-internvl.second.u12"
    assert study.ran() == asked(second) | AGGREGATES

    study.edit_yaml("config/prompts.yaml", lambda p: p["second"].update(user="Which one is it?"))
    assert study.ran() == asked(second) | AGGREGATES

    # Back to the first wording: the run is made again from its journal, nothing is asked.
    journal = study.folder / "results/demo/journal" / second / "0.jsonl"
    lines = journal.read_text().count("\n")
    study.edit_yaml("config/prompts.yaml", lambda p: p["second"].update(user="Name this sign."))
    assert study.ran() == asked(second) | AGGREGATES
    assert journal.read_text().count("\n") == lines


def test_an_added_model_runs_alone(study: Checkout) -> None:
    study.edit_yaml(
        "config/models.yaml", lambda models: models.update(again=dict(models["demo-untrained"]))
    )
    study.edit_yaml(
        "config/test.yaml",
        lambda config: config["runs"].append(
            {"model": "again", "prompt": "demo-gloss", "sampling": "u12"}
        ),
    )
    assert study.planned() == asked("again.demo-gloss.u12") | AGGREGATES


def test_a_sampling_within_the_decoded_frames_decodes_nothing(study: Checkout) -> None:
    def add(config: Any) -> None:
        config["samplings"]["u6"] = {"strategy": "uniform", "frames": 6}
        config["runs"].append({"model": "demo-untrained", "prompt": "demo-gloss", "sampling": "u6"})

    study.edit_yaml("config/test.yaml", add)
    six = "demo-untrained.demo-gloss.u6"
    sampled = Job("sample_frames", "sampling=u6, shard=0")
    assert study.planned() == {sampled} | asked(six) | AGGREGATES


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("zerosign/figures/style.py", "COLUMN = 3.5", "COLUMN = 3.6", {"figure"}),
        (
            "zerosign/alignment/metrics.py",
            "np.float64",
            "np.float32",
            {"align", "align_table", "figure"},
        ),
        ("figure.py", "style.save(", "print()\n    style.save(", {"figure"}),
        (
            "zerosign/mapping/normalise.py",
            "import re\n",
            "import re\n\nprint()\n",
            {"map_labels", "score", "match_pairs", "infer", "score_matching", "figure"},
        ),
        (
            "zerosign/inference/journal.py",
            "import fcntl",
            "import fcntl\n\nprint()",
            {"infer", "map_labels", "score", "score_matching", "figure"},
        ),
        ("zerosign/study/loading.py", "DATASETS =", "OTHER = 1\nDATASETS =", set()),
        ("zerosign/demo/training.py", "import math", "import math\n\nprint()", set()),
    ],
)
def test_changed_code_reruns_what_uses_it(
    study: Checkout, path: str, old: str, new: str, expected: set[str]
) -> None:
    study.edit(f"workflow/scripts/{path}", lambda text: text.replace(old, new, 1))
    assert rules(study.planned()) == expected


def test_a_new_function_reruns_nothing(study: Checkout) -> None:
    for path in sorted((study.folder / "workflow/scripts/zerosign").rglob("*.py")):
        with open(path, "a") as file:
            file.write("\n\ndef nobody_calls_this() -> int:\n    return 1\n")
    assert study.planned() == set()


def test_figures_alone(study: Checkout) -> None:
    folder = study.folder / "results/demo/figures"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        path.unlink()
    assert study.ran("figures") == FIGURES
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_figures_file_redraws_it_alone(study: Checkout) -> None:
    path = "workflow/scripts/zerosign/figures/confusion_figure.py"
    study.edit(path, lambda text: text.replace("GLOSSES_SHOWN = 24", "GLOSSES_SHOWN = 23"))
    assert study.planned() == {Job("figure", "figure=confusion")}


def test_adapter_code_reruns_its_models(study: Checkout) -> None:
    path = "workflow/scripts/zerosign/models/kinds/chat.py"
    study.edit(path, lambda text: text.replace("maxsize=4096", "maxsize=4095"))
    found = rules(study.planned())
    assert {"infer", "embed_clips", "embed_texts"} <= found
    assert not found & {"decode_frames", "sample_frames", "clips", "fetch_videos"}


def test_other_weights_in_a_folder_rerun_their_models(study: Checkout) -> None:
    path = study.folder / "resources/demo/tiny-qwen2.5-vl/model.safetensors"
    weights = bytearray(path.read_bytes())
    assert len(weights) > 1_000_000  # which Snakemake does not compare by content
    middle = len(weights) // 2
    weights[middle : middle + 4096] = bytes(4096)
    path.write_bytes(weights)
    planned = study.planned()
    assert {job for job in planned if job.rule == "infer"} == {
        Job("infer", "run=demo-trained-closed.demo-match.u12, shard=0")
    }


def test_results_do_not_depend_on_the_folder(finished: Checkout, tmp_path: Path) -> None:
    for path in sorted((finished.folder / "results/demo/tables").glob("*.csv")):
        assert str(finished.folder) not in path.read_text()


@pytest.mark.parametrize(
    ("log", "written"),
    [
        ("sample_frames/u12/0.log", "frames/u12/0.npz"),
        (f"infer/{UNTRAINED}/0.log", f"answers/{UNTRAINED}/0.parquet"),
        (f"map_labels/{UNTRAINED}.log", f"predictions/{UNTRAINED}.parquet"),
        ("figure/accuracy.log", "figures/accuracy.png"),
    ],
)
def test_the_command_in_a_log_can_be_run_by_hand(study: Checkout, log: str, written: str) -> None:
    command = (study.folder / "logs/demo" / log).read_text("utf-8").splitlines()[0]
    output = study.folder / "results/demo" / written
    before = output.read_bytes()
    output.unlink()
    environment = workflow_runs.environment()
    folder = Path(sys.executable).parent
    subprocess.run(
        command.removeprefix("$ "),
        shell=True,
        cwd=study.folder,
        env=environment | {"PATH": f"{folder}:{environment['PATH']}"},
        check=True,
        timeout=workflow_runs.TIMEOUT_S,
    )
    assert output.read_bytes() == before
