"""An error hides no other: what has one is left out, part by part, and the rest is looked at again."""

from pathlib import Path

import pytest

from switch.settings.load import load

CAMPAIGN = "{lines: [acme-east], revenue: 1, payout: 1"
CASES = {
    "two trunks overlap, a third has a bad value": (
        "trunks:\n  a: {addresses: [192.0.2.7]}\n  b: {addresses: [nowhere]}\n",
        {(2, "192.0.2.7 belongs to two entries"), (3, 'bad address "nowhere"')},
    ),
    "a trunk overlaps and has a bad value itself": (
        "trunks:\n  a: {cap: 0,\n    addresses: [192.0.2.7]}\n",
        {(2, 'bad number "0"'), (3, "192.0.2.7 belongs to two entries")},
    ),
    "an address stands behind two bad ones": (
        "trunks:\n  a:\n    addresses:\n      - x\n      - 198.51.100.1\n      - y\n      - 192.0.2.7\n",
        {(4, 'bad address "x"'), (6, 'bad address "y"'), (7, "192.0.2.7 belongs to two entries")},
    ),
    "a line is there twice, another one is broken": (
        "advertisers:\n  beta:\n    lines:\n      one: {uri: nowhere}\n      two: {uri: 'sip:a@127.0.0.9'}\n"
        "  gamma:\n    lines:\n      two: {uri: 'sip:a@127.0.0.9'}\n",
        {(4, 'bad URI "nowhere"'), (8, 'line "two" is here twice')},
    ),
    "a line is there twice, both times broken": (
        "advertisers:\n  beta: {lines: {two: 5}}\n  gamma: {lines: {\n    two: {}}}\n",
        {(2, '"5" does not belong here'), (4, '"uri" is missing'), (4, 'line "two" is here twice')},
    ),
    "a filter asks wrongly in a case that leads nowhere": (
        "menus:\n  a:\n    branch:\n      - {when: 'hour == x', then: {menu: nowhere}}\n    otherwise: {route: {}}\n",
        {
            (4, 'unknown menu "nowhere"'),
            (4, 'tag "hour" is a number, not text: == != < <= > >= and in compare it with whole numbers'),
        },
    ),
    "a tag is wrong beside a bad entry of its mapping": (
        "tags: {age: {type: number}}\nnumbers:\n  '+18005550101':\n    publisher: nobody\n    campaign: quotes\n"
        "    tags: {'a b': c, age: old}\n",
        {(4, 'unknown publisher "nobody"'), (6, 'bad name "a b"'), (6, '"old" is no value of this tag')},
    ),
    "overflow runs in a circle, the campaigns have no price": (
        "campaigns:\n  a:\n    lines: [acme-east]\n    payout: 1\n    overflow: {capped: {campaign: a}}\n",
        {(2, '"revenue" is missing'), (5, "overflow runs in a circle: a -> a")},
    ),
    "a token of two, a third is none, and there is no API": (
        "advertisers:\n  b: {lines: {}, token: abcdefghijklmnop}\n  c: {lines: {}, cap: x,\n    token: abcdefghijklmnop}\n"
        "  d: {lines: {}, token: x}\n",
        {
            (2, "a token, but nothing to post to"),
            (3, 'bad number "x"'),
            (4, "a token, but nothing to post to"),
            (4, "a token of two advertisers"),
            (5, "this can't be a token"),
        },
    ),
    "a repeat, prices and payouts contradict what stands beside a bad value": (
        "campaigns:\n  a:\n    lines: [acme-east]\n    repeat: {within: x,\n      scope: group}\n"
        "    revenue: {tiers: x,\n      steps: [{at_least: 2m, amount: 1}, {at_least: 1m, amount: 2}]}\n"
        "    payout: {percent: x, on: answered,\n      at_least: 60s}\n"
        "    payouts: {radio: {percent: x, on: answered,\n      at_least: 60s}}\n",
        {
            (4, 'bad duration "x"'),
            (5, "this campaign is in no group"),
            (6, 'unknown way "x"'),
            (7, "steps that do not ascend"),
            (8, 'bad percentage "x"'),
            (9, '"answered" has no duration'),
            (10, 'bad percentage "x"'),
            (11, '"answered" has no duration'),
        },
    ),
    "a line leads to the switch, whose ports are bad": (
        "advertisers:\n  b: {lines: {mirror: {uri: 'sip:127.0.0.1:5060', cap: 0}}}\n",
        {(2, 'bad number "0"'), (2, "the line is this switch itself")},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_else_is_wrong_is_told_too(config: Path, case: str) -> None:
    text, told = CASES[case]
    (config / "extra.yaml").write_text(text)

    assert {(problem.line, problem.message) for problem in load(config).errors} == told


def test_what_is_left_out_is_not_missed(config: Path) -> None:
    """No second error of the first: no list that is empty now, no tag that nobody sets, no price that has no form."""
    (config / "extra.yaml").write_text(
        "menus:\n  a: {prompt: welcome, keys: {x: {route: {shelf: b}}}}\n"
        "campaigns:\n  b: {lines: [nobody], filter: shelf == b, revenue: 1, payout: {amount: 1, on: x, at_least: 60s},\n"
        "    billable: {on: answered}, repeat: {}, split: {a: x, b: 1}}\n"
    )

    assert [problem.message for problem in load(config).errors] == [
        'bad key "x"',
        'unknown line "nobody"',
        'unknown event "x"',
        '"within" is missing',
        'bad number "x"',
    ]


@pytest.mark.parametrize("name", ["route", "tags"])
def test_a_menu_may_have_the_name_of_a_key(config: Path, name: str) -> None:
    text = f"menus:\n  {name}: {{prompt: welcome, keys: {{'1': {{route: {{shelf: b}}}}}}}}\n"
    (config / "extra.yaml").write_text(f"{text}campaigns:\n  more: {CAMPAIGN}, menu: {name}, filter: shelf == b}}\n")

    deployment = load(config).deployment

    assert deployment is not None
    assert "prompt" not in deployment.plan.tag_kinds
