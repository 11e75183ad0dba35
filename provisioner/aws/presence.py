"""Checks whether the functions and sources of mappings still exist. Lambda does not report it: the mapping stays
Enabled.

One call for each function and each source. What cannot be looked up, for lack of permission or of an answer, counts as
existing. MSK, Amazon MQ, DocumentDB and self-managed clusters are not looked up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from provisioner.aws.refresh import parallel
from provisioner.aws.session import Aws
from provisioner.errors import AwsError
from provisioner.model.canonical import Canonical
from provisioner.model.references import Arn, FunctionReference

K = TypeVar("K")

# SQS names the missing queue differently in its query protocol and in its JSON protocol.
_GONE: Final = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "StreamNotFound"}
)


@dataclass(frozen=True, slots=True)
class _Question:
    """One lookup: whether a function or source exists."""

    what: str
    region: str
    service: str
    operation: str
    arguments: tuple[tuple[str, str], ...]


def missing_dependencies(
    aws: Aws, needs: Mapping[K, tuple[str, Canonical]], note: Callable[[str], None]
) -> Mapping[K, tuple[str, ...]]:
    """What is missing in AWS for each key, such as `the queue orders`; a key that lacks nothing is absent. `needs` maps
    each key to the region and the mapping.

    `note` is called once for each service that could not be asked. An AwsError of a lookup is not raised.
    """
    asked: defaultdict[_Question, list[K]] = defaultdict(list)
    for key, (region, mapping) in needs.items():
        for question in _questions(region, mapping):
            asked[question].append(key)
    refused: dict[str, str] = {}
    answers = parallel(lambda question: _is_gone(aws, question, refused), list(asked))
    for service, message in sorted(refused.items()):
        note(f"could not check whether the functions and sources of the mappings still exist in {service}: {message}")
    missing: defaultdict[K, tuple[str, ...]] = defaultdict(tuple)
    for question, gone in zip(asked, answers, strict=True):
        for key in asked[question] if gone else ():
            missing[key] += (question.what,)
    return missing


def _questions(region: str, mapping: Canonical) -> Iterable[_Question]:
    function = FunctionReference.parse(mapping.get("function_name"))
    if function:
        arguments = (("name", function.name), ("qualifier", function.qualifier))
        yield _Question(f"the function {function.canonical}", region, "lambda", "require_function", arguments)
    source = Arn.parse(mapping.get("event_source_arn"))
    ask = _SOURCES.get(source.service) if source else None
    if source and ask:
        yield ask(source)


def _queue(arn: Arn) -> _Question:
    arguments = (("QueueName", arn.resource), ("QueueOwnerAWSAccountId", arn.account))
    return _Question(f"the queue {arn.resource}", arn.region, "sqs", "get_queue_url", arguments)


def _stream(arn: Arn) -> _Question:
    stream, _, consumer = str(arn).partition("/consumer/")
    name = stream.partition("stream/")[2]
    if consumer:
        what = f"the consumer {consumer.partition(':')[0]} of the stream {name}"
        return _Question(what, arn.region, "kinesis", "describe_stream_consumer", (("ConsumerARN", str(arn)),))
    return _Question(f"the stream {name}", arn.region, "kinesis", "describe_stream_summary", (("StreamARN", stream),))


def _table_stream(arn: Arn) -> _Question:
    table = arn.resource.split("/")[1]
    arguments = (("StreamArn", str(arn)),)
    return _Question(f"the stream of the table {table}", arn.region, "dynamodbstreams", "describe_stream", arguments)


_SOURCES: Final[Mapping[str, Callable[[Arn], _Question]]] = {
    "sqs": _queue,
    "kinesis": _stream,
    "dynamodb": _table_stream,
}


def _is_gone(aws: Aws, question: _Question, refused: dict[str, str]) -> bool:
    arguments = dict(question.arguments)
    try:
        if question.service == "lambda":
            aws.gateway(question.region).require_function(**arguments)
        else:
            aws.ask(question.service, question.region, question.operation, arguments)
    except AwsError as error:
        if error.code in _GONE:
            return True
        # The first refusal is enough for the note. Denied is not missing.
        refused.setdefault(question.service, error.message)
    return False
