"""Score the predictions of all runs: the study's tables as CSV, Markdown and LaTeX."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from zerosign import cli, comparisons, controls, leaks, mappers, published, relations, scores, votes
from zerosign.errors import UserError
from zerosign.mapping import class_glosses
from zerosign.tables import write_table


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="clips.parquet")
    parser.add_argument(
        "--predictions",
        nargs="+",
        type=Path,
        required=True,
        help="a file a run, in the order of --runs",
    )
    parser.add_argument(
        "--runs",
        type=json.loads,
        required=True,
        help='JSON: list of {"run", "model", "prompt", "sampling", "checkpoint", "label"}',
    )
    parser.add_argument(
        "--prompts",
        type=json.loads,
        help='JSON: the prompts of these runs by name, {"system", "user"}, for the leak check',
    )
    parser.add_argument(
        "--flags",
        type=Path,
        nargs="+",
        required=True,
        help="findings of the audit (video_id, flag), Parquet files",
    )
    parser.add_argument(
        "--filters",
        type=json.loads,
        default={},
        help="JSON: {name: [flag, …]}; scores again without the clips that have any of the flags",
    )
    parser.add_argument("--synonyms", type=Path, help="synonyms of the glosses, Parquet")
    parser.add_argument("--published", type=Path, help="CSV of published rates")
    parser.add_argument("--dataset", help="data set whose published rates are listed: WLASL300")
    parser.add_argument(
        "--settings",
        type=json.loads,
        required=True,
        help='JSON: {"confidence", "bootstrap", "seed"}',
    )
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of the tables")
    options = parser.parse_args(argv)

    runs, settings = options.runs, options.settings
    confidence = settings["confidence"]
    if len(runs) != len(options.predictions):
        raise UserError(f"{len(options.predictions)} prediction files for {len(runs)} runs")
    clips = pl.read_parquet(options.clips)
    glosses = class_glosses(clips)
    joined = scores.join_runs(
        [
            (run["run"], pl.read_parquet(path))
            for run, path in zip(runs, options.predictions, strict=True)
        ],
        clips,
    )
    flagged = pl.concat([pl.read_parquet(path) for path in options.flags])
    synonyms = pl.read_parquet(options.synonyms) if options.synonyms else None
    credited = relations.credits(joined, clips, synonyms)
    kinds = [relations.SAME_SIGN]
    if synonyms is not None:
        kinds = [relations.ALL_SYNONYMS, relations.OTHER_WORDS, *kinds]

    level = f"{100 * confidence:g} %"
    widened = f"{level} Wilson intervals, widened for clips of one signer and of one gloss"
    expected = joined["video_id"].n_unique()
    accuracy = scores.accuracy(joined, clips, runs, confidence)
    relaxed = relations.scores(joined, credited, runs, kinds, confidence)
    tables = {
        "summary": (
            scores.summary(accuracy, relaxed),
            f"Accuracy in % on the clips that could be read, with {widened}; "
            "that of the mean of classes for clips of one signer.",
        ),
        "accuracy": (
            accuracy,
            f"Top-1 accuracy on {expected} expected clips with {widened}: over the "
            "clips that could be read, and over all (those that could not count as wrong). "
            "class_mean averages over classes. Floor rows need no model.",
        ),
        "intervals": (
            comparisons.intervals(joined, runs, **settings),
            f"Top-1 accuracy with {level} intervals that take clips of one signer, of one gloss, "
            "or both as alike: Wilson's widened by the design effect, and a studentised bootstrap. "
            "What takes only one of them as alike is too narrow where both matter.",
        ),
        "comparisons": (
            comparisons.pairs(joined, runs, **settings),
            f"Pairs of runs on the same clips: difference of top-1 (b less a) with {level} "
            "studentised bootstrap intervals over signers, exact McNemar test, Holm's adjustment "
            "over all pairs, and agreement of the answers.",
        ),
        "power": (
            comparisons.power(joined, runs, confidence),
            f"Smallest gain over each run that its clips show with {comparisons.POWER:.0%} power "
            f"at level {1 - confidence:.2g} (exact McNemar, one comparison): if the better run is "
            "right wherever this one is, and if the two are right independently.",
        ),
        "relaxed": (
            relaxed,
            "Top-1 accuracy when a synonym (WordNet or the study's own table), or another label "
            f"of the same video, is right too; {widened}.",
        ),
        "relaxed_matches": (
            relations.matches(joined, credited),
            "Answers that a relation forgives: the class shown, what was credited, and why.",
        ),
        "mappers": (
            mappers.table(joined, glosses, runs, confidence),
            "The same answers mapped to classes in several ways: "
            + "; ".join(f"{name}: {text}" for name, text in mappers.MAPPERS.items())
            + f"; {mappers.LIKELIHOOD}: the likeliest, of a run that scored them. "
            f"{widened}.",
        ),
        "mapper_agreement": (
            mappers.agreement(joined, glosses, runs),
            "Agreement of the mappings of each run's answers, with Cohen's kappa; with "
            f"{mappers.LIKELIHOOD} where the same checkpoint also scored the classes.",
        ),
        "outcomes": (
            scores.outcomes(joined, runs),
            f"What became of the {expected} expected clips in each run.",
        ),
        "distribution": (
            scores.predicted(joined, len(glosses), runs),
            "How each run's answers spread over the classes: entropy in bits and over log2 of the "
            "number of classes, Herfindahl-Hirschman index, share of the commonest 1 and 10, "
            "chi-squared against the uniform distribution.",
        ),
        "per_gloss": (
            scores.per_gloss(joined, runs),
            "Accuracy per class over the clips that could be read, and the commonest wrong answer.",
        ),
        "confusions": (
            scores.confusions(joined, runs),
            "How often each run took one class for another, right answers included.",
        ),
        "breakdown": (
            scores.breakdown(joined, clips, runs, flagged, confidence),
            "Accuracy in groups of clips: by signer, source, variant, number of train clips of the "
            f"class, and with and without each flag of the audit; {level} Wilson intervals, which "
            "take clips as independent: too narrow for other signers and glosses.",
        ),
    }
    tables["permuted"] = (
        controls.permuted(joined, runs, settings["bootstrap"], settings["seed"]),
        "Top-1 accuracy against its mean when the true classes are permuted among the clips (the "
        "sum over the classes of share of the clips times share of the answers). p: share of the "
        "random permutations, the true labels among them, that are as good as these or better.",
    )
    tables["calibration"] = (
        scores.calibration(joined, runs, confidence),
        "Runs that scored all classes: accuracy, the mean probability of the class chosen, and the "
        f"expected calibration error over 10 equally wide bins; {widened}. Without failures.",
    )
    tables["consistency"] = (
        votes.consistency(joined, runs, confidence),
        "Runs with several answers about a clip: mean share of them that agree with their vote, "
        "share of clips where all do (where any names a class), mean accuracy of a single answer, "
        f"and of the vote; {widened}.",
    )
    tables["filtered"] = (
        scores.filtered(joined, runs, flagged, options.filters, confidence),
        "Top-1 accuracy on all clips and without those that a filter of the study leaves out, by "
        f"the audit's flags; {widened}.",
    )
    if options.prompts is not None:
        tables["position_bias"] = (
            votes.position_biases(joined, len(glosses), runs, options.prompts),
            "Where in the list of candidates the answers come from: shares of its first and last "
            "tenth, and a chi-squared test of all tenths against equal shares. With orders 0 the "
            "list is alphabetical: place and gloss are then the same thing.",
        )
        tables["leaks"] = (
            leaks.table(joined, runs, options.prompts, glosses, confidence),
            "Classes that a prompt gives as examples, or uses in its sentences, and accuracy "
            f"without the clips of the examples, and of all that it names; {widened}.",
        )
    if options.published:
        tables["published"] = (
            published.read(options.published, options.dataset),
            "Published rates in %, not measured here. clips: how many of the n test clips a top1 "
            "stands for; empty where no whole number gives it. certainty: whether the figure was "
            "seen at its source (verified), in another paper (secondary) or not at all (recalled).",
        )
    for name, (frame, caption) in tables.items():
        write_table(frame, options.output_dir / name, caption)


if __name__ == "__main__":
    cli.run(main)
