"""All mappings of a region, for rebuilding a lost state."""

from __future__ import annotations

from provisioner.aws.gateway import Config, Gateway
from provisioner.aws.refresh import parallel, with_tags
from provisioner.model.live import Live
from provisioner.model.provider import Provider


def inventory(gateway: Gateway, provider: Provider) -> list[Live]:
    """Every mapping of a region with its tags. One with a KMS key is read by Get, because List omits its filters
    (docs/aws/lifecycle.md#list). Unlike `refresh`, which reads what one stack needs. Raises AwsError.
    """
    listed = [config for page in gateway.pages() for config in page]

    def whole(config: Config) -> Live | None:
        read = gateway.get(config["UUID"]) if "KMSKeyArn" in config else config
        return with_tags(gateway, read, provider) if read else None

    # A mapping that is deleted between List and Get is None.
    return [live for live in parallel(whole, listed) if live]
