"""Streams of any encoding, and closed ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MANIFEST = "stack: größe\nmappings: { '😀': {} }\n"
COMMAND = f"'{sys.executable}' -m provisioner"


def run(folder: Path, line: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """A command line for a shell, with the program of this Python."""
    (folder / "provisioner.yaml").write_text(MANIFEST, encoding="utf-8")
    environment = {**os.environ, **environ}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, check=False)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_json_is_valid_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    done = run(tmp_path, f"{COMMAND} validate --format json", PYTHONIOENCODING=encoding)

    document = json.loads(done.stdout.decode(encoding))
    assert done.returncode == 1
    assert "'größe' is not a valid stack name" in [item["message"] for item in document["diagnostics"]]
    assert any("😀" in item["message"] for item in document["diagnostics"])


def test_text_in_ascii_escapes_what_it_lacks(tmp_path: Path) -> None:
    done = run(tmp_path, f"{COMMAND} validate", PYTHONIOENCODING="ascii")

    assert done.returncode == 1
    assert rb"'gr\u00f6\u00dfe' is not a valid stack name" in done.stdout + done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_error(tmp_path: Path, closed: str) -> None:
    done = run(tmp_path, f"{COMMAND} validate {closed}")

    assert done.returncode == 1
    assert b"internal error" not in done.stdout + done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["provisioner.yaml"]
