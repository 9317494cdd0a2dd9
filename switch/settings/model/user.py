"""Defines the models of the console and of the people who log in to it."""

from pydantic import ValidationInfo, field_validator

from switch.deployment import Role
from switch.settings import field
from switch.settings.model.base import Items, Strict, may, must, some_of
from switch.settings.value import Invalid

PARTIES = {Role.PUBLISHER: "publisher", Role.ADVERTISER: "advertiser"}


class ConsoleConfig(Strict):
    """The pages for people. Plain HTTP: where it is reached from other machines, a proxy that speaks TLS stands before it."""

    listen: field.SocketAddress = must("The TCP address that the console is served on")
    session: field.SessionLength = may("How long a log-in lasts that is not used", default="8h")


class UserConfig(Strict):
    """Somebody who logs in to the console."""

    role: field.UserRole = must("ops: sees and changes all; viewer: sees all; publisher, advertiser: its own calls")
    publisher: field.PublisherName | None = may("Of role publisher: which one")
    advertiser: field.AdvertiserName | None = may("Of role advertiser: which one")
    password: field.PasswordHash = must("The hash that `payphone user add` makes; secret")
    listens_to: Items[field.CampaignName] = some_of("Campaigns whose calls it may listen in to; default: none")

    @field_validator("publisher", "advertiser")
    @classmethod
    def _goes_with_the_role(cls, party: str | None, info: ValidationInfo) -> str | None:
        role, key = info.data.get("role"), info.field_name
        if role is not None and party is not None and PARTIES.get(role) != key:
            raise Invalid(f"`{key}` with role {role}", hint=f"remove it, or write `role: {key}`", at_key=True)
        if role is not None and party is None and PARTIES.get(role) == key:
            raise Invalid(f"role {role}, and no {key} whose calls it sees", expected=f"`{key}: NAME`", where=("role",))
        return party

    @field_validator("listens_to")
    @classmethod
    def _hears_what_it_sees(cls, campaigns: list[str], info: ValidationInfo) -> list[str]:
        if campaigns and info.data.get("role") is Role.PUBLISHER:
            raise Invalid(
                "a publisher sees neither who calls nor who answers", hint="remove it: a publisher can't listen in", at_key=True
            )
        return campaigns

    @property
    def party(self) -> str | None:
        """The publisher or advertiser whose calls it sees; None: all."""
        return self.publisher or self.advertiser
