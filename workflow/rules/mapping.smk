"""Mapping: free answers to glosses."""


rule encode_texts:
    """Sentence vectors of the glosses, and of all answers that only their similarity can map.

    One process for all runs, since most of its time is loading the encoder.
    """
    input:
        clips="<results>/clips.parquet",
        answers=[file for run in RULES.scored for file in RULES.per_shard(f"answers/{run}")],
        forms=RULES.written_forms.files,
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
        encoder=RULES.encoder,
        content=RULES.written_forms.digest,
        reads=RULES.reads("dataset/split", "mapping/encoder", "mapping/language", "shards"),
        files=options("forms"),
        answers=RULES.result("answers"),
    shell:
        "{params.run} --answers {params.answers:q} --clips {input.clips:q} {params.files}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule map_labels:
    """One row per clip: the gloss its answer stands for, the step that decided, the outcome."""
    input:
        clips="<results>/clips.parquet",
        answers=lambda wildcards: RULES.per_shard(f"answers/{wildcards.run}"),
        texts="<results>/mapping/texts.parquet",
        forms=RULES.written_forms.files,
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
        content=RULES.written_forms.digest,
        reads=RULES.map_reads,
        files=options("forms"),
        answers=RULES.result("answers/{run}"),
    shell:
        "{params.run} --run {wildcards.run:q} --answers {params.answers:q} --clips {input.clips:q}"
        " --texts {input.texts:q} {params.files} --output {output:q} 2>&1 | tee {log:q}"


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


if STUDY.config.mapping.labelled:

    rule score_mappers:
        """Every mapper held against answers that a reader labelled, and a sweep over thresholds."""
        input:
            clips="<results>/clips.parquet",
            forms=RULES.written_forms.files,
            labelled=RULES.labelled.files,
        output:
            RULES.tables(
                "tables",
                ["mapping_validity", "mapping_thresholds", "mapping_disagreements"],
                "Mapping",
            ),
        log:
            "<logs>/score_mappers.log",
        benchmark:
            "<benchmarks>/score_mappers.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("score_mappers"),
            code=RULES.code("score_mappers"),
            encoder=RULES.encoder,
            content=[RULES.written_forms.digest(), RULES.labelled.digest()],
            reads=RULES.reads("mapping", "statistics/confidence"),
            files=options("forms"),
            folder=folder,
        shell:
            "{params.run} --clips {input.clips:q} {params.files} --labelled {input.labelled:q}"
            " --output {params.folder:q} 2>&1 | tee {log:q}"

    rule mapping_validity:
        """How well the mappers agree with a reader: tables and figure; runs no model."""
        input:
            rules.score_mappers.output,
            expand("<results>/figures/mapping_validity.{kind}", kind=["pdf", "png"]),
