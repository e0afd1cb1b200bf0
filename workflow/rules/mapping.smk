"""Mapping: free answers to glosses, and what the answers of all runs are worth."""


rule map_labels:
    """One row a clip: the gloss its answer stands for, the step that decided, the outcome."""
    input:
        clips="<results>/clips.parquet",
        answers=expand("<results>/answers/{{run}}/{shard}.parquet", shard=SHARDS),
    output:
        "<results>/predictions/{run}.parquet",
    log:
        "<logs>/map_labels/{run}.log",
    benchmark:
        "<benchmarks>/map_labels/{run}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("map_labels"),
        split=DATASET["split"],
        settings=as_json(STUDY.config["mapping"]),
    shell:
        "python workflow/scripts/map_labels.py --answers {input.answers:q} --clips {input.clips:q}"
        " --splits {params.split} --settings {params.settings:q} --output {output:q}"
        " 2>&1 | tee {log:q}"


rule score:
    """Tables of all runs: accuracy with intervals, outcomes, accuracy a gloss."""
    input:
        clips="<results>/clips.parquet",
        predictions=expand("<results>/predictions/{run}.parquet", run=STUDY.runs),
    output:
        report(
            expand(
                "<results>/tables/{table}.{kind}",
                table=["accuracy", "outcomes", "per_gloss"],
                kind=["csv", "md", "tex"],
            ),
            caption="../report/tables.rst",
            category="Tables",
        ),
    log:
        "<logs>/score.log",
    benchmark:
        "<benchmarks>/score.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("score"),
        runs=as_json(STUDY.run_list()),
        settings=as_json(STUDY.config["statistics"]),
        folder=output_folder,
    shell:
        "python workflow/scripts/score.py --clips {input.clips:q} --predictions {input.predictions:q}"
        " --runs {params.runs:q} --settings {params.settings:q}"
        " --output-dir {params.folder:q} 2>&1 | tee {log:q}"
