"""Compiles menus: the seven kinds of node in config become the fewer kinds that `ivr` runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from ivr import menu as ivr
from ivr.graph import reachable
from routing.expression import Kind, Scalar
from routing.table import Hours
from switch.settings.model import menu as model
from switch.settings.prompts import PromptChoice, Spoken, SpokenTag, Voices, digits_after, parts_of
from switch.settings.value import tag_value

ZIP_DIGITS = 5
YES_KEY = "1"
NO_KEY = "2"


def menu_plan(start: str, nodes: Mapping[str, ivr.Node]) -> ivr.MenuPlan:
    """Returns the plan of the nodes that are reachable from `start`."""
    reached = reachable(ivr.MenuPlan(start=start, nodes=nodes))
    return ivr.MenuPlan(start=start, nodes={name: nodes[name] for name in sorted(reached)})


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuTerms:
    """What the words of a menu mean. `kinds`: what tags hold. `language`: of its texts, None for the default."""

    kinds: Mapping[str, Kind]
    voices: Voices
    language: str | None = None

    def name(self, prompt: PromptChoice) -> str:
        """Of a prompt, in the plan."""
        return self.voices.name(prompt, language=self.language)

    def said(self, prompt: PromptChoice) -> tuple[str | ivr.SayTag, ...]:
        """A prompt, or the parts of a text and the tags in it."""
        if isinstance(prompt, str):
            return (prompt,)
        return tuple(self.name(part) if isinstance(part, Spoken) else self._tag(part, prompt) for part in parts_of(prompt))

    def _tag(self, tag: SpokenTag, text: Spoken) -> ivr.SayTag:
        language = self.voices.spoken_in(text, language=self.language)
        names = {piece: self.name(spoken) for piece, spoken in self.voices.pieces(tag, language).items()}
        return ivr.SayTag(tag=tag.tag, way=tag.way, language=language.partition("-")[0], names=names)

    def name_if(self, prompt: PromptChoice | None) -> str | None:
        return None if prompt is None else self.name(prompt)


def node_of(name: str, node: model.AnyNode, *, hours: Mapping[str, Hours], terms: MenuTerms) -> ivr.Node:
    if not isinstance(node, model.BranchConfig):
        terms = replace(terms, language=node.language)
    match node:
        case model.MenuConfig():
            return _menu(name, node, terms)
        case model.SayConfig():
            tags = typed(node.tags, terms.kinds)
            return ivr.Say(name=name, prompts=terms.said(node.say), whole=node.whole, tags=tags, then=_onward(node.then, terms))
        case model.GatherConfig():
            return _gather(name, node, terms)
        case model.ZipConfig():
            return _zip(name, node, terms)
        case model.YesNoConfig():
            return _yes_no(name, node, terms)
        case model.ConsentConfig():
            return _consent(name, node, terms)
        case model.BranchConfig():
            return _branch(name, node, hours=hours, terms=terms)
        case _:
            assert_never(node)


def typed(tags: Mapping[str, str], kinds: Mapping[str, Kind]) -> dict[str, Scalar]:
    """Tags as what their kinds say."""
    return {name: tag_value(text, kinds[name]) for name, text in tags.items()}


def _menu(name: str, menu: model.MenuConfig, terms: MenuTerms) -> ivr.Menu:
    return ivr.Menu(
        name=name,
        prompt=terms.name(menu.prompt),
        invalid=terms.name_if(menu.invalid),
        timeout_ms=menu.timeout,
        retries=menu.retries,
        digits=menu.digits,
        keys={key: _outcome(outcome, terms) for key, outcome in menu.keys.items()},
        failed=_failed(menu.failed, terms),
    )


def _gather(name: str, node: model.GatherConfig, terms: MenuTerms) -> ivr.Gather:
    return ivr.Gather(
        name=name,
        tag=node.gather,
        kind=terms.kinds[node.gather],
        prompt=terms.name(node.prompt),
        invalid=terms.name_if(node.invalid),
        min_digits=node.min,
        max_digits=node.max,
        finish=node.finish,
        timeout_ms=node.timeout,
        between_ms=node.between,
        retries=node.retries,
        valid=_valid(node.valid),
        then=_onward(node.then, terms),
        failed=_failed(node.failed, terms),
    )


def _valid(valid: tuple[int, int] | str | None) -> ivr.Valid | None:
    if valid is None:
        return None
    return ivr.Matching(pattern=valid) if isinstance(valid, str) else ivr.Within(low=valid[0], high=valid[1])


def _zip(name: str, node: model.ZipConfig, terms: MenuTerms) -> ivr.Gather:
    read_back = None
    if node.read_back is not None and node.confirm is not None:
        digits = {digit: terms.name(prompt) for digit, prompt in digits_after(node.read_back).items()}
        read_back = ivr.ReadBack(lead_in=terms.name(node.read_back), confirm=terms.name(node.confirm), digits=digits)
    return ivr.Gather(
        name=name,
        tag="zip",
        prompt=terms.name(node.prompt),
        invalid=terms.name_if(node.invalid),
        min_digits=ZIP_DIGITS,
        max_digits=ZIP_DIGITS,
        finish=None,
        timeout_ms=node.timeout,
        between_ms=node.between,
        retries=node.retries,
        valid=ivr.KnownZip(),
        read_back=read_back,
        then=_onward(node.then, terms),
        failed=_failed(node.failed, terms),
    )


def _yes_no(name: str, node: model.YesNoConfig, terms: MenuTerms) -> ivr.Menu:
    then = _onward(node.then, terms)
    return ivr.Menu(
        name=name,
        prompt=terms.name(node.prompt),
        invalid=terms.name_if(node.invalid),
        timeout_ms=node.timeout,
        retries=node.retries,
        keys={YES_KEY: _learning(then, node.yes_no, value=True), NO_KEY: _learning(then, node.yes_no, value=False)},
        failed=_failed(node.failed, terms),
    )


def _consent(name: str, node: model.ConsentConfig, terms: MenuTerms) -> ivr.Node:
    """Compiles a consent notice. It is played once: a caller who does not press the key then has not agreed."""
    then = _onward(node.then, terms)
    if node.key is None:
        return ivr.Say(name=name, prompts=(terms.name(node.consent),), whole=True, tags={"consent": True}, then=then)
    return ivr.Menu(
        name=name,
        prompt=terms.name(node.consent),
        whole=True,
        timeout_ms=node.timeout,
        retries=0,
        keys={node.key: _learning(then, "consent", value=True)},
        failed=_failed(node.failed, terms),
    )


def _branch(name: str, node: model.BranchConfig, *, hours: Mapping[str, Hours], terms: MenuTerms) -> ivr.Branch:
    cases = []
    for case in node.branch:
        when = hours[case.hours] if case.hours else case.when
        assert when is not None  # noqa: S101 (exactly one of the two is there)
        cases.append(ivr.BranchCase(when=when, then=_onward(case.then, terms)))
    return ivr.Branch(name=name, cases=tuple(cases), otherwise=_onward(node.otherwise, terms))


def _learning(onward: ivr.MenuAction, tag: str, *, value: bool) -> ivr.MenuAction:
    """Returns `onward` with one more tag set. A call that ends needs no tag."""
    return onward if isinstance(onward, ivr.HangUp) else replace(onward, tags={**onward.tags, tag: value})


def _failed(failed: model.OnwardConfig | None, terms: MenuTerms) -> ivr.MenuAction:
    return _onward(failed, terms) if failed else ivr.HangUp()


def _outcome(outcome: model.OutcomeConfig, terms: MenuTerms) -> ivr.Outcome:
    return ivr.SayAgain() if outcome.again else _onward(outcome, terms)


def _onward(outcome: model.OnwardConfig | model.OutcomeConfig, terms: MenuTerms) -> ivr.MenuAction:
    if outcome.menu is not None:
        return ivr.GoTo(menu=outcome.menu)
    if outcome.transfer is not None:
        return ivr.TransferTo(line=outcome.transfer)
    if outcome.route is not None:
        return ivr.RouteOn(tags=typed(outcome.route, terms.kinds))
    return ivr.HangUp(prompt=None if outcome.hangup is None or isinstance(outcome.hangup, bool) else terms.name(outcome.hangup))
