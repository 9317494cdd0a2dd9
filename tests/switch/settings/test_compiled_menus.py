"""What menus of every kind become: seven in config, four that are walked through."""

from pathlib import Path

from config_overlay import lay_digits

from ivr.menu import Branch, BranchCase, Gather, GoTo, HangUp, KnownZip, Matching, Menu, ReadBack, RouteOn, Say, TransferTo, Within
from routing.expression import Kind, parse
from switch.engine.plan import Plan
from switch.problem_text import show
from switch.settings.load import load

MENUS = """\
tags:
  age: {type: number}
  ext: {type: text}
  owner: {type: truth}
menus:
  start: {prompt: welcome, keys: {"1": {menu: say}, "2": {transfer: acme-west}}, failed: {menu: say}}
  say: {say: welcome, whole: true, tags: {interest: quote, age: "30"}, then: {menu: age}}
  age: {gather: age, prompt: welcome, invalid: sorry, min: 2, max: 3, valid: 18-99, finish: "*", timeout: 4s, between: 2s, retries: 1,
    then: {menu: ext}, failed: {hangup: goodbye}}
  ext: {gather: ext, prompt: welcome, max: 4, valid: '/[0-9]{4}/', then: {menu: zip}}
  zip: {zip: true, prompt: welcome, read_back: welcome, confirm: sorry, then: {menu: owner}}
  owner: {yes_no: owner, prompt: welcome, retries: 0, then: {menu: agree}}
  agree: {consent: welcome, key: "5", timeout: 3s, then: {menu: stay}, failed: {route: {}}}
  stay: {consent: sorry, then: {menu: where}}
  where: {branch: [{when: owner, then: {route: {interest: home}}}, {hours: office, then: {transfer: acme-west}}], otherwise: {hangup: true}}
campaigns:
  extra: {menu: start, lines: [acme-east], revenue: 1, payout: 1}
"""


def plan_of(config: Path, extra: str) -> Plan:
    (config / "extra.yaml").write_text(extra)
    loaded = load(config)
    assert [show(problem) for problem in loaded.errors] == []
    assert loaded.deployment is not None
    return loaded.deployment.plan


def test_menus_of_every_kind(config: Path) -> None:
    lay_digits(config)
    plan = plan_of(config, MENUS)
    nodes = plan.menus["start"].nodes

    start = nodes["start"]
    assert isinstance(start, Menu)
    assert (start.keys["2"], start.failed) == (TransferTo(line="acme-west"), GoTo(menu="say"))
    assert nodes["say"] == Say(
        name="say", prompts=("welcome",), whole=True, tags={"interest": "quote", "age": 30}, then=GoTo(menu="age")
    )
    assert nodes["age"] == Gather(
        name="age",
        tag="age",
        kind=Kind.NUMBER,
        prompt="welcome",
        invalid="sorry",
        min_digits=2,
        max_digits=3,
        finish="*",
        timeout_ms=4_000,
        between_ms=2_000,
        retries=1,
        valid=Within(low=18, high=99),
        then=GoTo(menu="ext"),
        failed=HangUp(prompt="goodbye"),
    )
    assert nodes["ext"] == Gather(
        name="ext", tag="ext", prompt="welcome", max_digits=4, valid=Matching(pattern="[0-9]{4}"), then=GoTo(menu="zip")
    )
    assert nodes["zip"] == Gather(
        name="zip",
        tag="zip",
        prompt="welcome",
        min_digits=5,
        max_digits=5,
        finish=None,
        valid=KnownZip(),
        read_back=ReadBack(lead_in="welcome", confirm="sorry"),
        then=GoTo(menu="owner"),
    )


def test_questions_and_notices_become_menus_that_teach_a_tag(config: Path) -> None:
    lay_digits(config)
    plan = plan_of(config, MENUS)
    nodes = plan.menus["start"].nodes

    assert nodes["owner"] == Menu(
        name="owner",
        prompt="welcome",
        retries=0,
        keys={"1": GoTo(menu="agree", tags={"owner": True}), "2": GoTo(menu="agree", tags={"owner": False})},
    )
    assert nodes["agree"] == Menu(
        name="agree",
        prompt="welcome",
        whole=True,
        timeout_ms=3_000,
        retries=0,
        keys={"5": GoTo(menu="stay", tags={"consent": True})},
        failed=RouteOn(),
    )
    assert nodes["stay"] == Say(name="stay", prompts=("sorry",), whole=True, tags={"consent": True}, then=GoTo(menu="where"))
    office = plan_of(config, MENUS.replace("menu: start,", "menu: start, hours: office,")).table.campaigns["extra"].hours
    assert office is not None
    assert nodes["where"] == Branch(
        name="where",
        cases=(
            BranchCase(when=parse("owner"), then=RouteOn(tags={"interest": "home"})),
            BranchCase(when=office, then=TransferTo(line="acme-west")),
        ),
        otherwise=HangUp(),
    )
