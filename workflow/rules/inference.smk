"""Inference: a model answers a prompt about the clips of a shard, or a file has its answers."""


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
        weights=lambda wildcards: weights(STUDY.runs[wildcards.run].model),
        prompt=lambda wildcards: as_json(STUDY.prompts[STUDY.runs[wildcards.run].prompt]),
        frames=lambda wildcards, input: frames_options(input),
        questions=lambda wildcards, input: questions_option(wildcards, input),
        journal=f"{RESULTS}/journal/{{run}}/{{shard}}.jsonl",
    shell:
        "python workflow/scripts/infer.py --clips {input.clips:q} --availability {input.availability:q}"
        " --split {params.split} --shard {wildcards.shard} {params.frames}"
        " --run {wildcards.run:q} --model {params.model:q}"
        " --prompt {params.prompt:q} {params.questions} --code {params.code} --journal {params.journal:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


if STUDY.config["replays"]:

    rule replay:
        """Somebody else's predictions as answers to the shard's clips.

        A clip that the CSV leaves out, although its video is there, is a failure.
        """
        input:
            predictions=lambda wildcards: by_content(
                STUDY.config["replays"][wildcards.run]["predictions"]
            ),
            clips="<results>/clips.parquet",
            availability="<results>/availability.parquet",
        output:
            "<results>/answers/{run}/{shard}.parquet",
        log:
            "<logs>/replay/{run}/{shard}.log",
        benchmark:
            "<benchmarks>/replay/{run}/{shard}.tsv"
        wildcard_constraints:
            run="|".join(map(re.escape, STUDY.config["replays"])),
        localrule: True
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("replay"),
            split=DATASET["split"],
            content=lambda wildcards: content(STUDY.config["replays"][wildcards.run]["predictions"]),
        shell:
            "python workflow/scripts/replay.py --predictions {input.predictions:q}"
            " --clips {input.clips:q} --availability {input.availability:q}"
            " --splits {params.split} --shard {wildcards.shard}"
            " --output {output:q} 2>&1 | tee {log:q}"
