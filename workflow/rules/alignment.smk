"""Alignment: do a model's own encoders put a clip near the text that describes its sign?"""


rule embed_clips:
    """One vector per clip of the shard, from the model's vision encoder."""
    input:
        unpack(RULES.embed_input),
        clips="<results>/clips.parquet",
    output:
        "<results>/embeddings/{model}/{shard}.npz",
    log:
        "<logs>/embed_clips/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/embed_clips/{model}/{shard}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    resources:
        gpu=lambda wildcards: STUDY.models[wildcards.model].gpus,
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=120,
    params:
        run=RULES.program("embed_clips"),
        code=lambda wildcards: RULES.model_code("embed_clips", wildcards.model),
        reads=lambda wildcards: RULES.reads("dataset/split", ("models", wildcards.model)),
        weights=lambda wildcards: RULES.weights(wildcards.model),
    shell:
        "{params.run} --model {wildcards.model:q} --shard {wildcards.shard} --clips {input.clips:q}"
        " --decoded {input.decoded:q} --selection {input.selection:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule embed_texts:
    """One vector per gloss, from the model's text encoder and the gloss's description.

    In a study without descriptions, the gloss itself.
    """
    input:
        clips="<results>/clips.parquet",
        descriptions=RULES.description_table,
        checkpoint=lambda wildcards: RULES.checkpoint(wildcards.model),
    output:
        "<results>/embeddings/{model}/text.npz",
    log:
        "<logs>/embed_texts/{model}.log",
    benchmark:
        "<benchmarks>/embed_texts/{model}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    resources:
        gpu=lambda wildcards: STUDY.models[wildcards.model].gpus,
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=60,
    params:
        run=RULES.program("embed_texts"),
        code=lambda wildcards: RULES.model_code("embed_texts", wildcards.model),
        reads=lambda wildcards: RULES.reads(("models", wildcards.model)),
        weights=lambda wildcards: RULES.weights(wildcards.model),
        files=options("descriptions"),
    shell:
        "{params.run} --model {wildcards.model:q} --clips {input.clips:q} {params.files}"
        " --output {output:q} 2>&1 | tee {log:q}"


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
