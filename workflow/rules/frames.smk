"""Frames: one decode per clip for all samplings and models, then each sampling's choice."""


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
        run=RULES.program("decode_frames"),
        code=RULES.code("decode_frames"),
        reads=RULES.reads("dataset/split", "frames"),
        plan=RULES.decode_plan,
    shell:
        "({params.run} --clips {input.clips:q} --availability {input.availability:q}"
        " --shard {wildcards.shard} --output {output.frames:q}"
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
        run=RULES.program("sample_frames"),
        code=RULES.code("sample_frames"),
        reads=lambda wildcards: RULES.reads(f"samplings/{wildcards.sampling}"),
    shell:
        "{params.run} --decoded {input.frames:q} --sampling {wildcards.sampling:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule contact_sheet:
    """One picture of all clips of a shard, as a sampling shows them; for this machine only."""
    input:
        clips="<results>/clips.parquet",
        frames=ancient("<results>/frames/decoded/{shard}.npz"),
        selection="<results>/frames/{sampling}/{shard}.npz",
    output:
        "<results>/contact_sheets/{sampling}/{shard}.jpg",
    log:
        "<logs>/contact_sheet/{sampling}/{shard}.log",
    benchmark:
        "<benchmarks>/contact_sheet/{sampling}/{shard}.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("contact_sheet"),
        code=RULES.code("contact_sheet"),
    shell:
        "{params.run} --clips {input.clips:q} --decoded {input.frames:q}"
        " --selection {input.selection:q} --output {output:q} 2>&1 | tee {log:q}"


rule quality:
    """The clips of the evaluated split with what is odd about them: damage, length, rate, size."""
    input:
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
        selections=RULES.selections(*RULES.looked_at),
    output:
        RULES.local_table("contact_sheets/quality"),
    log:
        "<logs>/quality.log",
    benchmark:
        "<benchmarks>/quality.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("quality"),
        code=RULES.code("quality"),
        reads=RULES.reads("dataset/split", "shards"),
        frames=RULES.result("frames"),
        stem=stem,
        samplings=RULES.looked_at,
    shell:
        "{params.run} --clips {input.clips:q} --availability {input.availability:q}"
        " --frames {params.frames:q} --samplings {params.samplings:q} --output {params.stem:q}"
        " 2>&1 | tee {log:q}"


rule contact_sheets:
    """Pictures of all clips, by sampling and shard, and the quality table; runs no model."""
    input:
        rules.quality.output,
        expand(
            "<results>/contact_sheets/{sampling}/{shard}.jpg",
            sampling=RULES.looked_at,
            shard=RULES.shards,
        ),


rule near_duplicates:
    """Pairs of clips that are the same take, by perceptual hash, and a flag for each clip."""
    input:
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        flags="<results>/splits/near_duplicates.parquet",
        table=RULES.tables("splits", ["near_duplicates"], "Data set"),
    log:
        "<logs>/near_duplicates.log",
    benchmark:
        "<benchmarks>/near_duplicates.tsv"
    conda:
        "../../envs/zerosign.yaml"
    threads: 4
    params:
        run=RULES.program("near_duplicates"),
        code=RULES.code("near_duplicates"),
        folder=folder,
    shell:
        "{params.run} --clips {input.clips:q} --availability {input.availability:q}"
        " --workers {threads} --output {params.folder:q} 2>&1 | tee {log:q}"
