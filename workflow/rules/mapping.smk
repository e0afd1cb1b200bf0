"""Mapping: free answers to glosses."""


rule encode_texts:
    """Sentence vectors of the glosses, and of all answers that only their similarity can map.

    One process for all runs, since most of its time is loading the encoder.
    """
    input:
        clips="<results>/clips.parquet",
        answers=[file for run in RULES.scored for file in RULES.per_shard(f"answers/{run}")],
    output:
        "<results>/mapping/texts.parquet",
    log:
        "<logs>/encode_texts.log",
    benchmark:
        "<benchmarks>/encode_texts.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("encode_texts"),
        code=RULES.code("encode_texts"),
        reads=RULES.reads("dataset/split", "mapping/encoder", "shards"),
        answers=RULES.result("answers"),
    shell:
        "{params.run} --answers {params.answers:q} --clips {input.clips:q} --output {output:q}"
        " 2>&1 | tee {log:q}"


rule map_labels:
    """One row per clip: the gloss its answer stands for, the step that decided, the outcome."""
    input:
        clips="<results>/clips.parquet",
        answers=lambda wildcards: RULES.per_shard(f"answers/{wildcards.run}"),
        texts="<results>/mapping/texts.parquet",
    output:
        "<results>/predictions/{run}.parquet",
    log:
        "<logs>/map_labels/{run}.log",
    benchmark:
        "<benchmarks>/map_labels/{run}.tsv"
    wildcard_constraints:
        run=any_of(RULES.scored),
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("map_labels"),
        code=RULES.code("map_labels"),
        reads=RULES.map_reads,
        answers=RULES.result("answers/{run}"),
    shell:
        "{params.run} --run {wildcards.run:q} --answers {params.answers:q} --clips {input.clips:q}"
        " --texts {input.texts:q} --output {output:q} 2>&1 | tee {log:q}"


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
