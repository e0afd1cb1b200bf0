"""Inference: zerosign next to loops and evaluation harnesses, at equal frames, pixels and tokens.

Random Qwen2.5-VL models of several sizes, and Qwen3-VL-MoE's, which answer as fast as trained ones
do for an equal number of tokens: every way gets the same clips, frames, pixels and prompt and
generates the same number of tokens. Where ways answer the same thing, the answers are compared,
too. After a round that warms all of them up, ways are run in turn and the table holds medians over
the rounds, so that a busy machine slows all of them alike. Loading a model is outside of what is
measured, for every way.

    OMP_NUM_THREADS=1 python benchmarks/inference.py --sizes tiny 46M --clips 32

Harnesses run in environments of their own, and load the same checkpoint (see peers.py):

    git clone https://github.com/EvolvingLMMs-Lab/lmms-eval
    git clone https://github.com/open-compass/VLMEvalKit
    python3.11 -m venv lmms && lmms/bin/pip install -e ./lmms-eval decord
    python3.11 -m venv vlme && vlme/bin/pip install -r VLMEvalKit/requirements.txt rouge_score
    vlme/bin/pip install --no-deps -e ./VLMEvalKit
    for v in lmms vlme; do $v/bin/pip install torch==2.13.0 torchvision==0.28.0 \
        transformers==5.23.0; done      # what zerosign has
    python benchmarks/inference.py --tasks clips --sizes tiny 106M --clips 8 \
        --peers lmms-eval=lmms/bin/python vlmevalkit=vlme/bin/python

On a GPU, at full size (weights are drawn on the device, nothing is downloaded; the loop answers
the first 16 clips of each round, zerosign all 668):

    python benchmarks/inference.py --tasks clips floor --sizes 7B --clips 668 --loop-clips 16 \
        --shown 560 756 --rounds 1 --peak-tflops 790 --peak-gb-per-s 4800

The task ``floor`` compares the time of one batch with the least that a device of these peaks could
take (see `floor_seconds`) and says in what share of that time kernels ran.
"""

import argparse
import contextlib
import copy
import dataclasses
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

import av
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests")]

from zerosign import cli, torch_setup  # noqa: E402
from zerosign.errors import UserError  # noqa: E402
from zerosign.frames import cache as frames_cache  # noqa: E402
from zerosign.frames.frame_settings import FrameSettings, Storage  # noqa: E402
from zerosign.frames.sampling import sampling_of  # noqa: E402
from zerosign.frames.strategies import uniform  # noqa: E402
from zerosign.inference import engine  # noqa: E402
from zerosign.inference.journal import Journal  # noqa: E402
from zerosign.models import checkpoint  # noqa: E402
from zerosign.models.base import Answer, Request  # noqa: E402
from zerosign.models.kinds import chat  # noqa: E402
from zerosign.models.model_entry import Decoding, Mode  # noqa: E402
from zerosign.models.shared_prefix import SharedPrefixes  # noqa: E402
from zerosign.prompts import template  # noqa: E402
from zerosign.prompts.prompt_entry import Prompt, Task  # noqa: E402
from zerosign.videos.timeline import Decoded, Timeline  # noqa: E402

FRAMES = 16
CLIP_FRAMES = 60  # about WLASL's median
FILM = (480, 640)  # height and width of the files, a common size in WLASL
FILMS = 32  # different files; more clips repeat them
PROMPT = Prompt(
    task=Task.PREDICT,
    system="You are an expert in American Sign Language.",
    user="Which sign is this?",
)


@dataclass(frozen=True)
class Shape:
    """Sizes of a model's two parts: hidden, MLP, layers, heads, and of the text kv heads."""

    text: tuple[int, int, int, int, int]
    vision: tuple[int, int, int, int]
    dtype: str = "float32"
    vocabulary: int | None = None
    """Unless the tokenizer's own."""
    experts: tuple[int, int] | None = None
    """How many there are and how many a token goes through; the MLP is one's. Then it is a
    Qwen3-VL-MoE, else a Qwen2.5-VL."""


SIZES = {
    "tiny": Shape((64, 128, 2, 4, 2), (64, 128, 2, 4)),
    "46M": Shape((512, 2048, 8, 8, 2), (512, 1024, 4, 8)),
    "106M": Shape((768, 3072, 10, 12, 2), (512, 2048, 6, 8)),
    "7B": Shape((3584, 18944, 28, 28, 4), (1280, 3420, 32, 16), "bfloat16", 152064),
    "tiny-moe": Shape((64, 32, 2, 4, 2), (64, 128, 2, 4), experts=(8, 2)),
    "30B-A3B": Shape((2048, 768, 48, 32, 4), (1152, 4304, 27, 16), "bfloat16", 151936, (128, 8)),
}


Size = tuple[int, int]
"""Height and width of the frames that every way gets: multiples of 28, with experts of 32."""


@dataclass
class Measured:
    """One round of one way: its answers, seconds by the clock and of CPU."""

    answers: list[str]
    wall: float
    cpu: float


Way = Callable[[], Measured]


def here(work: Callable[[], list[str]]) -> Way:
    """A way that runs in this process."""

    def way() -> Measured:
        wall, cpu = time.perf_counter(), time.process_time()
        answers = work()
        return Measured(answers, time.perf_counter() - wall, time.process_time() - cpu)

    return way


def build(size: str, shown: Size) -> tuple[Any, Any]:
    """Model and processor with random weights, on the GPU if there is one."""
    import torch
    import transformers as tf
    from helpers import tiny_families

    shape = SIZES[size]
    tok = tiny_families.tokenizer(list(MARKS.values()))
    family = "Qwen3VLMoe" if shape.experts else "Qwen2_5_VL"
    text, vision = configurations(shape, len(tok))
    ids = {f"{name}_token_id": tok.convert_tokens_to_ids(token) for name, token in MARKS.items()}
    config = getattr(tf, f"{family}Config")(
        text_config={**text, "bos_token_id": None, "eos_token_id": tok.eos_token_id},
        vision_config=vision,
        tie_word_embeddings=False,
        **ids,
    )
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_default_dtype(getattr(torch, shape.dtype))
    with torch.device(device):
        model = getattr(tf, f"{family}ForConditionalGeneration")(config).eval()
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        # Distinct answers, none of which ends before the limit.
        model.lm_head.weight.normal_()
        model.lm_head.weight[tok.eos_token_id] = 0
    model.generation_config.eos_token_id = tok.eos_token_id
    model.generation_config.pad_token_id = tok.pad_token_id
    limits, patch = whole_clip(shown), vision["patch_size"]
    processor = getattr(tf, "Qwen3VLProcessor" if shape.experts else "Qwen2_5_VLProcessor")(
        image_processor=tf.Qwen2VLImageProcessor(size=limits, patch_size=patch),
        video_processor=(tf.Qwen3VLVideoProcessor if shape.experts else tf.Qwen2VLVideoProcessor)(
            size=limits
        ),
        tokenizer=tok,
        chat_template=tiny_families.template(
            "<|vision_start|><|video_pad|><|vision_end|>",
            "<|vision_start|><|image_pad|><|vision_end|>",
        ),
    )
    return model, processor


MARKS = {
    "vision_start": "<|vision_start|>",
    "vision_end": "<|vision_end|>",
    "video": "<|video_pad|>",
    "image": "<|image_pad|>",
}


def configurations(shape: Shape, tokens: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the text and the vision part, as transformers takes them."""
    hidden, mlp, layers, heads, kv = shape.text
    width = 128 if shape.dtype == "bfloat16" else hidden // heads
    time, space = width // 2 - 2 * (width * 3 // 16), width * 3 // 16
    rope: dict[str, Any] = {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [time, space, space],
    }
    text: dict[str, Any] = {
        "hidden_size": hidden,
        "intermediate_size": mlp,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv,
        "vocab_size": shape.vocabulary or tokens,
        "rope_parameters": rope,
    }
    hidden_vision, mlp_vision, depth, heads_vision = shape.vision
    vision: dict[str, Any] = {
        "depth": depth,
        "hidden_size": hidden_vision,
        "intermediate_size": mlp_vision,
        "num_heads": heads_vision,
        "out_hidden_size": hidden,
    }
    if shape.experts is None:
        return text, vision | {"patch_size": 14, "fullatt_block_indexes": [depth - 1]}
    count, per_token = shape.experts
    rope["mrope_interleaved"] = True
    more = {"num_experts": count, "num_experts_per_tok": per_token, "moe_intermediate_size": mlp}
    levels = [depth * i // 4 for i in (1, 2, 3)] if depth >= 4 else [0]
    seen = {"patch_size": 16, "deepstack_visual_indexes": levels}
    return text | more | {"head_dim": width}, vision | seen


def whole_clip(shown: Size) -> dict[str, int]:
    """Limits of a clip's pixels under which frames stay as they are."""
    return {"shortest_edge": 28 * 28, "longest_edge": 2 * FRAMES * math.prod(shown)}


def film(folder: Path, clips: int) -> list[Path]:
    """H.264 videos in which something moves, `FILMS` different ones at most."""
    paths: list[Path] = []
    height, width = FILM
    y, x = np.mgrid[:height, :width]
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3), dtype=np.uint8)
    for clip in range(clips):
        path = folder / f"v{clip}.mp4"
        paths.append(path)
        if clip >= FILMS:
            path.hardlink_to(paths[clip % FILMS])
            continue
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
    return paths


def decode(path: Path, shown: Size) -> tuple[np.ndarray, np.ndarray]:
    """16 frames at even distances, made small, and their numbers."""
    numbers = uniform(CLIP_FRAMES, FRAMES)
    wanted, frames = set(numbers.tolist()), []
    height, width = shown
    with av.open(str(path)) as container:
        for i, frame in enumerate(container.decode(video=0)):
            if i in wanted:
                small = frame.reformat(width=width, height=height, format="rgb24")
                frames.append(small.to_ndarray())
    return np.stack(frames), numbers


def cache(folder: Path, paths: list[Path], shown: Size) -> None:
    """Decode once into zerosign's frame cache."""
    decoded = folder / "decoded.npz"
    timeline = Timeline(np.arange(CLIP_FRAMES) / 25, CLIP_FRAMES / 25)
    raw = FrameSettings(short_side=None, storage=Storage.RAW)
    with frames_cache.open_decoded_writer(decoded, raw) as writer:
        for path in paths:
            frames, numbers = decode(path, shown)
            writer.add(path.stem, Decoded(list(frames), numbers, timeline))
    sampling = sampling_of({"strategy": "uniform", "frames": FRAMES})
    frames_cache.write_selection(decoded, sampling, folder / "selection.npz")


def clips_of(folder: Path, video_ids: list[str] | None = None) -> Any:
    """The clips as models see them."""
    selection = frames_cache.read_selection(folder / "selection.npz")
    return frames_cache.read_clips(folder / "decoded.npz", selection, video_ids)


def one_by_one(
    model: Any, processor: Any, frames: np.ndarray, numbers: np.ndarray, limit: int
) -> str:
    """What a plain script does for a clip: processor, generate, decode."""
    import torch

    messages = template.render("p", PROMPT, {})
    text = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    metadata = {
        "total_num_frames": CLIP_FRAMES,
        "fps": 25.0,
        "duration": CLIP_FRAMES / 25,
        "width": frames.shape[2],
        "height": frames.shape[1],
        "frames_indices": numbers.tolist(),
    }
    inputs = processor(
        text=[text],
        videos=[[frames]],
        do_sample_frames=False,
        video_metadata=[metadata],
        cap_pixels_per_frame=True,
        return_tensors="pt",
    ).to(model.device)
    with torch.inference_mode():
        output = model.generate(**inputs, max_new_tokens=limit, do_sample=False)
    answer = output[0, inputs["input_ids"].shape[1] :]
    return processor.tokenizer.decode(answer, skip_special_tokens=True).strip()


def single_answers(
    adapter: chat.Chat,
    plain: Any,
    folder: Path,
    paths: list[Path],
    shown: Size,
    limit: int,
    batch_size: int,
    loop_clips: int,
) -> dict[str, Way]:
    """Ways to ask one question about every clip; the loops ask about the first ones only.

    ``plain``: the model as transformers made it, for the loops.
    """

    def alone(frames: np.ndarray, numbers: np.ndarray) -> str:
        return one_by_one(plain, adapter.processor, frames, numbers, limit)

    def from_files() -> list[str]:
        return [alone(*decode(path, shown)) for path in paths[:loop_clips]]

    def from_arrays() -> list[str]:
        clips = clips_of(folder, [p.stem for p in paths[:loop_clips]])
        return [alone(clip.frames, clip.indices) for clip in clips]

    def zerosign() -> list[str]:
        found = answered(adapter, folder, batch_size)
        return [found[path.stem].text for path in paths]

    def with_decoding() -> list[str]:
        cache(folder, paths, shown)
        return zerosign()

    return {
        "the authors' loop: every clip from its file": here(from_files),
        "bare transformers loop: frames cached": here(from_arrays),
        "zerosign, its decoding included": here(with_decoding),
        "zerosign, frames cached": here(zerosign),
    }


def answered(adapter: chat.Chat, folder: Path, batch_size: int | None) -> dict[str, Answer]:
    """The question put to every clip, as a job does it."""
    messages = template.render("p", PROMPT, {})
    requests = ((clip.video_id, Request(clip, messages)) for clip in clips_of(folder))
    with tempfile.TemporaryDirectory() as place, Journal(Path(place) / "j") as journal:
        return dict(engine.answer_all(requests, adapter, journal, batch_size))


class Peer:
    """A harness in its own process, see peers.py. Called: one round over all clips."""

    def __init__(self, name: str, python: str, job: Mapping[str, Any], log: Path) -> None:
        self.name, self._log, self._videos = name, log, len(job["videos"])
        command = [python, str(ROOT / "benchmarks" / "peers.py"), name, json.dumps(job)]
        with open(log, "w") as errors:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        try:
            self.start_cpu = self._reply()["cpu"]
        except BaseException:
            self.close()
            raise

    def _reply(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            last = [text for text in self._log.read_text().splitlines() if text.strip()][-1:]
            raise UserError(f"{self.name}: the harness failed: {''.join(last)}")
        return json.loads(line)

    def way(self, batch_size: int, tokens: int, patches: int) -> Way:
        """Answers in batches; checks that each clip is as many prompt tokens and patches."""

        def run() -> Measured:
            assert self._process.stdin
            print(batch_size, file=self._process.stdin, flush=True)
            found = self._reply()
            want = (self._videos, {(tokens, patches)})
            calls = found["calls"]
            seen = (sum(n for n, _, _ in calls), {(t, p / n) for n, t, p in calls})
            if seen != want:
                raise UserError(f"{self.name}: clips, (tokens, patches) are {seen}, not {want}")
            return Measured(found["answers"], found["wall"], found["cpu"])

        return run

    def close(self) -> None:
        """End the harness: it stops at the end of its input."""
        with self._process:
            pass


@contextlib.contextmanager
def harnesses(
    given: Sequence[str],
    adapter: chat.Chat,
    folder: Path,
    paths: list[Path],
    shown: Size,
    limit: int,
    batch_size: int,
) -> Iterator[dict[str, Way]]:
    """The ways of the peers NAME=PYTHON, which run until the end of the context."""
    if not given:
        yield {}
        return
    place = folder / "checkpoint"
    adapter.model.save_pretrained(place)
    adapter.processor.save_pretrained(place)
    # Harnesses cut each frame to these limits, in whole patch pairs.
    most = math.prod(FILM) * max(a / b for a, b in zip(shown, FILM, strict=True)) ** 2
    job = {
        "checkpoint": str(place),
        "videos": [str(path) for path in paths],
        "device": str(adapter.model.device),
        "dtype": str(adapter.model.dtype).removeprefix("torch."),
        "frames": FRAMES,
        "tokens": limit,
        "least_pixels": 28 * 28,
        "most_pixels": math.ceil(most) + 1,
        "size": whole_clip(shown),
        "system": PROMPT.system,
        "user": PROMPT.user,
    }
    clip = next(iter(clips_of(folder)))
    own = adapter.prepare_batch([Request(clip, template.render("p", PROMPT, {}))]).inputs
    expected = own["input_ids"].shape[1], len(own["pixel_values_videos"])
    with contextlib.ExitStack() as open_:
        ways = {}
        for peer in given:
            name, python = peer.split("=", 1)
            harness = Peer(name, python, job, folder / f"{name}.log")
            open_.callback(harness.close)
            ways[f"{name}, one clip at a time"] = harness.way(1, *expected)
            if name in BATCHING:
                ways[f"{name}, batches of {batch_size}"] = harness.way(batch_size, *expected)
        yield ways


BATCHING = {"lmms-eval"}
"""Harnesses whose model class takes several clips at once."""


def about_one_clip(
    adapter: chat.Chat, folder: Path, count: int, glosses: list[str], batch_size: int
) -> dict[str, dict[str, Way]]:
    """Ways to put many questions about one clip, and to score many answers to one."""
    clip = next(iter(clips_of(folder)))
    asked = [
        Request(clip, template.render("p", asking(f"Is this {gloss}? YES or NO"), {}), gloss)
        for gloss in glosses[:count]
    ]
    closed = adapter.entry.model_copy(update={"decoding": Decoding(mode=Mode.CLOSED_SET)})
    scorer = type(adapter)(closed, adapter.processor, adapter.model)
    labels = {gloss: gloss for gloss in glosses}
    scored = Request(clip, template.render("p", PROMPT, {}), candidates=labels)

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
            "each with its own pass over the clip": here(questions_alone),
            "zerosign": here(questions_shared),
        },
        f"{len(glosses)} glosses scored for one clip": {
            "each with its own pass over the clip": here(scores_alone),
            "zerosign": here(scores_at_once),
        },
    }


def asking(user: str) -> Prompt:
    """The prompt with another question."""
    return PROMPT.model_copy(update={"user": user})


def forget(adapter: chat.Chat) -> None:
    """Let each round begin from nothing."""
    adapter._shared = SharedPrefixes(adapter)


def passed(scorer: chat.Chat, request: Request) -> float:
    """Log-likelihood of the one candidate, by a pass over clip, prompt and candidate."""
    import torch

    text = scorer.prompt_text(request)
    tokens = scorer.continuation(text, *request.candidates)
    inputs = dict(scorer.process_inputs([text], [request]))
    length = inputs["input_ids"].shape[1]
    more = torch.tensor([tokens])
    fill = {"input_ids": more, "attention_mask": more * 0 + 1, "mm_token_type_ids": more * 0}
    for name, value in fill.items():
        inputs[name] = torch.cat([inputs[name], value.to(inputs[name].dtype)], 1)
    with torch.inference_mode():
        logits = scorer.model(**checkpoint.to_device(inputs, scorer.model)).logits
    rows = logits[0, length - 1 :].float().log_softmax(-1)[torch.arange(len(tokens)), tokens]
    return float(rows.sum())


def measure(what: str, unit: str, ways: Mapping[str, Way], rounds: int) -> Iterator[str]:
    """Rows of the table: medians of a way's rounds, and its ratios to the first way's.

    Every way runs once before the first round, uncounted. A way's row comes after its last round.
    """
    for way in ways.values():
        way()
    found: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(rounds - 1):
        for name, way in ways.items():
            found[name].append(way())

    def each(name: str, clock: str) -> float:
        """Median seconds an answer."""
        times = [getattr(one, clock) / len(one.answers) for one in found[name]]
        return statistics.median(times)

    reference = next(iter(ways))
    for name, measured in found.items():
        measured.append(ways[name]())
        pairs = zip(measured[-1].answers, found[reference][-1].answers, strict=False)
        same = [a == b for a, b in pairs]
        wall, cpu = each(name, "wall"), each(name, "cpu")
        yield (
            f"| {what} | {name} | {1 / wall:.2f} {unit}/s | {cpu * 1000:.1f} ms "
            f"| {each(reference, 'wall') / wall:.1f} | {each(reference, 'cpu') / cpu:.1f} "
            f"| {sum(same)}/{len(same)} |"
        )


def floor_seconds(
    config: Any, shape: Mapping[str, int], rows: int, limits: tuple[float, float], width: int
) -> tuple[float, float]:
    """The least seconds that a batch of ``rows`` clips takes: (reading clips, generating).

    ``shape``: of a clip its ``patches``, of them ``frame`` a temporal patch, its prompt ``tokens``
    and ``new`` tokens, and the ``vision`` and ``text`` parameters without embeddings; ``limits``:
    peak FLOP/s and bytes/s; ``width``: bytes of a number. Reading, by arithmetic (a multiplication
    and an addition are 2 FLOP): 2 * parameters * patches or tokens, and for attention
    4 * hidden * length a layer and position, where the length is the window's or the temporal
    patch's in the vision tower and half of the prompt's in the text model (causal). Generating:
    for each new token but the first, the larger of its arithmetic and of its bytes, which are all
    weights once per batch and the keys and values of every row.
    """
    flops, bandwidth = limits
    text, vision = config.text_config, config.vision_config
    whole = len(vision.fullatt_block_indexes)
    window = (vision.window_size // vision.patch_size) ** 2
    spans = whole * shape["frame"] + (vision.depth - whole) * min(window, shape["frame"])
    seen = shape["patches"] * (2 * shape["vision"] + 4 * vision.hidden_size * spans)
    layers, head = text.num_hidden_layers, text.hidden_size // text.num_attention_heads
    prompt = shape["tokens"]
    read = prompt * (2 * shape["text"] + 4 * layers * text.hidden_size * prompt / 2)
    cached = 2 * layers * text.num_key_value_heads * head * width
    ahead = 2 * text.hidden_size * text.vocab_size  # the logits
    steps = 0.0
    for step in range(1, shape["new"]):
        length = prompt + step
        work = 2 * shape["text"] + ahead + 4 * layers * text.hidden_size * length
        moved = width * (shape["text"] + ahead / 2) + rows * length * cached
        steps += max(rows * work / flops, moved / bandwidth)
    return rows * (seen + read + ahead) / flops, steps


def beside_the_floor(
    adapter: chat.Chat, folder: Path, tokens: int, batch_size: int, limits: tuple[float, float]
) -> str:
    """A sentence: a batch's time next to `floor_seconds`, and the share in which kernels ran."""
    import torch

    clips = clips_of(folder)
    messages = template.render("p", PROMPT, {})
    asked = [Request(clip, messages) for clip, _ in zip(clips, range(batch_size), strict=False)]
    model = adapter.model
    prepared = adapter.prepare_batch(asked)
    grid = prepared.inputs["video_grid_thw"][0].prod().item()
    names = {name: p.numel() for name, p in model.named_parameters() if p.ndim > 1}
    shape = {
        "patches": grid,
        "frame": grid // int(prepared.inputs["video_grid_thw"][0][0]),
        "tokens": prepared.inputs["input_ids"].shape[1],
        "new": tokens,
        "vision": sum(n for name, n in names.items() if "visual" in name),
        "text": sum(n for name, n in names.items() if "language_model.layers" in name),
    }
    on_gpu = model.device.type == "cuda"
    adapter.answer(adapter.prepare(asked))  # warm
    activity = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[activity.CUDA if on_gpu else activity.CPU]) as profile:
        start = time.perf_counter()
        adapter.answer(prepared)
        wall = time.perf_counter() - start
    events = profile.key_averages()
    if on_gpu:
        busy = sum(event.self_device_time_total for event in events) / 1e6
    else:
        busy = sum(event.self_cpu_time_total for event in events if "aten::" in event.key) / 1e6
    reading, generating = floor_seconds(
        model.config, shape, len(asked), limits, model.dtype.itemsize
    )
    return (
        f"a batch of {len(asked)} clips, {shape['tokens']} tokens each: {wall:.3f} s, kernels ran "
        f"for {busy / wall:.0%} of it; floor {reading + generating:.4f} s ({reading:.4f} reading, "
        f"{generating:.4f} generating), ratio {wall / (reading + generating):.1f}"
    )


TASKS = ("clips", "questions", "glosses", "floor")
WORDS = ["book", "drink", "computer", "before", "chair", "go", "clothes", "who", "candy"]


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["tiny", "46M"])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS[:3])
    parser.add_argument("--peers", nargs="+", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--clips", type=int, default=32)
    parser.add_argument("--loop-clips", type=int, help="the loops' clips (default: all)")
    parser.add_argument("--shown", nargs=2, type=int, default=[112, 140], metavar=("H", "W"))
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--glosses", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=8, help="new tokens of an answer")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peak-tflops", type=float, default=0.08, help="the device's, for floor")
    parser.add_argument("--peak-gb-per-s", type=float, default=8, help="the device's, for floor")
    args = parser.parse_args(argv)
    torch_setup.prepare()
    import torch

    shown = (args.shown[0], args.shown[1])
    glosses = [f"{WORDS[i % len(WORDS)]} {i}" for i in range(args.glosses)]
    entry = chat.ChatEntry(
        adapter="chat", checkpoint="random", decoding=Decoding(max_new_tokens=args.tokens)
    )
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(
        f"{device}, torch {torch.__version__}, transformers {metadata.version('transformers')}, "
        f"{torch.get_num_threads()} threads, {FRAMES} frames of {shown}, files {FILM}"
    )
    print("| model | task | way | rate | CPU time each | by the clock | by CPU | same answers |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = film(folder, args.clips)
        cache(folder, paths, shown)
        for size in args.sizes:
            plain, processor = build(size, shown)
            # The weights are shared; what is mended is not.
            model = copy.deepcopy(plain, {id(p): p for p in plain.parameters()})
            checkpoint.mend(model)
            adapter = chat.Chat(entry, processor, model)
            count = sum(p.numel() for p in model.parameters()) / 1e6

            def table(what: str, unit: str, ways: Mapping[str, Way], count: float = count) -> None:
                for row in measure(what, unit, ways, args.rounds):
                    print(f"| {count:.1f} M {row}", flush=True)

            if "clips" in args.tasks:
                loop_clips = args.loop_clips or args.clips
                ways = single_answers(
                    adapter, plain, folder, paths, shown, args.tokens, args.batch_size, loop_clips
                )
                with harnesses(
                    args.peers, adapter, folder, paths, shown, args.tokens, args.batch_size
                ) as peers:
                    table("one question a clip", "clips", ways | peers)
            about = about_one_clip(adapter, folder, args.questions, glosses, args.batch_size)
            for task, (what, ways) in zip(("questions", "glosses"), about.items(), strict=True):
                if task in args.tasks:
                    table(what, "answers", ways)
            if "floor" in args.tasks and not SIZES[size].experts:
                limits = args.peak_tflops * 1e12, args.peak_gb_per_s * 1e9
                found = beside_the_floor(adapter, folder, args.tokens, args.batch_size, limits)
                print(f"\n{count:.1f} M parameters, {found}", flush=True)


if __name__ == "__main__":
    cli.run(main)
