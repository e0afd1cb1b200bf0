import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = f"""\
import sys
sys.path.insert(0, {str(ROOT / "workflow/scripts")!r})
from zerosign import cli
from zerosign.errors import UserError

def main():
    if sys.argv[1:] == ["fail"]:
        raise UserError("models.yaml: no key 'adapter'")
    print(repr(sys.argv[1:]))

cli.run(main)
"""
HARD = ["two words", "a'b", 'a"b', "$HOME", "`date`", "Zeichen ü 手", "", "a\\b", "*", ";", "--x=1"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "a program.py"
    path.write_text(PROGRAM, "utf-8")
    return path


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(program), *arguments], capture_output=True, text=True
    )


def test_the_logged_command_can_be_run_by_hand(program: Path, tmp_path: Path) -> None:
    first = run(program, *HARD)
    (line,) = first.stderr.splitlines()
    assert line.startswith("$ python ")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    again = subprocess.run(
        f"PATH={folder}:$PATH; {line.removeprefix('$ ')}",
        shell=True,
        capture_output=True,
        text=True,
    )
    assert again.stdout == first.stdout == f"{HARD!r}\n"


def test_nothing_is_logged_without_arguments_or_for_help(program: Path) -> None:
    assert run(program).stderr == ""
    assert run(program, "--help").stderr == ""


def test_a_users_mistake_is_one_line(program: Path) -> None:
    result = run(program, "fail")
    assert result.returncode == 1
    assert result.stderr.splitlines()[1:] == ["error: models.yaml: no key 'adapter'"]
