"""What a check asks and answers. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from provisioner.model.place import Place


class CheckLevel(StrEnum):
    """What a finding means, from the worst: AWS refuses for certain; AWS probably refuses, or delivers nothing; it works and
    will hurt; it could not be asked.
    """

    ERROR = "error"
    LIKELY = "likely"
    WARNING = "warning"
    SKIPPED = "skipped"


class Question(NamedTuple):
    """One read-only call. Equal questions are asked once.

    service, operation  as boto3 names them
    arguments           as a JSON object, its names sorted
    action              the IAM action that the caller needs
    one_of              the argument that takes a list, and one item of it: questions that differ in the item alone are asked
                        together, a hundred items in a call; ("", "") for a question that is asked by itself
    """

    service: str
    region: str
    operation: str
    arguments: str
    action: str
    one_of: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a question. `value` is what AWS returned, None when there is no answer; then `gone` says that AWS does not
    have what was asked for, and `trouble` why it could not be asked.
    """

    value: Mapping[str, Any] | None = None
    gone: bool = False
    trouble: str = ""
    denied: bool = False

    def part(self, *names: str) -> Mapping[str, Any]:
        """The object below these members of `value`, the whole without any; empty where there is none."""
        found: Any = self.value
        for name in names:
            found = (found or {}).get(name)
        return found or {}


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """What a check found. `code` is a key of `codes.EXPLANATIONS`; `mapping` is the mapping's name, "" for what was skipped;
    `needs` is the IAM action that the caller lacks, "" for what was asked. `hint` is what to do, "" for the code's remedy.
    """

    code: str
    level: CheckLevel
    mapping: str
    message: str
    place: Place
    hint: str = ""
    needs: str = ""
