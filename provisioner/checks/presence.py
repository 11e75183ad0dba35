"""Whether what existing mappings need is still there: the same questions as those of the checks, for `drift` and `status`.

Lambda does not report it: a mapping stays Enabled without its function or source. What cannot be asked counts as existing. MSK,
Amazon MQ, DocumentDB and self-managed clusters are not asked for: their mappings fail by themselves and say so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from provisioner.checks.case import Case, Check, Judging, Subject, function, queue, stream
from provisioner.checks.judging import Ask, judge
from provisioner.checks.streams import consumer_question, table_stream
from provisioner.model.canonical import Canonical
from provisioner.model.checks import CheckLevel, Question
from provisioner.model.place import Place
from provisioner.model.references import Arn, FunctionReference
from provisioner.model.sources import ALL, PUSH, QUEUES, SourceKind, kind_of

K = TypeVar("K")


def missing(
    ask: Ask, needs: Mapping[K, tuple[str, Canonical]], account: str, note: Callable[[str], None]
) -> Mapping[K, tuple[str, ...]]:
    """What is missing in AWS for each key, such as `the queue orders`; a key that lacks nothing is absent. `needs` maps
    each key to the region and the mapping. `note` is called once for each permission, or service, that was lacking.
    """
    keys = {str(number): key for number, key in enumerate(needs)}
    subjects = [
        Subject(number, needs[key][0], kind_of(needs[key][1]) or SourceKind.UNKNOWN, needs[key][1], Place(""), account)
        for number, key in keys.items()
    ]
    lost: defaultdict[K, tuple[str, ...]] = defaultdict(tuple)
    findings = judge(subjects, subjects, _PRESENCE, ask)
    lacking = {finding.needs for finding in findings}
    for finding in findings:
        if finding.level is not CheckLevel.SKIPPED:
            lost[keys[finding.mapping]] += (finding.message,)
        # Without it the configuration alone is asked for, which is enough here.
        elif finding.needs != _WHOLE or _CONFIGURATION in lacking:
            note(f"could not check whether the functions and sources of the mappings still exist: {finding.message}")
    return lost


_WHOLE: Final = "lambda:GetFunction"
_CONFIGURATION: Final = "lambda:GetFunctionConfiguration"


def _function(case: Case) -> Judging:
    # An entry of a bucket may name another destination now, or none.
    if FunctionReference.parse(case.subject.mapping.get("function_name")) is None:
        return []
    known = yield from function(case)
    return case.error("C101", f"the function {case.reference.canonical}") if known.gone else []


def _source(case: Case) -> Judging:
    arn = case.source
    if arn is None:
        return []
    what, asked = _ASKS[arn.service](arn)
    (answer,) = yield (asked,)
    return case.error("C108", what) if answer.gone else []


def _queue(arn: Arn) -> tuple[str, Question]:
    return f"the queue {arn.resource}", queue(arn)


def _stream(arn: Arn) -> tuple[str, Question]:
    name, _, consumer = arn.resource.removeprefix("stream/").partition("/consumer/")
    if consumer:
        return f"the consumer {consumer.partition(':')[0]} of the stream {name}", consumer_question(arn)
    return f"the stream {name}", stream(arn)


def _table_stream(arn: Arn) -> tuple[str, Question]:
    return f"the stream of the table {arn.resource.split('/')[1]}", table_stream(arn)


_ASKS: Final[Mapping[str, Callable[[Arn], tuple[str, Question]]]] = {
    "sqs": _queue,
    "kinesis": _stream,
    "dynamodb": _table_stream,
}
_PRESENCE: Final = (
    Check("C101", ALL | PUSH, _function),
    Check("C108", QUEUES | {SourceKind.KINESIS, SourceKind.DYNAMODB}, _source),
)
