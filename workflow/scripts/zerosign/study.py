"""A study: its configuration, checked and resolved to runs, before any job starts."""

import contextlib
import copy
import difflib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from zerosign import prompts, wording
from zerosign.adapters import WITHOUT_VIDEO
from zerosign.errors import UserError
from zerosign.io import digest
from zerosign.sampling import base, shows_frames

DATASETS = "config/datasets.yaml"
DOWNLOADS = "config/downloads.yaml"
FLOOR = ("chance", "majority", "prior")  # rows of the accuracy table that no model made
DOWNLOADED = "resources/"  # metadata below this folder is downloaded; elsewhere it is the user's


Entry = Mapping[str, Any]
"""An entry of a configuration file, or a whole one."""


@dataclass(frozen=True)
class Run:
    """A model, a prompt and a frame sampling: what a user adds, changes and compares."""

    model: str
    prompt: str
    sampling: str
    needs: str | None = None
    """What the study must have, or the run is left out: descriptions."""

    @property
    def name(self) -> str:
        return f"{self.model}.{self.prompt}.{self.sampling}"


@dataclass(frozen=True)
class DatasetFacts:
    """What config/datasets.yaml declares of the study's data set; empty where nothing is."""

    expected: dict[str, Any] = field(default_factory=dict)
    published: str | None = None
    sources: dict[str, Any] = field(default_factory=dict)
    downloads: dict[str, dict[str, Any]] = field(default_factory=dict)  # path: url, sha256s


@dataclass(frozen=True)
class Study:
    """A checked configuration with the entries of models.yaml and prompts.yaml that it uses."""

    config: dict[str, Any]
    facts: DatasetFacts
    models: dict[str, dict[str, Any]]
    prompts: dict[str, dict[str, Any]]
    runs: dict[str, Run]
    downloads: dict[str, dict[str, Any]]  # path: url, sha256s; of metadata and of synonyms
    left_out: list[str]  # names of runs that need what the study lacks

    @property
    def name(self) -> str:
        return self.config["study"]

    @property
    def title(self) -> str:
        """The data set's name as papers write it (WLASL300), else the study's."""
        dataset = self.config["dataset"]
        facts = dataset.get("facts")
        return f"{facts.upper()}{dataset['subset']}" if facts else self.name

    @property
    def match_runs(self) -> dict[str, Run]:
        """The runs that ask whether a clip is a given sign."""
        return {name: run for name, run in self.runs.items() if self.is_match(run.prompt)}

    @property
    def predict_runs(self) -> dict[str, Run]:
        """The runs that ask which sign a clip is."""
        return {name: run for name, run in self.runs.items() if not self.is_match(run.prompt)}

    def is_match(self, prompt: str) -> bool:
        """Whether a prompt asks about one gloss at a time, and is answered yes or no."""
        return self.prompts[prompt]["task"] == "match"

    @property
    def matches_descriptions(self) -> bool:
        """Whether a matching run shows the model a description."""
        return any(
            "description" in prompts.variables(self.prompts[run.prompt])
            for run in self.match_runs.values()
        )

    def gpus(self, model: str) -> int:
        """GPUs that a job of a model asks for."""
        return self.models[model].get("gpus", 1)

    def resolved(self) -> dict[str, Any]:
        """All that the study's results depend on, as one JSON value."""
        return {
            "config": {k: v for k, v in self.config.items() if k not in ("models", "prompts")},
            "models": self.models,
            "prompts": self.prompts,
            "runs": list(self.runs),
        }

    def run_list(self, runs: Mapping[str, Run]) -> list[dict[str, str]]:
        """These runs with their parts, as programs take them."""
        return [
            {"run": run.name, "model": run.model, "prompt": run.prompt, "sampling": run.sampling}
            | {"checkpoint": self.models[run.model]["checkpoint"]}
            | {"label": f"{run.model}, {run.prompt}, {run.sampling}"}
            for run in runs.values()
        ]

    @property
    def scored(self) -> list[dict[str, str]]:
        """The runs and replays that say which sign a clip is, as programs take them."""
        nothing = dict.fromkeys(("model", "prompt", "sampling", "checkpoint"), "")
        replays = [{"run": name, **nothing, "label": name} for name in self.config["replays"]]
        return self.run_list(self.predict_runs) + replays

    @property
    def digest(self) -> str:
        """Short digest of the resolved configuration, printed on every figure."""
        return digest(self.resolved())[:12]


def load(config: Mapping[str, Any], source: str, schemas: Path) -> Study:
    """Check a study's configuration and the files it names; `source` is its name in messages.

    Raises UserError: one line with the file, the key and the mend.
    """
    settings = copy.deepcopy(dict(config))
    validate(settings, schemas / "config.schema.yaml", source)
    dataset = settings["dataset"]
    if "split_file" in dataset:
        dataset["split_file"] = dataset["split_file"].replace("{subset}", str(dataset["subset"]))
    facts = dataset_facts(dataset, source)
    dataset.setdefault("fetch", [dataset["split"]])
    if dataset["split"] not in dataset["fetch"]:
        raise UserError(f"{source}: dataset.fetch: add '{dataset['split']}', the split asked about")
    for name, sampling in settings["samplings"].items():
        with located(f"{source}: samplings.{name}"):
            base(sampling)
    all_models = _entries(settings["models"], schemas / "models.schema.yaml")
    all_prompts = _entries(settings["prompts"], schemas / "prompts.schema.yaml")
    every = expand_runs(settings["runs"], all_models, all_prompts, settings["samplings"], source)
    lacks = set() if settings["descriptions"] else {"descriptions"}
    runs = {name: run for name, run in every.items() if run.needs not in lacks}
    for name in settings["alignment"]["models"]:
        if name not in all_models:
            raise UserError(
                f"{source}: alignment.models: {_unknown('model', name, all_models)} "
                f"in {settings['models']}"
            )
    asked = _used(run.model for run in runs.values())
    used_models = _used([*asked, *settings["alignment"]["models"]])
    models = {name: all_models[name] for name in used_models}
    used_prompts = {}
    for name in _used(run.prompt for run in runs.values()):
        with located(f"{settings['prompts']}: {name}"):
            used_prompts[name] = wording.resolve(all_prompts[name])
    for name, entry in models.items():
        _check_model(name, entry, settings["study"], settings["models"])
    for name, entry in used_prompts.items():
        with located(settings["prompts"]):
            prompts.check(name, entry)
    for check, run in itertools.product(RUN_CHECKS, runs.values()):
        with located(source):
            check(run, models[run.model]["adapter"], used_prompts[run.prompt], settings)
    settings.setdefault("replays", {})
    _check_replays(settings["replays"], source)
    for path in settings["descriptions"]:
        if "demo" not in settings and not Path(path).is_file():  # the demo draws its own
            raise UserError(f"{source}: descriptions: no such file '{path}'")
    sampling = settings["alignment"]["sampling"]
    if sampling not in settings["samplings"]:
        raise UserError(
            f"{source}: alignment.sampling: "
            f"{_unknown('sampling', sampling, settings['samplings'])} in 'samplings'"
        )
    if not shows_frames(settings["samplings"][sampling]):
        raise UserError(f"{source}: alignment.sampling: '{sampling}' shows no frames to compare")
    downloads = facts.downloads | _downloads((settings["synonyms"] or {}).values())
    left_out = [name for name in every if name not in runs]
    study = Study(settings, facts, models, used_prompts, runs, downloads, left_out)
    if not study.scored:
        raise UserError(f"{source}: runs: add one with a prompt of task 'predict', to be scored")
    return study


def dataset_facts(dataset: Mapping[str, Any], source: str) -> DatasetFacts:
    """The entry of config/datasets.yaml that a study's `dataset.facts` names, for its subset."""
    name = dataset.get("facts")
    if name is None:
        return DatasetFacts()
    known = read_yaml(DATASETS)
    if name not in known:
        raise UserError(
            f"{source}: dataset.facts: {_unknown('data set', name, known)} in {DATASETS}"
        )
    entry, subset = known[name], str(dataset["subset"])
    if subset not in entry["subsets"]:
        choices = ", ".join(entry["subsets"])
        raise UserError(
            f"{source}: dataset.subset: {DATASETS} declares {choices} for '{name}', not {subset}; "
            "choose one of these, or set dataset.facts: null"
        )
    metadata_sha256 = entry["files"]["metadata"]["sha256"]
    expected = entry["subsets"][subset] | {"metadata": metadata_sha256}
    checksums = {
        "metadata": list(metadata_sha256),
        "split_file": [expected["sha256"]["split_file"]],
    }
    downloads = {
        dataset[key]: {
            "url": entry["files"][key]["url"].replace("{subset}", subset),
            "sha256": checksums[key],
        }
        for key in checksums
        if dataset.get(key, "").startswith(DOWNLOADED)
    }
    return DatasetFacts(expected, entry.get("published"), entry.get("sources", {}), downloads)


def _downloads(paths: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The declared downloads among some files of a study."""
    known = read_yaml(DOWNLOADS)
    return {
        path: {key: known[path][key] for key in ("url", "sha256")}
        for path in paths
        if path in known
    }


def expand_runs(
    groups: Iterable[Mapping[str, Any]],
    models: Mapping[str, Any],
    all_prompts: Mapping[str, Any],
    samplings: Mapping[str, Any],
    source: str,
) -> dict[str, Run]:
    """Runs of a config's `runs`: in each group the product of its models, prompts, samplings."""
    runs: dict[str, Run] = {}
    known = {"model": models, "prompt": all_prompts, "sampling": samplings}
    for number, group in enumerate(groups):
        lists = {}
        for kind, entries in known.items():
            value = group[kind]
            lists[kind] = value if isinstance(value, list) else [value]
            for name in lists[kind]:
                if name not in entries:
                    raise UserError(
                        f"{source}: runs[{number}].{kind}: {_unknown(kind, name, entries)}"
                    )
        for model, prompt, sampling in itertools.product(*lists.values()):
            run = Run(model, prompt, sampling, group.get("needs"))
            if run.name in runs:
                raise UserError(f"{source}: runs[{number}]: run '{run.name}' is listed twice")
            runs[run.name] = run
    return runs


def validate(value: Any, schema_path: Path, source: str) -> None:
    """Check a value against a JSON Schema; the first fault becomes a one-line UserError."""
    schema = yaml.safe_load(schema_path.read_text("utf-8"))
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if errors:
        raise UserError(f"{source}: {_one_line(jsonschema.exceptions.best_match(errors))}")


def read_yaml(path: str | Path) -> Any:
    """Parse a YAML file in which no key stands twice; faults are one-line UserErrors."""
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.load(file, Loader=_UniqueKeyLoader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        line = f" line {where.line + 1}:" if where else ""
        raise UserError(f"{path}:{line} {getattr(error, 'problem', error)}") from None


class _UniqueKeyLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key '{key}' stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


@contextlib.contextmanager
def located(place: str) -> Iterator[None]:
    """Put a place before the message of a UserError that is raised within."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _entries(path: str, schema: Path) -> dict[str, dict[str, Any]]:
    value = read_yaml(path)
    validate(value, schema, path)
    return value


def _check_model(name: str, entry: Mapping[str, Any], study: str, source: str) -> None:
    """A folder must be there, unless a rule makes it. A hub model needs a pinned revision.

    Snakemake would go on with the old answers of a model whose files are gone; and a hub's name
    alone is not the same model next month.
    """
    checkpoint = entry["checkpoint"]
    if is_local(checkpoint) and not makes(study, checkpoint) and not Path(checkpoint).is_dir():
        raise UserError(f"{source}: {name}.checkpoint: no folder '{checkpoint}'")
    if not is_local(checkpoint) and not re.fullmatch(r"[0-9a-f]{40}", entry.get("revision") or ""):
        raise UserError(
            f"{source}: {name}.revision: hub checkpoint '{checkpoint}' needs the 40 hex digits "
            "of a commit, from the model page under 'Files and versions'"
        )


def _check_frames(run: Run, adapter: str, prompt: Entry, settings: Entry) -> None:
    """Only some kinds of models can be asked without a video."""
    if not shows_frames(settings["samplings"][run.sampling]) and adapter not in WITHOUT_VIDEO:
        raise UserError(
            f"run '{run.name}': a model with adapter: {adapter} needs frames; "
            f"take '{run.model}' out of the group with sampling '{run.sampling}'"
        )


def _check_matching(run: Run, adapter: str, prompt: Entry, settings: Entry) -> None:
    """A matching run needs a model that answers, and what its prompt shows."""
    if prompt["task"] != "match":
        return
    if adapter == "contrastive":
        raise UserError(
            f"run '{run.name}': a contrastive model answers no question; "
            f"ask another model the prompt '{run.prompt}'"
        )
    if "description" in prompts.variables(prompt) and not settings["descriptions"]:
        raise UserError(
            f"run '{run.name}': the prompt shows {{description}}, but the study has none; "
            "name CSV files under 'descriptions' (docs/matching.md), or leave the run out until "
            "then by 'needs: descriptions'"
        )


def _check_contrastive(run: Run, adapter: str, prompt: Entry, settings: Entry) -> None:
    """Contrastive models need one text a gloss; others cannot be asked which of 300 texts it is."""
    if prompt["task"] == "match":
        return
    if adapter == "contrastive":
        prompts.check_contrastive(run.name, prompt)
    elif "gloss" in prompts.variables(prompt):
        raise UserError(
            f"run '{run.name}': the prompt '{run.prompt}' names one {{gloss}}, which only a "
            "contrastive model takes for the task 'predict'; use another prompt, or task: match"
        )


RUN_CHECKS = (_check_frames, _check_matching, _check_contrastive)


def _check_replays(replays: Mapping[str, Mapping[str, str]], source: str) -> None:
    """A replay's file is there, and its name is no other row's (names of runs have dots)."""
    for name, entry in replays.items():
        if name in FLOOR:
            raise UserError(
                f"{source}: replays: '{name}' is the name of a row of the tables; take another"
            )
        if not Path(entry["predictions"]).is_file():
            raise UserError(
                f"{source}: replays.{name}.predictions: no such file '{entry['predictions']}'"
            )


def makes(study: str, checkpoint: str) -> bool:
    """Whether a rule of the study makes a checkpoint: the demo's models."""
    return Path(checkpoint).parent == Path("results", study, "models")


def is_local(checkpoint: str) -> bool:
    """Whether a checkpoint is a folder here (`./x`, `/x`, `a/b/c`) and not a hub id (`a/b`)."""
    return checkpoint.startswith((".", "/")) or checkpoint.count("/") > 1


def _used(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _unknown(kind: str, name: str, known: Iterable[str]) -> str:
    return f"no {kind} named '{name}'{_suggest(name, known)}"


def _suggest(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are: {', '.join(names)}" if names else ""


def _one_line(error: jsonschema.ValidationError) -> str:
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
    where = where.lstrip(".")
    schema = error.schema if isinstance(error.schema, dict) else {}
    lead = f"{where}: " if where else ""
    if error.validator in ("additionalProperties", "unevaluatedProperties"):
        known = schema.get("properties", {})
        pattern = "|".join(schema.get("patternProperties", {})) or r"(?!)"
        extra = [key for key in error.instance if key not in known and not re.search(pattern, key)]
        key = extra[0] if extra else "?"
        if not known:
            return f"{lead}'{key}' is no valid name (lower-case letters, digits, - and _)"
        return f"{lead}unknown key '{key}'{_suggest(key, known)}"
    if error.validator == "required":
        missing = [key for key in error.validator_value if key not in error.instance]
        return f"{lead}key '{missing[0]}' is missing"
    if error.validator == "enum":
        known = [str(value) for value in error.validator_value]
        return (
            f"{lead}'{error.instance}' is none of the choices{_suggest(str(error.instance), known)}"
        )
    if error.validator == "anyOf" and all("required" in choice for choice in error.validator_value):
        keys = [choice["required"][0] for choice in error.validator_value]
        return f"{lead}one of the keys {', '.join(keys)} is missing"
    message = error.message if len(error.message) < 200 else error.message[:200] + "…"
    return f"{lead}{message}"
