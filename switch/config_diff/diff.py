"""Compares two configs field by field and tells each difference in words.

The walk goes over the fields of the config models, whatever they are: a label is the key as config writes it, a unit and a default come
from the field's own metadata, so a new key is told without a line here. The tables below hold what no field says of itself: which
fields money depends on, which order means nothing, what tells two items of a list apart.

Two configs are compared by their values: spelling, the order of keys, and how a config is cut into files are no difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import BaseModel

from switch.config_diff.text import (
    SECRETS,
    Field,
    block_texts,
    described,
    is_choice,
    minutes_open,
    model_text,
    text_of,
    whole_field,
)

_MONEY = (
    "campaigns.*.billable.*",
    "campaigns.*.caps.revenue*",
    "campaigns.*.conversion_group",
    "campaigns.*.dispositions.*",
    "campaigns.*.hold_for",
    "campaigns.*.payout*",
    "campaigns.*.repeat*",
    "campaigns.*.revenue",
    "*.caps.revenue*",
    "advertisers.*.prepaid*",
    "advertisers.*.token",
    "lines.*.advertiser",
    "lines.*.timer_offset",
    "numbers.*.campaign",
    "numbers.*.publisher",
    "trunks.*.cost*",
)
_MONEY_ENTRIES = frozenset({"campaigns", "numbers"})
"""Sections whose entries change money by coming and going."""
_WHOLE = ("campaigns.*.revenue", "campaigns.*.payout", "campaigns.*.payouts.*")
"""Told in one piece: a price is an amount or several steps."""
_UNORDERED = ("groups.*.lines", "hours.*.holidays", "hours.*.dates.*", "trunks.*.addresses", "*.pass_headers")
_IDENTITY: Mapping[str, tuple[str, ...]] = {"campaigns.*.lines": ("line",), "*.caps": ("count", "per")}
"""The fields that tell the items of a list apart; items of other lists are told apart by their place."""
_NOTES = (
    ("*.cap", "calls at once"),
    *((f"switch.{key}*", "takes a restart") for key in ("sip", "rtp", "prompts", "data", "log", "ledger", "api", "metrics")),
)
_UNNOTED = ("switch.rtp.ringback*", "switch.rtp.hold_music*")
"""What a reload changes although its neighbours take a restart."""
_SECTIONS = ("campaigns", "advertisers", "publishers", "groups", "menus", "hours", "trunks", "tags", "switch")
"""In the order in which people are told of them; lines stand with their advertiser, numbers with their publisher."""
_OWNER = {"lines": "advertiser", "numbers": "publisher"}
"""Sections whose entries are listed with what they belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. `path`: the rule, as trails name it. `what`: the field. `before`, `after`: None where there is no such thing.

    `money`: it may change what is owed. `group`: changes of one group are listed together.
    """

    path: str
    what: str
    before: str | None
    after: str | None
    words: str
    money: bool
    group: tuple[int, str]

    def as_json(self) -> dict[str, object]:
        rest = {"before": self.before, "after": self.after, "words": self.words, "money": self.money}
        return {"path": self.path, "what": self.what, **rest}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An entry of a section, or a section that has no entries. `owner`: for lines, their advertiser."""

    section: str
    name: str
    value: BaseModel
    owner: str | None = None

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}" if self.name else self.section

    @property
    def title(self) -> str:
        return (
            f"{self.section if self.section == 'hours' else self.section.removesuffix('s')} {self.name}"
            if self.name
            else self.section
        )

    @property
    def group(self) -> tuple[int, str]:
        kind = _OWNER.get(self.section)
        owner = self.owner or (getattr(self.value, kind) if kind else self.name)
        section = f"{kind}s" if kind else self.section
        return _SECTIONS.index(section) if section in _SECTIONS else len(_SECTIONS), owner

    def about(self) -> str:
        """Describes a new entry: the fields that every such entry has, or else those that are written."""
        told = [f"advertiser {self.owner}"] if self.owner else []
        place = whole_field(self.path)
        for field, value in place.inner(self.value):
            if field.required and not self._apart(field):
                told.append(f"{field.label} {text_of(value, field)}")
        return "; ".join(told) or model_text(self.value, place, without={"lines"})

    def _apart(self, field: Field) -> bool:
        """Lines stand below advertisers in config, and are entries of their own here."""
        return self.section == "advertisers" and field.path.endswith(".lines")

    def fields(self) -> dict[str, tuple[Field, object]]:
        """By key; of a line, its advertiser too."""
        found = {field.key: (field, value) for field, value in whole_field(self.path).inner(self.value) if not self._apart(field)}
        owner = {"advertiser": (whole_field(self.path).child("advertiser"), self.owner)} if self.owner else {}
        return {**owner, **found}


def changes(before: BaseModel, after: BaseModel, *, kept: bool = False) -> tuple[Change, ...]:
    """All differences of two config documents; none when they say the same. Changes of one entry stand together.

    `kept`: one of them is what the ledger kept, with letters x for secrets. So nothing says whether a secret is another one.
    """
    old, new = ({entry.path: entry for entry in _entries(document)} for document in (before, after))
    paths = sorted(old.keys() | new.keys(), key=lambda path: ((new.get(path) or old[path]).group, path))
    return tuple(change for path in paths for change in _entry_changes(old.get(path), new.get(path), kept=kept))


def _entries(document: BaseModel) -> Iterator[_Entry]:
    for section in type(document).model_fields:
        value = getattr(document, section)
        if isinstance(value, BaseModel):
            yield _Entry(section=section, name="", value=value)
            continue
        for name, entry in value.items():
            yield _Entry(section=section, name=name, value=entry)
            if section == "advertisers":
                for line, inner in entry.lines.items():
                    yield _Entry(section="lines", name=line, value=inner, owner=name)


def _entry_changes(before: _Entry | None, after: _Entry | None, *, kept: bool) -> Iterator[Change]:
    entry = after or before
    if entry is None:
        return
    if before and after:
        if type(before.value) is type(after.value):
            yield from _inside(before, after, kept=kept)
            return
        old, new = described(before.value), described(after.value)
        words = f"{after.title}: {old} -> {new} ({after.about()})"
        yield Change(path=entry.path, what="kind", before=old, after=new, words=words, money=False, group=entry.group)
        return
    about = entry.about()
    text = about or entry.title
    yield Change(
        path=entry.path,
        what="new" if after else "gone",
        before=None if after else text,
        after=text if after else None,
        words=f"{entry.title} is gone" if after is None else f"new {entry.title}" + (f" ({about})" if about else ""),
        money=entry.section in _MONEY_ENTRIES,
        group=entry.group,
    )


def _inside(before: _Entry, after: _Entry, *, kept: bool) -> Iterator[Change]:
    old, new = before.fields(), after.fields()
    for key in new:
        for difference in _differences(new[key][0], old[key][1], new[key][1]):
            if not (kept and difference.secret):
                yield _told(difference, before, after)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """A field that differs, with both texts; None: not there. `words`: where they are no plain `label before -> after`.
    `secret`: what differs is not shown."""

    field: Field
    before: str | None
    after: str | None
    words: str = ""
    secret: bool = False


def _differences(field: Field, before: object, after: object) -> Iterator[_Difference]:
    """Yields the differences between two values of a field, descending as long as both have the same form."""
    if before == after:
        return
    if field.key in SECRETS:
        yield from _secret(field, before, after)
    elif isinstance(before, str) and isinstance(after, str):
        yield from _strings(field, before, after)
    elif field.path.startswith("hours.") and field.key == "days" and isinstance(before, dict) and isinstance(after, dict):
        yield from _opening(field, before, after)
    elif isinstance(before, BaseModel) and isinstance(after, BaseModel) and not _in_one_piece(field, before, after):
        old = {inner.key: value for inner, value in field.inner(before)}
        for inner, value in field.inner(after):
            yield from _differences(inner, old[inner.key], value)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in [*after, *(key for key in before if key not in after)]:
            yield from _differences(field.child(str(key)), before.get(key), after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(field, before, after)
    else:
        yield _Difference(
            field=field,
            before=None if before is None else text_of(before, field),
            after=None if after is None else text_of(after, field),
        )


def _in_one_piece(field: Field, before: BaseModel, after: BaseModel) -> bool:
    return type(before) is not type(after) or is_choice(after) or _matches(field, _WHOLE)


def _lists(field: Field, before: Sequence[object], after: Sequence[object]) -> Iterator[_Difference]:
    """Items that are models are compared one by one, others all together."""
    if not any(isinstance(item, BaseModel) for item in (*before, *after)):
        old, new = (sorted(items, key=str) if _matches(field, _UNORDERED) else items for items in (before, after))
        if old != new:
            yield _Difference(field=field, before=text_of(before, field), after=text_of(after, field))
        return
    identity = next((keys for pattern, keys in _IDENTITY.items() if fnmatchcase(field.path, pattern)), ())
    one, other = _by_identity(before, identity), _by_identity(after, identity)
    for key in [*other, *(key for key in one if key not in other)]:
        if key in one and key in other:
            yield from _differences(field.item(key), one[key], other[key])
        else:
            yield _coming_or_going(field.item(key), one.get(key), other.get(key), identity)
    old, new = ([key for key in keys if key in one and key in other] for keys in (one, other))
    if old != new:
        yield _Difference(field=field.named(f"{field.label} in another order"), before=", ".join(old), after=", ".join(new))


def _coming_or_going(field: Field, before: object, after: object, identity: tuple[str, ...]) -> _Difference:
    """Returns the difference for an item that only one of two lists has. Its label says its identity already."""
    old, new = (model_text(item, field, without=identity) if isinstance(item, BaseModel) else None for item in (before, after))
    words = f"{field.label} {'removed' if new is None else 'added'}" + (f": {new}" if new else "")
    return _Difference(field=field, before=old, after=new, words=words)


def _by_identity(items: Sequence[object], identity: tuple[str, ...]) -> dict[str, object]:
    found: dict[str, object] = {}
    for number, item in enumerate(items, 1):
        key = "/".join(str(getattr(item, each)) for each in identity) or str(number)
        while key in found:  # several of the same: their order tells them apart
            key += "'"
        found[key] = item
    return found


def _strings(field: Field, before: str, after: str) -> Iterator[_Difference]:
    """Two values without the secrets in them, such as the password of a URL."""
    old, new = text_of(before, field), text_of(after, field)
    if old != new:
        yield _Difference(field=field, before=old, after=new)
    else:
        yield _Difference(field=field, before=old, after=new, words=f"another secret in {field.label}", secret=True)


def _secret(field: Field, before: object, after: object) -> Iterator[_Difference]:
    if before and after:
        yield _Difference(field=field, before="set", after="another", words=f"another {field.label}", secret=True)
    else:
        old, new = ("set" if one else None for one in (before, after))
        yield _Difference(field=field, before=old, after=new, words=f"{field.label} {'set' if after else 'taken away'}")


def _opening(field: Field, before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[_Difference]:
    """Opening hours by the minute, however their days are written."""
    old, new = minutes_open(before), minutes_open(after)
    if old == new:
        return
    told = [f"also open {block_texts(new - old)}"] if new - old else []
    told += [f"no longer open {block_texts(old - new)}"] if old - new else []
    yield _Difference(field=field, before=block_texts(old), after=block_texts(new), words="; ".join(told))


def _told(difference: _Difference, before: _Entry, after: _Entry) -> Change:
    field = difference.field
    old, new = (field.absent if text is None else text for text in (difference.before, difference.after))
    words = difference.words or f"{field.label} {old} -> {new}"
    notes = [note for pattern, note in _NOTES if fnmatchcase(field.path, pattern) and not _matches(field, _UNNOTED)]
    notes += _shares(field, before.value, after.value)
    notes += [getattr(after.value, "zone", "")] if after.section == "hours" and field.key == "days" else []
    return Change(
        path=field.path,
        what=field.label,
        before=difference.before,
        after=difference.after,
        words=f"{after.title}: {words}" + (f" ({', '.join(notes)})" if notes else ""),
        money=_matches(field, _MONEY),
        group=after.group,
    )


def _shares(field: Field, before: BaseModel, after: BaseModel) -> list[str]:
    """Returns the share of a campaign's calls that a line, or a variant of a test, gets by its weight."""
    steps = field.path.split(".")
    if steps[0] != "campaigns" or len(steps) < 4 or steps[2] not in ("lines", "split"):
        return []
    one, other = (_share(campaign, steps[2], steps[3]) for campaign in (before, after))
    if one == other or not other:
        return []
    return [f"{one} -> {other} of its calls" if one else f"{other} of its calls"]


def _share(campaign: BaseModel, key: str, name: str) -> str:
    """Returns the share in percent; "" where weights do not decide."""
    weights: dict[str, int] = getattr(campaign, "split", {})
    if key == "lines":
        targets = getattr(campaign, "lines", [])
        target = next((target for target in targets if target.line == name), None)
        if target is None:
            return ""
        tier = getattr(campaign, "tiers", {}).get(target.priority)
        if tier and (tier.sort != "weight" or tier.together):
            return ""
        weights = {other.line: other.weight for other in targets if other.priority == target.priority}
    return f"{round(100 * weights[name] / sum(weights.values()), 1):g} %" if name in weights else ""


def _matches(field: Field, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(field.path, pattern) for pattern in patterns)
