"""An evaluation harness in a process and environment of its own, for benchmarks/inference.py.

    PYTHON benchmarks/peers.py lmms-eval '{"checkpoint": …, "videos": […], …}'

Loads the checkpoint with the harness's own model class, prints a line when ready, then answers one
question about every video for each line on standard input, the size of its batches. Each line
printed is a JSON object;
what the harness prints itself goes to standard error. The harness's code is what is measured: no
result files, no task registry. Changed are only constants that would keep it from a CPU or from
the frames, pixels and precision that the others get; each is commented.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from zerosign import torch_setup  # noqa: E402

Way = Callable[[int], list[str]]
"""Answers about all videos, asked in batches of so many."""


def lmms_eval(job: dict[str, Any]) -> tuple[Any, Any, Way]:
    """(model, processor, way) of lmms-eval's chat model."""
    from lmms_eval.api.instance import Instance
    from lmms_eval.models.chat.qwen2_5_vl import Qwen2_5_VL

    harness = Qwen2_5_VL(
        pretrained=job["checkpoint"],
        device=job["device"],
        device_map=job["device"],
        attn_implementation="sdpa",
        min_pixels=job["least_pixels"],
        max_pixels=job["most_pixels"],
        max_num_frames=job["frames"],
    )
    harness.model.to(job["dtype"])  # it loads everything as bfloat16
    harness.task_dict = {"clips": {"test": job["videos"]}}

    def messages(video: str) -> list[dict[str, Any]]:
        return [
            {"role": "system", "content": [{"type": "text", "text": job["system"]}]},
            {
                "role": "user",
                "content": [{"type": "video", "url": video}, {"type": "text", "text": job["user"]}],
            },
        ]

    settings = {"max_new_tokens": job["tokens"]}
    requests = [
        Instance(
            request_type="generate_until",
            arguments=(job["user"], messages, settings, i, "clips", "test"),
            idx=0,
            metadata={"task": "clips", "doc_id": i, "repeats": 1},
        )
        for i in range(len(job["videos"]))
    ]

    def way(batch_size: int) -> list[str]:
        harness.batch_size_per_gpu = batch_size
        return [found.text for found in harness.generate_until(requests)]

    return harness.model, harness.processor, way


def vlmevalkit(job: dict[str, Any]) -> tuple[Any, Any, Way]:
    """(model, processor, way) of VLMEvalKit's model, which takes clips one at a time."""
    import transformers
    from vlmeval.vlm.qwen2_vl import model as module

    # Its code names CUDA and flash attention, and wants to see a GPU's memory.
    model_class = transformers.Qwen2_5_VLForConditionalGeneration
    load = model_class.from_pretrained

    def from_pretrained(path: str, **_: Any) -> Any:
        return load(path, dtype=job["dtype"], attn_implementation="sdpa").to(job["device"])

    model_class.from_pretrained = from_pretrained
    module.get_gpu_memory = lambda: [1]
    to = transformers.BatchFeature.to
    transformers.BatchFeature.to = lambda self, *_: to(self, job["device"])
    harness = module.Qwen2VLChat(
        job["checkpoint"],
        min_pixels=job["least_pixels"],
        max_pixels=job["most_pixels"],
        max_new_tokens=job["tokens"],
        do_sample=False,
        use_custom_prompt=False,
        system_prompt=[{"type": "text", "text": job["system"]}],  # the template takes no bare text
        fps=None,
        nframe=job["frames"],
    )

    def way(batch_size: int) -> list[str]:
        if batch_size != 1:
            raise ValueError("it takes clips one at a time")
        return [
            harness.generate(
                [{"type": "video", "value": video}, {"type": "text", "value": job["user"]}]
            )
            for video in job["videos"]
        ]

    return harness.model, harness.processor, way


HARNESSES = {"lmms-eval": lmms_eval, "vlmevalkit": vlmevalkit}


def watched(model: Any) -> list[list[int]]:
    """A list that takes [rows, prompt tokens, patches] of every later call of ``generate``."""
    generate, calls = model.generate, []

    def recorded(**inputs: Any) -> Any:
        calls.append([*inputs["input_ids"].shape, len(inputs["pixel_values_videos"])])
        return generate(**inputs)

    model.generate = recorded
    return calls


def main() -> None:
    name, job = sys.argv[1], json.loads(sys.argv[2])
    # The harnesses print to standard output, too.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch_setup.prepare()
    import torch

    torch.manual_seed(0)
    job["dtype"] = getattr(torch, job["dtype"])
    model, processor, way = HARNESSES[name](job)
    # Both cut frames to the limits before the processor, which here has the whole clip's.
    processor.video_processor.size = job["size"]
    calls = watched(model)
    print(json.dumps({"cpu": time.process_time()}), file=out, flush=True)
    for line in sys.stdin:
        calls.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        answers = way(int(line))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        found = {"answers": answers, "wall": wall, "cpu": cpu, "calls": calls}
        print(json.dumps(found), file=out, flush=True)


if __name__ == "__main__":
    main()
