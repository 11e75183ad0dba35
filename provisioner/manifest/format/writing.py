"""Manifests that are written back: formatted, or with one more mapping."""

from __future__ import annotations

from pathlib import Path

from provisioner.errors import ManifestError, UsageError
from provisioner.filesystem import rewrite
from provisioner.manifest.files import gather
from provisioner.manifest.format import formatted, with_mapping


def reformat(path: Path, *, writes: bool) -> list[tuple[str, str, str]]:
    """Each file of a manifest that is not in canonical form: its name, its text, and its canonical text, which is
    written to the file with `writes`.

    Raises ManifestError or UsageError when a file cannot be read, ProvisionerError when one cannot be formatted: then
    no file is written. Raises StateError when one cannot be written; those before it have been.
    """
    joined = gather(path)
    if not joined.complete:
        raise ManifestError(joined.diagnostics)
    # A list, not a generator: all files are formatted before the first is written.
    texts = [(file, before, formatted(before, file)) for file in joined.files for before in [_text(Path(file))]]
    changed = [(file, before, after) for file, before, after in texts if before != after]
    for file, _, after in changed if writes else ():
        rewrite(Path(file), after)
    return changed


def addition(path: Path, entry: str) -> str:
    """The text of a manifest's file with an entry added; the file is not written. Raises ManifestError or UsageError,
    as `with_mapping` does.
    """
    return with_mapping(_text(path), entry)


def _text(path: Path) -> str:
    """A file's text with its line ends as they are (text mode would convert them). Raises UsageError."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
