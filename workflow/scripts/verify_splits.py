"""Check that the data set is the published one; write its statistics and its leakage audit.

Writes into the output folder: counts, per_class, leakage (each .csv, .md, .tex), flags.parquet
and verification.json. Fails if a check fails, naming the offending clips.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import audit, cli, io, splits, wlasl
from zerosign.errors import UserError
from zerosign.tables import write_table


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    origin = options.add_mutually_exclusive_group(required=True)
    origin.add_argument("--metadata", help="metadata in the format of WLASL_v0.3.json")
    origin.add_argument("--csv", help="own table: path, gloss, split[, signer, video_id]")
    options.add_argument("--split-file", help="split file in the format of nslt_300.json")
    options.add_argument("--subset", type=int, help="the first SUBSET glosses of --metadata")
    options.add_argument(
        "--expected", type=json.loads, default={}, help="declared numbers and checksums, JSON"
    )
    options.add_argument("--published", help="digests of the published glosses and clips")
    options.add_argument("--name", default="The data set", help="name for the tables' captions")
    options.add_argument("--output", required=True, help="folder to write into")
    return options


def main(argv: Sequence[str] | None = None) -> None:
    options = parser().parse_args(argv)
    if options.csv:
        everything = rows = wlasl.read_table(options.csv)
    else:
        everything = wlasl.read_metadata(options.metadata)
        if options.subset and everything["class_index"].max() + 1 < options.subset:
            wlasl.read_metadata(options.metadata, options.subset)  # says what is wrong
        rows = everything.filter(pl.col("class_index") < (options.subset or len(everything)))
    checks = run_checks(rows, everything, options)
    table, detail = audit.findings(rows)
    folder = Path(options.output)
    write_table(splits.overview(rows), folder / "counts", f"{options.name}: videos by split.")
    write_table(splits.per_class(rows), folder / "per_class", f"{options.name}: videos by class.")
    write_table(table, folder / "leakage", f"{options.name}: leakage and validity.")
    io.write_parquet(audit.flags(rows), folder / "flags.parquet")
    failed = [check for check in checks if check.passed is False]
    verification = {
        "dataset": options.name,
        "passed": not failed,
        "checks": [check.as_json() for check in checks],
        "claims": [splits.claim_80_20(rows)],
        "audit": detail,
    }
    io.write_json(verification, folder / "verification.json")
    for check in failed:
        cli.log.error("FAILED %s", check.line())
    if failed:
        more = f" (and {len(failed) - 1} more checks, see above)" if len(failed) > 1 else ""
        raise UserError(f"{options.csv or options.metadata}: {failed[0].line()}{more}")
    cli.log.info("%d checks, none failed", len(checks))


def run_checks(
    rows: pl.DataFrame, everything: pl.DataFrame, options: argparse.Namespace
) -> list[splits.Check]:
    """All checks that the given files and declared numbers allow."""
    expected = options.expected
    checks = splits.structure(rows, five_digits=options.metadata is not None)
    known_ids = set(everything["video_id"])
    if options.split_file:
        other = wlasl.read_split_file(options.split_file)
        known_ids |= set(other["video_id"])
        checks += splits.against_split_file(rows, other, expected.get("split_file", {}))
    if options.published:
        lines = Path(options.published).read_text("utf-8").splitlines()
        digests = [line for line in lines if not line.startswith("#")]
        checks += splits.against_published(rows, digests, known_ids)
    checks += splits.counts(rows, expected)
    checks += splits.checksums(rows, expected.get("sha256", {}))
    if options.metadata:
        found = io.sha256_file(options.metadata)
        checks.append(splits.file_identity("metadata_file", found, expected.get("metadata", {})))
    if options.split_file:
        known = expected.get("sha256", {}).get("split_file")
        found = io.sha256_file(options.split_file)
        what = {known: "the authors' file"} if known else {}
        checks.append(splits.file_identity("split_file_file", found, what))
    return checks


if __name__ == "__main__":
    cli.run(main)
