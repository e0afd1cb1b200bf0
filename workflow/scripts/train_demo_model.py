"""Train the demo's tiny Qwen2.5-VL on the training split. Same steps and seed, same model."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from zerosign import cli, torch_setup, wlasl
from zerosign.demo.signs import SIGNS
from zerosign.errors import UserError


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metadata", type=Path, required=True, help="the demo's WLASL_demo.json")
    parser.add_argument("--splits", type=Path, required=True, help="the demo's nslt_demo.json")
    parser.add_argument("--videos", type=Path, required=True, help="folder with <id>.mp4")
    parser.add_argument("--prompt", required=True, help='JSON: {"system": …, "user": …}')
    parser.add_argument("--steps", type=int, default=700, help="end-to-end training steps")
    parser.add_argument("--vision-steps", type=int, default=200, help="steps before, vision alone")
    parser.add_argument("--seed", type=int, default=0, help="of weights, batches and changes")
    parser.add_argument("--output", type=Path, required=True, help="folder for the checkpoint")
    args = parser.parse_args(argv)
    try:
        prompt = json.loads(args.prompt)
    except json.JSONDecodeError as error:
        raise UserError(f"--prompt is not valid JSON: {error}") from None

    torch_setup.prepare()
    import torch

    from zerosign.demo import tiny, training

    torch.set_num_threads(1)  # sums, and so weights, depend on the number of threads
    clips = wlasl.read_metadata(args.metadata)
    split = wlasl.read_split_file(args.splits).filter(split="train")
    clips = clips.filter(clips["video_id"].is_in(split["video_id"].implode()))
    if clips.is_empty():
        raise UserError(f"{args.splits}: no clip of {args.metadata} is in its train split")
    examples = list(
        cli.progress(training.read_examples(clips, args.videos), len(clips), "decoding")
    )
    texts = [sign.gloss for sign in SIGNS]
    texts += [prompt[part] for part in ("system", "user") if prompt.get(part)]
    model, processor = tiny.build("qwen2_5_vl", args.seed, texts)

    def report(step: int, answers: float, gloves: float) -> None:
        if step % 50 == 49 or step == args.steps - 1:
            cli.log.info("step %d: answer loss %.3f, glove loss %.4f", step + 1, answers, gloves)

    training.train(
        model, processor, examples, prompt, args.steps, args.seed, report, args.vision_steps
    )
    tiny.save(model, processor, args.output)


if __name__ == "__main__":
    cli.run(main)
