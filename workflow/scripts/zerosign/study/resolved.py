"""A study as the rules and programs see it: checked, with every entry that it uses in full."""

from functools import cached_property
from pathlib import Path
from typing import Any

from zerosign.dataset.dataset_settings import Download
from zerosign.dataset.facts import DatasetFacts
from zerosign.entries import Entry, Many
from zerosign.files import digest
from zerosign.models import registry
from zerosign.models.model_entry import AnyModelEntry, ModelEntry
from zerosign.prompts.prompt_entry import Prompt, Task
from zerosign.prompts.template import variables
from zerosign.runs import Load, Run, TableRun
from zerosign.study.study_config import StudyConfig


class Study(Entry):
    """A checked configuration with the entries of models.yaml and prompts.yaml that it uses."""

    config: StudyConfig
    source: str
    """The file it was read from, for messages."""
    facts: DatasetFacts
    models: dict[str, AnyModelEntry]
    prompts: dict[str, Prompt]
    runs: dict[str, Run]
    left_out: Many[str]
    """Names of runs that need descriptions, and the study has none."""
    without_key: dict[str, str]
    """Runs that need a provider's key, and the variable of the environment that has none."""
    downloads: dict[str, Download]
    """Published files that are downloaded, by path."""
    places: dict[str, str]
    """Where files are that the study does not bring itself but the workflow does."""

    @property
    def name(self) -> str:
        """Results go to ``results/<name>/``."""
        return self.config.study

    @property
    def title(self) -> str:
        """The data set's name as papers write it (WLASL300), else the study's."""
        dataset = self.config.dataset
        if dataset.format == "wlasl" and dataset.facts:
            return f"{dataset.facts.upper()}{dataset.subset}"
        return self.name

    @cached_property
    def match_runs(self) -> dict[str, Run]:
        """The runs that ask whether a clip is a given sign."""
        return {name: run for name, run in self.runs.items() if self.is_match(run)}

    @cached_property
    def predict_runs(self) -> dict[str, Run]:
        """The runs that ask which sign a clip is."""
        return {name: run for name, run in self.runs.items() if not self.is_match(run)}

    def is_match(self, run: Run) -> bool:
        """Whether a run asks about one gloss at a time, and is answered yes or no."""
        return self.prompts[run.prompt].task is Task.MATCH

    @property
    def matches_descriptions(self) -> bool:
        """Whether a matching run shows the model a description."""
        return any(
            "description" in variables(self.prompts[run.prompt]) for run in self.match_runs.values()
        )

    def model_of(self, run: str) -> AnyModelEntry:
        """The entry of a run's model."""
        return self.models[self.runs[run].model]

    @cached_property
    def loads(self) -> dict[str, Load]:
        """What is loaded, by a name for its files: entries that share weights are one load."""
        models: dict[str, list[str]] = {}
        for name in self.models:
            models.setdefault(self.load_of(name), []).append(name)
        return {
            load: Load(
                models=tuple(names),
                runs=tuple(run for run in self.runs if self.runs[run].model in names),
                embeds=tuple(name for name in self.config.alignment.models if name in names),
            )
            for load, names in models.items()
        }

    @cached_property
    def api_loads(self) -> dict[str, Load]:
        """Providers that are asked over the network; nothing is loaded."""
        asked = {name: load for name, load in self.loads.items() if self.is_api(load.models[0])}
        return asked

    @cached_property
    def api_runs(self) -> dict[str, Run]:
        """The runs that they answer."""
        return {name: run for name, run in self.runs.items() if self.is_api(run.model)}

    def is_api(self, model: str) -> bool:
        """Whether a model is asked over the network."""
        return registry.kind(self.models[model].adapter).connect is not None

    def load_of(self, model: str) -> str:
        """The name of what is loaded for a model."""
        entry = self.models[model]
        return f"{entry.load_name}-{digest(entry.loading)[:8]}"

    def table_runs(self, runs: dict[str, Run]) -> list[TableRun]:
        """These runs as tables list them."""
        return [
            TableRun(
                name=name,
                label=f"{run.model}, {run.prompt}, {run.sampling}",
                model=run.model,
                prompt=run.prompt,
                sampling=run.sampling,
                checkpoint=self.models[run.model].source,
            )
            for name, run in runs.items()
        ]

    @cached_property
    def scored(self) -> list[TableRun]:
        """The runs and replays that say which sign a clip is."""
        replays = [TableRun(name=name, label=name) for name in self.config.replays]
        return self.table_runs(self.predict_runs) + replays

    @property
    def digest(self) -> str:
        """Short digest of all that the study's results depend on, printed on every figure."""
        config = self.config.as_json()
        for key in ("models", "prompts", "shards", "store", "parts", "vllm_python", "budget"):
            config.pop(key)
        value = {
            "config": config,
            "models": {name: entry.as_json() for name, entry in self.models.items()},
            "prompts": {name: entry.as_json() for name, entry in self.prompts.items()},
            "runs": list(self.runs),
        }
        return digest(value)[:12]

    def place(self, path: str) -> str:
        """Where a file or folder is: in the study's folder, or else where the workflow ships it."""
        return self.places.get(path, path)

    @cached_property
    def parts(self) -> dict[str, Any]:
        """What programs may read: `zerosign.study_file.StudyFile`."""
        config = self.config.as_json()
        return {
            "name": self.name,
            "title": self.title,
            "digest": self.digest,
            **config,
            "dataset": config["dataset"] | {"fetch": list(self.config.dataset.fetched)},
            "facts": self.facts.as_json(),
            "models": {name: self._placed(entry) for name, entry in self.models.items()},
            "prompts": {name: entry.as_json() for name, entry in self.prompts.items()},
            "loads": {name: load.as_json() for name, load in self.loads.items()},
            "runs": {name: run.as_json() for name, run in self.runs.items()},
            "scored": [run.as_json() for run in self.scored],
            "matched": [run.as_json() for run in self.table_runs(self.match_runs)],
            "api_runs": [run.as_json() for run in self.table_runs(self.api_runs)],
            "left_out": [*self.left_out, *self.without_key],
            "downloads": {path: entry.as_json() for path, entry in self.downloads.items()},
        }

    def _placed(self, entry: AnyModelEntry) -> dict[str, Any]:
        if not isinstance(entry, ModelEntry):
            return entry.as_json()
        return entry.as_json() | {"checkpoint": self.place(entry.checkpoint)}

    def part(self, *keys: str) -> Any:
        """One part, or what lies deeper in it."""
        value: Any = self.parts
        for key in keys:
            value = value[key]
        return value


def shipped(path: str, workflow_folder: Path) -> str:
    """``path`` if it is there, else the workflow's own file of that name if there is one."""
    if Path(path).exists() or Path(path).is_absolute():
        return path
    own = workflow_folder / path
    return str(own) if own.exists() else path
