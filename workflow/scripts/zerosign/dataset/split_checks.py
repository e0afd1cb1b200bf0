"""All checks that a study's files and declared numbers allow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from zerosign import cli
from zerosign.dataset import clips, leakage, published_clips, split_tables, verification
from zerosign.dataset.facts import DatasetFacts
from zerosign.dataset.verification import Check
from zerosign.errors import UserError
from zerosign.files import sha256_file


class Given(NamedTuple):
    """What a data set is verified with."""

    table: Path
    """Metadata in WLASL's format, or a user's own CSV."""
    subset: int | None
    """Number of glosses of the metadata; None for a CSV."""
    facts: DatasetFacts
    split_file: Path | None
    published: Path | None
    """Digests of the published clips: `zerosign.dataset.published_clips`."""


def read_rows(given: Given) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The study's clips, and all of the table. Raises `UserError`."""
    if given.subset is None:
        rows = clips.read_table(given.table)
        return rows, rows
    everything = clips.read_metadata(given.table)
    if everything["class_index"].n_unique() < given.subset:
        clips.read_metadata(given.table, given.subset)  # says what is wrong
    return everything.filter(pl.col("class_index") < given.subset), everything


def run_checks(rows: pl.DataFrame, everything: pl.DataFrame, given: Given) -> list[Check]:
    """Structure, split file, published clips, counts, checksums, identity of the files."""
    expected = given.facts.expected
    found = verification.structure(rows, five_digits=given.subset is not None)
    known_ids = set(everything["video_id"])
    if given.split_file:
        other = clips.read_split_file(given.split_file)
        known_ids |= set(other["video_id"])
        found += verification.against_split_file(rows, other, expected.split_file)
    if given.published:
        lines = given.published.read_text("utf-8").splitlines()
        digests = [line for line in lines if not line.startswith("#")]
        found += published_clips.against_published(rows, digests, known_ids)
    found += verification.counts(rows, expected)
    found += verification.checksums(rows, expected.sha256)
    if given.subset is not None:
        checksum = sha256_file(given.table)
        known = given.facts.metadata
        found.append(verification.file_identity("metadata_file", checksum, known))
    if given.split_file:
        checksum, declared = sha256_file(given.split_file), expected.sha256.split_file
        known = {declared: "the authors' file"} if declared else {}
        found.append(verification.file_identity("split_file_file", checksum, known))
    return found


def report(title: str, rows: pl.DataFrame, found: Sequence[Check]) -> dict[str, Any]:
    """verification.json: every check, the claims about the splits, and the audit."""
    return {
        "dataset": title,
        "passed": not any(check.passed is False for check in found),
        "checks": [check.as_json() for check in found],
        "claims": [split_tables.claim_80_20(rows)],
        "audit": leakage.findings(rows)[1],
    }


def raise_failed(found: Sequence[Check], table: Path) -> None:
    """Log every failed check; `UserError` if there is one."""
    failed = [check for check in found if check.passed is False]
    for check in failed:
        cli.log.error("FAILED %s", check.line())
    if failed:
        more = f" (and {len(failed) - 1} more checks, see above)" if len(failed) > 1 else ""
        raise UserError(f"{table}: {failed[0].line()}{more}")
