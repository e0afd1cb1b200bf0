#!/bin/sh
# Print a conda environment with the pins of a lock (`make lock` calls this): from-lock.sh NAME LOCK
cat <<HEAD
# Made by \`make lock\` from $2, for runs with --sdm conda.
name: $1
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python =3.11
  - pip
  - pip:
HEAD
grep -v '^#' "$(dirname "$0")/../$2" | sed 's/^/      - /'
