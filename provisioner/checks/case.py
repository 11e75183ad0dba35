"""One mapping before the checks, and what they can ask about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from provisioner.kinds.permissions import dns_suffix, stream_of
from provisioner.model.canonical import Canonical
from provisioner.model.checks import Answer, CheckFinding, CheckLevel, Question
from provisioner.model.place import Place
from provisioner.model.references import Arn, FunctionReference, partition_of
from provisioner.model.sources import SourceKind

Findings: TypeAlias = list[CheckFinding]
Judging: TypeAlias = Generator[tuple[Question, ...], tuple[Answer, ...], Findings]
"""A check at work: it yields questions, gets their answers in the same order, and returns what it found."""


class Subject(NamedTuple):
    """A mapping to check, in canonical form. `account` is the function's, 12 digits."""

    name: str
    region: str
    kind: SourceKind
    mapping: Canonical
    place: Place
    account: str


@dataclass(frozen=True, slots=True)
class Case:
    """A subject among all mappings of its manifest, itself among them: functions and streams have limits that these share."""

    subject: Subject
    all: Sequence[Subject]

    @property
    def source(self) -> Arn | None:
        """The source, None for a self-managed cluster."""
        return Arn.parse(self.subject.mapping.get("event_source_arn"))

    @property
    def arn(self) -> Arn:
        """The source, for checks of kinds that have an ARN."""
        found = self.source
        assert found is not None  # the table has the check for such kinds alone
        return found

    @property
    def reference(self) -> FunctionReference:
        """The function, with version or alias."""
        found = FunctionReference.parse(self.subject.mapping["function_name"])
        assert found is not None  # a mapping in canonical form has one
        return found

    @property
    def of_function(self) -> list[Subject]:
        """All mappings that invoke this function, by whichever version or alias."""
        return [item for item in self.all if item.region == self.subject.region and _name(item) == _name(self.subject)]

    def found(self, code: str, level: CheckLevel, message: str, hint: str = "") -> CheckFinding:
        """A finding about the mapping."""
        return CheckFinding(code, level, self.subject.name, message, self.subject.place, hint)

    def error(self, code: str, message: str, hint: str = "") -> Findings:
        """One finding: AWS refuses the mapping for certain."""
        return [self.found(code, CheckLevel.ERROR, message, hint)]

    def likely(self, code: str, message: str, hint: str = "") -> Findings:
        """One finding: AWS probably refuses the mapping, or nothing arrives."""
        return [self.found(code, CheckLevel.LIKELY, message, hint)]

    def warning(self, code: str, message: str, hint: str = "") -> Findings:
        """One finding: it works, and hurts."""
        return [self.found(code, CheckLevel.WARNING, message, hint)]


def _name(subject: Subject) -> str:
    function = FunctionReference.parse(subject.mapping["function_name"])
    return function.name if function else ""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: a row of the table. `judge` looks at one case. `kinds` are the sources that it is about.

    `code` stands for it in `codes.EXPLANATIONS`, which has its words at length; a check may also find what another code says,
    where one answer shows both. `needs` are the IAM actions of its questions, and so what it costs: a call for each
    function, role, source, secret, destination or key, whichever mappings share it.
    """

    code: str
    kinds: frozenset[SourceKind]
    judge: Callable[[Case], Judging]
    needs: tuple[str, ...] = ()


# --- questions that several checks ask -------------------------------------------------------------------------------


def question(service: str, region: str, operation: str, action: str, **arguments: Any) -> Question:
    """A question about one thing."""
    return Question(service, region, operation, json.dumps(arguments, sort_keys=True), action)


@dataclass(frozen=True, slots=True)
class Function:
    """A function as far as it is known. `configuration` is as in GetFunction, empty where it is not known; `reserved` is its
    reserved concurrency, None where it has none or that is not known.
    """

    gone: bool = False
    configuration: Mapping[str, Any] = field(default_factory=dict)
    reserved: int | None = None

    @property
    def timeout(self) -> int:
        """In seconds; 0 where it is not known."""
        return int(self.configuration.get("Timeout") or 0)

    @property
    def role(self) -> str:
        """The ARN of its execution role, "" where it is not known."""
        return str(self.configuration.get("Role") or "")


def function(case: Case) -> Generator[tuple[Question, ...], tuple[Answer, ...], Function]:
    """The function: by GetFunction, which has a quota of its own and also has the reserved concurrency; where that is
    denied, because it hands out the code, by GetFunctionConfiguration.
    """
    named = case.reference
    region, where = case.subject.region, {"FunctionName": named.name}
    if named.account and named.account != case.subject.account:
        where = {"FunctionName": f"{named.account}:function:{named.name}"}
    if named.qualifier:
        where["Qualifier"] = named.qualifier
    (answer,) = yield (question("lambda", region, "get_function", "lambda:GetFunction", **where),)
    if answer.value is not None:
        reserved = answer.part("Concurrency").get("ReservedConcurrentExecutions")
        return Function(configuration=answer.part("Configuration"), reserved=reserved)
    if answer.denied:
        action = "lambda:GetFunctionConfiguration"
        (answer,) = yield (question("lambda", region, "get_function_configuration", action, **where),)
    return Function(gone=answer.gone, configuration=answer.part())


def queue(arn: Arn) -> Question:
    """The attributes of a queue. Its URL is made from its ARN, which saves the call that looks it up."""
    url = f"https://sqs.{arn.region}.{dns_suffix(arn.partition)}/{arn.account}/{arn.resource}"
    action = "sqs:GetQueueAttributes"
    return question("sqs", arn.region, "get_queue_attributes", action, QueueUrl=url, AttributeNames=["All"])


def stream(arn: Arn) -> Question:
    """The summary of a Kinesis stream; `arn` is the stream's or a consumer's."""
    action = "kinesis:DescribeStreamSummary"
    return question("kinesis", arn.region, "describe_stream_summary", action, StreamARN=str(stream_of(arn)))


def iam_region(region: str) -> str:
    """A region to ask IAM in, which is one for a whole partition: equal questions are then asked once."""
    partition = partition_of(region)
    return {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}.get(partition, region)


def number(value: object) -> int:
    """A number that AWS wrote as text; 0 for what is none."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST else 0


_LONGEST: Final = 19
