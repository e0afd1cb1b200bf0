"""Descriptions of signs, and binary matching: is this clip that sign?"""

if STUDY.config.descriptions:

    rule descriptions:
        """One description per gloss, from the first file that has one; which glosses are covered."""
        input:
            clips="<results>/clips.parquet",
            sources=RULES.descriptions.files,
        output:
            descriptions="<results>/descriptions.parquet",
            table=RULES.tables("tables", ["descriptions"], "Tables"),
        log:
            "<logs>/descriptions.log",
        benchmark:
            "<benchmarks>/descriptions.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("descriptions"),
            code=RULES.code("descriptions"),
            content=RULES.descriptions.digest,
            table=RULES.result("tables/descriptions"),
        shell:
            "{params.run} --clips {input.clips:q} --sources {input.sources:q}"
            " --table {params.table:q} --output {output.descriptions:q} 2>&1 | tee {log:q}"


if STUDY.match_runs:

    rule match_pairs:
        """The questions of all matching runs: a clip, a gloss, whether they belong together.

        As soon as one run shows descriptions, all runs use only the glosses that have one.
        """
        input:
            clips="<results>/clips.parquet",
            descriptions=RULES.description_table if STUDY.matches_descriptions else [],
        output:
            "<results>/matching/pairs.parquet",
        log:
            "<logs>/match_pairs.log",
        benchmark:
            "<benchmarks>/match_pairs.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("match_pairs"),
            code=RULES.code("match_pairs"),
            encoder=RULES.encoder,
            reads=RULES.reads("dataset/split", "mapping/encoder", "matching"),
            files=options("descriptions"),
        shell:
            "{params.run} --clips {input.clips:q} {params.files} --output {output:q} 2>&1 | tee {log:q}"

    rule score_matching:
        """Verdicts of all matching runs, and their measures next to those of constants."""
        input:
            clips="<results>/clips.parquet",
            pairs="<results>/matching/pairs.parquet",
            answers=[file for run in STUDY.match_runs for file in RULES.per_shard(f"answers/{run}")],
        output:
            verdicts="<results>/matching/verdicts.parquet",
            table=RULES.tables("tables", ["matching"], "Tables"),
        log:
            "<logs>/score_matching.log",
        benchmark:
            "<benchmarks>/score_matching.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("score_matching"),
            code=RULES.code("score_matching"),
            reads=RULES.reads("matched", "statistics/confidence", "shards"),
            answers=RULES.result("answers"),
            table=RULES.result("tables/matching"),
        shell:
            "{params.run} --clips {input.clips:q} --pairs {input.pairs:q}"
            " --answers {params.answers:q} --table {params.table:q}"
            " --output {output.verdicts:q} 2>&1 | tee {log:q}"
