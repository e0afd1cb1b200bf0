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
CLIPS = 32
DRAWN = ("accuracy", "outcomes", "per_gloss", "confusion", "alignment", "matching")
FIGURES = {Job("figure", f"figure={name}") for name in DRAWN}
AGGREGATES = {Job("score"), Job("describe_study"), *FIGURES}

pytestmark = pytest.mark.slow


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
    before = study.recorded()
    assert study.ran() == study.asking(second) | AGGREGATES
    assert len(study.recorded()) == len(before) + CLIPS

    study.edit_yaml("config/prompts.yaml", lambda p: p["second"].update(user="Which one is it?"))
    assert study.ran() == study.asking(second) | AGGREGATES
    assert len(study.recorded()) == len(before) + 2 * CLIPS

    # Back to the first wording: the run is made again from the store, nothing is asked.
    study.edit_yaml("config/prompts.yaml", lambda p: p["second"].update(user="Name this sign."))
    assert study.ran() == study.asking(second) | AGGREGATES
    assert len(study.recorded()) == len(before) + 2 * CLIPS


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
    planned = study.planned()
    assert planned == study.asking("again.demo-gloss.u12") | AGGREGATES


def test_a_sampling_within_the_decoded_frames_decodes_nothing(study: Checkout) -> None:
    def add(config: Any) -> None:
        config["samplings"]["u6"] = {"strategy": "uniform", "frames": 6}
        config["runs"].append({"model": "demo-untrained", "prompt": "demo-gloss", "sampling": "u6"})

    study.edit_yaml("config/test.yaml", add)
    six = "demo-untrained.demo-gloss.u6"
    sampled = Job("sample_frames", "sampling=u6, shard=0")
    planned = study.planned()
    assert planned == {sampled} | study.asking(six) | AGGREGATES


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
            {"encode_texts", "map_labels", "score", "match_pairs", "ask", "answers"}
            | {"score_matching", "figure"},
        ),
        (
            "zerosign/prompts/template.py",
            "text(prompt.system)",
            'text(prompt.system) + ""',
            {"ask", "answers", "encode_texts", "map_labels", "score", "score_matching", "figure"}
            | {"embeddings", "align", "align_table"},
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


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("cli.py", "{unit}/s{left}", "{unit} per second{left}"),
        ("models/kinds/chat.py", "its processor drops videos; ", "this processor drops videos; "),
        ("gpus.py", "time.sleep(POLL_S)", "time.sleep(2 * POLL_S)"),
        ("inference/batch_size.py", "self.size *= 2", "self.size *= 3"),
        ("inference/feed.py", "maxsize=1", "maxsize=2"),
        ("inference/journal.py", "os.fsync(self._file)\n        except", "pass\n        except"),
        (
            "inference/asking.py",
            "if known.keys() >= wanted.keys():",
            "if set(wanted) <= set(known):",
        ),
        ("inference/engine.py", "asked += 1", "asked = asked + 1"),
    ],
)
def test_code_that_cannot_change_an_answer_asks_nothing(
    study: Checkout, path: str, old: str, new: str
) -> None:
    study.edit(f"workflow/scripts/zerosign/{path}", lambda text: text.replace(old, new))
    assert "ask" not in rules(study.planned())


def test_a_moved_file_reruns_nothing(study: Checkout) -> None:
    package = study.folder / "workflow/scripts/zerosign"
    (package / "models/decoding.py").rename(package / "models/how_to_decode.py")
    for path in [*package.rglob("*.py")]:
        text = path.read_text("utf-8")
        path.write_text(text.replace("zerosign.models.decoding", "zerosign.models.how_to_decode"))
    assert study.planned() == set()


def test_changed_decoding_asks_again(study: Checkout) -> None:
    study.edit(
        "workflow/scripts/zerosign/models/kinds/chat.py",
        lambda text: text.replace("repetition_penalty=1.0", "repetition_penalty=1.1"),
    )
    before = len(study.recorded())
    ran = study.ran(f"results/demo/answers/{UNTRAINED}/0.parquet")
    assert {job.rule for job in ran} == {"ask", "answers"}
    assert len(study.recorded()) > before


def test_other_shards_and_another_name_ask_nothing(study: Checkout) -> None:
    before = study.recorded()
    results = study.folder / "results"
    tables = {path.name: path.read_bytes() for path in results.glob("demo/tables/*.csv")}
    # The demo makes its models in the study's folder: their weights are what counts.
    study.edit("config/models.yaml", lambda text: text.replace("results/demo/", "results/other/"))
    study.edit("config/test.yaml", lambda text: text.replace("results/demo/", "results/other/"))
    ran = rules(study.ran("--config", "shards=3", "study=other"))
    assert {"ask", "answers", "map_labels", "score"} <= ran
    assert study.recorded() == before
    found = {path.name: path.read_bytes() for path in results.glob("other/tables/*.csv")}
    # This table names files, which lie in the study's folder.
    assert found.pop("descriptions.csv") != tables.pop("descriptions.csv")
    assert found == tables


def test_a_broken_run_leaves_the_others_tables(study: Checkout) -> None:
    study.edit_yaml(
        "config/models.yaml",
        lambda models: models.update(
            wrong=models["demo-untrained"] | {"processor": {"size": {"nothing": 3}}}
        ),
    )
    study.edit_yaml(
        "config/prompts.yaml",
        lambda prompts: prompts.update(new=prompts["demo-gloss"] | {"user": "And now?"}),
    )
    study.edit_yaml(
        "config/test.yaml",
        lambda config: config["runs"].extend(
            [
                {"model": "wrong", "prompt": "demo-gloss", "sampling": "u12"},
                {"model": "demo-untrained", "prompt": "new", "sampling": "u12"},
            ]
        ),
    )
    before = len(study.recorded())
    result = study.snakemake(check=False)
    broken = "wrong.demo-gloss.u12"
    assert result.returncode == 1
    assert f"go on without it: --config 'leave_out=[{broken}]'" in result.stdout
    assert len(study.recorded()) == before + CLIPS  # those of the run that is not broken
    study.snakemake("--config", f"leave_out=[{broken}]")
    assert len(study.recorded()) == before + CLIPS
    table = (study.folder / "results/demo/tables/accuracy.csv").read_text()
    assert "demo-untrained.new.u12" in table and broken not in table


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
    assert {"ask", "answers", "embeddings"} <= found
    assert not found & {"decode_frames", "sample_frames", "clips", "fetch_videos"}


def test_other_weights_in_a_folder_rerun_their_models(study: Checkout) -> None:
    path = study.folder / "resources/demo/tiny-qwen2.5-vl/model.safetensors"
    weights = bytearray(path.read_bytes())
    assert len(weights) > 1_000_000  # which Snakemake does not compare by content
    middle = len(weights) // 2
    weights[middle : middle + 4096] = bytes(4096)
    path.write_bytes(weights)
    planned = study.planned()
    assert {job for job in planned if job.rule == "answers"} == {
        Job("answers", "run=demo-trained-closed.demo-match.u12")
    }
    assert [job.wildcards.split("-")[0] for job in planned if job.rule == "ask"] == [
        "checkpoint=tiny"
    ]


def test_results_do_not_depend_on_the_folder(finished: Checkout, tmp_path: Path) -> None:
    for path in sorted((finished.folder / "results/demo/tables").glob("*.csv")):
        assert str(finished.folder) not in path.read_text()


@pytest.mark.parametrize(
    ("log", "written"),
    [
        ("sample_frames/u12/0.log", "frames/u12/0.npz"),
        (f"answers/{UNTRAINED}.log", f"answers/{UNTRAINED}/0.parquet"),
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
