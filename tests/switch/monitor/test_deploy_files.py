"""The dashboard and the alert rules in `deploy/` ask for metrics that there are, by labels that they have."""

import json
import re
from pathlib import Path

import pytest
import yaml
from monitor_samples import shown
from prometheus_client.parser import text_string_to_metric_families

from switch.monitor import metrics

DEPLOY = Path(__file__).parents[3] / "deploy"
WORD = re.compile(r"payphone_[a-z_]+")
BY = re.compile(r"by \(([a-z_, ]+)\)")
OF_PROMETHEUS = {"le", "instance"}


def dashboard() -> list[str]:
    panels = json.loads((DEPLOY / "grafana" / "payphone.json").read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def rules() -> list[str]:
    (group,) = yaml.safe_load((DEPLOY / "prometheus" / "payphone-rules.yaml").read_text())["groups"]
    return [rule["expr"] for rule in group["rules"]]


@pytest.mark.parametrize("expressions", [dashboard(), rules()], ids=["dashboard", "rules"])
def test_expressions_ask_for_what_there_is(expressions: list[str]) -> None:
    found = list(text_string_to_metric_families(metrics.text(shown).decode()))
    samples = [sample for family in found for sample in family.samples]
    names, labels = {each.name for each in samples}, {label for each in samples for label in each.labels}
    asked = {word for text in expressions for word in WORD.findall(text)}
    by = {label for text in expressions for labels_of in BY.findall(text) for label in labels_of.split(", ")}
    assert len(expressions) > 10
    assert asked - names == set()
    assert by - labels - OF_PROMETHEUS == set()


def test_panels_have_places_of_their_own() -> None:
    panels = json.loads((DEPLOY / "grafana" / "payphone.json").read_text())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in panels}) == len(panels)
