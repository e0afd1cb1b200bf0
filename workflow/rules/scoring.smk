"""Scoring: what the answers of all runs are worth."""


rule score:
    """Tables of all runs: accuracy, intervals, comparisons, mappers, outcomes, breakdowns."""
    input:
        clips="<results>/clips.parquet",
        predictions=expand("<results>/predictions/{run}.parquet", run=RULES.scored),
        flags=["<results>/splits/flags.parquet", "<results>/splits/near_duplicates.parquet"],
        synonyms=RULES.synonym_table,
        published=RULES.published_rates.files,
    output:
        RULES.tables("tables", RULES.score_tables, "Tables"),
    log:
        "<logs>/score.log",
    benchmark:
        "<benchmarks>/score.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("score"),
        code=RULES.score_code,
        content=RULES.published_rates.digest,
        reads=RULES.score_reads,
        files=options("synonyms", "published"),
        predictions=RULES.result("predictions"),
        folder=folder,
    shell:
        "{params.run} --clips {input.clips:q} --predictions {params.predictions:q}"
        " --flags {input.flags:q} {params.files} --output {params.folder:q} 2>&1 | tee {log:q}"
