"""Read a study: its configuration, the entries it names, and everything checked, in one call."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from zerosign.dataset.dataset_settings import Download
from zerosign.dataset.facts import DatasetEntry, DatasetFacts, PublishedFiles, SubsetFacts
from zerosign.entries import Entry, Many, Name, Text
from zerosign.errors import UserError, located, unknown
from zerosign.models import api_keys, registry
from zerosign.models.api_entry import ApiEntry
from zerosign.models.model_entry import AnyModelEntry, ModelEntry
from zerosign.prompts import template, text_sources
from zerosign.prompts.prompt_entry import PromptSource
from zerosign.study.checks import check
from zerosign.study.error_lines import check as typed
from zerosign.study.resolved import Study, shipped
from zerosign.study.run_grid import expand, without
from zerosign.study.study_config import Dataset, StudyConfig, WlaslDataset
from zerosign.study.yaml_files import read_yaml

T = TypeVar("T")
DATASETS = "config/datasets.yaml"
DOWNLOADS = "config/downloads.yaml"
DOWNLOADED = "resources/"  # metadata below this folder is downloaded; elsewhere it is the user's


class DownloadEntry(Entry):
    """An entry of config/downloads.yaml."""

    url: Text
    sha256: Many[str]
    licence: str


def load(config: Mapping[str, Any], source: str, workflow_folder: Path) -> Study:
    """A checked study; ``source`` is its name in messages.

    Files that are not in the study's folder are those that ``workflow_folder`` ships. Raises
    `UserError`: one line with the file, the key and how to fix it.
    """
    find = partial(shipped, workflow_folder=workflow_folder)
    settings = _with_subset(typed(StudyConfig, dict(config), source))
    facts = dataset_facts(settings.dataset, source, find)
    all_models: dict[str, AnyModelEntry] = read_entries(
        registry.entries_type(), find(settings.models)
    )
    all_prompts = read_entries(dict[Name, PromptSource], find(settings.prompts))
    known: dict[str, Collection[str]] = {
        "model": all_models,
        "prompt": all_prompts,
        "sampling": settings.samplings,
    }
    with located(source):
        lacking = {
            name: variable for name, entry in all_models.items() if (variable := _lacking(entry))
        }
        has = {"descriptions"} if settings.descriptions else ()
        grid = expand(settings.runs, known, has, lacking)
        grid = without(grid, settings.leave_out)
        _check_alignment_names(settings, all_models)
    models = {
        name: all_models[name]
        for name in dict.fromkeys(
            [*(run.model for run in grid.runs.values()), *settings.alignment.models]
        )
    }
    prompts = {}
    for name in dict.fromkeys(run.prompt for run in grid.runs.values()):
        with located(f"{settings.prompts}: {name}"):
            prompts[name] = text_sources.resolve(all_prompts[name], find)
        with located(settings.prompts):
            template.check(name, prompts[name])
    paths = [settings.models, settings.prompts, *_checkpoints(models, settings)]
    paths += [facts.published] if facts.published else []
    paths += settings.mapping.labelled
    study = Study(
        config=settings,
        source=source,
        facts=facts,
        models=models,
        prompts=prompts,
        runs=grid.runs,
        left_out=grid.left_out,
        without_key=grid.without_key,
        downloads=facts.downloads | _downloads(settings, find),
        places={path: find(path) for path in [*paths, PUBLISHED_RATES] if path != find(path)},
    )
    check(study, source)
    return study


PUBLISHED_RATES = "config/published.csv"


def read_entries(kind: type[T], path: str) -> T:
    """Entries of a YAML file by name, as ``kind``."""
    return typed(kind, read_yaml(path), path)


def _with_subset(settings: StudyConfig) -> StudyConfig:
    """``{subset}`` in the name of the split file, replaced."""
    dataset = settings.dataset
    if not isinstance(dataset, WlaslDataset) or not dataset.split_file:
        return settings
    path = dataset.split_file.replace("{subset}", str(dataset.subset))
    return settings.model_copy(update={"dataset": dataset.model_copy(update={"split_file": path})})


def _check_alignment_names(settings: StudyConfig, models: Mapping[str, AnyModelEntry]) -> None:
    alignment = settings.alignment
    for name in alignment.models:
        if name not in models:
            raise UserError(
                f"alignment.models: {unknown('model', name, models)} in {settings.models}"
            )
    if alignment.sampling not in settings.samplings:
        raise UserError(
            "alignment.sampling: "
            f"{unknown('sampling', alignment.sampling, settings.samplings)} in 'samplings'"
        )


def _checkpoints(models: Mapping[str, AnyModelEntry], settings: StudyConfig) -> list[str]:
    encoder = settings.mapping.encoder.checkpoint
    local = [model for model in models.values() if isinstance(model, ModelEntry)]
    return [*(model.checkpoint for model in local), encoder]


def _lacking(entry: AnyModelEntry) -> str | None:
    """The environment variable that an API model needs and that has no key."""
    if not isinstance(entry, ApiEntry) or api_keys.is_set(entry.key_env):
        return None
    return entry.key_env


def dataset_facts(dataset: Dataset, source: str, find: Any) -> DatasetFacts:
    """The entry of config/datasets.yaml that a study's `dataset.facts` names, for its subset.

    Without one nothing is verified, but how the videos of a source count their frames is no matter
    of verification: that is known of all sources of all entries.
    """
    if not isinstance(dataset, WlaslDataset):
        return DatasetFacts()
    known = read_entries(dict[str, DatasetEntry], find(DATASETS))
    if dataset.facts is None:
        return DatasetFacts(
            sources={
                name: facts
                for entry in reversed(known.values())
                for name, facts in entry.sources.items()
            }
        )
    if dataset.facts not in known:
        raise UserError(
            f"{source}: dataset.facts: {unknown('data set', dataset.facts, known)} in {DATASETS}"
        )
    entry, subset = known[dataset.facts], str(dataset.subset)
    if entry.subsets and subset not in entry.subsets:
        choices = ", ".join(entry.subsets)
        raise UserError(
            f"{source}: dataset.subset: {DATASETS} declares {choices} for '{dataset.facts}', not "
            f"{subset}; choose one of these, or declare '{subset}': {{}} there"
        )
    expected = entry.subsets.get(subset, SubsetFacts())
    files = entry.files
    return DatasetFacts(
        expected=expected,
        metadata=files.metadata.sha256 if files else {},
        published=entry.published,
        sources=entry.sources,
        downloads=published_downloads(dataset, files, expected) if files else {},
    )


def published_downloads(
    dataset: WlaslDataset, files: PublishedFiles, expected: SubsetFacts
) -> dict[str, Download]:
    """The published files of a study's data set that are downloaded, by path."""
    published = {
        dataset.metadata: (files.metadata.url, tuple(files.metadata.sha256)),
        dataset.split_file: (
            files.split_file.url.replace("{subset}", str(dataset.subset)),
            (expected.sha256.split_file,) if expected.sha256.split_file else (),
        ),
    }
    return {
        path: Download(url=url, sha256=sha256)
        for path, (url, sha256) in published.items()
        if path and sha256 and path.startswith(DOWNLOADED)
    }


def _downloads(settings: StudyConfig, find: Any) -> dict[str, Download]:
    """The declared downloads among some files of a study."""
    path = find(DOWNLOADS)
    known = read_entries(dict[str, DownloadEntry], path)
    named = settings.synonyms.as_json().values() if settings.synonyms else ()
    return {
        name: Download(url=known[name].url, sha256=known[name].sha256)
        for name in named
        if name in known
    }
