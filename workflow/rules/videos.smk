"""Videos: where each clip is found, and what its decoder sees."""


rule fetch_videos:
    """Where each clip of the split was found, as its decoder sees it, or why it is missing.

    Downloads are kept in <results>/videos, which is no output: Snakemake would delete it.
    """
    input:
        RULES.early(checks.check_videos),
        clips="<results>/clips.parquet",
        # Videos that a rule makes are there when its metadata is.
        table=RULES.table.files,
    output:
        clips="<results>/availability.parquet",
        summary=RULES.tables("tables", ["availability"], "Data set"),
    log:
        "<logs>/fetch_videos.log",
    benchmark:
        "<benchmarks>/fetch_videos.tsv"
    conda:
        "../../envs/zerosign.yaml"
    threads: 4
    params:
        run=RULES.program("fetch_videos"),
        code=RULES.code("fetch_videos"),
        content=RULES.table.digest,
        reads=RULES.reads(
            *("dataset/split", "dataset/fetch", "dataset/videos", "dataset/min_available"),
            "facts/sources",
        ),
        videos=RULES.result("videos"),
        summary=RULES.result("tables/availability"),
    shell:
        "{params.run} --clips {input.clips:q} --videos {params.videos:q} --workers {threads}"
        " --summary {params.summary:q} --output {output.clips:q} 2>&1 | tee {log:q}"
