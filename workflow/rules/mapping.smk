"""Mapping: free answers to glosses."""


rule map_labels:
    """One row per clip: the gloss its answer stands for, the step that decided, the outcome."""
    input:
        clips="<results>/clips.parquet",
        answers=lambda wildcards: RULES.per_shard(f"answers/{wildcards.run}"),
    output:
        "<results>/predictions/{run}.parquet",
    log:
        "<logs>/map_labels/{run}.log",
    benchmark:
        "<benchmarks>/map_labels/{run}.tsv"
    wildcard_constraints:
        run="|".join(map(re.escape, RULES.scored)),
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("map_labels"),
        code=RULES.code("map_labels"),
        reads=RULES.map_reads,
        answers=RULES.result("answers/{run}"),
    shell:
        "{params.run} --run {wildcards.run:q} --answers {params.answers:q} --clips {input.clips:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


if STUDY.config.synonyms:

    rule synonyms:
        """Synonyms of every gloss, and which of them are glosses themselves."""
        input:
            clips="<results>/clips.parquet",
            source=RULES.synonyms.files,
        output:
            "<results>/synonyms.parquet",
        log:
            "<logs>/synonyms.log",
        benchmark:
            "<benchmarks>/synonyms.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("synonyms"),
            code=RULES.code("synonyms"),
            content=RULES.synonyms.digest,
            reads=RULES.reads("synonyms"),
        shell:
            "{params.run} --clips {input.clips:q} --output {output:q} 2>&1 | tee {log:q}"
