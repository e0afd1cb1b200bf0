"""Print the pins of what pip would install: of the report of ``pip install --dry-run --report``."""

import json
import sys

for line in sorted(
    (
        f"{part['metadata']['name']}=={part['metadata']['version'].split('+')[0]}"
        for part in json.load(sys.stdin)["install"]
    ),
    key=str.lower,
):
    print(line)
