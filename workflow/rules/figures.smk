"""Figures: drawn from the tables alone."""


rule figure:
    """One figure as PDF and PNG; its footer states n, the interval and the configuration's digest."""
    input:
        RULES.figure_tables,
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
        run=RULES.program("figure"),
        code=RULES.figure_code,
        reads=RULES.reads("statistics/confidence", "mapping/mapper", "digest"),
        caption=RULES.figure_caption,
        tables=RULES.result("tables"),
        stem=stem,
    shell:
        "{params.run} --figure {wildcards.figure} --tables {params.tables:q}"
        " --output {params.stem:q} 2>&1 | tee {log:q}"


rule figures:
    """All figures; runs no model."""
    input:
        expand("<results>/figures/{figure}.{kind}", figure=RULES.figures, kind=["pdf", "png"]),
