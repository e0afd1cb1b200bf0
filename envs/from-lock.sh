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
# A pin and its hashes are one line.
sed -e ':a' -e '/\\$/N; s/ *\\\n */ /; ta' "$(dirname "$0")/../$2" | grep -v '^#' | sed 's/^/      - /'
