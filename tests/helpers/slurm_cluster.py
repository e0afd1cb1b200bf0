"""A real Slurm cluster on this machine for tests: one CPU node, two GPU nodes, no accounting.

    python tests/slurm/cluster.py up|status|down

Needs root and the packages slurm-wlm and munge. The GPUs are null devices: Slurm counts them,
allocates them and sets CUDA_VISIBLE_DEVICES, which is all the workflow can see of them anyhow.
Everything lives in one folder; /etc/slurm gets links into it, because Snakemake's job steps drop
the variable that would name another place. A cluster that is already configured is left alone.
"""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATE = Path("/tmp/zerosign-slurm")
ETC = Path("/etc/slurm")
FILES = ("slurm.conf", "gres.conf", "cgroup.conf")
PORT = 17817
GPUS = {"gpu1": 2, "gpu2": 2}
NODES = ("cpu1", *GPUS)
DAEMONS = ("slurmctld", "slurmd", "munged")
START_TIMEOUT_S = 20


def unavailable() -> str | None:
    """Why no cluster can be started here; None if one can."""
    missing = [name for name in DAEMONS if shutil.which(name) is None]
    if missing:
        return f"no Slurm here: {', '.join(missing)} not found (apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "starting a Slurm cluster needs root"
    if any((ETC / name).exists() and not _ours(ETC / name) for name in FILES):
        return f"{ETC} belongs to a real cluster"
    return None


def up() -> None:
    """Start the cluster afresh and wait until every node is idle."""
    down()
    _configure()
    run = STATE / "run"
    _call(
        "munged",
        f"--socket={run}/munge.socket",
        f"--key-file={STATE}/munge/key",
        f"--pid-file={run}/munged.pid",
        f"--log-file={STATE}/log/munged.log",
        f"--seed-file={STATE}/munge/seed",
    )
    _call("slurmctld", "-c")
    for node in NODES:
        _call("slurmd", "-N", node)
    _wait(lambda: _idle_nodes() == set(NODES), "the nodes to become idle")


def down() -> None:
    """Stop the cluster and remove every trace of it."""
    for file in sorted((STATE / "run").glob("*.pid"), reverse=True):
        _stop(int(file.read_text().strip() or 0))
    for name in FILES:
        # With a dead controller in /etc/slurm every later Snakemake run would wait for it.
        if _ours(ETC / name):
            (ETC / name).unlink()
    shutil.rmtree(STATE, ignore_errors=True)


def _configure() -> None:
    for folder in ("run", "log", "state", "munge", "gpu", *(f"spool/{node}" for node in NODES)):
        (STATE / folder).mkdir(parents=True, exist_ok=True)
    (STATE / "munge").chmod(0o700)
    key = STATE / "munge" / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    gres = []
    for node, count in GPUS.items():
        for index in range(count):
            device = STATE / "gpu" / f"{node}-{index}"
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            gres.append(f"NodeName={node} Name=gpu Type=test File={device}")
    host = socket.gethostname().split(".")[0]
    settings = {
        "ClusterName": "zerosign",
        "SlurmctldHost": f"{host}(127.0.0.1)",
        "SlurmctldPort": PORT,
        "SlurmUser": "root",
        "SlurmdUser": "root",
        "AuthType": "auth/munge",
        "AuthInfo": f"socket={STATE}/run/munge.socket",
        "StateSaveLocation": STATE / "state",
        "SlurmdSpoolDir": STATE / "spool" / "%n",
        "SlurmctldPidFile": STATE / "run" / "slurmctld.pid",
        "SlurmdPidFile": STATE / "run" / "slurmd.%n.pid",
        "SlurmctldLogFile": STATE / "log" / "slurmctld.log",
        "SlurmdLogFile": STATE / "log" / "slurmd.%n.log",
        "ProctrackType": "proctrack/linuxproc",
        "TaskPlugin": "task/none",
        "MpiDefault": "none",
        "SwitchType": "switch/none",
        "JobCompType": "jobcomp/none",
        "JobAcctGatherType": "jobacct_gather/none",
        "AccountingStorageType": "accounting_storage/none",
        "SchedulerType": "sched/backfill",
        "SchedulerParameters": "sched_interval=1,bf_interval=1,batch_sched_delay=0",
        "SelectType": "select/cons_tres",
        "SelectTypeParameters": "CR_Core_Memory",
        "SlurmdParameters": "config_overrides",
        "ReturnToService": 2,
        "KillWait": 2,
        # Ended jobs are remembered: the tests ask where each one ran.
        "MinJobAge": 86400,
        "GresTypes": "gpu",
    }
    lines = [f"{key}={value}" for key, value in settings.items()]
    shape = "Sockets=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=128000 State=UNKNOWN"
    for number, node in enumerate(NODES, start=1):
        gpus = f" Gres=gpu:test:{GPUS[node]}" if node in GPUS else ""
        address = f"NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + number}"
        lines.append(f"NodeName={node} {address} {shape}{gpus}")
    lines.append("PartitionName=cpu Nodes=cpu1 Default=YES State=UP")
    lines.append(f"PartitionName=gpu Nodes={','.join(GPUS)} State=UP")
    contents = {
        "slurm.conf": lines,
        "gres.conf": gres,
        "cgroup.conf": ["CgroupAutomount=no"],
    }
    ETC.mkdir(exist_ok=True)
    for name, text in contents.items():
        (STATE / name).write_text("\n".join(text) + "\n")
        (ETC / name).symlink_to(STATE / name)


def _idle_nodes() -> set[str]:
    command = ["sinfo", "--noheader", "--Node", "--states=idle", "--format=%N"]
    return set(subprocess.run(command, capture_output=True, text=True).stdout.split())


def _call(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if result.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {result.stderr.strip()}")


def _environment() -> dict[str, str]:
    """The environment without settings of another cluster or an enclosing job."""
    return {key: value for key, value in os.environ.items() if not key.startswith("SLURM")}


def _wait(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {START_TIMEOUT_S} s for {what}; logs: {STATE}/log")
        time.sleep(0.1)


def _stop(pid: int) -> None:
    if pid > 1 and _alive(pid):
        os.kill(pid, signal.SIGTERM)
        _wait(lambda: not _alive(pid), f"process {pid} to end")


def _alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent's notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _ours(link: Path) -> bool:
    return link.is_symlink() and Path(os.readlink(link)).parent == STATE


if __name__ == "__main__":
    actions = {"up": up, "down": down, "status": lambda: print(*sorted(_idle_nodes()))}
    if len(sys.argv) != 2 or sys.argv[1] not in actions:
        sys.exit(f"usage: {sys.argv[0]} {'|'.join(actions)}")
    reason = unavailable()
    sys.exit(reason) if reason else actions[sys.argv[1]]()
