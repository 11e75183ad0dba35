"""Everything that a region has: for a state that was lost."""

from __future__ import annotations

from provisioner.aws.convert import arn_of, live_mapping
from provisioner.aws.gateway import Config, Gateway
from provisioner.aws.refresh import parallel
from provisioner.model.desired import Provider
from provisioner.model.live import Live


def inventory(gateway: Gateway, provider: Provider) -> list[Live]:
    """Every mapping of a region with its tags, read one by one: they decide whose it is, and a hint would not do.

    One with a KMS key is read by Get, because List omits its filters.
    """
    listed = [config for page in gateway.pages() for config in page]

    def whole(config: Config) -> Live | None:
        read = gateway.get(config["UUID"]) if "KMSKeyArn" in config else config
        tags = gateway.tags(arn_of(config, gateway.region))
        return live_mapping(read, gateway.region, tags, provider) if read else None

    return [live for live in parallel(whole, listed) if live]
