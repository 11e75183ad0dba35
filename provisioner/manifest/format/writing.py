"""Manifests that are written back: formatted, or with one more mapping."""

from __future__ import annotations

from pathlib import Path

from provisioner.errors import ManifestError, UsageError
from provisioner.filesystem import rewrite
from provisioner.manifest.files import gather
from provisioner.manifest.format import formatted, with_mapping


def reformat(path: Path, *, writes: bool) -> list[tuple[str, str, str]]:
    """Each file of a manifest that is not in canonical form: its name, its text, and the text that it should have,
    which is written where that is asked for.

    Raises ManifestError when a file cannot be read, ProvisionerError when one cannot be formatted: then none is
    written.
    """
    joined = gather(path)
    if not joined.complete:
        raise ManifestError(joined.diagnostics)
    texts = [(file, before, formatted(before, file)) for file in joined.files for before in [_text(Path(file))]]
    changed = [(file, before, after) for file, before, after in texts if before != after]
    for file, _, after in changed if writes else ():
        rewrite(Path(file), after)
    return changed


def addition(path: Path, entry: str) -> str:
    """The text of a manifest's file with an entry added. Raises ManifestError or UsageError where it cannot be."""
    return with_mapping(_text(path), entry)


def _text(path: Path) -> str:
    """A file's text with its line ends as they are. Raises UsageError."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
