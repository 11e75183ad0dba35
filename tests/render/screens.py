"""What the commands print, at the widths of terminals: each sample as `golden/screens` holds it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from provisioner.errors import ManifestError
from provisioner.manifest import load
from provisioner.manifest.reader import line_at
from provisioner.model.diagnostics import Diagnostic
from provisioner.model.health import Drifted, Health
from provisioner.model.plan import Action, Change, Plan, Problem
from provisioner.model.references import Pair
from provisioner.model.report import Outcome, Report, Result
from provisioner.render.diagnostics import diagnostics_text
from provisioner.render.drift import drift_text, status_text
from provisioner.render.plan import plan_text
from provisioner.render.report import problems_text, report_text
from provisioner.render.style import Style
from provisioner.render.wrapping import fitted
from tests.planning.test_stories import planned_of, short

TESTS = Path(__file__).parents[1]
WIDTHS = (60, 80, 120)
PLAIN = Style()

MANIFEST = """\
stack: orders
provider: { region: eu-west-1 }
mappings:
  orders: { function_name: orders-worker, event_source_arn: "arn:aws:sqs:eu-west-1:123456789012:orders", batch_size: 20000 }
  größe: { function_name: worker, event_source_arn: "arn:aws:sqs:eu-west-1:123456789012:größe", tags: { "名前": 1 }, batch_size: 0 }
  refunds:
    function_name: refunds
    event_source_arn: https://sqs.eu-west-1.amazonaws.com/123456789012/a-queue-with-a-name-that-is-rather-long-for-one-line
    filter_criteria: { filter: [{ pattern: { status: [open] } }] }
"""
STORY = """\
manifest:
  mappings:
    a: {function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q', batch_size: 10, filter_criteria: {filter: [{pattern: {type: [a]}}]}}
    b: {function_name: g, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:r', batch_size: 7}
    c: {function_name: h, event_source_arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/clicks', starting_position: LATEST}
recorded:
  a: {uuid: 1, function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q', batch_size: 5}
  b: {uuid: 2, function_name: g, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:r', batch_size: 7}
live:
  1: {function_name: f, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:q', batch_size: 5}
  2: {function_name: g, event_source_arn: 'arn:aws:sqs:eu-west-1:123456789012:r', batch_size: 3, enabled: false, state: Disabled, reason: FUNCTION_CONFIG_NOT_VALID}
"""


def change(name: str, action: Action = Action.CREATE) -> Change:
    return Change(name=name, action=action, region="eu-west-1", pair=Pair("eu-west-1", f"arn:{name}", "f"))


def diagnostics(width: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "provisioner.yaml"
        path.write_text(MANIFEST, encoding="utf-8")
        try:
            load(path)
        except ManifestError as error:
            found = [item for item in error.diagnostics if isinstance(item, Diagnostic)]
            text = diagnostics_text(found, PLAIN, line_at, width)
            return text.replace(f"{folder}/", "")
    raise AssertionError("the manifest is wrong on purpose")


def plan(width: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        made = planned_of(yaml.safe_load(STORY), Path(folder)).plan
    assert made
    del width
    return short(plan_text(made, PLAIN))


def report(width: int) -> str:
    del width
    refusal = (
        "creating the mapping for orders-worker in eu-west-1: InvalidParameterValueException: The function execution role "
        "does not have permissions to call ReceiveMessage on SQS"
    )
    failed = [
        Outcome(change(f"orders-{n}"), Result.FAILED, refusal, "allow it in the function's role") for n in range(2)
    ]
    slow = [Outcome(change("clicks"), Result.APPLIED, "it is still Creating", uuid="u", settled=False)]
    done = [Outcome(change(f"done-{n}"), Result.APPLIED, uuid="u") for n in range(7)]
    left = [Outcome(change(f"billing-{n:02}"), Result.NOT_ATTEMPTED, "the apply was interrupted") for n in range(30)]
    outcomes = (*left[:15], *done, *failed, *slow, *left[15:])
    made = Plan("s", "123456789012", "l", 1, tuple(outcome.change for outcome in outcomes))
    return report_text(made, Report(outcomes, interrupted=True), PLAIN)


def refusals(width: int) -> str:
    del width
    message = "loss [R301]: messages that do not match the filters are deleted from the queue unprocessed; `limits.risk` does not allow it"
    many = [Problem(f"billing-{n:02}", message, "if that is intended, pass --accept-risk R301") for n in range(75)]
    return problems_text(
        (Problem("orders", "has prevent_destroy, but this change would replace it", "set it"), *many), PLAIN
    )


def status(width: int) -> str:
    gone = "the queue orders no longer exists; the function orders-worker:live no longer exists"
    rows = (
        Health("orders", "u", "eu-west-1", "Enabled", problem=gone, function="orders-worker:live", source="arn:aws:sqs:eu-west-1:1:orders"),
        Health("refunds", "", "eu-west-1", "Absent", problem="it is declared in the manifest, but not applied yet", function="refunds", source="arn:aws:sqs:eu-west-1:1:refunds"),
        Health("clicks", "u", "eu-central-1", "Enabled", "No records processed", "User action", function="enricher", source="arn:aws:kinesis:eu-central-1:1:stream/clicks"),
    )  # fmt: skip
    return status_text(rows, PLAIN, width)


def drift(width: int) -> str:
    del width
    found = (
        Drifted("orders", "u1", "eu-west-1", lost=("the queue orders",)),
        Drifted("refunds", "u2", "eu-west-1", vanished=True),
        Drifted(
            "clicks", "u3", "eu-west-1", fault="EVENT_SOURCE_AUTHN_ERROR (Lambda cannot authenticate to the source)"
        ),
    )
    return drift_text(found, PLAIN)


SCREENS: dict[str, Callable[[int], str]] = {
    "diagnostics": diagnostics,
    "plan": plan,
    "report": report,
    "refusals": refusals,
    "status": status,
    "drift": drift,
}


def screen(name: str, width: int) -> str:
    """What a terminal of this width shows."""
    return fitted(SCREENS[name](width), width) + "\n"


def golden(name: str, width: int) -> Path:
    return TESTS / "golden/screens" / f"{name}-{width}.txt"
