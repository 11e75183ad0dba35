"""Checks of streams: Kinesis, its consumers, and the streams of tables."""

from __future__ import annotations

import json
from typing import Any, Final

from provisioner.checks.case import Case, Judging, question, stream
from provisioner.kinds.permissions import stream_of
from provisioner.model.checks import Question
from provisioner.model.references import Arn

_DAY: Final = 86_400
_READERS: Final = 2
_HOUR: Final = 3_600
_RUNNING: Final = ("ACTIVE", "UPDATING")


def kinesis(case: Case) -> Judging:
    """The stream must be there, active, and keep records as long as the mapping tries them."""
    arn = case.arn
    name = stream_of(arn).resource.removeprefix("stream/")
    (answer,) = yield (stream(arn),)
    if answer.gone:
        return case.error("C117", f"there is no stream {name} in account {arn.account} in {arn.region}")
    summary = answer.part("StreamDescriptionSummary")
    status, kept = summary.get("StreamStatus"), int(summary.get("RetentionPeriodHours") or 0) * _HOUR
    if status and status not in _RUNNING:
        return case.warning("C117", f"the stream {name} is {status}")
    age = case.subject.mapping.get("maximum_record_age_in_seconds") or 0
    if kept and age > kept:
        return case.warning(
            "C117",
            f"maximum_record_age_in_seconds is {age}, but the stream {name} keeps records for {kept} seconds: records expire "
            "before they are given up, and reach no destination",
        )
    return []


def consumer(case: Case) -> Judging:
    """The enhanced fan-out consumer must be there and active."""
    arn = case.arn
    stream_name, _, named = arn.resource.removeprefix("stream/").partition("/consumer/")
    if not named:
        return []
    (answer,) = yield (consumer_question(arn),)
    name = named.partition(":")[0]
    if answer.gone:
        return case.error("C118", f"there is no consumer {name} of the stream {stream_name} with this ARN")
    status = answer.part("ConsumerDescription").get("ConsumerStatus")
    if status and status != "ACTIVE":
        return case.warning("C118", f"the consumer {name} of the stream {stream_name} is {status}")
    return []


def consumer_question(arn: Arn) -> Question:
    """What a consumer is."""
    action = "kinesis:DescribeStreamConsumer"
    return question("kinesis", arn.region, "describe_stream_consumer", action, ConsumerARN=str(arn))


def table(case: Case) -> Judging:
    """The stream must be the one that the table writes now: one that was switched off gets nothing new."""
    arn = case.arn
    name = arn.resource.split("/")[1] if "/" in arn.resource else arn.resource
    (answer,) = yield (table_stream(arn),)
    found = answer.part("StreamDescription")
    if not answer.gone and found.get("StreamStatus") not in ("DISABLED", "DISABLING"):
        return []
    action = "dynamodb:DescribeTable"
    table_arn = str(arn._replace(resource=f"table/{name}"))
    (described,) = yield (question("dynamodb", arn.region, "describe_table", action, TableName=table_arn),)
    if described.gone:
        return case.error("C120", f"there is no table {name} in account {arn.account} in {arn.region}")
    latest = described.part("Table").get("LatestStreamArn") or ""
    enabled = described.part("Table", "StreamSpecification").get("StreamEnabled")
    has = f"the table's stream is now {latest}" if enabled and latest != str(arn) else "the table has no stream now"
    hint = (
        f"set event_source_arn to {latest}" if enabled and latest != str(arn) else "switch on the stream of the table"
    )
    if answer.gone:
        return case.error("C120", f"there is no stream {arn}" + (f"; {has}" if described.value else ""), hint)
    return case.warning("C120", f"the stream of the table {name} is switched off and gets nothing new; {has}", hint)


def table_stream(arn: Arn) -> Question:
    """What a stream of a table is: by DynamoDB Streams, which also knows one that was switched off."""
    return question("dynamodbstreams", arn.region, "describe_stream", "dynamodb:DescribeStream", StreamArn=str(arn))


_IMAGES: Final = {"KEYS_ONLY": (), "NEW_IMAGE": ("NewImage",), "OLD_IMAGE": ("OldImage",)}


def images(case: Case) -> Judging:
    """A filter on an image that the stream does not have matches nothing, unless it asks for its absence."""
    filters = (case.subject.mapping.get("filter_criteria") or {}).get("filter") or ()
    patterns = [item.get("pattern") for item in filters]
    asked = {image for pattern in patterns for image in _images(pattern)}
    if not asked:
        return []
    (answer,) = yield (table_stream(case.arn),)
    view = answer.part("StreamDescription").get("StreamViewType") or ""
    lacking = sorted(asked - set(_IMAGES.get(view, asked)))
    if not lacking:
        return []
    return case.warning(
        "C121", f"a filter asks for {' and '.join(lacking)}, but the view type of the stream is {view}: it has none"
    )


def _images(pattern: Any) -> list[str]:
    """The images that a pattern asks for."""
    try:
        parsed = json.loads(pattern) if isinstance(pattern, str) else pattern
    except (ValueError, RecursionError):
        return []
    record = parsed.get("dynamodb") if isinstance(parsed, dict) else None
    return [name for name in ("NewImage", "OldImage") if isinstance(record, dict) and name in record]


def age(case: Case) -> Judging:
    """DynamoDB keeps records for a day, and serves two readers."""
    yield ()
    limit = case.subject.mapping.get("maximum_record_age_in_seconds") or 0
    if limit > _DAY:
        return case.warning(
            "C122",
            f"maximum_record_age_in_seconds is {limit}, but a stream of DynamoDB keeps records for {_DAY} seconds: "
            "records expire before they are given up, and reach no destination",
        )
    source = str(case.arn)
    readers = [item.name for item in case.all if item.mapping.get("event_source_arn") == source]
    if len(readers) <= _READERS:
        return []
    others = ", ".join(name for name in sorted(readers) if name != case.subject.name)
    return case.warning(
        "C122",
        f"{len(readers)} mappings read one stream of DynamoDB ({others} too): more than {_READERS} readers may be throttled",
    )
