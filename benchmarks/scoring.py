"""CPU seconds to score the default study: all its runs, with answers that are drawn at random."""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from zerosign.dataset import clips as dataset_clips  # noqa: E402
from zerosign.dataset import leakage  # noqa: E402
from zerosign.mapping.mapper import PREDICTIONS  # noqa: E402
from zerosign.mapping.synonyms import SYNONYMS  # noqa: E402
from zerosign.models import registry  # noqa: E402
from zerosign.study.loading import load  # noqa: E402
from zerosign.study.resolved import Study  # noqa: E402
from zerosign.study.yaml_files import read_yaml  # noqa: E402
from zerosign.study_file import StudyFile  # noqa: E402

DEFAULT = "config/config.yaml"
RATES = (0.002, 0.3)  # the accuracies of the runs are drawn between these
NAMED = 0.8  # share of the wrong answers that name a class


def default_study(metadata: Path) -> Study:
    """The default study, whose metadata is here."""
    config = read_yaml(str(ROOT / DEFAULT))
    config["dataset"] |= {"metadata": str(metadata)}
    return load(config, DEFAULT, ROOT)


def predictions(
    clips: pl.DataFrame, glosses: Sequence[str], scored: bool, orders: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Predictions of a run for the clips, right as often as chance will have it."""
    rate = rng.uniform(*RATES)
    rows = []
    for clip in clips.select("video_id", "gloss", "class_index").iter_rows(named=True):
        chances = rng.random((orders, 2))
        votes = [
            clip["class_index"]
            if right < rate
            else int(rng.integers(len(glosses)))
            if scored or named < NAMED
            else None
            for right, named in chances
        ]
        index = next((vote for vote in votes if vote is not None), None)
        said = "banana split" if index is None else glosses[index]
        others = rng.choice(len(glosses), 4, replace=False)
        rows.append(
            clip
            | {"text": said, "compared": said, "predicted_index": index, "votes": votes}
            | {"predicted": None if index is None else glosses[index]}
            | {"step": "none" if index is None else "likelihood" if scored else "exact"}
            | {"outcome": "out_of_vocabulary" if index is None else "classified"}
            | {"top5": [index, *others.tolist()] if scored else None}
            | {"probability": rng.random() if scored else None, "positions": votes}
            | {"correct": index == clip["class_index"]}
        )
    return pl.DataFrame(rows, schema=PREDICTIONS)


def write(study: Study, folder: Path) -> None:
    """All that `score.py` reads, for the study."""
    (folder / "study.json").write_text(json.dumps(study.parts))
    settings = StudyFile(folder / "study.json")
    rows = dataset_clips.read(study.config.dataset.metadata, dataset_clips.subset_of(settings))
    clips = dataset_clips.clips(rows, study.config.shards, study.config.dataset.metadata)
    clips.write_parquet(folder / "clips.parquet")
    leakage.flags(clips).write_parquet(folder / "flags.parquet")
    glosses = dataset_clips.class_glosses(clips)
    words = [(index, gloss, f"{gloss}s", "none", None) for index, gloss in enumerate(glosses)]
    synonyms = pl.DataFrame(words, schema=SYNONYMS, orient="row")
    synonyms.write_parquet(folder / "synonyms.parquet")
    (folder / "predictions").mkdir()
    expected, rng = clips.filter(split=study.config.dataset.split), np.random.default_rng(0)
    for run in study.scored:
        entry = study.models[run.model]
        scored = not registry.kind(entry.adapter).generates or entry.decoding.closed
        orders = study.prompts[run.prompt].orders or 1
        found = predictions(expected, glosses, scored, orders, rng)
        found.write_parquet(folder / "predictions" / f"{run.name}.parquet")


def main(argv: Sequence[str] | None = None) -> None:
    """Draw, score, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata", type=Path, default=Path("resources/wlasl/WLASL_v0.3.json"))
    options = parser.parse_args(argv)
    study = default_study(options.metadata.absolute())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(study, folder)
        files = ("study.json", "clips.parquet", "predictions", "flags.parquet", "synonyms.parquet")
        given = [f"--{file.split('.')[0]}={folder / file}" for file in files]
        published = f"--published={ROOT / 'config/published.csv'}"
        program = [sys.executable, str(SCRIPTS / "score.py"), *given, published]
        subprocess.run([*program, f"--output={folder / 'tables'}"], check=True)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"{len(study.scored)} runs, {study.config.statistics.permutations} permutations: "
        f"{spent.ru_utime + spent.ru_stime:.1f} s of CPU, {spent.ru_maxrss / 1024:.0f} MB"
    )


if __name__ == "__main__":
    main()
