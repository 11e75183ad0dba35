"""Ansible: the tasks of the modules lambda_event and s3_bucket_notification, in playbooks, roles and files of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from provisioner.convert.conversion import Conversion, Origin
from provisioner.convert.documents import listed, members_of, text_at
from provisioner.convert.formats.ansible.files import AWS, Playbooks, Task
from provisioner.convert.formats.ansible.values import boolean
from provisioner.convert.found import Doubt
from provisioner.convert.unknown import has_unknown
from provisioner.manifest.node import Node
from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind

_FUNCTION: Final = ("lambda_function_arn", "function_name", "function_arn")
_REGION: Final = ("region", "aws_region", "ec2_region")
_PARAMETERS: Final = (
    *("source_arn", "enabled", "batch_size", "starting_position", "function_response_types"),
    "maximum_batching_window_in_seconds",
)
"""What the module has in source_params."""
_WINDOW: Final = "maximum_batching_window_in_seconds"
_LATER: Final = {
    "sns_topic": ("subscriptions", "endpoint", "SNS"),
    "cloudwatchevent_rule": ("targets", "arn", "EventBridge"),
}
"""Modules whose mappings are not supported yet: the list that has them, the member that names the function, the service."""


def convert(documents: Iterable[Node], conversion: Conversion) -> None:
    """Add the mappings of the documents. Raises UsageError for an included file that cannot be read."""
    playbooks = Playbooks(conversion, AWS)
    for document in documents:
        for task in playbooks.tasks(document):
            _Reading(task, conversion).add()


@dataclass(frozen=True, slots=True)
class _Reading:
    task: Task
    conversion: Conversion

    def add(self) -> None:
        """Add what the task makes to the conversion."""
        task = self.task
        if task.module in _LATER:
            name, member, service = _LATER[task.module]
            for item in listed(task.arguments.get(name)):
                if text_at(item, "protocol") == "lambda" or ":lambda:" in text_at(item, member):
                    self._leave_out(f"{service} as a source is not supported yet")
            return
        state = self._argument("state")
        if state == "absent":
            self._leave_out("its state is absent: it deletes the mapping")
        elif task.module == "lambda_event":
            self._mapping()
        elif "lambda_function_arn" in task.arguments or "function_arn" in task.arguments:
            self._entry()

    def _mapping(self) -> None:
        task, node = self.task, self.task.node
        is_queue = self._argument("event_source") == "sqs"
        members = self._parameters()
        if is_queue:
            members.pop("starting_position", None)  # the module does not send it
        members |= {"function_name": node.holding(function)} if (function := self._function("version", "alias")) else {}
        reader = self.conversion.reader()
        fields = reader.mapping(node.holding(members))
        notes = list(self._notes())
        if _WINDOW not in fields and not any(problem.field == _WINDOW for problem in reader.problems):
            if has_unknown(fields.get("batch_size")):
                notes.append(Doubt(_WINDOW, "the module sends 1 where batch_size is above 10"))
            elif isinstance(size := fields.get("batch_size"), int) and size > 10:
                fields[_WINDOW] = 1
                notes.append(Doubt(_WINDOW, "the task has none: the module sends 1, because batch_size is above 10"))
        origin = Origin(node.place(), str(task), region=self._region(), notes=tuple(notes))
        self.conversion.add(fields, origin, reader.problems, SourceKind.SQS if is_queue else None)

    def _parameters(self) -> dict[str, Node]:
        """The fields in source_params, as the module takes them."""
        params = self.task.arguments.get("source_params")
        members: dict[str, Node] = {}
        for name, item in members_of(params).items():
            is_zero = name in ("batch_size", _WINDOW) and str(item.value) == "0"
            if name not in _PARAMETERS:
                why = "the module has no such parameter"
                self.conversion.leave_out(item.place(key=True), f"{name} of {self.task}", why)
            elif item.value is not None and item.value != "" and not is_zero:  # which the module does not send
                members["event_source_arn" if name == "source_arn" else name] = item
        if "enabled" in members:
            members["enabled"] = members["enabled"].holding(boolean(members["enabled"].value))
        if "function_response_types" in members:
            members["function_response_types"] = _as_list(members["function_response_types"])
        return members

    def _entry(self) -> None:
        task = self.task
        bucket, ident = self._argument("bucket_name"), self._argument("event_name")
        function = self._function("lambda_version", "lambda_alias")
        if not bucket:
            self._leave_out("it names no bucket")
            return
        reader = self.conversion.reader(SourceKind.S3)
        members = {"events": _as_list(task.arguments["events"])} if "events" in task.arguments else {}
        texts = {
            "function_name": function,
            "id": ident,
            "filter_prefix": self._argument("prefix"),
            "filter_suffix": self._argument("suffix"),
        }
        members |= {name: task.node.holding(text) for name, text in texts.items() if text}
        fields = reader.mapping(task.node.holding(members))
        reference = FunctionReference.parse(function)
        region = self._region() or (reference.region if reference else "")
        partition = "aws" if has_unknown(region) else partition_of(region)
        fields["event_source_arn"] = str(Arn(partition, "s3", "", "", bucket))
        origin = Origin(
            task.node.place(),
            str(task),
            id=f"{bucket}/{ident}" if ident and not has_unknown([bucket, ident]) else "",
            region=region,
            notes=tuple(self._notes()),
            changes=True,  # the policy of the function is not known
        )
        self.conversion.add(fields, origin, reader.problems, SourceKind.S3)

    def _function(self, version: str, alias: str) -> str:
        """The function with its version or alias, or ""."""
        function = next((text for name in _FUNCTION if (text := self._argument(name))), "")
        number = self._argument(version)
        qualifier = number if number not in ("", "0") else self._argument(alias)
        return f"{function}:{qualifier}" if function and qualifier else function

    def _region(self) -> str:
        named = (self._argument(name) for name in _REGION)
        environment = (_text(self.task.environment, name) for name in ("AWS_REGION", "AWS_DEFAULT_REGION"))
        return next(filter(None, (*named, *environment)), "")

    def _notes(self) -> Iterator[Doubt]:
        for note in self.task.notes:
            yield Doubt("", note)
        if has_unknown(self._argument("state")):
            yield Doubt("", "whether the task makes or deletes it is not known")

    def _argument(self, name: str) -> str:
        return _text(self.task.arguments, name)

    def _leave_out(self, why: str) -> None:
        self.conversion.leave_out(self.task.node.place(), str(self.task), why)


def _as_list(node: Node) -> Node:
    """A list, which may be written as a text with commas."""
    if not isinstance(node.value, str) or has_unknown(node.value):
        return node
    return node.all_here([text.strip() for text in node.value.split(",")])


def _text(members: Mapping[str, Node], name: str) -> str:
    """An argument as a text, or ""."""
    value: Any = members[name].value if name in members else None
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
