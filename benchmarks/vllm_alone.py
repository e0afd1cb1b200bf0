"""vLLM without zerosign, for benchmarks/inference.py: its own way to answer all requests at once.

    PYTHON benchmarks/vllm_alone.py '{"options": {…}, "frames": "frames.npy", …}'

Prints a line when the model is loaded, then one for each line on standard input, a number that
makes this round's frames others than any before: vLLM would know them again. What vLLM itself
prints goes to standard error.
"""

import contextlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "workflow" / "scripts"))

from zerosign.models import vllm_worker  # noqa: E402


def main() -> None:
    job: dict[str, Any] = json.loads(sys.argv[1])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import psutil
    import vllm

    engine = vllm_worker.start(job["options"])
    sampling = vllm.SamplingParams(**job["sampling"], ignore_eos=True, detokenize=False)
    me = psutil.Process()

    def cpu() -> float:
        """Seconds of this process and of those that vLLM started."""
        total = 0.0
        for each in (me, *me.children(recursive=True)):
            with contextlib.suppress(psutil.Error):  # it has ended
                total += sum(each.cpu_times()[:2])
        return total

    print(json.dumps({}), file=out, flush=True)
    for line in sys.stdin:
        clips = np.load(job["frames"])
        clips[:, 0, 0, 0, 0] = int(line)
        prompts = [
            {
                "prompt_token_ids": job["tokens"],
                "mm_processor_kwargs": job["processor"],
                "multi_modal_data": {"video": [(clip, {**video, "do_sample_frames": False})]},
            }
            for clip, video in zip(clips, job["metadata"], strict=True)
        ]
        wall, before = time.perf_counter(), cpu()
        outputs = engine.generate(prompts, sampling, use_tqdm=False)
        wall = time.perf_counter() - wall
        answers = [list(output.outputs[0].token_ids) for output in outputs]
        found = {"answers": answers, "wall": wall, "cpu": max(cpu() - before, 0.01)}
        print(json.dumps(found), file=out, flush=True)


if __name__ == "__main__":
    main()
