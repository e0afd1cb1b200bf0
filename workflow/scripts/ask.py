"""Ask one checkpoint, loaded once, all that its runs and embeddings need and that is in no store.

The store keeps every answer as soon as it is given. When all is there already, nothing is loaded.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, files
from zerosign.alignment import embeddings
from zerosign.inference import asking
from zerosign.inference.run_questions import Inputs
from zerosign.inference.store import Part
from zerosign.models import vllm_process
from zerosign.study_file import StudyFile


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--checkpoint", required=True, help="name of what is loaded, in the study")
    made.add_argument("--part", type=int, default=0, help="number of the part of the work")
    made.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    made.add_argument("--availability", type=Path, required=True, help="availability.parquet")
    made.add_argument("--frames", type=Path, required=True, help="folder of the frame cache")
    made.add_argument("--pairs", type=Path, help="pairs of clip and gloss, for matching runs")
    made.add_argument("--descriptions", type=Path, help="texts to embed; else the glosses")
    made.add_argument("--vllm-python", type=Path, help="file that names it; else the study does")
    made.add_argument("--code", default="", help="digest of the code that makes answers")
    made.add_argument("--embed-code", default="", help="digest of the code that embeds")
    made.add_argument("--store", type=Path, required=True, help="folder of all answers, kept")
    made.add_argument("--output", type=Path, required=True, help="what was asked, JSON")
    return made


def vllm_python(study: StudyFile, file: Path | None) -> str | None:
    """The Python of vLLM's environment, where one is named."""
    if file:
        return file.read_text("utf-8").strip()
    return study.raw("vllm_python") if study.has("vllm_python") else None


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    inputs = Inputs(
        study,
        clips=options.clips,
        availability=options.availability,
        frames=options.frames,
        pairs=options.pairs,
    )
    if python := vllm_python(study, options.vllm_python):
        os.environ[vllm_process.PYTHON] = python
    asked = asking.ask(
        inputs,
        options.checkpoint,
        options.store,
        Part(options.part, study.read(int, "parts")),
        options.code,
        options.embed_code,
        embeddings.texts_of(options.descriptions, inputs.glosses),
    )
    files.write_json(asked.as_json(), options.output)


if __name__ == "__main__":
    cli.run(main)
