"""The checked study, and what the rules take from it: zerosign.study.rule_inputs."""

import os
import re
import sys
from pathlib import Path

WORKFLOW = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).resolve().parents[1]
sys.path.insert(0, str(WORKFLOW / "workflow" / "scripts"))
# Jobs call `python`: let it be the one that runs Snakemake, also where no environment is active.
# An environment of --sdm conda comes before it.
os.environ.update(PATH=os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path()]))

from snakemake.utils import update_config

from zerosign.errors import UserError
from zerosign.study import checks, loading, settings_file, yaml_files
from zerosign.study.rule_inputs import RuleInputs, any_of, folder, options, stem

DEFAULT = "config/config.yaml"


def load_study():
    """The study, checked; a mistake in it ends the program with one line before any job."""
    files = [os.path.relpath(file) for file in workflow.configfiles]
    try:
        # Of a duplicate key, Snakemake would take the last.
        for file in files:
            yaml_files.read_yaml(file)
        if config == workflow.config_settings.overwrite_config and not files:
            # Nothing but single keys of the command line: they change the default study.
            files = [loading.shipped(DEFAULT, WORKFLOW)]
            default = yaml_files.read_yaml(files[0])
            update_config(default, config)
            config.update(default)
        return loading.load(config, ", ".join(files) or "config", WORKFLOW)
    except UserError as error:
        sys.exit(f"error: {error}")


STUDY = load_study()
if workflow.is_main_process:
    SETTINGS = settings_file.write(STUDY)
    if STUDY.config.leave_out:
        logger.warning(f"warning: left out: {', '.join(STUDY.config.leave_out)} (leave_out)")
    if STUDY.left_out:
        logger.warning(
            f"warning: {len(STUDY.left_out)} runs are left out until the study's key "
            f"'descriptions' names a file (docs/matching.md): {', '.join(STUDY.left_out)}"
        )
    for variable in sorted(set(STUDY.without_key.values())):
        names = [name for name, lacks in STUDY.without_key.items() if lacks == variable]
        logger.warning(
            f"warning: {len(names)} runs are left out until {variable} is in the environment "
            f"(docs/api-models.md): {', '.join(names)}"
        )


RULES = RuleInputs(STUDY, WORKFLOW / "workflow" / "scripts", settings_file.path_of(STUDY))
RESULTS = f"results/{STUDY.name}"
