"""Alignment: do a model's own encoders put a clip near the text that describes its sign?"""


rule embeddings:
    """One vector per clip from the model's vision encoder, one per gloss from its text encoder.

    A gloss's text is its description; in a study without descriptions, the gloss itself. From the
    store: no model is loaded.
    """
    input:
        unpack(RULES.embeddings_input),
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        "<results>/embeddings/{model}/text.npz",
        expand("<results>/embeddings/{{model}}/{shard}.npz", shard=RULES.shards),
    log:
        "<logs>/embeddings/{model}.log",
    benchmark:
        "<benchmarks>/embeddings/{model}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("embeddings"),
        gathers=RULES.code("embeddings"),
        code=lambda wildcards: RULES.embed_code(STUDY.load_of(wildcards.model)),
        reads=RULES.embeddings_reads,
        weights=lambda wildcards: RULES.weights(wildcards.model),
        files=options("descriptions"),
        frames=RULES.result("frames"),
        store=RULES.store,
        folder=folder,
    shell:
        "{params.run} --model {wildcards.model:q} --clips {input.clips:q}"
        " --availability {input.availability:q} --frames {params.frames:q} {params.files}"
        " --embed-code {params.code} --store {params.store:q} --output {params.folder:q}"
        " 2>&1 | tee {log:q}"


rule align:
    """Cosine of positives, retrieval among all glosses, share of near pairs, with intervals."""
    input:
        clips="<results>/clips.parquet",
        videos=expand("<results>/embeddings/{{model}}/{shard}.npz", shard=RULES.shards),
        texts="<results>/embeddings/{model}/text.npz",
    output:
        "<results>/alignment/{model}.json",
    log:
        "<logs>/align/{model}.log",
    benchmark:
        "<benchmarks>/align/{model}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("align"),
        code=RULES.code("align"),
        reads=RULES.reads("dataset/split", "alignment/sampling", "statistics", "shards"),
        embeddings=RULES.result("embeddings/{model}"),
    shell:
        "{params.run} --model {wildcards.model:q} --clips {input.clips:q}"
        " --embeddings {params.embeddings:q} --output {output:q} 2>&1 | tee {log:q}"


if STUDY.config.alignment.models:

    rule align_table:
        """The alignment of all models in one table."""
        input:
            expand("<results>/alignment/{model}.json", model=STUDY.config.alignment.models),
        output:
            RULES.tables("tables", ["alignment"], "Tables"),
        log:
            "<logs>/align_table.log",
        benchmark:
            "<benchmarks>/align_table.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("align_table"),
            code=RULES.code("align_table"),
            reads=RULES.reads("alignment/models"),
            folder=RULES.result("alignment"),
            stem=stem,
        shell:
            "{params.run} --alignments {params.folder:q} --output {params.stem:q} 2>&1 | tee {log:q}"
