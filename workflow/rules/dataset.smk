"""Dataset: which clips there are, and whether the splits are what they claim."""


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
        run=RULES.program("describe_study"),
        code=RULES.code("describe_study"),
        reads=RULES.reads(*STUDY.parts),
    shell:
        "{params.run} --output {output:q} 2>&1 | tee {log:q}"


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
            run=RULES.program("download"),
            code=RULES.code("download"),
            reads=lambda wildcards: RULES.reads(f"downloads/resources/{wildcards.download}"),
        shell:
            "{params.run} --output {output:q} 2>&1 | tee {log:q}"


rule clips:
    """One row per clip of the study's subset, all splits, in the order of the metadata.

    Stops where no answer could tell two glosses apart.
    """
    input:
        RULES.early(checks.check_tables),
        table=RULES.table.files,
        forms=RULES.written_forms.files,
    output:
        "<results>/clips.parquet",
    log:
        "<logs>/clips.log",
    benchmark:
        "<benchmarks>/clips.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("clips"),
        code=RULES.code("clips"),
        content=RULES.table.digest,
        forms_content=RULES.written_forms.digest,
        reads=RULES.reads("dataset/format", *RULES.subset, "shards", "mapping/language"),
        files=options("forms"),
    shell:
        "{params.run} --table {input.table:q} {params.files} --output {output:q} 2>&1 | tee {log:q}"


rule verify_splits:
    """Tables 1 and 2 (clips by split; by split and gloss), leakage, and every check's outcome.

    A failed check fails the rule and names the clips.
    """
    input:
        RULES.early(checks.check_tables),
        table=RULES.table.files,
        split_file=RULES.split_file.files,
        published=RULES.published_clips.files,
    output:
        verification="<results>/splits/verification.json",
        flags="<results>/splits/flags.parquet",
        tables=RULES.tables("splits", ["counts", "per_class", "leakage"], "Data set"),
    log:
        "<logs>/verify_splits.log",
    benchmark:
        "<benchmarks>/verify_splits.tsv"
    conda:
        "../../envs/zerosign.yaml"
    params:
        run=RULES.program("verify_splits"),
        code=RULES.code("verify_splits"),
        content=RULES.verified.digest,
        reads=RULES.reads(
            *("dataset/format", *RULES.subset, "facts/expected", "facts/metadata", "title")
        ),
        files=options("table", "split_file", "published"),
        folder=folder,
    shell:
        "{params.run} {params.files} --output {params.folder:q} 2>&1 | tee {log:q}"
