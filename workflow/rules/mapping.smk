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
    wildcard_constraints:
        run="|".join(map(re.escape, SCORED)),
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("map_labels"),
        split=DATASET["split"],
        settings=as_json(STUDY.config["mapping"]),
        candidates=lambda wildcards: candidates_option(wildcards.run),
    shell:
        "python workflow/scripts/map_labels.py --answers {input.answers:q} --clips {input.clips:q}"
        " --splits {params.split} --settings {params.settings:q} {params.candidates}"
        " --output {output:q} 2>&1 | tee {log:q}"


if STUDY.config["synonyms"]:

    rule synonyms:
        """Synonyms of every gloss, and which of them are glosses themselves."""
        input:
            clips="<results>/clips.parquet",
            source=synonym_source(),
        output:
            "<results>/synonyms.parquet",
        log:
            "<logs>/synonyms.log",
        benchmark:
            "<benchmarks>/synonyms.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("synonyms"),
            content=[content(path) for path in synonym_source()],
            source=synonym_option(),
        shell:
            "python workflow/scripts/synonyms.py --clips {input.clips:q} {params.source}"
            " --output {output:q} 2>&1 | tee {log:q}"


rule score:
    """Tables of all runs: accuracy, intervals, comparisons, mappers, outcomes, breakdowns."""
    input:
        clips="<results>/clips.parquet",
        predictions=expand("<results>/predictions/{run}.parquet", run=SCORED),
        flags=["<results>/splits/flags.parquet", "<results>/splits/near_duplicates.parquet"],
        synonyms=synonym_file(),
        published="config/published.csv",
    output:
        table_files("tables", SCORE_TABLES, "../report/tables.rst", "Tables"),
    log:
        "<logs>/score.log",
    benchmark:
        "<benchmarks>/score.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("score"),
        runs=as_json(STUDY.scored),
        prompts=lambda wildcards: as_json(
            {run.prompt: STUDY.prompts[run.prompt] for run in STUDY.predict_runs.values()}
        ),
        synonyms=lambda wildcards, input: f"--synonyms {input.synonyms}" if input.synonyms else "",
        filters=as_json(STUDY.config["filters"]),
        dataset=STUDY.title,
        settings=as_json(STUDY.config["statistics"]),
        folder=output_folder,
    shell:
        "python workflow/scripts/score.py --clips {input.clips:q}"
        " --predictions {input.predictions:q} --runs {params.runs:q} --prompts {params.prompts:q}"
        " --flags {input.flags:q} --filters {params.filters:q}"
        " {params.synonyms} --published {input.published:q} --dataset {params.dataset:q}"
        " --settings {params.settings:q} --output-dir {params.folder:q} 2>&1 | tee {log:q}"
