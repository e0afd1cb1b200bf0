"""Inference: a model answers a prompt about the clips of a shard, or a file has its answers."""


rule infer:
    """One row per question about a clip of the shard: the answer, or the failure, and what was seen.

    The journal next to the answers is no output: Snakemake would delete it with a failed job. It
    holds every answer ever given, so that no question is repeated.
    """
    input:
        unpack(RULES.infer_input),
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        "<results>/answers/{run}/{shard}.parquet",
    log:
        "<logs>/infer/{run}/{shard}.log",
    benchmark:
        "<benchmarks>/infer/{run}/{shard}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    resources:
        gpu=lambda wildcards: STUDY.model_of(wildcards.run).gpus,
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=240,
    params:
        run=RULES.program("infer"),
        code=lambda wildcards: RULES.model_code("infer", STUDY.runs[wildcards.run].model),
        reads=RULES.infer_reads,
        weights=lambda wildcards: RULES.weights(STUDY.runs[wildcards.run].model),
        files=options("decoded", "selection", "questions"),
        journal=RULES.result("journal/{run}/{shard}.jsonl"),
    shell:
        "{params.run} --run {wildcards.run:q} --shard {wildcards.shard} --clips {input.clips:q}"
        " --availability {input.availability:q} {params.files} --code {params.code}"
        " --journal {params.journal:q} --output {output:q} 2>&1 | tee {log:q}"


if STUDY.config.replays:

    rule replay:
        """Somebody else's predictions as answers to the shard's clips.

        A clip that the CSV leaves out, although its video is there, is a failure.
        """
        input:
            predictions=lambda wildcards: RULES.predictions(wildcards.run).files,
            clips="<results>/clips.parquet",
            availability="<results>/availability.parquet",
        output:
            "<results>/answers/{run}/{shard}.parquet",
        log:
            "<logs>/replay/{run}/{shard}.log",
        benchmark:
            "<benchmarks>/replay/{run}/{shard}.tsv"
        wildcard_constraints:
            run="|".join(map(re.escape, STUDY.config.replays)),
        localrule: True
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("replay"),
            code=RULES.code("replay"),
            content=lambda wildcards: RULES.predictions(wildcards.run).digest(),
            reads=RULES.reads("dataset/split"),
        shell:
            "{params.run} --predictions {input.predictions:q} --clips {input.clips:q}"
            " --availability {input.availability:q} --shard {wildcards.shard}"
            " --output {output:q} 2>&1 | tee {log:q}"
