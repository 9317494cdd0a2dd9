"""Defines the models of the parties of a call: trunks, publishers, numbers, advertisers, lines, groups, and their caps."""

from datetime import datetime
from typing import Annotated

from pydantic import GetJsonSchemaHandler, ValidationInfo, field_validator
from pydantic_core import CoreSchema

from media.transcoder import libopus
from routing.cap import Counts, Per
from switch.codec import Codec
from switch.settings import address, field, prompt_field
from switch.settings.model.base import Entries, Items, Strict, may, must, repeated, section, some_of
from switch.settings.model.webhook import WebhookConfig
from switch.settings.problem import quote
from switch.settings.value import Invalid, raise_all
from switch.sip.digest import Algorithm

AT_ONCE = (Counts.ATTEMPT, Counts.CONNECTION)


class CapConfig(Strict):
    """A cap of any kind but `cap`, which is calls at once."""

    count: field.Counted = may("What is counted", default="attempt")
    per: field.Period = must("Over which time; calendar windows begin at the boundary in `zone`")
    limit: field.Limit | None = may("At most so many; an amount where revenue is counted")
    every: field.LongDuration | None = may("With `per: spacing`: the least time between two attempts")
    zone: field.Zone | None = may("IANA time zone of the window; default: the campaign's, or switch.zone")
    since: field.Since | None = may("With `per: total`: what counts, from this date on; a later one resets it")
    strict: field.Truth = may("Calls that may still come to count are counted already", default="false")

    @field_validator("per")
    @classmethod
    def _is_counted_so(cls, per: Per, info: ValidationInfo) -> Per:
        count = info.data.get("count", Counts.ATTEMPT)
        if per is Per.CONCURRENCY and count not in AT_ONCE:
            raise Invalid(f"there is no {count} at once", expected="hour, day, week, month or total")
        return per

    @field_validator("limit")
    @classmethod
    def _has_a_limit(cls, limit: int | None, info: ValidationInfo) -> int | None:
        per = info.data.get("per")
        if per is Per.SPACING and limit is not None:
            raise Invalid("spacing has no limit", hint="write `every: 30s`: that is one attempt in 30 s", at_key=True)
        if per is Per.CONCURRENCY and info.data.get("count") is Counts.ATTEMPT:
            hint = f"write `cap: {'N' if limit is None else limit}` beside `caps`"
            raise Invalid("attempts at once are not one of `caps`", hint=hint, where=("per",))
        if "per" in info.data and per is not Per.SPACING and limit is None:
            raise Invalid("a cap without a limit", expected="`limit:`")
        return limit

    @field_validator("every")
    @classmethod
    def _spaces(cls, every: int | None, info: ValidationInfo) -> int | None:
        per = info.data.get("per")
        if per is Per.SPACING and info.data.get("count", Counts.ATTEMPT) is not Counts.ATTEMPT:
            raise Invalid("only attempts are spaced", expected="attempt", where=("count",))
        if per is Per.SPACING and every is None:
            expected = "`every:`, the least time between two attempts, such as 30s"
            raise Invalid("spacing without `every`", expected=expected, where=("per",))
        if "per" in info.data and per is not Per.SPACING and every is not None:
            raise Invalid("`every` goes with `per: spacing` only", at_key=True)
        return every

    @field_validator("since")
    @classmethod
    def _counts_from(cls, since: datetime | None, info: ValidationInfo) -> datetime | None:
        if since is not None and info.data.get("per", Per.TOTAL) is not Per.TOTAL:
            hint = "windows of the calendar begin anew by themselves"
            raise Invalid("`since` goes with `per: total` only", hint=hint, at_key=True)
        return since

    @field_validator("strict")
    @classmethod
    def _may_be_strict(cls, strict: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 (pydantic calls it)
        per = info.data.get("per")
        if strict and per in (Per.SPACING, Per.CONCURRENCY):
            raise Invalid(f"`strict` says nothing with `per: {per}`", hint="what is going on counts already", at_key=True)
        return strict


class CapOwner(Strict):
    """Whatever may have caps."""

    cap: field.CapLimit | None = may("Calls at once, ringing ones too; default: no cap")
    caps: Items[CapConfig] = some_of("More caps; the first that is full closes it")

    @field_validator("caps")
    @classmethod
    def _once_each(cls, caps: list[CapConfig]) -> list[CapConfig]:
        kinds = [(cap.count, cap.per) for cap in caps]
        raise_all(
            Invalid(f"a second cap of {count} per {per}", hint="keep one of the two", where=("caps", index))
            for index, (count, per) in enumerate(kinds)
            if (count, per) in kinds[:index]
        )
        return caps


class PeerConfig(CapOwner):
    """What trunks and lines have in common: how SIP and audio go with the far end."""

    nat: field.Nat = may("auto: a private address in its SDP means the address that its SIP comes from", default="auto")
    latch: field.Latch = may(
        "Where audio may come from, besides the address in its SDP: host: another port of that host, before anything has come; "
        "any-first-seconds: anywhere, in the first three seconds, until something has come; strict: nowhere else",
        default="host",
    )
    nat_rebind: field.NatRebind = may(
        "follow: its audio is taken from another port of its host when the old one is quiet and the stream goes on there",
        default="off",
    )
    session_timer: field.SessionTimer = may(
        "A session that is not refreshed for so long is ended; off: we ask for no refreshes", default="30m"
    )
    codecs: field.Codecs | None = may("Codecs, the best first, and no others; default: PCMU and PCMA, the other side's first")
    dtmf: field.Dtmf = may(
        "rtp: keys go by telephone-event; info: by INFO; inband: as tones; auto: by telephone-event where its SDP has it, "
        "else as tones, and its INFO counts too",
        default="auto",
    )
    srtp: field.Srtp = may(
        "required: its audio is encrypted, by keys in SDP, or there is no call; optional: where the far end does that, too; off: never",
        default="off",
    )
    calls_per_second: field.CallsPerSecond | None = may(
        "Calls in any second; a trunk's further ones get 503, a line is then passed over; default: no limit"
    )
    pass_headers: Items[field.PassedHeader] = some_of(
        "Headers of a caller's INVITE that reach the line: those that trunk and line both name"
    )

    @field_validator("codecs")
    @classmethod
    def _codecs_there_are(cls, codecs: list[Codec] | None) -> list[Codec] | None:
        raise_all(
            Invalid(f"codec {name} is here twice", hint="keep one of them", where=("codecs", index))
            for index, name in repeated([codec.name for codec in codecs or ()])
        )
        if codecs is not None and Codec.OPUS in codecs and libopus.load() is None:
            where = ("codecs", codecs.index(Codec.OPUS))
            raise Invalid(
                f"OPUS takes {libopus.LIBRARY}: it is not there", hint=f"Debian's package is {libopus.PACKAGE}", where=where
            )
        return codecs


class CostConfig(Strict):
    """What the carrier bills us."""

    per_minute: field.Amount = must("Billed by the second")
    initial: field.Seconds = may("The least that is billed, in whole seconds", default="6s")
    step: field.Seconds = may("Billed in steps of this, rounded up", default="6s")


class AuthConfig(Strict):
    """Digest authentication."""

    username: field.Username = must("The user name")
    secret: field.SecretText = must("The password: {env: NAME}, {file: PATH}, or in quotes")


class TrunkAuthConfig(AuthConfig):
    """What a trunk's INVITEs must authenticate with, and what its own challenges are answered with."""

    realm: field.Realm = may("The realm of our challenges", default=field.DEFAULT_REALM)
    algorithms: field.DigestAlgorithms | None = may(
        "What our challenges offer, the preferred first; default: SHA-256, MD5. Old equipment looks at the first alone, and knows MD5"
    )

    @field_validator("algorithms")
    @classmethod
    def _once_each(cls, algorithms: list[Algorithm] | None) -> list[Algorithm] | None:
        hint = "keep one of them"
        raise_all(
            Invalid(f"algorithm {quote(name)} is offered twice", hint=hint, where=("algorithms", index))
            for index, name in repeated(algorithms or ())
        )
        return algorithms


class ProbeConfig(Strict):
    """Asking by OPTIONS whether the far end is alive."""

    options: field.ProbeInterval | None = may("It is asked by OPTIONS this often; default: never")
    misses: Annotated[int, field.whole(1, field.MAX_FAILURES)] = may("So many in a row without a good answer: down", default="3")
    hits: Annotated[int, field.whole(1, field.MAX_FAILURES)] = may("So many answers in a row: up again", default="2")


class TrunkHealthConfig(ProbeConfig):
    """Whether a carrier is alive; calls are taken from it all the same."""

    uri: field.SipUri = must("What is asked")


class RegistrationConfig(AuthConfig):
    """Registering with a carrier, so that it sends its calls here."""

    registrar: field.SipUri = must("The registrar, such as sip:192.0.2.20 or sip:sip.example.com")
    expires: field.RegistrationTime = may("For how long to ask", default="10m")
    contact_user: field.Username | None = may("The user part of our Contact; default: the user name")


class TrunkConfig(PeerConfig):
    """A carrier that sends calls."""

    addresses: field.Networks = must(
        "Addresses and networks whose calls are taken, all others are met with silence; or any, with `auth`"
    )
    auth: TrunkAuthConfig | None = may("What its calls must authenticate with; default: their address is enough")
    max_calls: field.MaxCalls | None = may("Its live calls, in menus too; more are refused with 503; default: no limit")
    health: TrunkHealthConfig | None = may("Asking whether it is alive; default: never")
    registration: RegistrationConfig | None = may("Registering with it; default: its calls come without")
    cost: CostConfig | None = may("What it bills us; default: nothing is reckoned")
    number_format: field.FormatIn = may("How it writes numbers", default="national")
    tech_prefix: field.TechPrefix | None = may("Stripped from the numbers that it dials; default: nothing")
    probe: field.Truth = may(
        "Its calls are those of `payphone probe`: they earn nothing, and count in no cap and no report", default="false"
    )
    did_from: field.DidPlace = may(
        "Where it puts the dialled number; the Request-URI counts where that has none", default="request_uri"
    )

    @field_validator("probe")
    @classmethod
    def _counts_nowhere(cls, probe: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 (pydantic calls it)
        for key in ("cap", "caps", "cost"):
            if probe and info.data.get(key):
                raise Invalid(f"`{key}` of a trunk of probes says nothing", hint="its calls count nowhere", where=(key,))
        return probe

    @field_validator("auth")
    @classmethod
    def _is_known_somehow(cls, auth: TrunkAuthConfig | None, info: ValidationInfo) -> TrunkAuthConfig | None:
        networks = info.data.get("addresses", ())
        if address.ANYWHERE in networks and auth is None:
            hint = "add `auth: {username: NAME, secret: {env: NAME}}`, or list the carrier's addresses"
            raise Invalid("any address, and no `auth`: everybody could call", hint=hint, where=("addresses",))
        if address.ANYWHERE in networks and len(networks) > 1:
            raise Invalid("any address, and others", hint="leave the others out", where=("addresses",))
        return auth


class PublisherConfig(CapOwner):
    """Who advertises tracking numbers and earns the payout."""

    paused: field.Truth = may("Refuse all calls of this publisher's numbers", default="false")
    webhooks: Entries[field.Name, WebhookConfig] = section("Who is told of what happens to its calls, by name")

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> field.JsonSchema:
        return {"anyOf": [handler(schema), {"type": "null"}], "description": "All its keys may be left out"}


class NumberConfig(CapOwner):
    """A tracking number."""

    publisher: field.PublisherName = must("Who advertises it")
    campaign: field.CampaignName = must("What is sold to its callers")
    state: field.State = may("Only an assigned number takes calls", default="assigned")
    show_ani: field.Truth = may(
        "Its callers can't withhold their number from lines: for toll-free numbers, whose subscriber pays", default="false"
    )
    answer: field.AnswerMode = may(
        "with_line: until a line answers, the caller hears what it plays (183); goes with campaigns without a menu", default="menu"
    )
    tags: field.Tags = section("What every call to it is known by")


class GroupConfig(CapOwner):
    """Lines that share caps."""

    lines: Annotated[Items[field.LineName], field.some("a group without lines", "at least one line")] = must("Its lines")

    @field_validator("lines")
    @classmethod
    def _once_each_line(cls, lines: list[str]) -> list[str]:
        hint = "keep one of them"
        raise_all(
            Invalid(f"line {quote(name)} is in this group twice", hint=hint, where=("lines", index))
            for index, name in repeated(lines)
        )
        return lines


class AcceptConfig(Strict):
    """The advertiser takes the call by a key."""

    prompt: prompt_field.PromptName = must("What the advertiser hears on answering")
    key: field.OneKey = may("The key that takes the call", default="1")
    wait: field.Duration = may("No key by then declines the call", default="10s")


class HealthConfig(ProbeConfig):
    """When a line is left alone: for a while after failures; and while it does not answer OPTIONS."""

    failures: Annotated[int, field.whole(1, field.MAX_FAILURES)] = may(
        "So many attempts in a row that failed or were met with silence", default="3"
    )
    rest: field.Duration = may("For how long", default="60s")


class LineConfig(PeerConfig):
    """One SIP URI of an advertiser."""

    uri: field.SipUri = must("Where it is dialled; its host is an address, or a name that DNS knows")
    auth: AuthConfig | None = may("What its challenges (401, 407) are answered with; default: they are failures")
    ring: field.Duration = may("How long it may ring", default="30s")
    silence: field.Duration = may("How long it may stay silent before it counts as dead", default="5s")
    timer_offset: field.DurationOrZero = may("Taken off the talk time that money is judged on", default="0s")
    hours: field.HoursName | None = may("When it is open; default: always")
    paused: field.Truth = may("Never dial it", default="false")
    filter: field.Filter | None = may("Which calls it takes; default: all")
    accept: AcceptConfig | None = may("The advertiser takes the call by a key; default: by answering")
    whisper: prompt_field.PromptName | None = may("What the advertiser hears before the caller; default: nothing")
    health: HealthConfig | None = may("When it is left alone for a while; default: never")
    trusted: field.Truth = may("It is told who calls in spite of privacy, by P-Asserted-Identity", default="false")
    number_format: field.FormatOut = may("How the caller's number is written", default="e164")
    transfers: field.Transfers = may(
        "follow: its REFER in talk sends the caller on to a host of the advertiser's lines; refuse: gets 403", default="refuse"
    )

    @field_validator("whisper")
    @classmethod
    def _is_told_once(cls, whisper: str | None, info: ValidationInfo) -> str | None:
        if whisper is not None and info.data.get("accept") is not None:
            raise Invalid("accept and whisper together", hint="accept's own prompt says who is calling", at_key=True)
        return whisper


class PrepaidConfig(Strict):
    """Calls stop when revenue has used up what was paid in advance."""

    credit: field.Amount = may("How far below zero the balance may go", default="0")


class AdvertiserConfig(CapOwner):
    """Who buys calls."""

    paused: field.Truth = may("Dial none of its lines", default="false")
    lines: Entries[field.Name, LineConfig] = must("Its lines; their names are unique among all advertisers")
    prepaid: PrepaidConfig | None = may("Calls stop when revenue has used up deposits and credit; default: billed afterwards")
    token: field.AdvertiserToken | None = may("What its postbacks are known by; secret")
    webhooks: Entries[field.Name, WebhookConfig] = section("Who is told of what happens to the calls that it was offered, by name")
