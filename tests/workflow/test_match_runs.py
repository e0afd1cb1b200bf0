"""Binary matching on a real run: verdicts, measures, and nothing of it among the predictions."""

import polars as pl
import pytest
from helpers.workflow_runs import Checkout, Job, rules

from zerosign.matching import verdicts as matching_verdicts

RUN = "demo-trained-closed.demo-match.u12"
CLIPS = 32

pytestmark = pytest.mark.slow


def test_tables_and_verdicts(finished: Checkout) -> None:
    results = finished.folder / "results/demo"
    verdicts = pl.read_parquet(results / "matching/verdicts.parquet")
    assert verdicts.columns == ["run", *matching_verdicts.VERDICTS]
    assert dict(verdicts["kind"].value_counts().iter_rows()) == dict.fromkeys(
        ("positive", "random", "hard"), CLIPS
    )
    assert set(verdicts["outcome"]) <= {"yes", "no"}  # a closed set
    assert verdicts["p_yes"].is_between(0, 1).all()
    assert ((verdicts["p_yes"] > 0.5) == verdicts["verdict"]).all()

    table = pl.read_csv(results / "tables/matching.csv")
    assert set(table.filter(kind="run")["run"]) == {RUN}
    assert table.filter(kind="run")["n_scored"].to_list() == [2 * CLIPS, 2 * CLIPS, 3 * CLIPS]
    covered = pl.read_csv(results / "tables/descriptions.csv")
    assert covered.filter(file="all")["covered"].to_list() == [16]
    assert (results / "figures/matching.png").stat().st_size > 10_000


def test_matching_runs_are_not_predictions(finished: Checkout) -> None:
    results = finished.folder / "results/demo"
    assert not (results / f"predictions/{RUN}.parquet").exists()
    for table in (results / "tables").glob("*.csv"):
        assert (RUN in table.read_text()) == (table.stem == "matching")
    failed = finished.snakemake(f"results/demo/predictions/{RUN}.parquet", "--dry-run", check=False)
    assert failed.returncode and "MissingRuleException" in failed.stdout


def test_other_wrong_pairs_ask_the_matching_runs_alone(study: Checkout) -> None:
    study.edit_yaml("config/test.yaml", lambda config: config["matching"].update(hard=0))
    planned = study.planned()
    assert {job for job in planned if job.rule == "answers"} == {Job("answers", f"run={RUN}")}
    assert len([job for job in planned if job.rule == "ask"]) == 1
    assert {"match_pairs", "score_matching"} <= rules(planned)
    assert not rules(planned) & {"map_labels", "score", "descriptions", "embeddings"}


def test_a_study_without_descriptions(study: Checkout) -> None:
    def change(config: dict) -> None:
        config["descriptions"] = []
        config["runs"][-1]["prompt"] = "match-gloss"

    study.edit_yaml("config/test.yaml", change)
    planned = rules(study.planned())
    assert {"match_pairs", "ask", "score_matching", "embeddings"} <= planned
    assert "descriptions" not in planned
