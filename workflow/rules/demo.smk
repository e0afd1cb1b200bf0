"""Demo: a data set and models that are made here, so that the whole study runs anywhere."""

if "demo" in STUDY.config:

    rule make_demo:
        """A miniature of WLASL in its own formats: metadata, split file, clips, descriptions.

        The clips lie beside the metadata, in videos/; the metadata, written last, stands for them.
        """
        output:
            metadata=DATASET["metadata"],
            split_file=DATASET["split_file"],
            descriptions=STUDY.config["alignment"]["descriptions"],
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
            "python {SCRIPTS}/make_demo.py --settings {params.settings:q}"
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
        shell:
            "python {SCRIPTS}/build_demo_model.py --kind {wildcards.kind} --seed {params.seed}"
            " --output $(dirname {output[0]:q}) 2>&1 | tee {log:q}"
