"""What the rules of the workflow take from the study: inputs, parameters, targets.

Snakemake compares inputs under a megabyte by content and larger ones by time. So a large input is
marked `ancient`, and its digest is a parameter in its place: `ByContent` gives both.
"""

import functools
import re
import shlex
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from snakemake.io import ancient, report

from zerosign.code_digest import code_digest, root_of
from zerosign.dataset import clips as dataset_clips
from zerosign.errors import UserError, located
from zerosign.figures.figure_registry import Need, figures
from zerosign.files import digest, sha256_file
from zerosign.frames.sampling import decode_plan, shows_frames
from zerosign.inference import embedding, run_questions
from zerosign.mapping import encoder
from zerosign.models import registry, vllm_process
from zerosign.models.checkpoint import digest_folder, files_of
from zerosign.models.model_entry import AnyModelEntry, ModelEntry
from zerosign.scoring import table_registry
from zerosign.study import checks
from zerosign.study.loading import PUBLISHED_RATES
from zerosign.study.resolved import Study
from zerosign.tables import FORMS

PAIRS = "<results>/matching/pairs.parquet"
CHECKSUM_LIMIT = 1_000_000  # bytes; Snakemake compares larger inputs by time, not by content


class ByContent:
    """Inputs that are never compared by time.

    ``files`` belongs in a rule's input and ``digest`` in its params: one without the other would
    miss a change.
    """

    def __init__(self, study: Study, paths: Iterable[str]) -> None:
        self._study = study
        self.paths = list(paths)

    @property
    def files(self) -> list[Any]:
        """The paths, marked where their digest stands for them."""
        return [ancient(path) if self._is_large(path) else path for path in self.paths]

    def digest(self, wildcards: Any = None) -> list[Any]:
        """What stands for the large ones: their checksum, or those they are downloaded for."""
        return [self._digest(path) for path in self.paths]

    def _is_large(self, path: str) -> bool:
        if path in self._study.downloads:
            return True
        file = Path(path)
        return file.exists() and file.stat().st_size >= CHECKSUM_LIMIT

    def _digest(self, path: str) -> Any:
        if path in self._study.downloads:
            return list(self._study.downloads[path].sha256)
        return _sha256(path) if self._is_large(path) else None


_sha256 = functools.cache(sha256_file)


class RuleInputs:
    """The study, as the rules ask for it."""

    def __init__(self, study: Study, scripts: Path, settings: Path) -> None:
        self.study = study
        self.scripts = scripts
        self.settings = settings
        self.shards = range(study.config.shards)
        self.scored = [run.name for run in study.scored]
        self.samplings = [
            name for name, entry in study.config.samplings.items() if shows_frames(entry)
        ]
        self.score_tables = table_registry.tables()
        self.figures = {
            name: figure
            for name, figure in figures().items()
            if figure.need is None or self._has[figure.need]
        }

    @property
    def _has(self) -> dict[Need, bool]:
        """Which needs of figures the study meets."""
        return {
            Need.MATCH_RUNS: bool(self.study.match_runs),
            Need.ALIGNMENT: bool(self.study.config.alignment.models),
            Need.LABELLED: bool(self.study.config.mapping.labelled),
        }

    @property
    def looked_at(self) -> list[str]:
        """Samplings that are drawn on contact sheets: an ablation shows what its base shows."""
        return [
            name
            for name, entry in self.study.config.samplings.items()
            if shows_frames(entry) and entry.ablation is None
        ]

    def program(self, name: str) -> Callable[[Any, Any], str]:
        """A parameter: the command that runs a program on this study.

        It takes ``input`` so that Snakemake counts it as derived: where the checkout and the
        settings are reruns nothing.
        """
        words = ["python", str(self.scripts / f"{name}.py"), "--study", str(self.settings)]
        return lambda wildcards, input: shlex.join(words)

    @functools.cache  # noqa: B019
    def code(self, program: str, *modules: str) -> str:
        """A parameter: digest of the code a program reaches, and of modules chosen by name."""
        return code_digest(self.scripts, [f"{program}.py", *modules])

    def reads(self, *parts: str | tuple[str, ...]) -> str:
        """A parameter: digest of the parts of the study that a program reads.

        ``"mapping"`` is a part, ``"models/my-model"`` is in one; a tuple names what is deeper.
        """
        keys = [part.split("/", 1) if isinstance(part, str) else part for part in parts]
        return digest([self.study.part(*each) for each in keys])[:16]

    def result(self, path: str) -> Callable[[Any, Any], str]:
        """A parameter: a file or folder below the results; ``{run}`` stands for the wildcard."""
        return lambda wildcards, input: f"results/{self.study.name}/{path.format(**wildcards)}"

    def by_content(self, *paths: str) -> ByContent:
        """Inputs that are compared by content, whatever their size."""
        return ByContent(self.study, paths)

    @functools.cached_property
    def table(self) -> ByContent:
        """The file that lists the data set's clips."""
        dataset = self.study.config.dataset
        return self.by_content(dataset.metadata if dataset.format == "wlasl" else dataset.table)

    @functools.cached_property
    def split_file(self) -> ByContent:
        """The file that the splits are verified against, if there is one."""
        dataset = self.study.config.dataset
        named = dataset.format == "wlasl" and dataset.split_file
        return self.by_content(*([named] if named else []))

    @functools.cached_property
    def published_clips(self) -> ByContent:
        """Digests of the published clips, if the data set's facts name them."""
        published = self.study.facts.published
        return self.by_content(*([self.study.place(published)] if published else []))

    @property
    def verified(self) -> ByContent:
        """All that the splits are verified with."""
        parts = (self.table, self.split_file, self.published_clips)
        return self.by_content(*(path for part in parts for path in part.paths))

    @functools.cached_property
    def published_rates(self) -> ByContent:
        """Rates that others published, for tables and figures."""
        return self.by_content(self.study.place(PUBLISHED_RATES))

    @property
    def subset(self) -> list[str]:
        """The part of the study that says how many glosses there are, in WLASL's format."""
        return ["dataset/subset"] if self.study.config.dataset.format == "wlasl" else []

    @functools.cached_property
    def decode_plan(self) -> str:
        """A parameter: which frames are decoded; the same for samplings of the same frames."""
        samplings = self.study.config.samplings
        plan = decode_plan(samplings.values())
        return digest([entry.as_json() for entry in plan])[:16]

    @functools.cached_property
    def synonyms(self) -> ByContent:
        """What synonyms come from; WordNet may be a folder, which Snakemake does not watch."""
        source = self.study.config.synonyms
        paths = source.as_json().values() if source else ()
        return self.by_content(*(path for path in paths if not Path(path).is_dir()))

    @functools.cached_property
    def written_forms(self) -> ByContent:
        """How glosses are written that are not written as they are named, if a file says so."""
        path = self.study.config.mapping.glosses
        return self.by_content(*([path] if path else []))

    @functools.cached_property
    def labelled(self) -> ByContent:
        """Answers that a reader labelled."""
        return self.by_content(*map(self.study.place, self.study.config.mapping.labelled))

    @functools.cached_property
    def encoder(self) -> str | None:
        """A parameter: digest of the files of the mapping's encoder, the large ones by samples.

        None for one of the hub, which its revision pins.
        """
        checkpoint = self.study.config.mapping.encoder.checkpoint
        found = encoder.folder(
            checkpoint if checkpoint.startswith(encoder.PACKAGE) else self.study.place(checkpoint)
        )
        return digest_folder(found, whole=CHECKSUM_LIMIT, blocks=16) if found else None

    @functools.cached_property
    def descriptions(self) -> ByContent:
        """Files that say how signs are made."""
        return self.by_content(*self.study.config.descriptions)

    def predictions(self, replay: str) -> ByContent:
        """The file of a replay."""
        return self.by_content(self.study.config.replays[replay].predictions)

    def local_table(self, stem: str) -> list[str]:
        """Outputs: a table in all its forms that is in no report."""
        return [f"<results>/{stem}.{form}" for form in FORMS]

    def tables(self, folder: str, names: Iterable[str], category: str) -> list[Any]:
        """Outputs: tables in all their forms; the report shows the CSV and its caption."""
        files = []
        for name in names:
            stem = f"{folder}/{name}"
            caption = Path(f"results/{self.study.name}/{stem}.rst").absolute()
            files += [f"<results>/{stem}.{form}" for form in FORMS if form != "csv"]
            files.append(
                report(
                    f"<results>/{stem}.csv",
                    caption=str(caption),
                    category=category,
                    labels={"Table": name},
                )
            )
        return files

    @property
    def score_code(self) -> str:
        """The code that scores, and that of each table, which is found by its name."""
        return self.code("score", *sorted(table.root for table in self.score_tables.values()))

    def figure_tables(self, wildcards: Any) -> list[str]:
        """The tables that a figure is drawn from."""
        names = self.figures[wildcards.figure].tables
        return [f"<results>/tables/{name}.csv" for name in names]

    def figure_code(self, wildcards: Any) -> str:
        """The code that draws a figure, whose file is chosen by name."""
        return self.code("figure", self.figures[wildcards.figure].root)

    def figure_caption(self, wildcards: Any) -> str:
        """What the report says about a figure."""
        return self.figures[wildcards.figure].caption

    def early(self, check: Callable[[Study], None]) -> Callable[[Any], list[str]]:
        """An input function without files: says what is wrong when the rule is planned."""

        def run(wildcards: Any) -> list[str]:
            try:
                with located(self.study.source):
                    check(self.study)
            except UserError as error:
                raise SystemExit(f"error: {error}") from None
            return []

        return run

    def checkpoint_folder(self, model: str) -> Path | None:
        """The folder of a checkpoint that was put here; None for one of the hub or of a rule."""
        entry = self.study.models[model]
        if not isinstance(entry, ModelEntry):
            return None
        checkpoint = entry.checkpoint
        if not checks.is_local(checkpoint) or checks.is_made(self.study.name, checkpoint):
            return None
        return Path(self.study.place(checkpoint))

    @functools.cache  # noqa: B019
    def checkpoint(self, model: str) -> list[Any]:
        """Input files of a checkpoint that is here or will be; none for one of the hub."""
        checkpoint = self.study.models[model].source
        if checks.is_made(self.study.name, checkpoint):
            names = ("config.json", "model.safetensors")
            return [str(Path(checkpoint) / name) for name in names]
        folder = self.checkpoint_folder(model)
        return self.by_content(*map(str, files_of(folder))).files if folder else []

    @functools.cache  # noqa: B019
    def weights(self, model: str) -> str | None:
        """What stands for the large files of a checkpoint's folder: a digest by samples."""
        folder = self.checkpoint_folder(model)
        return digest_folder(folder, whole=CHECKSUM_LIMIT, blocks=16) if folder else None

    def answer_code(self, load: str) -> str:
        """A parameter: the code that makes the answers of a load's models."""
        return code_digest(self.scripts, self.kind_of(load).answering)

    def embed_code(self, load: str) -> str:
        """A parameter: the code that embeds with a load's models."""
        return code_digest(self.scripts, self.kind_of(load).embedding)

    def codes(self, load: str) -> str:
        """A parameter: options with the digests of the code that makes what is asked of a load."""
        embeds = self.study.loads[load].embeds
        more = f" --embed-code {self.embed_code(load)}" if embeds else ""
        return f"--code {self.answer_code(load)}{more}"

    @functools.cached_property
    def clips_code(self) -> str:
        """A parameter: the code that makes the clips, and not what only checks their glosses.

        The check belongs to the mapping; to change that must not decode all videos again.
        """
        makes = (dataset_clips.read, dataset_clips.subset_of, dataset_clips.clips)
        return code_digest(self.scripts, map(root_of, makes))

    def forms_option(self, wildcards: Any, input: Any) -> str:
        """A parameter: the option of the clips' check, which reruns nothing."""
        path = self.study.config.mapping.glosses
        return shlex.join(["--forms", path]) if path else ""

    @functools.cached_property
    def planning_code(self) -> str:
        """A parameter: the code that says what a model is asked."""
        return code_digest(self.scripts, [root_of(run_questions.of_run), root_of(embedding.wanted)])

    def kind_of(self, load: str) -> registry.ModelKind:
        """The kind of a load's models."""
        return registry.kind(self.entry_of(load).kind)

    def entry_of(self, load: str) -> AnyModelEntry:
        """An entry of a load's models: they differ in how they are asked alone."""
        return self.study.models[self.study.loads[load].models[0]]

    def memory_mb(self, load: str) -> int:
        """Main memory to ask a load's models with. Weights go straight to the GPU.

        vLLM has a process per GPU, and clips that wait for one. Estimated.
        """
        entry = self.entry_of(load)
        if isinstance(entry, ModelEntry) and entry.engine == "vllm":
            return 24_000 + 8_000 * entry.gpus
        return 16_000

    def gpus(self, wildcards: Any) -> int:
        """GPUs that a load takes."""
        entry = self.entry_of(wildcards.checkpoint)
        return entry.gpus if isinstance(entry, ModelEntry) else 0

    @property
    def api_resources(self) -> dict[str, Callable[[Any], int]]:
        """One job for a provider at a time, with ``--resources api_openai=1`` and the like."""

        def of(adapter: str) -> Callable[[Any], int]:
            return lambda wildcards: int(self.entry_of(wildcards.checkpoint).adapter == adapter)

        return {f"api_{name}": of(name) for name, kind in registry.kinds().items() if kind.connect}

    def selections(self, *samplings: str) -> list[str]:
        """Which frames are shown of the clips of all shards; nothing where none are shown."""
        entries = self.study.config.samplings
        shown = [name for name in dict.fromkeys(samplings) if shows_frames(entries[name])]
        return [f"<results>/frames/{name}/{shard}.npz" for name in shown for shard in self.shards]

    def per_shard(self, folder: str) -> list[str]:
        """A file for each shard in a folder below the results."""
        return [f"<results>/{folder}/{shard}.parquet" for shard in self.shards]

    def ask_input(self, wildcards: Any) -> dict[str, Any]:
        """What the questions to a load's models are made of, and the checkpoint."""
        load = self.study.loads[wildcards.checkpoint]
        samplings = [self.study.runs[run].sampling for run in load.runs]
        if load.embeds:
            samplings.append(self.study.config.alignment.sampling)
        selections = self.selections(*samplings)
        # Digests in the selections stand for the pixels.
        decoded = [ancient(f"<results>/frames/decoded/{shard}.npz") for shard in self.shards]
        files: dict[str, Any] = {
            "selections": selections,
            "decoded": decoded if selections else [],
            "checkpoint": self.checkpoint(load.models[0]),
        }
        if any(run in self.study.match_runs for run in load.runs):
            files["pairs"] = PAIRS
        if load.embeds:
            files["descriptions"] = self.description_table
        if self.finds_vllm and self.entry_of(wildcards.checkpoint).kind == "vllm":
            files["vllm_python"] = "<results>/vllm-python.txt"
        return files

    @property
    def finds_vllm(self) -> bool:
        """Whether a model wants vLLM, and the study does not say where it is."""
        wanted = any(entry.kind == "vllm" for entry in self.study.models.values())
        return wanted and not self.study.config.vllm_python

    @property
    def vllm_versions(self) -> dict[str, str]:
        """A parameter: what vLLM's environment should have."""
        return dict(vllm_process.locked_versions())

    def ask_reads(self, wildcards: Any) -> str:
        """What a load's models are asked depends on."""
        load = self.study.loads[wildcards.checkpoint]
        runs = [self.study.runs[run] for run in load.runs]
        prompts = {run.prompt for run in runs}
        return self.reads(
            "dataset/split",
            *(("runs", run.name) for run in runs),
            *(("models", name) for name in load.models),
            *(("prompts", name) for name in sorted(prompts)),
            *(["alignment/sampling"] if load.embeds else []),
        )

    def asked(self, model: str) -> list[Any]:
        """What was asked of a model and those that share its weights.

        Not `ancient`: Snakemake 9 does not look for changed parameters of a job that has an ancient
        input from a job that has to run, so changed answers would be gathered a run too late.
        """
        folder = f"<results>/asked/{self.study.load_of(model)}"
        parts = 1 if self.study.is_api(model) else self.study.config.parts
        return [f"{folder}/{part}.json" for part in range(parts)]

    def answers_input(self, wildcards: Any) -> dict[str, Any]:
        """What says which answers are those of a run."""
        run = self.study.runs[wildcards.run]
        files = {
            "asked": self.asked(run.model),
            "selections": self.selections(run.sampling),
            "checkpoint": self.checkpoint(run.model),
        }
        return files | ({"pairs": PAIRS} if run.name in self.study.match_runs else {})

    def answers_reads(self, wildcards: Any) -> str:
        """What the answers of a run depend on."""
        run = self.study.runs[wildcards.run]
        return self.reads(
            "dataset/split",
            ("runs", run.name),
            ("models", run.model),
            ("prompts", run.prompt),
        )

    def map_reads(self, wildcards: Any) -> str:
        """What the mapping of a run depends on: also whether its prompt lists the candidates."""
        parts: list[str | tuple[str, ...]] = ["dataset/split", "shards"]
        parts += [f"mapping/{key}" for key in ("mapper", "encoder", "threshold", "language")]
        if run := self.study.runs.get(wildcards.run):
            parts += [("runs", run.name), ("prompts", run.prompt, "variables")]
        return self.reads(*parts)

    @property
    def score_reads(self) -> str:
        """What the tables depend on."""
        prompts = {run.prompt for run in self.study.predict_runs.values()}
        parts = ("scored", "filters", "title", "statistics", "comparisons")
        return self.reads(*parts, *(f"prompts/{name}" for name in sorted(prompts)))

    def embeddings_input(self, wildcards: Any) -> dict[str, Any]:
        """What says which embeddings are compared with each other."""
        return {
            "asked": self.asked(wildcards.model),
            "selections": self.selections(self.study.config.alignment.sampling),
            "checkpoint": self.checkpoint(wildcards.model),
            "descriptions": self.description_table,
        }

    def embeddings_reads(self, wildcards: Any) -> str:
        """What a model's embeddings depend on."""
        return self.reads("dataset/split", "alignment/sampling", ("models", wildcards.model))

    def store(self, wildcards: Any, input: Any) -> str:
        """A parameter: where all answers are; another place reruns nothing."""
        return self.study.config.store

    @property
    def synonym_table(self) -> list[str]:
        """The table of synonyms, if the study names a source for one."""
        return ["<results>/synonyms.parquet"] if self.study.config.synonyms else []

    @property
    def description_table(self) -> list[str]:
        """The descriptions of signs, if the study has any."""
        return ["<results>/descriptions.parquet"] if self.study.config.descriptions else []

    @property
    def extra_tables(self) -> list[str]:
        """Tables that only some studies have."""
        names = ["matching"] if self.study.match_runs else []
        names += ["descriptions"] if self.study.config.descriptions else []
        names += ["mapping_validity"] if self.study.config.mapping.labelled else []
        names += ["costs"] if self.study.api_runs else []
        return [f"<results>/tables/{name}.csv" for name in names]


def any_of(names: Iterable[str]) -> str:
    """A wildcard's pattern: one of these names. Of none, Snakemake would take any text."""
    return "|".join(map(re.escape, names)) or "(?!)"


def options(*names: str) -> Callable[[Any, Any], str]:
    """A parameter: ``--name FILE`` for each of these inputs that the rule has."""

    def given(wildcards: Any, input: Any) -> str:
        found = {name: input.get(name) for name in names}
        return shlex.join(
            word
            for name, path in found.items()
            if path
            for word in (f"--{name.replace('_', '-')}", str(path))
        )

    return given


def stem(wildcards: Any, output: Any) -> str:
    """A parameter: the first output without its ending."""
    return str(Path(output[0]).with_suffix(""))


def folder(wildcards: Any, output: Any) -> str:
    """A parameter: the folder of the first output."""
    return str(Path(output[0]).parent)
