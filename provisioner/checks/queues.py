"""Checks of queues that are read, and of the queues that take what could not be processed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from provisioner.checks.case import Case, Findings, Judging, function, number, queue
from provisioner.model.checks import CheckLevel
from provisioner.model.references import Arn
from provisioner.model.sources import SourceKind

_LEAST_RECEIVES: Final = 5
_SAFE: Final = 6
"""AWS's guide: the visibility timeout is at least six times the function's timeout, plus the batching window."""


def exists(case: Case) -> Judging:
    """The queue must be there, and FIFO where its name says so."""
    arn = case.arn
    (answer,) = yield (queue(arn),)
    if answer.gone:
        # Of another account's queue SQS says the same to those who have no access to it.
        level = CheckLevel.ERROR if arn.account == case.subject.account else CheckLevel.LIKELY
        return [case.found("C108", level, f"there is no queue {arn.resource} in account {arn.account} in {arn.region}")]
    is_fifo = answer.part("Attributes").get("FifoQueue") == "true"
    if answer.part("Attributes") and is_fifo != (case.subject.kind is SourceKind.FIFO):
        return case.error("C111", f"the queue {arn.resource} is {'' if is_fifo else 'not '}a FIFO queue")
    return []


def timeouts(case: Case) -> Judging:
    """AWS refuses a visibility timeout below the function's timeout, and recommends six times as much."""
    (answer,) = yield (queue(case.arn),)
    known = yield from function(case)
    stated = str(answer.part("Attributes").get("VisibilityTimeout"))
    visible = number(stated)
    if not known.timeout or stated != str(visible):
        return []
    if visible < known.timeout:
        return case.error(
            "C109",
            f"Queue visibility timeout: {visible} seconds is less than Function timeout: {known.timeout} seconds",
        )
    window = case.subject.mapping.get("maximum_batching_window_in_seconds") or 0
    advised = _SAFE * known.timeout + window
    if visible >= advised:
        return []
    plus = f" plus the batching window of {window}" if window else ""
    return case.warning(
        "C110",
        f"the visibility timeout of {case.arn.resource} is {visible} seconds; AWS recommends at least {advised}: six times "
        f"the function's timeout of {known.timeout}{plus}",
    )


def redrive(case: Case) -> Judging:
    """A message that always fails should end in a dead-letter queue, and not too soon."""
    arn = case.arn
    (answer,) = yield (queue(arn),)
    found = answer.part("Attributes")
    if not found:
        return []
    policy = _json(found.get("RedrivePolicy"))
    if not policy.get("deadLetterTargetArn"):
        return case.warning(
            "C112",
            f"the queue {arn.resource} has no dead-letter queue: a message that always fails is received again until it expires",
        )
    receives, visible = number(policy.get("maxReceiveCount")), number(found.get("VisibilityTimeout"))
    if receives < _LEAST_RECEIVES:
        return case.warning(
            "C112",
            f"the queue {arn.resource} has maxReceiveCount {receives}: with fewer than {_LEAST_RECEIVES}, messages "
            "that were only throttled go to the dead-letter queue",
        )
    kept = number(found.get("MessageRetentionPeriod"))
    if kept and visible * receives > kept:
        return case.warning(
            "C114",
            f"messages of {arn.resource} expire before they reach the dead-letter queue: {receives} receives at a visibility "
            f"timeout of {visible} seconds take {visible * receives} seconds, and they are kept for {kept}",
        )
    return []


def dead_letters(case: Case) -> Judging:
    """The dead-letter queue must be there, take this queue's messages, and keep them longer."""
    arn = case.arn
    (answer,) = yield (queue(arn),)
    target = Arn.parse(_json(answer.part("Attributes").get("RedrivePolicy")).get("deadLetterTargetArn"))
    if target is None:
        return []
    (taken,) = yield (queue(target),)
    if taken.gone:
        return case.warning("C113", f"the dead-letter queue {target.resource} of {arn.resource} does not exist")
    if taken.value is None:
        return []
    return _dead_letters(case, arn, answer.part("Attributes"), target, taken.part("Attributes"))


def _dead_letters(case: Case, arn: Arn, found: Mapping[str, Any], target: Arn, taken: Mapping[str, Any]) -> Findings:
    if found.get("FifoQueue", "false") != taken.get("FifoQueue", "false"):
        return case.warning(
            "C113",
            f"{arn.resource} and its dead-letter queue {target.resource} must both be FIFO queues, or neither",
        )
    allowed = _json(taken.get("RedriveAllowPolicy"))
    permission, sources = allowed.get("redrivePermission", "allowAll"), allowed.get("sourceQueueArns") or ()
    if permission == "denyAll" or (permission == "byQueue" and str(arn) not in sources):
        return case.warning(
            "C113",
            f"the RedriveAllowPolicy of {target.resource} does not let {arn.resource} use it as dead-letter queue",
        )
    kept, longer = number(found.get("MessageRetentionPeriod")), number(taken.get("MessageRetentionPeriod"))
    # A message keeps the time at which it was sent to the first queue; that of a FIFO queue does not.
    if case.subject.kind is SourceKind.SQS and 0 < longer <= kept:
        return case.warning(
            "C113",
            f"the dead-letter queue {target.resource} keeps messages for {longer} seconds, {arn.resource} for {kept}: a message "
            "keeps its age, and may expire as soon as it arrives",
        )
    return []


def _json(text: object) -> dict[str, Any]:
    """The JSON object that an attribute is; {} for anything else."""
    try:
        value = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
