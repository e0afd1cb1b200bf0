"""Inference: a model answers a prompt about the clips of a shard."""


rule infer:
    """One row a question about a clip of the shard: the answer, or the failure, and what was seen.

    The journal beside the answers is no output: Snakemake would delete it with a failed job. It
    holds every answer ever given, so that none is asked for twice.
    """
    input:
        unpack(infer_input),
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
        gpu=lambda wildcards: STUDY.gpus(STUDY.runs[wildcards.run].model),
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=240,
    params:
        code=lambda wildcards: adapter_code("infer", STUDY.runs[wildcards.run].model),
        split=DATASET["split"],
        model=lambda wildcards: as_json(STUDY.models[STUDY.runs[wildcards.run].model]),
        prompt=lambda wildcards: as_json(STUDY.prompts[STUDY.runs[wildcards.run].prompt]),
        journal=f"{RESULTS}/journal/{{run}}/{{shard}}.jsonl",
    shell:
        "python workflow/scripts/infer.py --clips {input.clips:q} --availability {input.availability:q}"
        " --split {params.split} --shard {wildcards.shard} --decoded {input.decoded:q}"
        " --selection {input.selection:q} --run {wildcards.run:q} --model {params.model:q}"
        " --prompt {params.prompt:q} --code {params.code} --journal {params.journal:q}"
        " --output {output:q} 2>&1 | tee {log:q}"
