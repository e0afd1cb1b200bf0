"""Inference: models answer prompts about clips, or a file has their answers."""


rule ask:
    """Everything that is asked of one checkpoint, which is loaded once, or not at all.

    The answers go to the store, which is no output: Snakemake would delete it with a failed job.
    The output says what was asked. It is written when all of it is answered or failed for good.
    """
    input:
        unpack(RULES.ask_input),
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        "<results>/asked/{checkpoint}/{part}.json",
    log:
        "<logs>/ask/{checkpoint}/{part}.log",
    benchmark:
        "<benchmarks>/ask/{checkpoint}/{part}.tsv"
    wildcard_constraints:
        checkpoint=any_of(set(STUDY.loads) - set(STUDY.api_loads)),
        part=r"\d+",
    conda:
        "../../envs/zerosign.yaml"
    threads: 4
    resources:
        gpu=RULES.gpus,
        mem_mb=lambda wildcards, attempt: RULES.memory_mb(wildcards.checkpoint) * attempt,
        runtime=720,
    params:
        run=RULES.program("ask"),
        asks=RULES.planning_code,
        code=lambda wildcards: RULES.codes(wildcards.checkpoint),
        reads=RULES.ask_reads,
        weights=lambda wildcards: RULES.weights(STUDY.loads[wildcards.checkpoint].models[0]),
        files=options("pairs", "descriptions", "vllm_python"),
        frames=RULES.result("frames"),
        store=RULES.store,
    shell:
        "{params.run} --checkpoint {wildcards.checkpoint:q} --part {wildcards.part}"
        " --clips {input.clips:q} --availability {input.availability:q} --frames {params.frames:q}"
        " {params.files} {params.code}"
        " --store {params.store:q} --output {output:q} 2>&1 | tee {log:q}"


if RULES.finds_vllm:

    rule vllm_python:
        """Which Python has vLLM, for `ask` to start a process with it.

        First of all, so that a missing environment is told before any work.
        """
        output:
            "<results>/vllm-python.txt",
        log:
            "<logs>/vllm_python.log",
        benchmark:
            "<benchmarks>/vllm_python.tsv"
        priority: 1
        localrule: True
        conda:
            "../../envs/vllm.yaml"
        params:
            run=RULES.program("vllm_python"),
            code=RULES.code("vllm_python"),
            versions=RULES.vllm_versions,
        shell:
            "{params.run} --output {output:q} 2>&1 | tee {log:q}"


if STUDY.api_loads:

    rule ask_api:
        """Everything that is asked of one provider over the network, and is in no store.

        It runs where the network is, one process a provider, which owns its rates and money. The
        key of the provider is read from the environment alone.
        """
        input:
            unpack(RULES.ask_input),
            clips="<results>/clips.parquet",
            availability="<results>/availability.parquet",
        output:
            "<results>/asked/{checkpoint}/0.json",
        log:
            "<logs>/ask_api/{checkpoint}.log",
        benchmark:
            "<benchmarks>/ask_api/{checkpoint}.tsv"
        wildcard_constraints:
            checkpoint=any_of(STUDY.api_loads),
        localrule: True
        conda:
            "../../envs/api.yaml"
        resources:
            **RULES.api_resources,
        params:
            run=RULES.program("ask_api"),
            asks=RULES.planning_code,
            code=lambda wildcards: RULES.answer_code(wildcards.checkpoint),
            reads=RULES.ask_reads,
            files=options("pairs"),
            frames=RULES.result("frames"),
            store=RULES.store,
        shell:
            "{params.run} --provider {wildcards.checkpoint:q}"
            " --clips {input.clips:q} --availability {input.availability:q}"
            " --frames {params.frames:q} {params.files} --code {params.code}"
            " --store {params.store:q} --output {output:q} 2>&1 | tee {log:q}"

    rule costs:
        """What the answers of API models cost, and which models and tiers served them."""
        input:
            answers=[file for run in STUDY.api_runs for file in RULES.per_shard(f"answers/{run}")],
        output:
            RULES.tables("tables", ["costs"], "Tables"),
        log:
            "<logs>/costs.log",
        benchmark:
            "<benchmarks>/costs.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("costs"),
            code=RULES.code("costs"),
            reads=RULES.reads("api_runs", "shards"),
            answers=RULES.result("answers"),
            table=RULES.result("tables/costs"),
        shell:
            "{params.run} --answers {params.answers:q} --output {params.table:q} 2>&1 | tee {log:q}"


rule answers:
    """One row per question about a clip: the answer, or the failure, and what was seen.

    From the store: no model is loaded.
    """
    input:
        unpack(RULES.answers_input),
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        expand("<results>/answers/{{run}}/{shard}.parquet", shard=RULES.shards),
    log:
        "<logs>/answers/{run}.log",
    benchmark:
        "<benchmarks>/answers/{run}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("answers"),
        asks=RULES.planning_code,
        gathers=RULES.code("answers"),
        code=lambda wildcards: RULES.answer_code(STUDY.load_of(STUDY.runs[wildcards.run].model)),
        reads=RULES.answers_reads,
        weights=lambda wildcards: RULES.weights(STUDY.runs[wildcards.run].model),
        files=options("pairs"),
        frames=RULES.result("frames"),
        store=RULES.store,
        folder=folder,
    shell:
        "{params.run} --run {wildcards.run:q} --clips {input.clips:q}"
        " --availability {input.availability:q} --frames {params.frames:q} {params.files}"
        " --code {params.code} --store {params.store:q} --asked {input.asked:q}"
        " --output {params.folder:q} 2>&1 | tee {log:q}"


if STUDY.config.replays:

    rule replay:
        """Somebody else's predictions as answers to the shard's clips.

        A clip that the CSV leaves out is a failure.
        """
        input:
            predictions=lambda wildcards: RULES.predictions(wildcards.run).files,
            clips="<results>/clips.parquet",
        output:
            "<results>/answers/{run}/{shard}.parquet",
        log:
            "<logs>/replay/{run}/{shard}.log",
        benchmark:
            "<benchmarks>/replay/{run}/{shard}.tsv"
        wildcard_constraints:
            run=any_of(STUDY.config.replays),
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
            " --shard {wildcards.shard} --output {output:q} 2>&1 | tee {log:q}"
