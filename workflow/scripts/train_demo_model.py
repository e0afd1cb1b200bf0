"""Train the demo's tiny Qwen2.5-VL on the training split. Same steps and seed, same model."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, torch_setup
from zerosign.demo import tiny_models
from zerosign.prompts.prompt_entry import Prompt
from zerosign.study_file import StudyFile

PROMPT = "demo-gloss"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--study", type=Path, required=True, help="settings of the study, JSON")
    made.add_argument("--metadata", type=Path, required=True, help="the demo's WLASL_demo.json")
    made.add_argument("--splits", type=Path, required=True, help="the demo's split file")
    made.add_argument("--videos", type=Path, required=True, help="folder with <id>.mp4")
    made.add_argument("--steps", type=int, default=700, help="end-to-end training steps")
    made.add_argument("--vision-steps", type=int, default=200, help="steps before, vision alone")
    made.add_argument("--output", type=Path, required=True, help="folder for the checkpoint")
    return made


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, call, write."""
    options = parser().parse_args(argv)
    study = StudyFile(options.study)
    torch_setup.prepare()

    from zerosign.demo import training

    examples = training.training_examples(options.metadata, options.splits, options.videos)
    model, processor = training.trained(
        examples,
        study.read(Prompt, "prompts", PROMPT),
        study.read(int, "demo", "seed"),
        options.steps,
        options.vision_steps,
    )
    tiny_models.save(model, processor, options.output)


if __name__ == "__main__":
    cli.run(main)
