"""Descriptions of signs, and binary matching: is this clip that sign?"""

if STUDY.config["descriptions"]:

    rule descriptions:
        """One description a gloss, from the first file that has one; which glosses are covered."""
        input:
            clips="<results>/clips.parquet",
            sources=[by_content(path) for path in STUDY.config["descriptions"]],
        output:
            descriptions=DESCRIPTIONS,
            table=table_files("tables", ["descriptions"], "../report/descriptions.rst", "Tables"),
        log:
            "<logs>/descriptions.log",
        benchmark:
            "<benchmarks>/descriptions.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("descriptions"),
            content=[content(path) for path in STUDY.config["descriptions"]],
            table=lambda wildcards, output: output_stem(wildcards, output.table),
        shell:
            "python workflow/scripts/descriptions.py --clips {input.clips:q}"
            " --sources {input.sources:q} --table {params.table:q}"
            " --output {output.descriptions:q} 2>&1 | tee {log:q}"


if STUDY.match_runs:

    rule match_pairs:
        """The questions of all matching runs: a clip, a gloss, whether they belong together.

        As soon as one run shows descriptions, all are asked about the glosses that have one.
        """
        input:
            clips="<results>/clips.parquet",
            descriptions=[DESCRIPTIONS] if STUDY.matches_descriptions else [],
        output:
            "<results>/matching/pairs.parquet",
        log:
            "<logs>/match_pairs.log",
        benchmark:
            "<benchmarks>/match_pairs.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("match_pairs"),
            split=DATASET["split"],
            encoder=as_json(STUDY.config["mapping"]["encoder"]),
            settings=as_json(STUDY.config["matching"]),
            descriptions=lambda wildcards, input: (
                f"--descriptions {input.descriptions}" if input.descriptions else ""
            ),
        shell:
            "python workflow/scripts/match_pairs.py --clips {input.clips:q} --split {params.split}"
            " {params.descriptions} --encoder {params.encoder:q} --settings {params.settings:q}"
            " --output {output:q} 2>&1 | tee {log:q}"

    rule score_matching:
        """Verdicts of all matching runs, and their measures beside those of constants."""
        input:
            clips="<results>/clips.parquet",
            pairs="<results>/matching/pairs.parquet",
            answers=expand(
                "<results>/answers/{run}/{shard}.parquet", run=STUDY.match_runs, shard=SHARDS
            ),
        output:
            verdicts="<results>/matching/verdicts.parquet",
            table=table_files("tables", ["matching"], "../report/matching.rst", "Tables"),
        log:
            "<logs>/score_matching.log",
        benchmark:
            "<benchmarks>/score_matching.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("score_matching"),
            runs=as_json(STUDY.run_list(STUDY.match_runs)),
            confidence=STUDY.config["statistics"]["confidence"],
            table=lambda wildcards, output: output_stem(wildcards, output.table),
        shell:
            "python workflow/scripts/score_matching.py --clips {input.clips:q}"
            " --pairs {input.pairs:q} --answers {input.answers:q} --runs {params.runs:q}"
            " --confidence {params.confidence} --table {params.table:q} --output {output.verdicts:q} 2>&1 | tee {log:q}"
