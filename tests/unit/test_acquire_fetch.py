"""The programs that bring data: videos from mixed sources, metadata, near duplicates."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import acquire_server as server
import polars as pl
import pytest
from acquire_server import Site
from test_wlasl import instance
from video_files import make_video

import audit_duplicates
import clips as clips_program
import download
import fetch_videos
from zerosign import acquire, availability, similar
from zerosign.errors import UserError

TUBE = "abcdefghij-"
COMMIT = "a" * 40


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    quick = replace(acquire.Limits(), interval=0.0, backoff=0.01, attempts=2, read=10.0)
    monkeypatch.setattr(acquire, "Limits", lambda **changes: replace(quick, **changes))
    with server.serve() as site:
        yield site


def make_clips(folder: Path, rows: list[dict]) -> Path:
    """clips.parquet of one gloss with these instances."""
    metadata, output = folder / "meta.json", folder / "clips.parquet"
    metadata.write_text(json.dumps([{"gloss": "book", "instances": rows}]), "utf-8")
    clips_program.main(["--metadata", str(metadata), "--shards", "2", "--output", str(output)])
    return output


def fetch(clips: Path, sources: list[dict], *more: str) -> dict[str, dict[str, Any]]:
    """Run fetch_videos; rows by video id."""
    output = clips.parent / "availability.parquet"
    fetch_videos.main(
        [
            *("--clips", str(clips), "--sources", json.dumps(sources)),
            *("--videos", str(clips.parent / "videos"), "--output", str(output), *more),
        ]
    )
    table = pl.read_parquet(output)
    assert table.schema == pl.Schema(availability.SCHEMA)
    return {row["video_id"]: row for row in table.iter_rows(named=True)}


def test_sources_are_tried_in_order_and_mixed(site, tmp_path):
    local = tmp_path / "mirror"
    local.mkdir()
    make_video(local / "00001.mp4", 20)
    (local / "00002.mp4").write_bytes(b"<html>not found</html>")
    (local / "00005.mp4").write_bytes(b"")
    long = make_video(tmp_path / "long.mp4", 100, rate=30).read_bytes()
    site.routes["/2.mp4"] = server.file(long)
    site.routes["/6.mp4"] = server.file(long)
    video = instance("00000", split="test")
    clips = make_clips(
        tmp_path,
        [
            video | {"video_id": "00001", "url": f"{site.url}/1.mp4"},
            video | {"video_id": "00002", "url": f"{site.url}/2.mp4"},
            video | {"video_id": "00003", "url": f"{site.url}/gone.mp4"},
            video | {"video_id": "00004", "url": f"{site.url}/gone.mp4"},
            video | {"video_id": "00005", "url": f"{site.url}/gone.mp4"},
            video
            | {"video_id": "00006", "url": f"{site.url}/6.mp4", "source": "lillybauer"}
            | {"frame_start": 26, "frame_end": 50},
            video
            | {"video_id": "00007", "url": f"{site.url}/6.mp4", "source": "asl5200"}
            | {"frame_start": 31, "frame_end": 60},
            video
            | {"video_id": "00008", "url": f"{site.url}/6.mp4"}
            | {"frame_start": 90, "frame_end": 140},
            video | {"video_id": "00009", "split": "train"},
        ],
    )
    sources = [{"folder": str(local)}, {"urls": True, "private_hosts": True}]
    facts = json.dumps({"lillybauer": {"rate": 25}, "asl5200": {"rate": "native"}})
    summary = tmp_path / "summary"
    rows = fetch(clips, sources, "--source-facts", facts, "--summary", str(summary))
    assert list(rows) == [f"0000{i}" for i in range(1, 9)]
    assert {i: (row["status"], row["origin"]) for i, row in rows.items()} == {
        "00001": ("ok", "folder"),
        "00002": ("ok", "url"),  # the folder's file is a web page
        "00003": ("gone", "url"),
        "00004": ("gone", "url"),
        "00005": ("not_a_video", "folder"),  # the file says more than the dead link
        "00006": ("ok", "url"),
        "00007": ("ok", "url"),
        "00008": ("range_outside", "url"),
    }
    assert rows["00001"]["ready_cut"] is True
    assert (rows["00006"]["start_s"], rows["00006"]["end_s"]) == (1.0, 2.0)
    assert (rows["00006"]["range_frames"], rows["00006"]["rate_assumed"]) == (30, 25.0)
    assert rows["00007"]["start_s"] == pytest.approx(1.0)
    assert (rows["00007"]["range_frames"], rows["00007"]["rate_assumed"]) == (30, 30.0)
    assert rows["00006"]["path"] == rows["00007"]["path"], "one URL is one file"
    assert rows["00006"]["sha256"] == sha256(long).hexdigest()
    table = pl.read_csv(f"{summary}.csv").filter(pl.col("split") == "all")
    assert table.select("expected", "available").row(0) == (8, 4)
    assert "2 gone" in table["reasons"][0]

    asked = len(site.requests)
    again = fetch(clips, sources, "--source-facts", facts)
    assert again == rows
    assert len(site.requests) == asked, "a second run asks for nothing"


def test_the_start_kits_raw_videos_are_cut(tmp_path):
    raw = tmp_path / "raw_videos"
    raw.mkdir()
    make_video(raw / f"{TUBE}.mkv", 100)
    make_video(raw / "00002.mp4", 30)
    segment = {"frame_start": 26, "frame_end": 50, "split": "test"}
    clips = make_clips(
        tmp_path,
        [
            instance("00001", url=f"https://www.youtube.com/watch?v={TUBE}", **segment),
            instance("00002", split="test"),
        ],
    )
    rows = fetch(clips, [{"folder": str(raw), "layout": "raw"}])
    assert (rows["00001"]["start_s"], rows["00001"]["end_s"]) == (1.0, 2.0)
    assert rows["00001"]["range_frames"] == 25
    assert rows["00002"]["range_frames"] == 30
    assert not rows["00001"]["ready_cut"] and not rows["00002"]["ready_cut"]


def test_too_few_clips_stop_with_one_line_after_the_table_is_written(tmp_path, caplog):
    caplog.set_level("INFO", "zerosign")
    (tmp_path / "empty").mkdir()
    clips = make_clips(tmp_path, [instance(f"0000{i}", split="test") for i in range(4)])
    make_video(tmp_path / "empty" / "00000.mp4", 10)
    source = [{"folder": str(tmp_path / "empty")}]
    with pytest.raises(UserError, match=r"only 1 of 4 clips are available \(3 missing\)") as error:
        fetch(clips, source, "--min-available", "0.5")
    assert "\n" not in str(error.value)
    assert pl.read_parquet(tmp_path / "availability.parquet").height == 4
    assert "1 of 4 clips are available" in [r.getMessage() for r in caplog.records]
    fetch(clips, source, "--min-available", "0.25")


def test_an_own_table_needs_no_source(tmp_path):
    make_video(tmp_path / "dum.mp4", 10)
    table, output = tmp_path / "znaky.csv", tmp_path / "clips.parquet"
    table.write_text("path,gloss,split\ndum.mp4,dům,test\nles.mp4,les,test\n", "utf-8")
    clips_program.main(["--csv", str(table), "--shards", "1", "--output", str(output)])
    rows = fetch(output, [])
    assert (rows["dum"]["status"], rows["dum"]["origin"]) == ("ok", "own")
    assert rows["dum"]["ready_cut"] is True
    assert rows["les"]["status"] == "missing"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"folder": "no/such/folder"}, "no/such/folder: no such folder of videos"),
        ({"hub": "a/b", "revision": "main"}, "revision 'main' is no commit"),
        ({"ftp": "x"}, "don't know"),
    ],
)
def test_a_wrong_source_is_one_line(tmp_path, source, said):
    clips = make_clips(tmp_path, [instance("00001", split="test")])
    with pytest.raises(UserError, match=said):
        fetch(clips, [source])


def test_no_clip_in_the_splits_is_one_line(tmp_path):
    clips = make_clips(tmp_path, [instance("00001", split="train")])
    with pytest.raises(UserError, match="no clip in the splits test"):
        fetch(clips, [])


def test_a_hub_dataset_is_read_at_its_commit(tmp_path):
    """A server that speaks as much of the hub's protocol as a download needs."""
    body = make_video(tmp_path / "a.mp4", 10).read_bytes()
    clips = make_clips(tmp_path, [instance(f"0000{i}", split="test") for i in (1, 2, 3)])
    source = {"hub": "Voxel51/WLASL", "revision": COMMIT}
    command = [
        *(sys.executable, fetch_videos.__file__, "--clips", str(clips), "--splits", "test"),
        *("--sources", json.dumps([source]), "--videos", str(tmp_path / "videos")),
        *("--output", str(tmp_path / "availability.parquet")),
    ]
    with server.serve() as site:
        files = [
            {"type": "file", "path": path, "size": len(body), "oid": "1" * 40}
            for path in ("README.md", "data/data_0/00001.mp4", "data/data_1/00002.mp4")
        ]
        listing = json.dumps(files).encode()
        base = f"/datasets/Voxel51/WLASL/resolve/{COMMIT}/data"
        site.routes = {
            f"/api/datasets/Voxel51/WLASL/tree/{COMMIT}": lambda handler, _: server.send(
                handler, 200, listing, Content_Type="application/json"
            ),
            f"{base}/data_0/00001.mp4": server.file(body, X_Repo_Commit=COMMIT),
            f"{base}/data_1/00002.mp4": server.status(404, X_Error_Code="EntryNotFound"),
        }
        home = {"HF_ENDPOINT": site.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
        run = subprocess.run(
            command, env=os.environ | home, capture_output=True, text=True, timeout=60, check=False
        )
        assert run.returncode == 0, run.stderr
    rows = {r["video_id"]: r for r in pl.read_parquet(command[-1]).iter_rows(named=True)}
    assert (rows["00001"]["status"], rows["00001"]["origin"]) == ("ok", "hub Voxel51/WLASL")
    assert rows["00001"]["ready_cut"] is True
    assert Path(rows["00001"]["path"]).is_relative_to(tmp_path / "home")
    assert rows["00002"]["status"] == "unreachable"
    assert rows["00003"]["status"] == "missing"


# Metadata


def get(url: str, output: Path, *sums: str) -> None:
    download.main(["--url", url, "--sha256", *sums, "--private-hosts", "--output", str(output)])


def test_metadata_is_kept_only_with_a_known_checksum(site, tmp_path):
    body = b'[{"gloss": "book", "instances": []}]'
    site.routes["/WLASL_v0.3.json"] = server.file(body, "text/plain; charset=utf-8")
    url, output = f"{site.url}/WLASL_v0.3.json", tmp_path / "new" / "WLASL_v0.3.json"
    with pytest.raises(UserError, match="not the known file: sha256 "):
        get(url, output, "0" * 64)
    assert list(output.parent.iterdir()) == []
    get(url, output, "0" * 64, sha256(body).hexdigest())
    assert output.read_bytes() == body
    assert [path.name for path in output.parent.iterdir()] == ["WLASL_v0.3.json"]


def test_metadata_that_is_not_there_says_what_to_do(site, tmp_path):
    output = tmp_path / "a.json"
    with pytest.raises(UserError, match=r"404 .*; or put the file at .*a\.json yourself"):
        get(f"{site.url}/a.json", output, "0" * 64)


# Near duplicates


def walk(path: Path, phase: int, skip: int = 0, size=(96, 72), rate=25, crf="18", count=50) -> Path:
    """A dark square that wanders over a lit ground: its way is set by ``phase``."""
    import av
    import numpy as np

    width, height = size
    y, x = np.mgrid[:height, :width]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": crf})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(skip, round(count * rate / 25)):
            time = number / rate
            image = 90 + 120 * x / width + 40 * y / height
            left = width * (0.4 + 0.3 * np.sin(3 * time + phase))
            top = height * (0.4 + 0.3 * np.cos(2 * time * (1 + phase)))
            image[(abs(x - left) < width / 8) & (abs(y - top) < height / 8)] = 10
            pixels = np.repeat(image.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_take_is_found_again_and_another_take_of_the_scene_is_not(tmp_path):
    versions = [
        walk(tmp_path / "a.mp4", 0),
        walk(tmp_path / "small.mp4", 0, size=(64, 48), crf="34"),
        walk(tmp_path / "trimmed.mp4", 0, skip=5),
        walk(tmp_path / "faster.mp4", 0, rate=30),
        walk(tmp_path / "b.mp4", 1),
        walk(tmp_path / "c.mp4", 2),
    ]
    prints = [similar.fingerprint(str(path), 0.0, 60.0) for path in versions]
    assert prints[0].shape == (25, similar.SIDE, similar.SIDE)
    found = {(pair.first, pair.second) for pair in similar.pairs(prints)}
    assert found == {(i, j) for i in range(4) for j in range(i + 1, 4)}


def test_near_duplicates_across_splits_are_flagged(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    walk(folder / "00001.mp4", 0)
    walk(folder / "00002.mp4", 0, crf="34", size=(64, 48))
    walk(folder / "00003.mp4", 1)
    walk(folder / "00004.mp4", 1)
    walk(folder / "00005.mp4", 2)
    splits = ["train", "test", "train", "train", "test"]
    clips = make_clips(
        tmp_path, [instance(f"0000{i}", split=split) for i, split in enumerate(splits, 1)]
    )
    fetch(clips, [{"folder": str(folder)}], "--splits", "train", "test")
    arguments = ["--clips", str(clips), "--availability", str(tmp_path / "availability.parquet")]
    audit_duplicates.main([*arguments, "--output", str(tmp_path / "out")])
    pairs = pl.read_csv(tmp_path / "out" / "near_duplicates.csv", infer_schema=False)
    assert pairs.select("video_id", "video_id_2", "identical").rows() == [
        ("00001", "00002", "false")
    ]
    flags = pl.read_parquet(tmp_path / "out" / "near_duplicates.parquet")
    assert flags.rows() == [("00001", "near_duplicate"), ("00002", "near_duplicate")]
