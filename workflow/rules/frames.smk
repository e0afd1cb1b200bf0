"""Frames: one decode a clip for all samplings and models, then each sampling's choice of frames."""


rule decode_frames:
    """Pixels of every frame that some sampling needs; the digest stands for them downstream."""
    input:
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        frames="<results>/frames/decoded/{shard}.npz",
        digest="<results>/frames/decoded/{shard}.sha256",
    log:
        "<logs>/decode_frames/{shard}.log",
    benchmark:
        "<benchmarks>/decode_frames/{shard}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("decode_frames"),
        split=DATASET["split"],
        plan=as_json(decode_plan(STUDY.config["samplings"])),
        frames=as_json(STUDY.config["frames"]),
    shell:
        "(python workflow/scripts/decode_frames.py --clips {input.clips:q}"
        " --availability {input.availability:q} --split {params.split} --shard {wildcards.shard}"
        " --plan {params.plan:q} --frames {params.frames:q} --output {output.frames:q}"
        " && sha256sum {output.frames:q} > {output.digest:q}) 2>&1 | tee {log:q}"


rule sample_frames:
    """Indices and time stamps of the frames that one sampling shows of each clip."""
    input:
        frames=ancient("<results>/frames/decoded/{shard}.npz"),
        digest="<results>/frames/decoded/{shard}.sha256",
    output:
        "<results>/frames/{sampling}/{shard}.npz",
    log:
        "<logs>/sample_frames/{sampling}/{shard}.log",
    benchmark:
        "<benchmarks>/sample_frames/{sampling}/{shard}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("sample_frames"),
        sampling=lambda wildcards: as_json(STUDY.config["samplings"][wildcards.sampling]),
    shell:
        "python workflow/scripts/sample_frames.py --decoded {input.frames:q}"
        " --sampling {params.sampling:q} --output {output:q} 2>&1 | tee {log:q}"
