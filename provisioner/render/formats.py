"""A plan in the format that was asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence

from provisioner import __version__
from provisioner.model.plan import Plan, Problem
from provisioner.planning.fingerprint import plan_hash
from provisioner.render.style import Style


def plan_in(form: str, plan: Plan, refused: Sequence[Problem], style: Style, *, compact: bool = False) -> str:
    """A plan in the form `text`, `json`, `markdown` or `gitlab`, without a last line break. `refused` is why it must
    not be carried out; the text and GitLab's counts do not show it. `style` and `compact` are for the text alone.
    """
    # Imported late: a command loads only the format that it prints.
    match form:
        case "json":
            from provisioner.render.terraform import plan_document

            document = plan_document(plan, version=__version__, plan_hash=plan_hash(plan), refused=refused)
            return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
        case "markdown":
            from provisioner.render.markdown import plan_markdown

            return plan_markdown(plan, plan_hash(plan), refused).rstrip()
        case "gitlab":
            # The counts of the merge request widget (docs.gitlab.com, "Terraform integration in merge requests").
            summary = plan.summary
            return json.dumps({"create": summary.added, "update": summary.changed, "delete": summary.destroyed})
        case _:
            from provisioner.render.plan import compact_text, plan_text

            return compact_text(plan, style) if compact else plan_text(plan, style)
