"""The library that zerosign's command-line programs share: pure functions, no Snakemake."""
