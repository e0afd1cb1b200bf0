#!/bin/sh
# Print the conda environment with the pins of requirements.lock (`make lock` calls this).
cat <<HEAD
# Made by \`make lock\` from requirements.lock, for runs with --sdm conda.
name: zerosign
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11
  - pip
  - pip:
HEAD
grep -v '^#' "$(dirname "$0")/../requirements.lock" | sed 's/^/      - /'
