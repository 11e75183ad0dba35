"""Figures beside a bare boto3 script, in one run: starts, a plan of unchanged mappings, and the calls that it makes.

    python benchmarks/run.py [MAPPINGS]

Every time is the median of several whole processes, on this machine, against the sandbox on loopback.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RUNS = 7
COMMAND = str(Path(sys.executable).with_name("provisioner"))

BARE = """
import boto3
pages = boto3.client("lambda").get_paginator("list_event_source_mappings").paginate()
print(sum(len(page["EventSourceMappings"]) for page in pages))
"""


IMPORTS = "import yaml; from pydantic import BaseModel"

WITHIN = """
import resource, sys, time
{setup}
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before, began = most(), time.perf_counter()
{work}
print(time.perf_counter() - began, (most() - before) / 1024)
"""
LOADS = {
    "yaml.load with CSafeLoader": (
        "import yaml; text = open(sys.argv[1]).read()",
        "value = yaml.load(text, Loader=yaml.CSafeLoader)",
    ),
    "read, checked and made canonical": (
        "from pathlib import Path; from provisioner.manifest import load",
        "value = load(Path(sys.argv[1]))",
    ),
}
"""What is loaded before, and what is measured."""


class Counting:
    """A WSGI application that counts the calls it passes on, by method and path."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self.calls: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Count one request and pass it on."""
        self.calls[_operation(environ)] += 1
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer


def _operation(environ: dict[str, Any]) -> str:
    path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
    if path.rstrip("/").endswith("event-source-mappings"):
        return "List" if method == "GET" else "Create"
    if "/event-source-mappings/" in path:
        return {"GET": "Get", "PUT": "Update", "DELETE": "Delete"}[method]
    if "/tags/" in path:
        return {"GET": "ListTags", "POST": "TagResource", "DELETE": "UntagResource"}[method]
    return str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2] or "sts"


def measure(arguments: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """The median wall time in seconds and the most memory in MB of a command, after one run to warm up.

    Measured from a process of its own: a child's memory counts from what its parent held when it forked.
    """
    helper = [sys.executable, __file__, "--measure", *arguments]
    words = subprocess.run(helper, env=environ, check=True, capture_output=True, text=True).stdout.split()
    return float(words[0]), float(words[1])


def measure_here(arguments: list[str], runs: int = RUNS) -> None:
    """Print what `measure` returns."""
    times, memory = [], 0
    for run in range(runs + 1):
        began = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
        if run:
            times.append(time.perf_counter() - began)
        memory = max(memory, usage.ru_maxrss)
    print(statistics.median(times), memory / 1024)


def row(name: str, figures: tuple[float, float], base: tuple[float, float] | None = None) -> None:
    """Print one line of the table."""
    ratio = f"{figures[0] / base[0]:6.2f} x" if base else ""
    print(f"{name:48} {figures[0] * 1000:8.0f} ms {figures[1]:7.0f} MB {ratio}")


def manifest(count: int) -> str:
    """A manifest of SQS mappings on one function, as the peers were measured."""
    entries = "".join(
        f"  m{index:05}:\n    function_name: worker\n"
        f"    event_source_arn: arn:aws:sqs:eu-west-1:123456789012:queue-{index:05}\n"
        for index in range(count)
    )
    return f"stack: bench\nprovider: {{ region: eu-west-1 }}\nmappings:\n{entries}"


def main() -> None:
    """Measure and print."""
    from provisioner.sandbox.mappings import Delays  # late: a measuring process must stay small
    from provisioner.sandbox.seed import Function, Queue, Seed
    from provisioner.sandbox.seeder import Seeder
    from provisioner.sandbox.server import listening, plane_over_moto, reserve

    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    environ = {**os.environ, "AWS_EC2_METADATA_DISABLED": "true"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as installed: from bytecode, which the run to warm up leaves
    click = measure([sys.executable, "-c", "import click"], environ)
    row('python -c "import click"', click)
    row("provisioner version", measure([COMMAND, "version"], environ), click)
    row("provisioner --help", measure([COMMAND, "--help"], environ), click)
    with tempfile.TemporaryDirectory() as folder:
        measured_language(Path(folder) / "provisioner.yaml", environ)

    server = listening(plane_over_moto(Delays(0, 0, 0, 0, 0)), reserve(0))
    counting = Counting(server.app)
    server.app = counting
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.port}"
    queues = [Queue(name=f"queue-{index:05}") for index in range(count)]
    Seeder(endpoint, Seed(functions=[Function(name="worker")], queues=queues)).plant()
    environ |= {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "sandbox", "AWS_SECRET_ACCESS_KEY": "sandbox"}
    environ |= {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1"}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "provisioner.yaml"
        path.write_text(manifest(count), encoding="utf-8")
        measured_apply(path, environ, counting, count)
        bare = measure([sys.executable, "-c", BARE], environ)
        row(f"bare boto3: list {count} mappings", bare)
        row(f"provisioner plan, {count} unchanged", measure([COMMAND, "plan", "-f", str(path)], environ), bare)
        counting.calls.clear()
        subprocess.run([COMMAND, "plan", "-f", str(path)], env=environ, check=True, capture_output=True)
        print(f"calls of that plan: {dict(counting.calls)}")
    server.shutdown()


def measured_language(path: Path, environ: dict[str, str]) -> None:
    """Time the manifest language: a small manifest as a whole process, a large one within a process."""
    path.write_text(manifest(3), encoding="utf-8")
    imports = measure([sys.executable, "-c", IMPORTS], environ)
    row(f'python -c "{IMPORTS}"', imports)
    row("provisioner validate, 3 mappings", measure([COMMAND, "validate", "-f", str(path)], environ), imports)
    path.write_text(manifest(10_000), encoding="utf-8")
    print(f"10,000 mappings, {path.stat().st_size / 1e6:.1f} MB, within a process:")
    base: tuple[float, float] | None = None
    for name, (setup, work) in LOADS.items():
        figures = within(WITHIN.format(setup=setup, work=work), path, environ)
        row(f"  {name}", figures, base)
        if base:
            print(f"{'':60} memory {figures[1] / base[1]:6.2f} x")
        base = base or figures


def within(code: str, path: Path, environ: dict[str, str]) -> tuple[float, float]:
    """The medians of what a process measures of itself: seconds, and MB that it grew by.

    Started from a process of its own: a child's memory counts from what its parent held when it forked.
    """
    helper = [sys.executable, __file__, "--within", code, str(path)]
    words = subprocess.run(helper, env=environ, check=True, capture_output=True, text=True).stdout.split()
    return float(words[0]), float(words[1])


def within_here(code: str, path: str) -> None:
    """Print what `within` returns."""
    runs = [
        subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True, text=True).stdout.split()
        for _ in range(RUNS)
    ]
    print(statistics.median(float(run[0]) for run in runs), statistics.median(float(run[1]) for run in runs))


def measured_apply(path: Path, environ: dict[str, str], counting: Counting, count: int) -> None:
    """Time one apply of everything, and print its calls."""
    counting.calls.clear()
    began = time.perf_counter()
    subprocess.run(
        [COMMAND, "apply", "-f", str(path), "--auto-approve", "-q"], env=environ, check=True, capture_output=True
    )
    print(f"{f'provisioner apply, {count} creates, one run':48} {time.perf_counter() - began:8.1f} s")
    print(f"calls of that apply: {dict(counting.calls)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure_here(sys.argv[2:])
    elif sys.argv[1:2] == ["--within"]:
        within_here(*sys.argv[2:])
    else:
        main()
