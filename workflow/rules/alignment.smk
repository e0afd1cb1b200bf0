"""Alignment: do a model's own encoders put a clip near the text that describes its sign?"""


rule embed:
    """One vector a clip of the shard, from the model's vision encoder."""
    input:
        unpack(embed_input),
        clips="<results>/clips.parquet",
    output:
        "<results>/embeddings/{model}/{shard}.npz",
    log:
        "<logs>/embed/{model}/{shard}.log",
    benchmark:
        "<benchmarks>/embed/{model}/{shard}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    resources:
        gpu=lambda wildcards: STUDY.gpus(wildcards.model),
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=120,
    params:
        code=lambda wildcards: adapter_code("embed", wildcards.model),
        split=DATASET["split"],
        model=lambda wildcards: as_json(STUDY.models[wildcards.model]),
        weights=lambda wildcards: weights(wildcards.model),
    shell:
        "python workflow/scripts/embed.py --clips {input.clips:q} --model {params.model:q}"
        " --split {params.split} --shard {wildcards.shard} --decoded {input.decoded:q}"
        " --selection {input.selection:q} --output {output:q} 2>&1 | tee {log:q}"


rule embed_texts:
    """One vector a gloss, from the model's text encoder and the gloss's description."""
    input:
        unpack(embed_texts_input),
        clips="<results>/clips.parquet",
    output:
        "<results>/embeddings/{model}/text.npz",
    log:
        "<logs>/embed_texts/{model}.log",
    benchmark:
        "<benchmarks>/embed_texts/{model}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    resources:
        gpu=lambda wildcards: STUDY.gpus(wildcards.model),
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=60,
    params:
        code=lambda wildcards: adapter_code("embed", wildcards.model),
        model=lambda wildcards: as_json(STUDY.models[wildcards.model]),
        weights=lambda wildcards: weights(wildcards.model),
        texts=lambda wildcards, input: embed_texts_option(input),
    shell:
        "python workflow/scripts/embed.py --clips {input.clips:q} --model {params.model:q}"
        " {params.texts} --output {output:q} 2>&1 | tee {log:q}"


rule align:
    """Cosine of right pairs, retrieval among all glosses, share of near pairs, with intervals."""
    input:
        clips="<results>/clips.parquet",
        videos=expand("<results>/embeddings/{{model}}/{shard}.npz", shard=SHARDS),
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
        code=code("align"),
        split=DATASET["split"],
        sampling=STUDY.config["alignment"]["sampling"],
        settings=as_json(STUDY.config["statistics"]),
    shell:
        "python workflow/scripts/align.py --clips {input.clips:q} --videos {input.videos:q}"
        " --texts {input.texts:q} --splits {params.split} --model {wildcards.model:q}"
        " --sampling {params.sampling} --settings {params.settings:q} --output {output:q}"
        " 2>&1 | tee {log:q}"


rule align_table:
    """The alignment of all models in one table."""
    input:
        expand(
            "<results>/alignment/{model}.json",
            model=STUDY.config["alignment"]["models"],
        ),
    output:
        table_files("tables", ["alignment"], "../report/alignment.rst", "Tables"),
    log:
        "<logs>/align_table.log",
    benchmark:
        "<benchmarks>/align_table.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("align_table"),
        stem=output_stem,
    shell:
        "python workflow/scripts/align_table.py --alignments {input:q}"
        " --output {params.stem:q} 2>&1 | tee {log:q}"
