"""How an answer is read from a model: greedily, by seeded sampling, or from a closed set.

Also the shared prefix: the keys and values of one clip's prompt are computed once and serve every
question, sample and candidate that begins with it.
"""

import copy
import hashlib
import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zerosign.models.float32_head import float32_head
from zerosign.models.model_entry import Decoding
from zerosign.models.rope_positions import rope_index


class Sampler:
    """Turns logits into noisy ones whose largest is a sample (the Gumbel-max trick).

    Each row has its own source of noise, seeded by what is asked, so that a sample depends neither
    on the rows next to it nor on what was asked before. Called as transformers calls a logits
    processor: (tokens so far [B, L], logits [B, V]) -> [B, V].
    """

    def __init__(self, decoding: Decoding, rows: Sequence[str]) -> None:
        import torch
        from transformers import (
            TemperatureLogitsWarper,
            TopKLogitsWarper,
            TopPLogitsWarper,
        )

        self.warpers: list[Any] = []
        if decoding.temperature > 0:
            self.warpers.append(TemperatureLogitsWarper(decoding.temperature))
            if decoding.top_k:
                self.warpers.append(TopKLogitsWarper(decoding.top_k))
            if decoding.top_p is not None and decoding.top_p < 1:
                self.warpers.append(TopPLogitsWarper(decoding.top_p))
        self.sources = []
        for row in rows:
            seed = hashlib.sha256(f"{decoding.seed}\n{row}".encode()).digest()
            self.sources.append(torch.Generator().manual_seed(int.from_bytes(seed[:7])))

    def __call__(self, tokens: Any, logits: Any) -> Any:
        import torch

        if not self.warpers:
            return logits
        logits = logits.float()
        for warper in self.warpers:
            logits = warper(tokens, logits)
        uniform = torch.stack(
            [torch.rand(logits.shape[-1], generator=source) for source in self.sources]
        )
        # -log(-log(u)) is Gumbel noise; u = 0 would make it infinite.
        noise = -torch.log(-torch.log(uniform.clamp_min(1e-20)))
        return logits + noise.to(logits.device)


def vote(samples: Sequence[str]) -> str:
    """The most frequent answer, letter case and outer spaces aside; of equals the first given."""
    counts = Counter(sample.strip().casefold() for sample in samples)
    best = max(counts.values())
    return next(s for s in samples if counts[s.strip().casefold()] == best)


@dataclass
class Prefix:
    """The beginning of a prompt, computed: one row of keys and values.

    ``position`` is that of the next token. It need not be the number of tokens, nor beyond all
    positions before it: Qwen2.5-VL counts a clip's in seconds, and its text may stand between them.
    """

    tokens: list[int]
    cache: Any
    position: int | float


def prefill(model: Any, inputs: Mapping[str, Any], length: int) -> Prefix:
    """Compute the first ``length`` tokens of a one-row prompt, which hold all its frames.

    The last of them must be text where positions are three-dimensional.
    """
    import torch

    begin = {
        key: value[:, :length] if key in _PER_TOKEN else value for key, value in inputs.items()
    }
    tokens = begin["input_ids"][0].tolist()
    position = length - 1
    if index := rope_index(model):
        takes = inspect.signature(index).parameters
        given = {_RENAMED.get(key, key): value for key, value in begin.items()}
        positions, _ = index(**{key: value for key, value in given.items() if key in takes})
        begin["position_ids"] = positions
        position = positions[0, 0, -1].item()
    with torch.inference_mode():
        cache = model(**begin, use_cache=True, logits_to_keep=1).past_key_values
    return Prefix(tokens, cache, position + 1)


_RENAMED = {"video_second_per_grid": "second_per_grids"}
_PER_TOKEN = {"input_ids", "attention_mask", "mm_token_type_ids", "token_type_ids"}


def full_attention(config: Any) -> bool:
    """Whether every layer that looks back looks at all tokens, by a model's configuration.

    Only then can continuations of different lengths share a prefix: a window, or the running state
    of a recurrent layer (Mamba), would take in the padding between them.
    """
    text = config.get_text_config()
    if not (kinds := _layers(text)):
        return getattr(text, "sliding_window", None) is None
    return kinds <= {"full_attention", *_WITHOUT_MEMORY}


def recurrent(config: Any) -> bool:
    """Whether some layer keeps a running state, which transformers cannot repeat for samples."""
    attention = {"full_attention", "sliding_attention", "chunked_attention"}
    return not _layers(config.get_text_config()) <= attention | _WITHOUT_MEMORY


_WITHOUT_MEMORY = {"mlp", "moe"}


def _layers(text: Any) -> set[str]:
    """Types of a language model's layers; empty where its configuration names none."""
    return set(getattr(text, "layer_types", None) or getattr(text, "layers_block_type", None) or ())


def _positions(model: Any, positions: Any) -> Any:
    """Text positions [B, L] in the form that the model takes."""
    return positions[None].expand(3, -1, -1) if rope_index(model) else positions


def continue_all(
    model: Any,
    prefix: Prefix,
    suffixes: Sequence[Sequence[int]],
    sampler: Sampler,
    limit: int,
    ends: Sequence[int],
    pad: int,
) -> list[list[int]]:
    """Generate up to ``limit`` tokens after prefix + suffix, for each suffix, as one batch."""
    import torch

    device = model.device
    rows, longest = len(suffixes), max(map(len, suffixes))
    done = len(prefix.tokens)
    tokens = torch.full((rows, longest), pad, device=device)
    mask = torch.zeros((rows, done + longest), dtype=torch.long, device=device)
    mask[:, :done] = 1
    for i, suffix in enumerate(suffixes):
        tokens[i, longest - len(suffix) :] = torch.tensor(suffix, device=device)
        mask[i, done + longest - len(suffix) :] = 1
    positions = prefix.position + (mask[:, done:].cumsum(1) - 1).clamp_min(0)
    cache = copy.deepcopy(prefix.cache)
    cache.batch_repeat_interleave(rows)
    finished = torch.zeros(rows, dtype=torch.bool, device=device)
    end_ids = torch.tensor(ends, device=device)
    answers: list[Any] = []
    with torch.inference_mode():
        while True:
            logits = model(
                input_ids=tokens,
                attention_mask=mask,
                position_ids=_positions(model, positions),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            ).logits[:, -1]
            chosen = sampler(None, logits).argmax(-1)
            answers.append(torch.where(finished, pad, chosen))
            finished |= torch.isin(chosen, end_ids)
            if len(answers) == limit or bool(finished.all()):
                break
            tokens = chosen[:, None]
            mask = torch.cat([mask, mask.new_ones(rows, 1)], 1)
            positions = positions[:, -1:] + 1
    return torch.stack(answers, 1).tolist()


@dataclass(frozen=True)
class Trie:
    """Token sequences folded into a tree. Node 0 stands for the last token before them.

    ``tokens``, ``parents`` and ``depths`` are the nodes' (node 0: parent -1, depth 0). Sequence i
    is scored by the steps ``paths[i]``: pairs of a node and the token that must follow it.
    """

    tokens: list[int]
    parents: list[int]
    depths: list[int]
    paths: list[list[tuple[int, int]]]


def fold(root: int, sequences: Sequence[Sequence[int]]) -> Trie:
    """Fold sequences; their last tokens are only predicted, never read, and get no node."""
    tokens, parents, depths = [root], [-1], [0]
    children: dict[tuple[int, int], int] = {}
    paths = []
    for sequence in sequences:
        node, path = 0, []
        for i, token in enumerate(sequence):
            path.append((node, token))
            if i + 1 == len(sequence):
                break
            if (node, token) not in children:
                children[node, token] = len(tokens)
                tokens.append(token)
                parents.append(node)
                depths.append(depths[node] + 1)
            node = children[node, token]
        paths.append(path)
    return Trie(tokens, parents, depths, paths)


def score(
    model: Any, prefix: Prefix, root: Sequence[int], sequences: Sequence[Sequence[int]]
) -> list[float]:
    """Log-likelihood of each sequence after prefix + root, all in one pass over their trie.

    ``root`` holds the rest of the prompt, at least its last token. Every node sees the prompt, its
    ancestors and itself, and stands at the position that it would have on its own.
    """
    import torch

    trie = fold(root[-1], sequences)
    before = len(root) - 1
    count, done = before + len(trie.tokens), len(prefix.tokens)
    sees = torch.zeros((count, done + count), dtype=torch.bool)
    sees[:, :done] = True
    sees[:before, done : done + before] = torch.ones(before, before).tril().bool()
    for node, parent in enumerate(trie.parents):
        row = before + node
        if parent < 0:
            sees[row, done : done + before] = True
        else:
            sees[row] = sees[before + parent]
        sees[row, done + row] = True
    mask = torch.zeros(sees.shape, dtype=model.dtype)
    mask.masked_fill_(~sees, torch.finfo(model.dtype).min)
    depths = torch.tensor([*range(before), *(before + depth for depth in trie.depths)])
    positions = (prefix.position + depths)[None].to(model.device)
    tokens = torch.tensor([[*root[:-1], *trie.tokens]], device=model.device)
    with torch.inference_mode(), float32_head(model):
        logits = model(
            input_ids=tokens,
            attention_mask=mask[None, None].to(model.device),
            position_ids=_positions(model, positions),
            past_key_values=copy.deepcopy(prefix.cache),
            use_cache=True,
        ).logits[0, before:]
        totals = torch.stack([row.float().logsumexp(-1) for row in logits])  # a row at a time
        steps = [step for path in trie.paths for step in path]
        nodes, following = (
            torch.tensor(part, device=logits.device) for part in zip(*steps, strict=True)
        )
        gains = (logits[nodes, following].float() - totals[nodes]).double().cpu()
    lengths = [len(path) for path in trie.paths]
    return [float(part.sum()) for part in gains.split(lengths)]
