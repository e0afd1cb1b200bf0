"""zerosign: how well do vision-language models recognise isolated signs zero-shot?

The default study is WLASL300 (config/config.yaml); another one runs with --configfile, which
replaces the default instead of being merged into it.
"""

from snakemake.utils import min_version

min_version("9.27")


include: "workflow/rules/common.smk"


pathvars:
    results=RESULTS,
    logs=f"logs/{STUDY.name}",
    benchmarks=f"logs/{STUDY.name}/benchmarks",


wildcard_constraints:
    run=any_of(STUDY.runs),
    sampling=any_of(RULES.samplings),
    model=any_of(STUDY.models),
    shard=r"\d+",


include: "workflow/rules/dataset.smk"
include: "workflow/rules/videos.smk"
include: "workflow/rules/frames.smk"
include: "workflow/rules/inference.smk"
include: "workflow/rules/mapping.smk"
include: "workflow/rules/scoring.smk"
include: "workflow/rules/matching.smk"
include: "workflow/rules/alignment.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/demo.smk"


rule all:
    """The whole study."""
    default_target: True
    input:
        rules.describe_study.output,
        rules.verify_splits.output,
        rules.near_duplicates.output,
        rules.score.output,
        RULES.extra_tables,
        rules.figures.input,
