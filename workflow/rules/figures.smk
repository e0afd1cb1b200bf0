"""Figures: drawn from the tables alone."""


rule figure:
    """One figure as PDF and PNG; its footer states n, the interval and the configuration's digest."""
    input:
        tables=lambda wildcards: expand(
            "<results>/tables/{table}.csv", table=FIGURES[wildcards.figure]
        ),
        published="config/published.csv",
    output:
        "<results>/figures/{figure}.pdf",
        report(
            "<results>/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"Figure": "{figure}"},
        ),
    log:
        "<logs>/figure/{figure}.log",
    benchmark:
        "<benchmarks>/figure/{figure}.tsv"
    localrule: True
    conda:
        "../../envs/zerosign.yaml"
    params:
        code=code("figures"),
        dataset=STUDY.title,
        confidence=STUDY.config["statistics"]["confidence"],
        digest=STUDY.digest,
        stem=output_stem,
    shell:
        "python workflow/scripts/figures.py --figure {wildcards.figure} --tables {input.tables:q}"
        " --published {input.published:q} --dataset {params.dataset:q}"
        " --confidence {params.confidence} --digest {params.digest}"
        " --output {params.stem:q} 2>&1 | tee {log:q}"


rule figures:
    """All figures; nothing is asked of a model that was answered."""
    input:
        expand("<results>/figures/{figure}.{kind}", figure=FIGURES, kind=["pdf", "png"]),
