"""Dataset: which clips there are, whether the splits are what they claim, where the videos lie."""


rule describe_study:
    """The resolved configuration behind the results, with all models and prompts in full."""
    output:
        "<results>/study.json",
    log:
        "<logs>/describe_study.log",
    benchmark:
        "<benchmarks>/describe_study.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("describe_study"),
        study=lambda wildcards: as_json(STUDY.resolved() | {"left_out": STUDY.left_out}),
        digest=STUDY.digest,
    shell:
        "python workflow/scripts/describe_study.py --study {params.study:q} --digest {params.digest}"
        " --output {output:q} 2>&1 | tee {log:q}"


if STUDY.downloads:

    rule download:
        """A file that others publish, from a pinned commit, kept if its checksum is right."""
        output:
            "resources/{download}",
        log:
            "<logs>/download/{download}.log",
        benchmark:
            "<benchmarks>/download/{download}.tsv"
        wildcard_constraints:
            download="|".join(
                re.escape(path.removeprefix("resources/")) for path in STUDY.downloads
            ),
        localrule: True
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("download"),
            source=lambda wildcards, output: STUDY.downloads[output[0]],
        shell:
            "python workflow/scripts/download.py --url {params.source[url]:q}"
            " --sha256 {params.source[sha256]} --output {output:q} 2>&1 | tee {log:q}"


rule clips:
    """One row a clip of the study's subset, all splits, in the order of the metadata."""
    input:
        by_content(table_path()),
    output:
        "<results>/clips.parquet",
    log:
        "<logs>/clips.log",
    benchmark:
        "<benchmarks>/clips.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("clips"),
        content=content(table_path()),
        table=table_options(),
        shards=STUDY.config["shards"],
    shell:
        "python workflow/scripts/clips.py {params.table} --shards {params.shards} --output {output:q}"
        " 2>&1 | tee {log:q}"


rule verify_splits:
    """Tables 1 and 2 (clips by split; by split and gloss), leakage, and every check's outcome.

    A failed check fails the rule and names the clips.
    """
    input:
        **split_inputs(),
        table=by_content(table_path()),
    output:
        verification="<results>/splits/verification.json",
        flags="<results>/splits/flags.parquet",
        tables=table_files(
            "splits", ["counts", "per_class", "leakage"], "../report/splits.rst", "Data set"
        ),
    log:
        "<logs>/verify_splits.log",
    benchmark:
        "<benchmarks>/verify_splits.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("verify_splits"),
        content=[content(path) for path in (table_path(), *split_inputs().values())],
        options=split_options(),
        expected=as_json(STUDY.facts.expected),
        name=STUDY.title,
    shell:
        "python workflow/scripts/verify_splits.py {params.options} --expected {params.expected:q}"
        " --name {params.name:q} --output $(dirname {output.verification:q}) 2>&1 | tee {log:q}"


rule fetch_videos:
    """Where each clip of the split was found, as its decoder sees it, or why it is missing.

    Downloads are kept in <results>/videos, which is no output: Snakemake would delete it.
    """
    input:
        clips="<results>/clips.parquet",
        # Videos that a rule makes are there when its metadata is.
        table=by_content(table_path()),
    output:
        clips="<results>/availability.parquet",
        summary=table_files("tables", ["availability"], "../report/availability.rst", "Data set"),
    log:
        "<logs>/fetch_videos.log",
    benchmark:
        "<benchmarks>/fetch_videos.tsv"
    conda:
        "../../envs/zerosign.yaml"
    threads: 4
    params:
        code=code("fetch_videos"),
        split=DATASET["split"],
        fetch=DATASET["fetch"],
        sources=as_json(DATASET["videos"]),
        facts=as_json(STUDY.facts.sources),
        min_available=DATASET.get("min_available", 0),
        videos=f"{RESULTS}/videos",
        summary=lambda wildcards, output: output_stem(wildcards, output.summary),
    shell:
        "python workflow/scripts/fetch_videos.py --clips {input.clips:q} --splits {params.fetch}"
        " --asked {params.split}"
        " --sources {params.sources:q} --source-facts {params.facts:q} --videos {params.videos:q}"
        " --min-available {params.min_available} --workers {threads}"
        " --summary {params.summary:q} --output {output.clips:q}"
        " 2>&1 | tee {log:q}"


rule near_duplicates:
    """Pairs of clips that are the same take, by perceptual hash, and a flag for each clip."""
    input:
        clips="<results>/clips.parquet",
        availability="<results>/availability.parquet",
    output:
        flags="<results>/splits/near_duplicates.parquet",
        table=table_files(
            "splits", ["near_duplicates"], "../report/near_duplicates.rst", "Data set"
        ),
    log:
        "<logs>/near_duplicates.log",
    benchmark:
        "<benchmarks>/near_duplicates.tsv"
    conda:
        "../../envs/zerosign.yaml"
    threads: 4
    params:
        code=code("audit_duplicates"),
    shell:
        "python workflow/scripts/audit_duplicates.py --clips {input.clips:q}"
        " --availability {input.availability:q} --workers {threads}"
        " --output $(dirname {output.flags:q}) 2>&1 | tee {log:q}"
