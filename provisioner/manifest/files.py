"""Reads the files of a manifest and merges them into one tree of positioned nodes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from provisioner.manifest.foreign import CONVERTED, other_tool, other_tool_in, what_to_do
from provisioner.manifest.node import NOWHERE, Node
from provisioner.manifest.reader import read
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.place import Place

_LISTS: Final = frozenset({"imports", "moved", "removed"})
_NAMED: Final = frozenset({"mappings", "variables"})
MOST_LEVELS: Final = 50
_MAGIC: Final = frozenset("*?[")


@dataclass(slots=True)
class Joined:
    """All files as one value. `complete` is False when a part of it could not be read; `refers` says that a reference
    to a variable may stand in it. `files` are their names, as they were read.
    """

    root: Node
    files: list[str] = field(default_factory=list)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    complete: bool = True
    refers: bool = False


def gather(path: Path) -> Joined:
    """Read the manifest in a file or folder with all that it includes. Raises nothing: mistakes are in `diagnostics`."""
    gathering = _Gathering(path if path.is_dir() else path.parent)
    try:
        if not path.exists():
            gathering.refuse(
                "no such file or folder", Place(str(path)), "pass the path of the manifest with -f", "E001"
            )
        elif path.is_dir():
            gathering.read_folder(path)
        else:
            gathering.read_file(path)
    except OSError as error:
        gathering.refuse(f"cannot be read: {error.strerror}", Place(str(error.filename or path)), "", "E001")
    return gathering.joined


def manifest_above(folder: Path) -> str:
    """A hint that names the nearest `provisioner.yaml` above a folder, inside its repository, or ""."""
    here = folder.resolve()
    for steps, parent in enumerate(here.parents[:MOST_LEVELS], start=1):
        if (parent / "provisioner.yaml").is_file():
            up = "/".join([".."] * steps)
            shown = up if str(folder) == "." else str(folder / up)
            return f"found a manifest in a parent folder: use -f {shlex.quote(os.path.normpath(shown))}"
        if (here / ".git").exists() or (parent / ".git").exists():
            break
    return ""


class _Gathering:
    """Reads one file after the other, and merges each into those read before."""

    def __init__(self, folder: Path) -> None:
        self._tree = folder.resolve()
        self._read: set[Path] = set()
        self._including: list[Path] = []
        self.joined = Joined(Node({}, str(folder), NOWHERE, NOWHERE))

    def read_folder(self, folder: Path) -> None:
        """Read `provisioner.yaml` of a folder, else all its YAML files."""
        if (folder / "provisioner.yaml").is_file():
            self.read_file(folder / "provisioner.yaml")
            return
        files = sorted(file for file in folder.iterdir() if file.suffix in (".yaml", ".yml") and _is_plain(file))
        for file in files:
            self.read_file(file)
        if not files:
            hint, tool = manifest_above(folder), other_tool_in(folder)
            if tool and not hint:
                self.refuse(
                    f"the folder contains {tool}, not a manifest", Place(str(folder)), what_to_do(tool, folder), "E114"
                )
                return
            hint = hint or "pass a manifest with -f, or create provisioner.yaml"
            self.refuse("the folder contains no *.yaml files", Place(str(folder)), hint, "E001")

    def read_file(self, file: Path) -> None:
        """Read a file, then its includes; no file is read twice."""
        identity = file.resolve()
        if identity in self._read:
            return
        if not self._read:
            self.joined.root.file = str(file)  # what stands nowhere stands in the first file
        self._read.add(identity)
        self.joined.files.append(str(file))
        document = read(file, str(file))
        if tool := other_tool(file.name, document):
            hint = what_to_do(tool, file)
            # JSON may be broken YAML; and tags and several documents, which no manifest has, are converted.
            broken = next((item for item in document.diagnostics if item.message.startswith("not YAML: ")), None)
            if broken and tool in CONVERTED and document.text.lstrip()[:1] not in ("{", "["):
                hint = f"correct line {broken.place.line} first, which is {broken.message}; then {hint}"
            self.refuse(f"this is {tool}, not a manifest", Place(str(file)), hint, "E114")
            return
        self.joined.diagnostics += document.diagnostics
        self.joined.complete &= document.readable
        self.joined.refers |= document.refers
        root = document.root
        if root is None or root.value is None:
            return
        if not isinstance(root.value, dict):
            self.refuse("a manifest must be a map with keys such as `stack:` and `mappings:`", root.place(), "", "E104")
            return
        self._including.append(identity)
        self._join(root.value)
        for pattern in self._patterns(root.value.get("include")):
            self._include(file, pattern)
        self._including.pop()

    # --- include ------------------------------------------------------------------------------------------------------

    def _patterns(self, include: Node | None) -> Iterator[Node]:
        if include is None or include.value is None:
            return
        for item in include.value if isinstance(include.value, list) else [include]:
            if isinstance(item.value, str) and item.value and item is not include:
                yield item
            else:
                self.refuse(
                    "include must be a list of files and globs", item.place(), "for example include: [mappings/*.yaml]"
                )

    def _include(self, file: Path, pattern: Node) -> None:
        text: str = pattern.value
        if "${" in text:
            self.refuse(
                "include cannot use variables, because it is read before they have values",
                pattern.place(),
                "list the files without ${…}",
            )
            return
        if ".." in Path(text).parts:  # before anything is looked at: a glob would list the names of foreign files
            hint = "included files must be in the manifest's folder or a subfolder"
            self.refuse(f"{text!r} leads out of the manifest's folder", pattern.place(), hint)
            return
        if Path(text).is_absolute():
            self.refuse(f"{text!r} is an absolute path", pattern.place(), "write it relative to this file")
            return
        try:
            matched = sorted(filter(_is_plain, file.parent.glob(text))) if _MAGIC & set(text) else [file.parent / text]
        except ValueError as error:
            self.refuse(
                f"{text!r} is not a glob: {error}",
                pattern.place(),
                "`**` must be a whole path segment, for example mappings/**/*.yaml",
            )
            return
        if not matched or not all(item.is_file() for item in matched):
            self.refuse(
                f"no file matches {text!r} (relative to {file.name})",
                pattern.place(),
                "fix the path, or remove the entry",
            )
            return
        for item in matched:
            self._include_file(item, pattern)

    def _include_file(self, item: Path, pattern: Node) -> None:
        identity = item.resolve()
        if not identity.is_relative_to(self._tree):
            hint = "included files must be in the manifest's folder or a subfolder"
            self.refuse(f"{item} is outside of the manifest's folder", pattern.place(), hint)
        elif identity in self._including:
            self.refuse(f"{item} includes itself", pattern.place(), "remove the file from its own `include`")
        elif len(self._including) > MOST_LEVELS:
            hint = "include all files directly from the main manifest"
            self.refuse(f"includes are nested more than {MOST_LEVELS} levels deep", pattern.place(), hint)
        else:
            self.read_file(item)

    # --- join ---------------------------------------------------------------------------------------------------------

    def _join(self, value: dict[str, Node]) -> None:
        joined: dict[str, Node] = self.joined.root.value
        for key, node in value.items():
            if key.startswith("x-") or key == "include" or node.value is None:
                continue
            there = joined.get(key)
            if there is None:
                # What other files add must not get into the node of this one.
                copy = node.value.copy() if isinstance(node.value, dict | list) else node.value
                joined[key] = node.holding(copy) if key in _LISTS | _NAMED else node
            elif key in _LISTS and isinstance(node.value, list) and isinstance(there.value, list):
                there.value += node.value
            elif key in _NAMED and isinstance(node.value, dict) and isinstance(there.value, dict):
                for name, item in node.value.items():
                    self._set(there.value, name, item)
            else:
                self._set(joined, key, node)

    def _set(self, target: dict[str, Node], key: str, node: Node) -> None:
        there = target.setdefault(key, node)
        if there is not node:
            message = f"duplicate key {key!r}: first defined at {there.place(key=True)}"
            self.joined.diagnostics.append(Diagnostic("E002", message, node.place(key=True)))

    def refuse(self, message: str, place: Place, hint: str, code: str = "E110") -> None:
        """Report an error and mark the manifest incomplete."""
        self.joined.complete = False
        self.joined.diagnostics.append(Diagnostic(code, message, place, hint))


def _is_plain(file: Path) -> bool:
    """Whether a glob includes the file: not a folder, not an editor's temporary file."""
    return file.is_file() and not file.name.startswith(".")
