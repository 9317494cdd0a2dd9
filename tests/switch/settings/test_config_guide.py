"""The guide tells the truth: its YAML, put together, is a sound config with the defaults it names."""

import re
from pathlib import Path

from config_overlay import GUIDE, guide_text, lay_guide

from switch.settings.load import load


def test_the_guides_blocks_are_one_sound_config(config: Path) -> None:
    lay_guide(config, guide_text())

    loaded = load(config)

    assert [problem.message for problem in loaded.problems] == ["max_calls is 2000, but the RTP ports are enough for 250"]


def test_the_switch_block_names_the_defaults(config: Path) -> None:
    block = re.search(r"^```yaml\n(switch:.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert block is not None
    (config / "switch.yaml").write_text(block[1])
    written = load(config).deployment
    (config / "switch.yaml").write_text("switch:\n  sip: {listen: 192.0.2.1:5060}\n")

    default = load(config).deployment

    assert written is not None
    assert default is not None
    assert written.switch == default.switch
