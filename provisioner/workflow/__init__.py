"""The operations behind the commands: plan, apply, destroy, check, discover, convert, handover, import, drift, status, and
those on the state.
"""

from provisioner.workflow.changing import apply, plan
from provisioner.workflow.checking import check
from provisioner.workflow.converting import convert
from provisioner.workflow.discovering import Query, discover, has_manifest, looking, write
from provisioner.workflow.filtering import try_filters
from provisioner.workflow.handing_over import handover, of_manifest, verify
from provisioner.workflow.importing import Imported, import_mapping
from provisioner.workflow.inspect import drift, status
from provisioner.workflow.records import force_unlock, move, pull, push, rebuild_state, records, remove
from provisioner.workflow.run import Execution, Run, Selection, Ui
from provisioner.workflow.saved import apply_saved, manifest_of

__all__ = [
    "Execution",
    "Imported",
    "Query",
    "Run",
    "Selection",
    "Ui",
    "apply",
    "apply_saved",
    "check",
    "convert",
    "discover",
    "drift",
    "force_unlock",
    "handover",
    "has_manifest",
    "import_mapping",
    "looking",
    "manifest_of",
    "move",
    "of_manifest",
    "plan",
    "pull",
    "push",
    "rebuild_state",
    "records",
    "remove",
    "status",
    "try_filters",
    "verify",
    "write",
]
