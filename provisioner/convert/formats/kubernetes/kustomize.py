"""A kustomization: the objects in its resources, where nothing in it changes them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from provisioner.convert.below import is_below
from provisioner.convert.conversion import Conversion
from provisioner.convert.documents import documents, listed, members_of, text_of_file
from provisioner.convert.formats.kubernetes import convert as kubernetes
from provisioner.errors import UsageError
from provisioner.manifest.node import Node

_CHANGING: Final = (
    *("patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers", "components", "vars"),
    *("commonAnnotations", "namePrefix", "nameSuffix", "helmCharts", "generators"),
)
"""Members that change objects, or make some."""
_NAMES: Final = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_REMOTE: Final = re.compile(r"\w+://|git@|[\w-]+\.[a-z]+/.*//|.*\?ref=")
_DEEPEST: Final = 20


def convert(found: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the kustomizations. Raises UsageError for one that changes its resources, or whose files cannot be
    read.
    """
    nodes = [item for node in found for item in _objects(node, Path(node.file).parent, conversion, 0)]
    kubernetes.convert(nodes, conversion)


def _objects(node: Node, top: Path, conversion: Conversion, depth: int) -> Iterator[Node]:
    """The objects of a kustomization, whose files are all below `top`."""
    members = members_of(node)
    if changing := [name for name in _CHANGING if name in members and members[name].value]:
        raise UsageError(
            f"{members[changing[0]].place(key=True)}: {changing[0]} changes the objects",
            hint="convert what `kubectl kustomize DIR` prints",
        )
    for name in ("resources", "bases", "crds"):
        for item in listed(members.get(name)):
            path = Path(node.file).parent / str(item.value)
            if not isinstance(item.value, str) or _REMOTE.match(item.value) or not is_below(top, path):
                why = f"it is not below the folder {top}"
                conversion.leave_out(item.place(), f"the resource {item.plain()}", why)
                continue
            if path.is_dir():
                path = next((path / file for file in _NAMES if (path / file).is_file()), path / _NAMES[0])
            if path.name not in _NAMES:
                yield from documents(text_of_file(path), str(path))
            elif depth == _DEEPEST:
                raise UsageError(f"{item.place()}: kustomizations include each other more than {_DEEPEST} times")
            else:
                for document in documents(text_of_file(path), str(path)):
                    yield from _objects(document, top, conversion, depth + 1)
