"""Finds API members that the installed botocore knows and the field table does not. Loads botocore's model on the first
call.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import botocore.session
from botocore import xform_name

from provisioner.kinds.event_source_mapping import FIELDS


def member_of(path: Sequence[str]) -> str:
    """The API's name of the member at a path of our names, such as `("scaling_config", "new_limit")`; "" when there is
    none.

    A member that the table has under another name is not one: `filters` is a mistake for `filter`.
    """
    *blocks, name = path
    fields, shape = FIELDS, _create()
    for block in blocks:
        shape = shape.members[fields[block].row.api]
        shape = getattr(shape, "member", shape)  # a list by what it holds
        fields = fields[block].children
    # Without learned fields: a member that was added to the table must be found again by the next load.
    known = {field.row.api for field in fields.values() if not field.learned}
    return next((api for api in shape.members if xform_name(api) == name and api not in known), "")


@cache
def _create() -> Any:
    return (
        botocore.session.get_session()
        .get_service_model("lambda")
        .operation_model("CreateEventSourceMapping")
        .input_shape
    )
