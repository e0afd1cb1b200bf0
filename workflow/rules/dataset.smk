"""Dataset: which clips there are, whether the splits are what they claim, where the videos lie."""


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
        "python {SCRIPTS}/clips.py {params.table} --shards {params.shards} --output {output:q}"
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
        tables=report(
            expand(
                "<results>/splits/{table}.{kind}",
                table=["counts", "per_class", "leakage"],
                kind=["csv", "md", "tex"],
            ),
            caption="../report/splits.rst",
            category="Data set",
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
        "python {SCRIPTS}/verify_splits.py {params.options} --expected {params.expected:q}"
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
        "<results>/availability.parquet",
        report(
            multiext("<results>/tables/availability", ".csv", ".md", ".tex"),
            caption="../report/availability.rst",
            category="Data set",
        ),
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
        sources=as_json(DATASET["videos"]),
        facts=as_json(STUDY.facts.sources),
        min_available=DATASET.get("min_available", 0),
        videos=f"{RESULTS}/videos",
    shell:
        "python {SCRIPTS}/fetch_videos.py --clips {input.clips:q} --splits {params.split}"
        " --sources {params.sources:q} --source-facts {params.facts:q} --videos {params.videos:q}"
        " --min-available {params.min_available} --workers {threads}"
        " --summary $(dirname {output[1]:q})/availability --output {output[0]:q}"
        " 2>&1 | tee {log:q}"
