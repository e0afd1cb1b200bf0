"""Inference: zerosign's batches, shared prefixes and closed sets against loops, side by side.

Random Qwen2.5-VL models of several sizes, which answer as fast as trained ones do for an equal
number of tokens: every way gets the same clips, frames, pixels and prompt and generates the same
number of tokens. Where ways answer the same thing, the answers are compared, too. Ways are run in
turn and the table holds medians over the rounds, so that a busy machine slows all of them alike.

    OMP_NUM_THREADS=1 python benchmarks/inference.py --sizes tiny 46M --clips 32
"""

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "unit")]

from zerosign import cli, framecache, inference, prompts, torch_setup  # noqa: E402
from zerosign.adapters import Answer, Request, chat  # noqa: E402
from zerosign.journal import Journal  # noqa: E402

FRAMES = 16
CLIP_FRAMES = 60  # about WLASL's median
FILM = (480, 640)  # height and width of the files, a common size in WLASL
SHOWN = (112, 148)  # of the frames that every way gets
BUDGET = 112 * 112  # pixels of a frame, at most, after the processor
PROMPT = {"system": "You are an expert in American Sign Language.", "user": "Which sign is this?"}

# text: hidden, MLP, layers, heads, kv heads; vision: hidden, MLP, layers, heads; dtype
SIZES: dict[str, tuple[tuple[int, ...], tuple[int, ...], str]] = {
    "tiny": ((64, 128, 2, 4, 2), (64, 128, 2, 4), "float32"),
    "46M": ((512, 2048, 8, 8, 2), (512, 1024, 4, 8), "float32"),
    "106M": ((768, 3072, 10, 12, 2), (512, 2048, 6, 8), "float32"),
    "7B": ((3584, 18944, 28, 28, 4), (1280, 3420, 32, 16), "bfloat16"),
}


def build(size: str) -> tuple[Any, Any]:
    """Model and processor with random weights, on the GPU if there is one."""
    import tiny_families
    import torch
    import transformers as tf

    (hidden, mlp, layers, heads, kv), (v_hidden, v_mlp, v_layers, v_heads), dtype = SIZES[size]
    names = ["<|vision_start|>", "<|vision_end|>", "<|video_pad|>", "<|image_pad|>"]
    tok = tiny_families.tokenizer(names)
    start, end, video, image = tok.convert_tokens_to_ids(names)
    half = hidden // heads // 2
    vocabulary = 152064 if size == "7B" else len(tok)
    config = tf.Qwen2_5_VLConfig(
        text_config={
            "hidden_size": hidden,
            "intermediate_size": mlp,
            "num_hidden_layers": layers,
            "num_attention_heads": heads,
            "num_key_value_heads": kv,
            "vocab_size": vocabulary,
            "bos_token_id": None,
            "eos_token_id": tok.eos_token_id,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1e6,
                "mrope_section": [half - 2 * (half * 3 // 8), half * 3 // 8, half * 3 // 8],
            },
        },
        vision_config={
            "depth": v_layers,
            "hidden_size": v_hidden,
            "intermediate_size": v_mlp,
            "num_heads": v_heads,
            "out_hidden_size": hidden,
            "fullatt_block_indexes": [v_layers - 1],
        },
        video_token_id=video,
        image_token_id=image,
        vision_start_token_id=start,
        vision_end_token_id=end,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_dtype(getattr(torch, dtype))
    with torch.device(device):
        model = tf.Qwen2_5_VLForConditionalGeneration(config).eval()
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        # Distinct answers, none of which ends before the limit.
        model.lm_head.weight.normal_()
        model.lm_head.weight[tok.eos_token_id] = 0
    limits = {"shortest_edge": 28 * 28, "longest_edge": BUDGET * FRAMES}
    processor = tf.Qwen2_5_VLProcessor(
        image_processor=tf.Qwen2VLImageProcessor(size=limits),
        video_processor=tf.Qwen2VLVideoProcessor(size=limits),
        tokenizer=tok,
        chat_template=tiny_families.template(
            "<|vision_start|><|video_pad|><|vision_end|>",
            "<|vision_start|><|image_pad|><|vision_end|>",
        ),
    )
    return model, processor


def film(folder: Path, clips: int) -> list[Path]:
    """H.264 videos in which something moves."""
    paths = []
    height, width = FILM
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3), dtype=np.uint8)
    for clip in range(clips):
        path = folder / f"v{clip}.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast"})
            stream.height, stream.width = FILM
            stream.pix_fmt = "yuv420p"
            for i in range(CLIP_FRAMES):
                angle = 0.1 * i * (1 + clip % 5) + clip
                spot = np.hypot(y - 240 - 130 * np.sin(angle), x - 320 - 130 * np.cos(angle)) < 60
                image = noise + np.uint8(5 * (clip % 32))
                image[spot] = (250, 40 * (clip % 6), 120)
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = i, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        paths.append(path)
    return paths


def decode(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """16 frames at even distances, made small, and their numbers."""
    numbers = np.linspace(0, CLIP_FRAMES - 1, FRAMES).astype(int)
    wanted, frames = set(numbers.tolist()), []
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i in wanted:
                height, width = SHOWN
                small = frame.reformat(width=width, height=height, format="rgb24")
                frames.append(small.to_ndarray())
    return np.stack(frames), numbers


def cache(folder: Path, paths: list[Path]) -> float:
    """Decode once into zerosign's frame cache; the seconds that this took."""
    start = time.perf_counter()
    decoded = folder / "decoded.npz"
    with framecache.open_decoded_writer(decoded, {"storage": "raw"}) as writer:
        for path in paths:
            frames, numbers = decode(path)
            times = np.arange(CLIP_FRAMES) / 25
            writer.add(path.stem, list(frames), numbers, times, CLIP_FRAMES / 25)
    index = framecache.read_index(decoded)["clips"]
    clips = {
        name: {
            "indices": stored["indices"],
            "timestamps": (np.array(stored["indices"]) / 25).tolist(),
            "positions": list(range(FRAMES)),
            "fps": 25.0,
            "total_frames": CLIP_FRAMES,
            "duration": CLIP_FRAMES / 25,
            "digest": framecache._clip_digest(stored["sha256"], np.array(stored["indices"]) / 25),
        }
        for name, stored in index.items()
    }
    content = {"version": framecache.VERSION, "sampling": {}, "clips": clips, "failures": {}}
    np.savez(folder / "selection.npz", index=framecache._json_array(content))
    return time.perf_counter() - start


def clips_of(folder: Path) -> Any:
    return framecache.read_clips(folder / "decoded.npz", folder / "selection.npz")


def one_by_one(adapter: chat.Chat, frames: np.ndarray, numbers: np.ndarray, limit: int) -> str:
    """What a plain script does for a clip: processor, generate, decode."""
    import torch

    messages = prompts.render("p", PROMPT, {})
    processor = adapter.processor
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    metadata = {
        "total_num_frames": CLIP_FRAMES,
        "fps": 25.0,
        "duration": CLIP_FRAMES / 25,
        "width": SHOWN[1],
        "height": SHOWN[0],
        "frames_indices": numbers.tolist(),
    }
    inputs = processor(
        text=[text],
        videos=[[frames]],
        do_sample_frames=False,
        video_metadata=[metadata],
        cap_pixels_per_frame=True,
        return_tensors="pt",
    ).to(adapter.model.device)
    with torch.inference_mode():
        output = adapter.model.generate(**inputs, max_new_tokens=limit, do_sample=False)
    answer = output[0, inputs["input_ids"].shape[1] :]
    return processor.tokenizer.decode(answer, skip_special_tokens=True).strip()


def single_answers(
    adapter: chat.Chat, folder: Path, paths: list[Path], limit: int, batch_size: int
) -> dict[str, Callable[[], list[str]]]:
    """Ways to ask one question about every clip."""

    def from_files() -> list[str]:
        return [one_by_one(adapter, *decode(path), limit) for path in paths]

    def from_arrays() -> list[str]:
        return [one_by_one(adapter, c.frames, c.indices, limit) for c in clips_of(folder)]

    def zerosign() -> list[str]:
        messages = prompts.render("p", PROMPT, {})
        requests = ((clip.video_id, Request(clip, messages)) for clip in clips_of(folder))
        with tempfile.TemporaryDirectory() as place, Journal(Path(place) / "j") as journal:
            found = dict(inference.answer_all(requests, adapter, journal, batch_size))
        return [found[path.stem].text for path in paths]

    return {
        "loop from the video files": from_files,
        "loop from cached frames": from_arrays,
        "zerosign": zerosign,
    }


def about_one_clip(
    adapter: chat.Chat, folder: Path, count: int, glosses: list[str], batch_size: int
) -> dict[str, dict[str, Callable[[], list[str]]]]:
    """Ways to put many questions about one clip, and to score many answers to one."""
    clip = next(iter(clips_of(folder)))
    asked = [
        Request(clip, prompts.render("p", {**PROMPT, "user": f"Is this {gloss}? YES or NO"}, {}), g)
        for g, gloss in enumerate(glosses[:count], 1)
    ]
    scorer = type(adapter)(
        {**adapter.entry, "decoding": {"mode": "closed_set"}}, adapter.processor, adapter.model
    )
    labels = {gloss: gloss for gloss in glosses}
    scored = Request(clip, prompts.render("p", PROMPT, {}), candidates=labels)

    def texts(answers: list[Answer]) -> list[str]:
        return [answer.text for answer in answers]

    def questions_alone() -> list[str]:
        alone = [dataclasses.replace(request, question="") for request in asked]
        return [texts(adapter.answer(adapter.prepare([request])))[0] for request in alone]

    def questions_shared() -> list[str]:
        forget(adapter)
        found = []
        for start in range(0, len(asked), batch_size):
            batch = asked[start : start + batch_size]
            found += texts(adapter.answer(adapter.prepare(batch)))
        return found

    def scores_alone() -> list[str]:
        values = {
            gloss: passed(scorer, dataclasses.replace(scored, candidates={gloss: gloss}))
            for gloss in glosses
        }
        return sorted(values, key=lambda gloss: -values[gloss])

    def scores_at_once() -> list[str]:
        forget(scorer)
        (answer,) = scorer.answer(scorer.prepare([scored]))
        return answer.labels or []

    return {
        f"{len(asked)} questions about one clip": {
            "each with its own pass over the clip": questions_alone,
            "zerosign": questions_shared,
        },
        f"{len(glosses)} glosses scored for one clip": {
            "each with its own pass over the clip": scores_alone,
            "zerosign": scores_at_once,
        },
    }


def forget(adapter: chat.Chat) -> None:
    """Let each round begin from nothing."""
    adapter._last = adapter._prefix = adapter._prefix_of = None


def passed(scorer: chat.Chat, request: Request) -> float:
    """Log-likelihood of the one candidate, by a pass over clip, prompt and candidate."""
    import torch

    text = scorer._prompt_text(request)
    tokens = scorer._continuation(text, *request.candidates)
    inputs = dict(scorer._process([text], [request]))
    length = inputs["input_ids"].shape[1]
    more = torch.tensor([tokens])
    fill = {"input_ids": more, "attention_mask": more * 0 + 1, "mm_token_type_ids": more * 0}
    for name, value in fill.items():
        inputs[name] = torch.cat([inputs[name], value.to(inputs[name].dtype)], 1)
    with torch.inference_mode():
        logits = scorer.model(**scorer._to_device(inputs)).logits[0, length - 1 :].float()
    rows = logits.log_softmax(-1)[torch.arange(len(tokens)), tokens]
    return float(rows.sum())


def measure(
    what: str, unit: str, count: int, ways: dict[str, Callable[[], list[str]]], rounds: int
) -> list[str]:
    """Rows of the table: median wall and CPU seconds of each way, and its ratio to the first."""
    walls: dict[str, list[float]] = {name: [] for name in ways}
    cpus: dict[str, list[float]] = {name: [] for name in ways}
    answers: dict[str, list[str]] = {}
    for _ in range(rounds):
        for name, way in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            answers[name] = way()
            walls[name].append(time.perf_counter() - wall)
            cpus[name].append(time.process_time() - cpu)
    reference = next(iter(ways))
    base = statistics.median(cpus[reference])
    rows = []
    for name in ways:
        same = sum(a == b for a, b in zip(answers[name], answers[reference], strict=True))
        wall, cpu = statistics.median(walls[name]), statistics.median(cpus[name])
        rows.append(
            f"| {what} | {name} | {count / wall:.2f} {unit}/s | {cpu / count * 1000:.1f} ms "
            f"| {base / cpu:.1f} | {same}/{len(answers[name])} |"
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["tiny", "46M"])
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--glosses", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=8, help="new tokens of an answer")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    torch_setup.prepare()
    import torch

    words = [
        "book",
        "drink",
        "computer",
        "before",
        "chair",
        "go",
        "clothes",
        "who",
        "candy",
        "cousin",
        "deaf",
        "fine",
        "help",
        "no",
    ]
    glosses = [f"{words[i % len(words)]} {i}" for i in range(args.glosses)]
    decoding = {"max_new_tokens": args.tokens}
    entry = {"adapter": "chat", "checkpoint": "random", "decoding": decoding}
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{device}, {torch.get_num_threads()} threads, {FRAMES} frames of {SHOWN}, files {FILM}")
    print("| model | task | way | rate | CPU time each | ratio (CPU) | same answers |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = film(folder, args.clips)
        decoding_s = cache(folder, paths)
        for size in args.sizes:
            model, processor = build(size)
            adapter = chat.Chat(entry, processor, model)
            count = sum(p.numel() for p in model.parameters()) / 1e6
            tasks = {
                "one question a clip": single_answers(
                    adapter, folder, paths, args.tokens, args.batch_size
                )
            } | about_one_clip(adapter, folder, args.questions, glosses, args.batch_size)
            for what, ways in tasks.items():
                one = "clips" if "a clip" in what else "answers"
                total = {"clips": args.clips}.get(one) or int(what.split()[0])
                for row in measure(what, one, total, ways, args.rounds):
                    print(f"| {count:.1f} M {row}", flush=True)
        print(f"\nDecoding {args.clips} clips into the frame cache, once: {decoding_s:.2f} s")


if __name__ == "__main__":
    cli.run(main)
