"""Evaluates the rules between fields (`kinds/rules.py`), and holds those about the items of a list, because each item
has its own position.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from provisioner.kinds.filters import Effect, signs
from provisioner.kinds.rules import RULES_OF
from provisioner.kinds.tables import fields_of
from provisioner.manifest.access import access_findings
from provisioner.manifest.finding import Finding
from provisioner.manifest.patterns import pattern_findings
from provisioner.manifest.source import resource_findings
from provisioner.model.canonical import Canonical, value_at
from provisioner.model.references import Arn
from provisioner.model.sources import KAFKAS, QUEUES, STREAMS, SourceKind

MOST_FILTERS, USUAL_FILTERS = 10, 5


def rule_findings(
    raw: Mapping[str, Any], effective: Canonical, kind: SourceKind, unknown: Collection[str]
) -> Iterator[Finding]:
    """Findings about fields together. `raw` is as written, `effective` canonical.

    Rules that read a field in `unknown` are skipped: it has the wrong type, or its value is not known. A field with
    another finding is judged all the same, so that a warning never hides an error.
    """
    rules = RULES_OF[kind]
    for name in raw:
        for rule in rules.get(name, ()):
            if rule.is_broken(raw, effective) and rule.reads.isdisjoint(unknown):
                yield Finding(rule.code, rule.path, rule.message)
    yield from resource_findings(raw, kind, unknown)
    table = fields_of(kind)
    for name, findings in _ITEMS.items():
        if name in raw and name in table:
            yield from findings(raw, kind)
    if "filter_criteria" in raw and "filter_criteria" in table and "filter_criteria" not in unknown:
        yield from _filter_signs(raw, kind, unknown)


# --- where discarded records go --------------------------------------------------------------------------------------


def _destination(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    path = ("destination_config", "on_failure", "destination_arn")
    target = value_at(raw, path)
    if not isinstance(target, str) or not target or kind not in fields_of(kind)[path[0]].row.kinds:
        return
    if target.startswith("kafka://"):
        if kind in STREAMS:
            yield Finding(
                "W209", path, f"Lambda may not support a Kafka topic as a destination for {kind.phrase}", _places(kind)
            )
        return
    arn = Arn.parse(target)
    if arn is None:
        return  # its form is reported elsewhere
    if arn.service not in ("sqs", "sns", "s3"):
        yield Finding("W209", path, f"Lambda may not support {arn.service} as a destination", _places(kind))
    elif arn.service != "s3" and arn.resource.endswith(".fifo"):
        what = "queue" if arn.service == "sqs" else "topic"
        yield Finding("W209", path, f"Lambda may not support a FIFO {what} as a destination", f"use a standard {what}")


def _places(kind: SourceKind) -> str:
    topic = ", or kafka://TOPIC" if kind in KAFKAS else ""
    return f"use an SQS queue, an SNS topic or an S3 bucket{topic}"


# --- metrics and filters ---------------------------------------------------------------------------------------------

KAFKA_METRICS: Final = frozenset({"ErrorCount", "KafkaMetrics"})


def _metrics(raw: Mapping[str, Any], kind: SourceKind) -> Iterator[Finding]:
    path = ("metrics_config", "metrics")
    for index, word in enumerate(value_at(raw, path) or ()):
        if word in KAFKA_METRICS and kind in QUEUES | STREAMS:
            yield Finding("E218", (*path, index), f"{kind.phrase} does not support the metric {word}", "use EventCount")


def _filters(raw: Mapping[str, Any], _: SourceKind) -> Iterator[Finding]:
    path = ("filter_criteria", "filter")
    count = len(value_at(raw, path) or ())
    if count > USUAL_FILTERS:
        message = f"{count} filters exceed the default quota of {USUAL_FILTERS}"
        yield Finding("W203", path, message, f"AWS can raise the quota to {MOST_FILTERS} on request")


_SIGN_CODES: Final = {Effect.NEVER: "W215", Effect.DOUBT: "W216", Effect.IDLE: "W217", Effect.ALL: "W227"}


def _filter_signs(raw: Mapping[str, Any], kind: SourceKind, unknown: Collection[str]) -> Iterator[Finding]:
    """Valid filters that lose records or have no effect. AWS accepts them, so they are warnings."""
    filters = value_at(raw, ("filter_criteria", "filter")) or ()
    # One that is not legal is reported where it stands, and counts as one of which nothing is known.
    legal = [
        {} if any(finding.code.startswith("E") for finding in pattern_findings(item.get("pattern"), ())) else item
        for item in filters
    ]
    source = "" if "event_source_arn" in unknown else str(raw.get("event_source_arn", ""))
    for index, sign in signs(legal, kind, source):
        path = ("filter_criteria", "filter", index, "pattern")
        yield Finding(_SIGN_CODES[sign.effect], path, sign.message, sign.hint)


_ITEMS: Final = {
    "source_access_configuration": access_findings,
    "destination_config": _destination,
    "metrics_config": _metrics,
    "filter_criteria": _filters,
}
"""What is checked of the parts of a field, by its name."""
