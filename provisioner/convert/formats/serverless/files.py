"""The files that a Serverless Framework file includes: only those below its own folder, and no programs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from provisioner.convert.documents import documents, text_of_file
from provisioner.errors import UsageError
from provisioner.manifest.node import Node

PRINT: Final = "serverless print --format json > serverless.json"
"""What resolves everything that only the framework can."""
_PROGRAMS: Final = (".js", ".cjs", ".mjs", ".ts")


class Unread(Exception):  # noqa: N818  # no error for a caller: the value is not known
    """Why a file is not read."""


class Files:
    """The files that the service's file `root` may include."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._folder = Path(root.file).parent
        self._read: dict[str, Node | None] = {}

    def content(self, name: str) -> Node | None:
        """What a file has: the value of YAML or JSON, else its text; None where there is no such file. Raises Unread."""
        if name not in self._read:
            self._read[name] = self._content(name)
        return self._read[name]

    def _content(self, name: str) -> Node | None:
        path = self._folder / name
        if path.suffix in _PROGRAMS:
            raise Unread(f"it is a program, which is not run; convert what `{PRINT}` writes")
        if path.suffix == ".tfstate":
            raise Unread("a state of Terraform may have passwords, and is not read; convert the state itself")
        try:
            outside = not path.resolve().is_relative_to(self._folder.resolve())
            if outside:
                raise Unread("it is not below the folder of the service's file")
            if not path.is_file():
                return None
            text = text_of_file(path)
            if path.suffix not in (".yml", ".yaml", ".json"):
                return self._root.holding(text)
            return next(iter(documents(text, str(path), yaml_1_1=False)), None)
        except UsageError as error:
            raise Unread(str(error)) from error
        except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links that go round
            raise Unread("it cannot be read") from None
