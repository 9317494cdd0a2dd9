"""The real process: prompts are made ready by another one while calls go on, and a call hears those of the config that is in force."""

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import soundfile
from running_switch import Stage, stage

from media.dsp.tones import sine
from media.prompts.cache import cache_in
from switch.demo.phone import PhoneCall
from switch.sip.flow import Flow

DID = "+18005550101"
EXTRA = """
menus:
  m: {prompt: welcome, timeout: 60s, keys: {"1": {hangup: {say: "Thank you for calling."}}}}
numbers: {"+18005550101": {publisher: radio, campaign: asked}}
campaigns: {asked: {lines: [east], menu: m, revenue: 1, payout: 1}}
"""
PREPARED = "prompts are those of the config now"
OLD_HZ, NEW_HZ = 700, 900


def lay(path: Path, hz: float, *, s: int = 60) -> None:
    """At once, as whoever cares for calls does."""
    fresh = path.with_suffix(".new")
    soundfile.write(fresh, np.tile(sine(hz, 1_000) / 32_768, s), 8_000, format="FLAC")
    fresh.rename(path)


async def asked(on: Stage) -> PhoneCall:
    return await on.caller.call(f"sip:{DID}@127.0.0.1", target=Flow("127.0.0.1", on.switch.sip), caller="+12125550199")


def test_a_changed_prompt_is_heard_by_new_calls_and_a_broken_one_refuses_the_config(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    lay(prompts / "welcome.flac", OLD_HZ)

    async def scene() -> None:
        async with stage(tmp_path, prompts=prompts) as on:
            switch = on.switch
            (switch.config / "extra.yaml").write_text(EXTRA)
            await switch.until(PREPARED)
            made = [line["prompt"] for line in switch.log if line["event"] == "preparing a prompt"]
            assert made == ["welcome.flac", '"Thank you for calling."']
            assert len(list(cache_in(switch.config / "data").glob("*.prompt"))) == 2
            first = await asked(on)
            await first.until_hears(OLD_HZ)

            lay(prompts / "welcome.flac", NEW_HZ)
            await switch.until(PREPARED, times=2)  # it was looked at by itself
            second = await asked(on)
            await second.until_hears(NEW_HZ)
            await first.until_hears(OLD_HZ)

            (prompts / "welcome.flac").write_text("This is no sound.")
            switch.signal(signal.SIGHUP)
            await switch.until("config refused")
            problem = await switch.until("config problem")
            assert 'prompt "welcome" cannot be played: not a WAV, MP3, OGG or FLAC file' in problem["problem"]
            third = await asked(on)
            await third.until_hears(NEW_HZ)
            assert not [name for name in ("numpy", "openblas", "sndfile", "soxr") if name in switch.mapped()]  # others decode
            for call in (first, second, third):
                call.hang_up()
            await switch.records(3)

    asyncio.run(scene())


def test_a_switch_that_starts_again_finds_its_prompts(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    lay(prompts / "welcome.flac", OLD_HZ)

    async def scene() -> None:
        async with stage(tmp_path, prompts=prompts) as on:
            (on.switch.config / "extra.yaml").write_text(EXTRA)
            await on.switch.until(PREPARED)
            on.switch.signal(signal.SIGTERM)
            assert await on.switch.ended() == 0
            await on.switch.start()
            assert not [line for line in on.switch.log if line["event"] == "preparing a prompt"]
            call = await asked(on)
            await call.until_hears(OLD_HZ)
            call.hang_up()
            await on.switch.records(1)
            on.switch.signal(signal.SIGTERM)
            assert await on.switch.ended() == 0
            lay(prompts / "welcome.flac", NEW_HZ)
            await on.switch.start()  # every line of its log is JSON, this one too
            assert [line["prompt"] for line in on.switch.log if line["event"] == "preparing a prompt"] == ["welcome.flac"]

    asyncio.run(scene())


def test_what_the_config_before_plays_is_kept_for_its_calls_however_long_that_ran(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    lay(prompts / "welcome.flac", OLD_HZ)

    async def scene() -> None:
        async with stage(tmp_path, prompts=prompts) as on:
            switch = on.switch
            (switch.config / "extra.yaml").write_text(EXTRA)
            await switch.until(PREPARED)
            kept = list(cache_in(switch.config / "data").glob("*.prompt"))
            for each in kept:
                os.utime(each, (0, 0))  # in use for years
            (switch.config / "extra.yaml").write_text(EXTRA.replace("Thank you", "Thanks"))
            await switch.until(PREPARED, times=2)
            switch.signal(signal.SIGHUP)
            await switch.until("config read")  # behind the first load and what it prunes
            assert len(kept) == 2
            assert all(each.exists() for each in kept)

    asyncio.run(scene())
