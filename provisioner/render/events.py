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
from provisioner.model.diagnostics import Diagnostic, Severity
from provisioner.model.place import Place
from provisioner.model.plan import Action, Change, Plan, Problem
from provisioner.model.report import Outcome, Phase, Progress, Report, Result
from provisioner.render.report import DOING
from provisioner.render.terraform import TERRAFORM_VERSION, TYPE, address, resource_change, resource_drift

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
    """An event for each drifted mapping, then for each planned change; none for a no-op. What is not possible is a
    diagnostic, because Terraform has no such action.
    """
    drifts = [(change, resource_drift(change)) for change in plan.changes]
    drifted = [_drift_event(change, drift) for change, drift in drifts if drift]
    return drifted + [
        _diagnostic(_summary(Severity.WARNING, change.conflict.message, change.conflict.hint), change.name)
        if change.conflict
        else _planned_event(change)
        for change in plan.changes
        if change.counts
    ]


def _drift_event(change: Change, drift: dict[str, Any]) -> Event:
    [action] = drift["change"]["actions"]  # "update" or "delete"
    sides = {"before": drift["change"]["before"], "after": drift["change"]["after"]}
    body = {"resource": _resource(change.name), "action": action, "x_provisioner": sides}
    return _event("resource_drift", f"{address(change.name)}: Drift detected ({action})", change=body)


def _planned_event(change: Change) -> Event:
    document = resource_change(change)
    planned, reason = document["change"], document.get("action_reason", "")
    # A no-op that counts either imports or moves.
    action = _PLANNED.get(change.action) or ("import" if change.adopts else "move")
    body = {
        "resource": _resource(change.name),
        **({"previous_resource": _resource(change.moved_from)} if change.moved_from else {}),
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
    return _event("planned_change", f"{address(change.name)}: Plan to {action}", change=body)


def _resource(name: str) -> dict[str, Any]:
    return {
        "addr": address(name),
        "module": "",
        "resource": address(name),
        "implied_provider": "aws",
        "resource_type": TYPE,
        "resource_name": name,
        "resource_key": None,
    }


# --- the apply -------------------------------------------------------------------------------------------------------


def progress_event(progress: Progress) -> Event:
    """The event of a change that reaches a phase. A replacement is one change, with the action `replace`; one that was
    not attempted is a diagnostic, because nothing of it was started. Unlike `report.progress_line`, for programs.
    """
    doing, noun = DOING[progress.change.action]
    name, elapsed = address(progress.change.name), f"{progress.seconds:.0f}s"
    match progress.phase:
        case Phase.STARTED:
            return _event("apply_start", f"{name}: {doing}...{_ident(progress)}", hook=_hook(progress))
        case Phase.RETRYING:
            return _event("apply_progress", f"{name}: {progress.text}", hook=_timed_hook(progress))
        case Phase.WAITING:
            message = f"{name}: Still {doing.lower()}... [{elapsed} elapsed]"
            return _event("apply_progress", message, hook=_timed_hook(progress))
        case Phase.ENDED:
            return _ended_event(progress, noun, elapsed)


def _ended_event(progress: Progress, noun: str, elapsed: str) -> Event:
    outcome = progress.outcome or Outcome(progress.change, Result.FAILED)
    if outcome.result is Result.NOT_ATTEMPTED:
        return diagnostic_event(outcome)
    applied = outcome.result is Result.APPLIED
    kind, verb = ("apply_complete", "complete") if applied else ("apply_errored", "errored")
    message = f"{address(progress.change.name)}: {noun} {verb} after {elapsed}{_ident(progress)}"
    hook = {**_timed_hook(progress), "x_provisioner": _result(outcome)}
    # A failure is "info", as in Terraform: its error is a diagnostic of its own.
    return _event(kind, message, "warn" if applied and not outcome.clean else "info", hook=hook)


def _hook(progress: Progress) -> dict[str, Any]:
    uuid = _uuid(progress)
    return {
        "resource": _resource(progress.change.name),
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


def _result(outcome: Outcome) -> dict[str, Any]:
    """The result of a change, added to what was planned."""
    planned = resource_change(outcome.change)["change"]
    after = planned["after"]
    if after and outcome.uuid:
        # Unknown when it was planned.
        after = {**after, "id": outcome.uuid, "uuid": outcome.uuid}
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


def diagnostic_event(source: ProvisionerError | Diagnostic | Problem | Outcome) -> Event:
    """One diagnostic event. Of an error that carries diagnostics or problems the caller passes each of these instead of
    the error.
    """
    match source:
        case Diagnostic():
            body = {**_summary(source.severity, source.message, source.advice), "x_provisioner": {"code": source.code}}
            return _diagnostic(body, place=source.place)
        case Problem():
            return _diagnostic(_summary(Severity.ERROR, source.message, source.hint), source.name)
        case Outcome():
            severity = Severity.ERROR if source.result is Result.FAILED else Severity.WARNING
            ours = {"result": str(source.result), "request_ids": list(source.request_ids)}
            body = {**_summary(severity, source.detail, source.hint), "x_provisioner": ours}
            return _diagnostic(body, source.change.name)
        case AwsError():
            ours = {"code": source.code, "request_id": source.request_id}
            return _diagnostic({**_summary(Severity.ERROR, source.message, source.hint), "x_provisioner": ours})
        case _:
            return _diagnostic(_summary(Severity.ERROR, source.message, source.hint))


def _summary(severity: Severity, summary: str, detail: str) -> dict[str, Any]:
    return {"severity": str(severity), "summary": summary, "detail": detail}


def _diagnostic(body: dict[str, Any], name: str = "", place: Place | None = None) -> Event:
    located = dict(body)
    if name:
        located["address"] = address(name)
    if place and place.line:
        # Where it begins and ends; the offset in bytes is not known.
        start = {"line": place.line, "column": place.column}
        end = {"line": place.end_line, "column": place.end_column} if place.end_line else start
        located["range"] = {"filename": place.file, "start": start, "end": end}
    level = "error" if body["severity"] == Severity.ERROR else "warn"
    return _event("diagnostic", f"{body['severity'].capitalize()}: {body['summary']}", level, diagnostic=located)
