"""Demo: a data set and models that are made here, so that the whole study runs anywhere."""

from zerosign.demo.tiny_models import KINDS

if STUDY.config.demo:

    rule make_demo:
        """A miniature of WLASL in its own formats: metadata, split file, clips, descriptions.

        The clips are next to the metadata, in videos/; the metadata is written last.
        """
        output:
            metadata=STUDY.config.dataset.metadata,
            split_file=STUDY.config.dataset.split_file,
            descriptions=str(Path(STUDY.config.dataset.metadata).with_name("descriptions.csv")),
        log:
            "<logs>/make_demo.log",
        benchmark:
            "<benchmarks>/make_demo.tsv"
        conda:
            "../../envs/zerosign.yaml"
        threads: 4
        params:
            run=RULES.program("make_demo"),
            code=RULES.code("make_demo"),
            reads=RULES.reads("demo"),
            videos=STUDY.config.dataset.videos[0].folder,
        shell:
            "{params.run} --metadata {output.metadata:q} --splits {output.split_file:q}"
            " --descriptions {output.descriptions:q} --videos {params.videos:q} --jobs {threads}"
            " 2>&1 | tee {log:q}"

    rule build_demo_model:
        """A tiny random model of a real architecture: what no training knows."""
        output:
            multiext("<results>/models/{kind}/", "config.json", "model.safetensors"),
        log:
            "<logs>/build_demo_model/{kind}.log",
        benchmark:
            "<benchmarks>/build_demo_model/{kind}.tsv"
        wildcard_constraints:
            kind="|".join(KINDS),
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("build_demo_model"),
            code=RULES.code("build_demo_model"),
            reads=RULES.reads("demo/seed"),
            folder=folder,
        shell:
            "{params.run} --kind {wildcards.kind} --output {params.folder:q} 2>&1 | tee {log:q}"

    rule train_demo_model:
        """The demo's trained model, made again: what resources/demo/tiny-qwen2.5-vl ships.

        No target needs it. Same seed and steps on the same machine: the same weights.
        """
        input:
            metadata=STUDY.config.dataset.metadata,
            split_file=STUDY.config.dataset.split_file,
        output:
            multiext("<results>/models/trained/", "config.json", "model.safetensors"),
        log:
            "<logs>/train_demo_model.log",
        benchmark:
            "<benchmarks>/train_demo_model.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            run=RULES.program("train_demo_model"),
            code=RULES.code("train_demo_model"),
            reads=lambda wildcards: RULES.reads("demo/seed", "prompts/demo-gloss"),
            videos=STUDY.config.dataset.videos[0].folder,
            folder=folder,
        shell:
            "{params.run} --metadata {input.metadata:q} --splits {input.split_file:q}"
            " --videos {params.videos:q} --output {params.folder:q} 2>&1 | tee {log:q}"
