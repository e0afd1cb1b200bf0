"""Demo: a data set and models that are made here, so that the whole study runs anywhere."""

if "demo" in STUDY.config:

    rule make_demo:
        """A miniature of WLASL in its own formats: metadata, split file, clips, descriptions.

        The clips lie beside the metadata, in videos/; the metadata, written last, stands for them.
        """
        output:
            metadata=DATASET["metadata"],
            split_file=DATASET["split_file"],
            descriptions=str(Path(DATASET["metadata"]).with_name("descriptions.csv")),
        log:
            "<logs>/make_demo.log",
        benchmark:
            "<benchmarks>/make_demo.tsv"
        conda:
            "../../envs/zerosign.yaml"
        threads: 4
        params:
            code=code("make_demo"),
            settings=as_json(STUDY.config["demo"]),
            videos=DATASET["videos"][0]["folder"],
        shell:
            "python workflow/scripts/make_demo.py --settings {params.settings:q}"
            " --metadata {output.metadata:q} --splits {output.split_file:q}"
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
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("build_demo_model"),
            seed=STUDY.config["demo"]["seed"],
            folder=output_folder,
        shell:
            "python workflow/scripts/build_demo_model.py --kind {wildcards.kind} --seed {params.seed}"
            " --output {params.folder:q} 2>&1 | tee {log:q}"

    rule train_demo_model:
        """The demo's trained model, made again: what resources/demo/tiny-qwen2.5-vl ships.

        No target needs it. Same seed and steps on the same machine: the same weights.
        """
        input:
            metadata=DATASET["metadata"],
            split_file=DATASET["split_file"],
        output:
            multiext("<results>/models/trained/", "config.json", "model.safetensors"),
        log:
            "<logs>/train_demo_model.log",
        benchmark:
            "<benchmarks>/train_demo_model.tsv"
        conda:
            "../../envs/zerosign.yaml"
        params:
            code=code("train_demo_model"),
            videos=DATASET["videos"][0]["folder"],
            prompt=lambda wildcards: as_json(STUDY.prompts["demo-gloss"]),
            seed=STUDY.config["demo"]["seed"],
            folder=output_folder,
        shell:
            "python workflow/scripts/train_demo_model.py --metadata {input.metadata:q}"
            " --splits {input.split_file:q} --videos {params.videos:q} --prompt {params.prompt:q}"
            " --seed {params.seed} --output {params.folder:q} 2>&1 | tee {log:q}"
