"""An apply as a stream of events, one object a line, with the keys of Terraform's machine-readable UI.

The format: https://developer.hashicorp.com/terraform/internals/machine-readable-ui.

What Terraform's events lack, such as values before and after, causes, risks and the id of a refused request, is under
`x_provisioner`. A summary ends a failed apply too, which Terraform's does not.

Pure: `stamped` adds the time.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

from provisioner.errors import AwsError, ProvisionerError
from provisioner.model.checks import CheckFinding, CheckLevel
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.place import Place
from provisioner.model.plan import Action, Change, Plan, Problem
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.render.checks import advice
from provisioner.render.report import DOING
from provisioner.render.terraform import (
    TERRAFORM_VERSION,
    address_of,
    head_of,
    resource_change,
    resource_drift,
    values_made,
)
from provisioner.render.terraform_shapes import address
from provisioner.render.terraform_statement import statement_changes

Event = dict[str, Any]

UI_VERSION: Final = "1.2"
# Readers select the lines by it. It names the format; the program is in the event `version`.
MODULE: Final = "terraform.ui"

_PLANNED: Final = {
    Action.CREATE: "create",
    Action.UPDATE: "update",
    Action.REPLACE: "replace",
    Action.DELETE: "delete",
    Action.FORGET: "remove",
}
_REASONS: Final = {"replace_because_cannot_update": "cannot_update", "replace_by_request": "requested"}
"""Where an event's word for a reason is not the document's."""


def stamped(event: Event, when: datetime) -> Event:
    """A copy of the event with its time, in UTC and microseconds."""
    return {**event, "@timestamp": when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")}


def _event(kind: str, message: str, level: str = "info", **payload: Any) -> Event:
    return {"@level": level, "@message": message, "@module": MODULE, "type": kind, **payload}


def version_event(version: str) -> Event:
    """The first line: the version of the format, and of provisioner (`version`)."""
    return _event(
        "version",
        f"provisioner {version}",
        terraform=TERRAFORM_VERSION,
        ui=UI_VERSION,
        x_provisioner={"version": version},
    )


# --- the plan --------------------------------------------------------------------------------------------------------


def planned_events(plan: Plan) -> list[Event]:
    """An event for each drifted mapping and statement, then for each planned change; none for a no-op. A statement is a part of
    a mapping: what becomes of it while the plan is applied is in the events of the mapping. What is not possible is a
    diagnostic, because Terraform has no such action.
    """
    return [
        *(_drift_event(drift) for drift in resource_drift(plan)),
        *(
            _diagnostic(_summary(Severity.WARNING, change.conflict.message, change.conflict.hint), address(change))
            if change.conflict
            else _planned_event(change, plan.account)
            for change in plan.changes
            if change.counts
        ),
        *(_statement_event(document) for document in statement_changes(plan)),
    ]


def _drift_event(drift: dict[str, Any]) -> Event:
    [action] = drift["change"]["actions"]  # "update" or "delete"
    sides = {"before": drift["change"]["before"], "after": drift["change"]["after"]}
    body = {"resource": _resource(drift), "action": action, "x_provisioner": sides}
    return _event("resource_drift", f"{drift['address']}: Drift detected ({action})", change=body)


def _planned_event(change: Change, account: str) -> Event:
    document = resource_change(change, account)
    planned, reason = document["change"], document.get("action_reason", "")
    # A no-op that counts either imports or moves.
    action = _PLANNED.get(change.action) or ("import" if change.adopts else "move")
    before = {**document, "address": document.get("previous_address"), "name": change.moved_from}
    body = {
        "resource": _resource(document),
        **({"previous_resource": _resource(before)} if change.moved_from else {}),
        "action": action,
        **({"reason": _REASONS.get(reason, reason)} if reason else {}),
        **({"importing": planned["importing"]} if change.adopts else {}),
        "x_provisioner": {
            "before": planned["before"],
            "after": planned["after"],
            "replace_paths": planned.get("replace_paths", []),
            **document["x_provisioner"],
        },
    }
    return _event("planned_change", f"{document['address']}: Plan to {action}", change=body)


def _statement_event(document: dict[str, Any]) -> Event:
    planned = document["change"]
    action = "replace" if len(planned["actions"]) > 1 else planned["actions"][0]
    ours = {"before": planned["before"], "after": planned["after"], **document["x_provisioner"]}
    body = {"resource": _resource(document), "action": action, "x_provisioner": ours}
    return _event("planned_change", f"{document['address']}: Plan to {action}", change=body)


def _resource(document: dict[str, Any]) -> dict[str, Any]:
    """A resource in an event, from its entry in the plan's document."""
    return {
        "addr": document["address"],
        "module": "",
        "resource": document["address"],
        "implied_provider": "aws",
        "resource_type": document["type"],
        "resource_name": document["name"],
        "resource_key": document.get("index"),
    }


# --- the apply -------------------------------------------------------------------------------------------------------


def progress_event(progress: Progress, account: str) -> Event:
    """The event of a change that reaches a phase, in an account. A replacement is one change, with the action `replace`;
    one that was not attempted is a diagnostic, because nothing of it was started. Unlike `report.progress_line`, for
    programs.
    """
    doing, noun = DOING[progress.change.action]
    name, elapsed = address(progress.change), f"{progress.seconds:.0f}s"
    match progress.phase:
        case Phase.STARTED:
            return _event("apply_start", f"{name}: {doing}...{_ident(progress)}", hook=_hook(progress))
        case Phase.RETRYING:
            return _event("apply_progress", f"{name}: {progress.text}", hook=_timed_hook(progress))
        case Phase.WAITING:
            message = f"{name}: Still {doing.lower()}... [{elapsed} elapsed]"
            return _event("apply_progress", message, hook=_timed_hook(progress))
        case Phase.ENDED:
            return _ended_event(progress, account, noun, elapsed)


def _ended_event(progress: Progress, account: str, noun: str, elapsed: str) -> Event:
    outcome = progress.outcome or Outcome(progress.change, Result.FAILED)
    if outcome.result is Result.NOT_ATTEMPTED:
        return diagnostic_event(outcome)
    applied = outcome.result is Result.APPLIED
    kind, verb = ("apply_complete", "complete") if applied else ("apply_errored", "errored")
    message = f"{address(progress.change)}: {noun} {verb} after {elapsed}{_ident(progress)}"
    hook = {**_timed_hook(progress), "x_provisioner": _result(outcome, account)}
    # A failure is "info", as in Terraform: its error is a diagnostic of its own.
    return _event(kind, message, "warn" if applied and not outcome.clean else "info", hook=hook)


def _hook(progress: Progress) -> dict[str, Any]:
    uuid = _uuid(progress)
    return {
        "resource": _resource(head_of(progress.change)),
        "action": str(progress.change.action),
        **({"id_key": "id", "id_value": uuid} if uuid else {}),
    }


def _timed_hook(progress: Progress) -> dict[str, Any]:
    return {**_hook(progress), "elapsed_seconds": round(progress.seconds)}


def _uuid(progress: Progress) -> str:
    # A replacement ends with the UUID of the new mapping; before that, the UUID is the one that it deletes.
    made = progress.outcome.uuid if progress.outcome else ""
    return made or progress.change.id


def _ident(progress: Progress) -> str:
    uuid = _uuid(progress)
    return f" [id={uuid}]" if uuid else ""


def _result(outcome: Outcome, account: str) -> dict[str, Any]:
    """The result of a change, added to what was planned."""
    planned = resource_change(outcome.change, account)["change"]
    after = planned["after"]
    if after and outcome.uuid:
        after = values_made(outcome.change, after, outcome.uuid)
    return {
        "result": str(outcome.result),
        "before": planned["before"],
        "after": after,
        "detail": outcome.detail,
        "hint": outcome.hint,
        "settled": outcome.settled,
        "ignored": [".".join(path) for path in outcome.ignored],
        "request_ids": list(outcome.request_ids),
    }


def summary_event(plan: Plan, report: Report | None = None) -> Event:
    """The counts of the plan; with a report, those of what was done."""
    return _plan_summary(plan) if report is None else _apply_summary(plan, report)


def _plan_summary(plan: Plan) -> Event:
    summary = plan.summary
    imports = f"{summary.imported} to import, " if summary.imported else ""
    text = f"Plan: {imports}{summary.added} to add, {summary.changed} to change, {summary.destroyed} to destroy."
    counts = {"add": summary.added, "change": summary.changed, "import": summary.imported, "remove": summary.destroyed}
    ours = {
        "moved": summary.moved,
        "forgotten": summary.forgotten,
        "not_possible": summary.not_possible,
        "access": asdict(plan.access),
    }
    return _event("change_summary", text, changes={**counts, "operation": "plan", "x_provisioner": ours})


def _apply_summary(plan: Plan, report: Report) -> Event:
    # Counted from the outcomes: a plan that failed in part did less. Imports are recorded before the first call.
    done = [outcome.change.action for outcome in report.outcomes if outcome.result is Result.APPLIED]
    replaced, imported = done.count(Action.REPLACE), plan.summary.imported
    added, changed, removed = (done.count(item) for item in (Action.CREATE, Action.UPDATE, Action.DELETE))
    counts = {"add": added + replaced, "change": changed, "import": imported, "remove": removed + replaced}
    headline = "complete" if report.clean else "interrupted" if report.interrupted else "incomplete"
    imports = f"{imported} imported, " if imported else ""
    rest = f"{counts['add']} added, {changed} changed, {counts['remove']} destroyed"
    text = f"Apply {headline}! Resources: {imports}{rest}."
    # What Terraform does not count, and what went wrong.
    results = [outcome.result for outcome in report.outcomes]
    ours = {
        "moved": plan.summary.moved,
        "forgotten": plan.summary.forgotten,
        "failed": results.count(Result.FAILED),
        "not_attempted": results.count(Result.NOT_ATTEMPTED),
        "incomplete": sum(item.result is Result.APPLIED and not item.clean for item in report.outcomes),
        "interrupted": report.interrupted,
        "trouble": report.trouble,
    }
    level = "info" if report.clean else "error"
    changes = {**counts, "operation": "apply", "x_provisioner": ours}
    return _event("change_summary", text, level, changes=changes)


# --- diagnostics -----------------------------------------------------------------------------------------------------


def diagnostic_event(
    source: ProvisionerError | Diagnostic | Problem | Outcome | CheckFinding, plan: Plan | None = None
) -> Event:
    """One diagnostic event; `plan` is the one that a problem is about, if any. Of an error that carries diagnostics or
    problems the caller passes each of these instead of the error.
    """
    match source:
        case Diagnostic():
            body = {**_summary(source.severity, source.message, source.advice), "x_provisioner": {"code": source.code}}
            return _diagnostic(body, place=source.place)
        case CheckFinding():
            severity = Severity.ERROR if source.level is CheckLevel.ERROR else Severity.WARNING
            message = f"{source.mapping}: {source.message}" if source.mapping else source.message
            about = {"code": source.code, "level": str(source.level), "mapping": source.mapping, "needs": source.needs}
            body = {**_summary(severity, message, advice(source)), "x_provisioner": about}
            return _diagnostic(body, place=source.place)
        case Problem():
            return _diagnostic(
                _summary(Severity.ERROR, source.message, source.hint), source.name and address_of(source.name, plan)
            )
        case Outcome():
            severity = Severity.ERROR if source.result is Result.FAILED else Severity.WARNING
            ours = {"result": str(source.result), "request_ids": list(source.request_ids)}
            body = {**_summary(severity, source.detail, source.hint), "x_provisioner": ours}
            return _diagnostic(body, address(source.change))
        case AwsError():
            ours = {"code": source.code, "request_id": source.request_id}
            return _diagnostic({**_summary(Severity.ERROR, source.message, source.hint), "x_provisioner": ours})
        case _:
            return _diagnostic(_summary(Severity.ERROR, source.message, source.hint))


def _summary(severity: Severity, summary: str, detail: str) -> dict[str, Any]:
    return {"severity": str(severity), "summary": summary, "detail": detail}


def _diagnostic(body: dict[str, Any], where: str = "", place: Place | None = None) -> Event:
    located = dict(body)
    if where:
        located["address"] = where
    if place and place.line:
        # Where it begins and ends; the offset in bytes is not known.
        start = {"line": place.line, "column": place.column}
        end = {"line": place.end_line, "column": place.end_column} if place.end_line else start
        located["range"] = {"filename": place.file, "start": start, "end": end}
    level = "error" if body["severity"] == Severity.ERROR else "warn"
    return _event("diagnostic", f"{body['severity'].capitalize()}: {body['summary']}", level, diagnostic=located)
