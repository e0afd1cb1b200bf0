"""Functions of the workflow, and the checked study. The rules stand in the other files."""

import functools
import json
import os
import re
import shlex
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
SCRIPTS = ROOT / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))
# Jobs call `python`: let it be the one that runs Snakemake, also where no environment is active.
# An environment of --sdm conda comes before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

from zerosign import study as studies
from zerosign.adapters.checkpoint import digest_folder, files_of
from zerosign.codedigest import code_digest
from zerosign.errors import UserError
from zerosign.io import sha256_file
from zerosign.prompts import variables
from zerosign.sampling import decode_plan, shows_frames

CHECKSUM_LIMIT = 1_000_000  # bytes; Snakemake compares larger inputs by time, not by content


def load_study():
    """The study, checked; a mistake in it ends the program with one line before any job."""
    files = ", ".join(os.path.relpath(file) for file in workflow.configfiles)
    try:
        # Of a key that stands twice, Snakemake takes the last.
        for file in workflow.configfiles:
            studies.read_yaml(os.path.relpath(file))
        return studies.load(config, files, ROOT / "workflow" / "schemas")
    except UserError as error:
        sys.exit(f"error: {error}")


STUDY = load_study()
if STUDY.left_out and workflow.is_main_process:
    logger.warning(
        f"warning: {len(STUDY.left_out)} runs are left out until the study's key 'descriptions' "
        f"names a file (docs/matching.md): {', '.join(STUDY.left_out)}"
    )
RESULTS = f"results/{STUDY.name}"
DATASET = STUDY.config["dataset"]
# The tables that each figure is drawn from.
FIGURES = {
    "accuracy": ["accuracy"],
    "outcomes": ["outcomes"],
    "per_gloss": ["per_gloss", "outcomes"],
    "confusion": ["confusions", "per_gloss", "outcomes"],
    "alignment": ["alignment"],
}
# What the rule score writes.
SCORE_TABLES = [
    "summary",
    "filtered",
    "accuracy",
    "intervals",
    "comparisons",
    "power",
    "relaxed",
    "relaxed_matches",
    "mappers",
    "mapper_agreement",
    "permuted",
    "calibration",
    "consistency",
    "position_bias",
    "outcomes",
    "distribution",
    "per_gloss",
    "confusions",
    "breakdown",
    "leaks",
    "published",
]
DESCRIPTIONS = "<results>/descriptions.parquet"
# What is written only where the study asks for it.
MATCHING_TABLE = ["<results>/tables/matching.csv"] if STUDY.match_runs else []
DESCRIPTIONS_TABLE = ["<results>/tables/descriptions.csv"] if STUDY.config["descriptions"] else []
if STUDY.match_runs:
    FIGURES["matching"] = ["matching"]
# The runs and replays that are mapped and scored together.
SCORED = [run["run"] for run in STUDY.scored]
SHARDS = range(STUDY.config["shards"])


@functools.cache
def code(program, *modules):
    """Digest of the code a program reaches: a rule that carries it reruns when it changes."""
    return code_digest(SCRIPTS / f"{program}.py", modules)


def adapter_code(program, model):
    """The same with the adapter of a model, which is chosen by name."""
    return code(program, f"zerosign.adapters.{STUDY.models[model]['adapter']}")


def as_json(value):
    """A setting as one argument of a program."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def output_folder(wildcards, output):
    """The folder of a rule's outputs."""
    return str(Path(output[0]).parent)


def output_stem(wildcards, output):
    """A rule's outputs without their endings."""
    return str(Path(output[0]).with_suffix(""))


def table_files(folder, names, caption, category):
    """Tables as CSV, which the report shows, and as Markdown and LaTeX."""

    def shown(name):
        path, labels = f"<results>/{folder}/{name}.csv", {"Table": name}
        return report(path, caption=caption, category=category, labels=labels)

    plain = expand(f"<results>/{folder}/{{name}}.{{kind}}", name=names, kind=["md", "tex"])
    return [shown(name) for name in names] + plain


def is_large(path):
    """Whether an input is too large for Snakemake's comparison, or will be once it is there."""
    downloaded = path in STUDY.downloads
    return downloaded or (Path(path).exists() and Path(path).stat().st_size >= CHECKSUM_LIMIT)


def by_content(path):
    """An input that is never compared by time: a large file needs `content` in the params too."""
    return ancient(path) if is_large(path) else path


@functools.cache
def content(path):
    """What stands for a large file in params: its digest, or those it was downloaded for."""
    if path in STUDY.downloads:
        return STUDY.downloads[path]["sha256"]
    return sha256_file(path) if is_large(path) else None


def table_path():
    """The file that lists the data set's clips."""
    return DATASET["metadata"] if DATASET["format"] == "wlasl" else DATASET["table"]


def table_options():
    """How the programs of this stage are told of that file."""
    if DATASET["format"] == "csv":
        return f"--csv {shlex.quote(table_path())}"
    return f"--metadata {shlex.quote(table_path())} --subset {DATASET['subset']}"


def split_inputs():
    """Files that the splits are checked against."""
    files = {}
    if "split_file" in DATASET:
        files["split_file"] = by_content(DATASET["split_file"])
    if STUDY.facts.published:
        files["published"] = STUDY.facts.published
    return files


def split_options():
    """The same as options of the program."""
    files = split_inputs().items()
    options = [f"--{key.replace('_', '-')} {shlex.quote(path)}" for key, path in files]
    return " ".join([table_options(), *options])


def synonym_file():
    """The table of synonyms, if the study names a source for one."""
    return ["<results>/synonyms.parquet"] if STUDY.config["synonyms"] else []


def synonym_source():
    """The file that synonyms come from; WordNet may be a folder, which Snakemake does not watch."""
    path = next(iter(STUDY.config["synonyms"].values()))
    return [] if Path(path).is_dir() else [by_content(path)]


def synonym_option():
    """How the program is told of that file or folder."""
    source = STUDY.config["synonyms"].items()
    return " ".join(f"--{kind} {shlex.quote(path)}" for kind, path in source)


def is_made(checkpoint):
    """Whether a rule makes a checkpoint."""
    return studies.makes(STUDY.name, checkpoint)


def checkpoint_folder(model):
    """The folder of a checkpoint that was put here; None for one of the hub, or made by a rule."""
    place = STUDY.models[model]["checkpoint"]
    return Path(place) if studies.is_local(place) and not is_made(place) else None


@functools.cache
def checkpoint_files(model):
    """Files of a checkpoint that lies here, or will; none for one of the hub."""
    place = STUDY.models[model]["checkpoint"]
    if is_made(place):
        return [str(Path(place) / name) for name in ("config.json", "model.safetensors")]
    folder = checkpoint_folder(model)
    return [by_content(str(path)) for path in files_of(folder)] if folder else []


@functools.cache
def weights(model):
    """What stands for the large files of a checkpoint's folder in params: a digest by samples."""
    folder = checkpoint_folder(model)
    return digest_folder(folder, whole=CHECKSUM_LIMIT, blocks=16) if folder else None


def frames_of(sampling, shard):
    """Frames of a shard: the pixels, for which the selection's digests stand, and the selection."""
    return {
        "decoded": ancient(f"<results>/frames/decoded/{shard}.npz"),
        "selection": f"<results>/frames/{sampling}/{shard}.npz",
    }


def infer_input(wildcards):
    run = STUDY.runs[wildcards.run]
    shown = shows_frames(STUDY.config["samplings"][run.sampling])
    files = frames_of(run.sampling, wildcards.shard) if shown else {}
    if run.name in STUDY.match_runs:
        files["questions"] = "<results>/matching/pairs.parquet"
    return files | {"checkpoint": checkpoint_files(run.model)}


def frames_options(input):
    """The frames that a run is shown; none to a run that is asked without a video."""
    shown = [key for key in ("decoded", "selection") if key in input.keys()]
    return " ".join(f"--{key} {input[key]}" for key in shown)


def candidates_option(run):
    """Whether a run's prompt lists the candidates, for the places of those that it names."""
    listed = run in STUDY.runs and "candidates" in variables(STUDY.prompts[STUDY.runs[run].prompt])
    return "--candidates" if listed else ""


def questions_option(wildcards, input):
    """The questions of a matching run; others ask one a clip."""
    return f"--questions {input.questions}" if wildcards.run in STUDY.match_runs else ""


def embed_input(wildcards):
    files = frames_of(STUDY.config["alignment"]["sampling"], wildcards.shard)
    return files | {"checkpoint": checkpoint_files(wildcards.model)}


def embed_texts_input(wildcards):
    files = {"texts": DESCRIPTIONS} if STUDY.config["descriptions"] else {}
    return files | {"checkpoint": checkpoint_files(wildcards.model)}


def embed_texts_option(input):
    """The text that stands for a gloss: its description, or the gloss itself."""
    return f"--texts {input.texts}" if STUDY.config["descriptions"] else "--template '{gloss}'"
