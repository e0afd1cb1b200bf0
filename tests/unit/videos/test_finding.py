"""The program fetch_videos: videos from mixed sources."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest
from helpers import video_server as server
from helpers.study_files import study_option
from helpers.video_files import make_video
from helpers.video_runs import arguments, fetch, make_clips
from helpers.video_server import Site
from helpers.wlasl_metadata import instance

import clips as clips_program
import fetch_videos
from zerosign import http
from zerosign.errors import UserError

TUBE = "abcdefghij-"
COMMIT = "a" * 40


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    quick = replace(http.Limits(), interval=0.0, backoff=0.01, attempts=2, read=10.0)
    monkeypatch.setattr(http, "Limits", lambda **changes: replace(quick, **changes))
    with server.serve() as site:
        yield site


def test_sources_are_tried_in_order_and_mixed(site: Site, tmp_path: Path) -> None:
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
    facts = {"lillybauer": {"rate": 25}, "asl5200": {"rate": "native"}}
    rows = fetch(clips, sources, facts=facts)
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
    assert rows["00001"]["pretrimmed"] is True
    assert (rows["00006"]["start_s"], rows["00006"]["end_s"]) == (1.0, 2.0)
    assert (rows["00006"]["range_frames"], rows["00006"]["rate_assumed"]) == (30, 25.0)
    assert rows["00007"]["start_s"] == pytest.approx(1.0)
    assert (rows["00007"]["range_frames"], rows["00007"]["rate_assumed"]) == (30, 30.0)
    assert rows["00006"]["path"] == rows["00007"]["path"], "one URL is one file"
    assert rows["00006"]["sha256"] == sha256(long).hexdigest()
    table = pl.read_csv(tmp_path / "summary.csv").filter(pl.col("split") == "all")
    assert table.select("expected", "available").row(0) == (8, 4)
    assert "2 gone" in table["reasons"][0]

    asked = len(site.requests)
    again = fetch(clips, sources, facts=facts)
    assert again == rows
    assert len(site.requests) == asked, "a second run asks for nothing"


def test_the_start_kits_raw_videos_are_cut(tmp_path: Path) -> None:
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
    assert not rows["00001"]["pretrimmed"] and not rows["00002"]["pretrimmed"]


def test_too_few_clips_stop_with_one_line_after_the_table_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "zerosign")
    (tmp_path / "empty").mkdir()
    clips = make_clips(tmp_path, [instance(f"0000{i}", split="test") for i in range(4)])
    make_video(tmp_path / "empty" / "00000.mp4", 10)
    source = [{"folder": str(tmp_path / "empty")}]
    with pytest.raises(UserError, match=r"only 1 of 4 clips are available \(3 missing\)") as error:
        fetch(clips, source, min_available=0.5)
    assert "\n" not in str(error.value)
    assert pl.read_parquet(tmp_path / "availability.parquet").height == 4
    assert "1 of 4 clips are available" in [r.getMessage() for r in caplog.records]
    fetch(clips, source, min_available=0.25)


def test_an_own_table_needs_no_source(tmp_path: Path) -> None:
    make_video(tmp_path / "dum.mp4", 10)
    table, output = tmp_path / "znaky.csv", tmp_path / "clips.parquet"
    table.write_text("path,gloss,split\ndum.mp4,dům,test\nles.mp4,les,test\n", "utf-8")
    study = study_option(tmp_path, dataset={"format": "csv"}, shards=1, mapping={"language": "en"})
    clips_program.main([*study, "--table", str(table), "--output", str(output)])
    rows = fetch(output, [])
    assert (rows["dum"]["status"], rows["dum"]["origin"]) == ("ok", "own")
    assert rows["dum"]["pretrimmed"] is True
    assert rows["les"]["status"] == "missing"


def test_parts_of_own_files_and_of_uncut_youtube_videos(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As MS-ASL and others publish their clips."""
    (tmp_path / "tube").mkdir()
    make_video(tmp_path / "long.mp4", 100)
    make_video(tmp_path / "tube" / "abcdefghij-.avi", 100, size=(320, 240), codec="mpeg4")
    cut_off = tmp_path / "tube" / "abcdefghij-.avi"
    cut_off.write_bytes(cut_off.read_bytes()[:-2000])
    table, output = tmp_path / "a.csv", tmp_path / "clips.parquet"
    table.write_text(
        "path,url,video_id,gloss,split,start,end,rate\n"
        "long.mp4,,a,x,test,1,2,\n"
        "long.mp4,,b,y,test,50,100,25\n"
        "long.mp4,,c,y,test,3.5,5,\n"
        ",https://youtu.be/abcdefghij-,d,y,test,1,3,\n",
        "utf-8",
    )
    study = study_option(tmp_path, dataset={"format": "csv"}, shards=1, mapping={"language": "en"})
    clips_program.main([*study, "--table", str(table), "--output", str(output)])
    caplog.set_level("INFO", "zerosign")
    rows = fetch(output, [{"folder": str(tmp_path / "tube")}])
    assert {i: (row["status"], row["pretrimmed"]) for i, row in rows.items()} == {
        "a": ("ok", False),
        "b": ("ok", False),
        "c": ("range_outside", False),
        "d": ("ok", False),
    }
    assert [rows[i]["range_frames"] for i in "abd"] == [25, 50, 50]
    assert "1 of them look damaged" in caplog.text


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    clips = make_clips(tmp_path, [instance("00001", split="test")])
    with pytest.raises(UserError, match="no/such/folder: no such folder of videos"):
        fetch(clips, [{"folder": "no/such/folder"}])


def test_no_clip_in_the_splits_is_one_line(tmp_path: Path) -> None:
    clips = make_clips(tmp_path, [instance("00001", split="train")])
    with pytest.raises(UserError, match="no clip in the splits test"):
        fetch(clips, [])


def test_a_hub_dataset_is_read_at_its_commit(tmp_path: Path) -> None:
    """A server that speaks as much of the hub's protocol as a download needs."""
    body = make_video(tmp_path / "a.mp4", 10).read_bytes()
    clips = make_clips(tmp_path, [instance(f"0000{i}", split="test") for i in (1, 2, 3)])
    source = {"hub": "Voxel51/WLASL", "revision": COMMIT}
    command = [sys.executable, str(fetch_videos.__file__), *arguments(clips, [source])]
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
    assert rows["00001"]["pretrimmed"] is True
    assert Path(rows["00001"]["path"]).is_relative_to(tmp_path / "home")
    assert rows["00002"]["status"] == "unreachable"
    assert rows["00003"]["status"] == "missing"
