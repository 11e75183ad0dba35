"""The driver of event source mappings, which Lambda keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from provisioner.aws.convert import create_request, live_mapping, update_requests
from provisioner.aws.gateway import Config
from provisioner.aws.refresh import holders, read, refresh, still_there, with_tags
from provisioner.aws.requests import Notify
from provisioner.aws.session import Aws
from provisioner.kinds import pair_of
from provisioner.model.canonical import Canonical
from provisioner.model.key import Key
from provisioner.model.live import OWNERSHIP_TAGS, Live, Owner
from provisioner.model.plan import FieldChange
from provisioner.model.provider import Provider
from provisioner.model.references import Pair
from provisioner.model.state import Record
from provisioner.planning.reading import Reading, Search
from provisioner.planning.resolve import Resolution


class EventSourceMappings:
    """`driver.Driver` for the kind `lambda`."""

    def __init__(self, aws: Aws, provider: Provider) -> None:
        self._aws = aws
        self._provider = provider

    def read(self, resolution: Resolution, note: Callable[[str], None], search: Search | None = None) -> Reading:
        """As `Driver.read`."""
        return refresh(self._aws, resolution, self._provider, note, search)

    def get(self, key: Key) -> Live | None:
        """As `Driver.get`."""
        config = self._aws.gateway(key.region).get(key.id)
        return self._live(config, key.region) if config else None

    def with_tags(self, key: Key) -> Live | None:
        """As `Driver.with_tags`."""
        gateway = self._aws.gateway(key.region)
        config = gateway.get(key.id)
        return with_tags(gateway, config, self._provider) if config else None

    def to_import(self, key: Key, lineage: str) -> tuple[Live, str] | None:
        """As `Driver.to_import`: with its tags."""
        del lineage
        live = self.with_tags(key)
        return (live, "") if live else None

    def holders(self, pairs: Mapping[str, Pair], region: str) -> dict[str, Live]:
        """As `Driver.holders`."""
        gateway = self._aws.gateway(region)
        held = holders(gateway, pairs)
        return {name: with_tags(gateway, config, self._provider) for name, config in held.items()}

    def create(self, region: str, desired: Canonical, owner: Owner | None, notify: Notify) -> Live:
        """As `Driver.create`."""
        config = self._aws.gateway(region).create(create_request(desired, owner), notify)
        return self._live(config, region)

    def update(
        self,
        live: Live,
        desired: Canonical,
        fields: Sequence[FieldChange],
        notify: Notify,
        *,
        settle: Callable[[], None],
        before_retry: Callable[[], None] | None = None,
    ) -> bool:
        """As `Driver.update`: one or more updates, then the tags, which have calls of their own."""
        gateway = self._aws.gateway(live.key.region)
        changed = {field.path[0] for field in fields}
        requests = update_requests(live.mapping, desired, live.kind, changed, live.unknown)
        for index, request in enumerate(requests):
            if index:
                settle()
            # Only the first: after it the mapping differs from the plan because of this change.
            gateway.update(live.key.id, request, notify, None if index else before_retry)
        has, wants = live.mapping.get("tags", {}), desired.get("tags", {})
        gone = sorted(has.keys() - wants.keys())
        new = {key: value for key, value in wants.items() if has.get(key) != value}
        # First remove, then add: a mapping has at most 50 tags.
        if gone:
            gateway.untag(live.arn, gone, notify)
        if new:
            gateway.tag(live.arn, new, notify)
        return bool(requests)

    def tag_owner(self, live: Live, owner: Owner | None, notify: Notify) -> None:
        """As `Driver.tag_owner`."""
        gateway = self._aws.gateway(live.key.region)
        if owner:
            gateway.tag(live.arn, owner.tags(), notify)
        else:
            gateway.untag(live.arn, OWNERSHIP_TAGS, notify)

    def delete(self, key: Key, notify: Notify) -> None:
        """As `Driver.delete`."""
        self._aws.gateway(key.region).delete(key.id, notify)

    def observe(self, records: Sequence[Record], *, deleting: bool = False) -> dict[Key, Live]:
        """As `Driver.observe`: by List a function where that takes fewer calls than Get."""
        region = records[0].key.region
        functions = {record.key.id: pair_of(record).function for record in records}
        configs = (still_there if deleting else read)(self._aws.gateway(region), functions)
        return {
            record.key: self._live(configs[record.key.id], region) for record in records if record.key.id in configs
        }

    def _live(self, config: Config, region: str) -> Live:
        return live_mapping(config, region, {}, self._provider)
