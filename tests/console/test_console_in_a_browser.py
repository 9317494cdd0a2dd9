"""The console in a browser, at a switch with real calls: calls appear and end, pages are whole and usable, and no call notices a console
that dies."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from browser import USERS, Visitor, chromium, visiting
from playwright.async_api import Browser
from running_switch import Stage, kill, stage

from switch.engine.clock import SystemClock

pytestmark = pytest.mark.timeout(600)
SOON_MS = 1_000
TRIES = 3
"""Other work on the machine makes a measurement slow; none makes it fast."""
ROWS = "document.querySelectorAll('#calls tbody tr:not(.over)').length"
PART = """fetch(document.querySelector('audio').src, {headers: {Range: 'bytes=4-7'}})
    .then(async (answer) => [answer.status, (await answer.arrayBuffer()).byteLength])"""
PAGES = ("/", "/calls", "/figures", "/money", "/config", "/actions")


@asynccontextmanager
async def console(folder: Path, *, recording: str = "off") -> AsyncIterator[tuple[Stage, Browser, int]]:
    async with stage(folder, recording=recording, console=True) as scene, chromium() as browser:
        users = "".join(f"  {name}: {{{what}}}\n" for name, what in USERS.items())
        (scene.switch.config / "users.yaml").write_text(f"users:\n{users}")
        await scene.switch.until("config reloaded")
        await scene.switch.until("the console is served")
        yield scene, browser, scene.switch.http


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(test())  # type: ignore[arg-type]


def now_ms() -> int:
    return SystemClock().now().mono_ns // 1_000_000


def test_a_call_appears_and_ends_within_a_second(tmp_path: Path) -> None:
    async def test() -> None:
        async with console(tmp_path) as (scene, browser, port), visiting(browser, port, "anna") as anna:
            await anna.until("document.querySelector('.status.good') !== null")
            appeared, ended = [], []
            for _ in range(TRIES):
                begun_ms = now_ms()
                call = await scene.call()
                there = await scene.line.until_called()
                await anna.until(f"{ROWS} === 1")
                appeared.append(now_ms() - begun_ms)
                await there.answer()
                await call.until_answered()
                await anna.until("document.querySelector('#calls .badge').textContent === 'talking'")
                assert await anna.text("#count") == "1"
                begun_ms = now_ms()
                call.hang_up()
                await anna.until(f"{ROWS} === 0")
                ended.append(now_ms() - begun_ms)
                await there.until_over()
                await anna.until("document.querySelectorAll('#calls tbody tr').length === 0")  # it was greyed, and goes
            assert min(appeared) <= SOON_MS, appeared
            assert min(ended) <= SOON_MS, ended
            assert anna.complaints == []

    run(test)


def test_a_call_that_is_over_is_told_whole_and_its_recording_plays(tmp_path: Path) -> None:
    async def test() -> None:
        async with console(tmp_path, recording="both") as (scene, browser, port), visiting(browser, port, "anna") as anna:
            call, there = await scene.talk()
            await anna.open("/")
            await anna.page.click("#calls tbody a")
            await anna.until("document.querySelector('h1 .badge').textContent === 'talking'")
            await anna.page.wait_for_event("response", lambda answer: "/calls/" in answer.url)
            assert await anna.text("#call h1 .badge") == "talking"  # drawn anew, and whole
            call.hang_up()
            await there.until_over()
            await anna.until("document.querySelector('#timeline') !== null")  # the page follows the call to its end
            await scene.switch.until("recording")
            await anna.page.reload()
            lanes = await anna.page.eval_on_selector_all(".lane .name", "all => all.map(each => each.textContent)")
            assert lanes == ["caller", "east", ""]
            assert await anna.page.locator(".seg.talking").count() == 2
            await anna.until("document.querySelector('audio').readyState >= 1")
            assert await anna.page.evaluate("document.querySelector('audio').duration > 0.1")
            assert await anna.page.evaluate(PART) == [206, 4]
            await anna.open("/calls")
            assert await anna.page.locator("table.list tbody tr").count() == 1
            assert await anna.page.get_attribute("time", "title") is not None  # written in the viewer's zone
            assert anna.complaints == []

    run(test)


def test_filters_stay_and_each_party_sees_its_own(tmp_path: Path) -> None:
    async def test() -> None:
        async with console(tmp_path) as (scene, browser, port), visiting(browser, port, "anna") as anna:
            call, there = await scene.talk()
            await anna.until(f"{ROWS} === 1")
            await anna.page.select_option("[name=state]", "talking")
            await anna.page.fill("[name=text]", "nobody")
            await anna.until("document.querySelector('#none').textContent === 'No call matches the filters.'")
            assert await anna.text("#count") == "0 of 1"
            await anna.page.reload()
            await anna.until("document.querySelector('#count').textContent === '0 of 1'")
            assert await anna.page.input_value("[name=state]") == "talking"
            for name, shown, hidden in (
                ("radio", "+1212•••••99", ["east", "+12125550199", "acme"]),
                ("acme", "+12125550199", ["radio", "+18005550100"]),
            ):
                async with visiting(browser, port, name) as party:
                    await party.until(f"{ROWS} === 1")
                    text = await party.text("#live")
                    assert shown in text
                    assert [word for word in hidden if word in text] == []
            call.hang_up()
            await there.until_over()

    run(test)


def test_no_call_notices_a_console_that_is_killed_and_an_open_page_goes_on(tmp_path: Path) -> None:
    async def test() -> None:
        async with console(tmp_path) as (scene, browser, port), visiting(browser, port, "anna") as anna:
            call, there = await scene.talk()
            await anna.until(f"{ROWS} === 1")
            kill((await scene.switch.until("console up"))["pid"])
            await anna.until("document.querySelector('.status.bad') !== null")
            assert call.audio.talking
            await scene.switch.until("console up", times=2)
            await anna.until("document.querySelector('.status.good') !== null")  # the session goes on, too
            await call.until_hears(scene.line.hz)
            call.hang_up()
            await there.until_over()
            (record,) = await scene.switch.records(1)
            assert record["ended_by"] == "caller"

    run(test)


def test_an_open_page_survives_a_restart_of_the_switch(tmp_path: Path) -> None:
    async def test() -> None:
        async with console(tmp_path) as (scene, browser, port), visiting(browser, port, "anna") as anna:
            await anna.until("document.querySelector('.status.good') !== null")
            scene.switch.signal(signal.SIGTERM)
            await scene.switch.ended()
            await anna.until("document.querySelector('.status.bad') !== null")
            await scene.switch.start()
            await anna.until("document.querySelector('.status.good') !== null")
            call, there = await scene.talk()
            await anna.until(f"{ROWS} === 1")
            call.hang_up()
            await there.until_over()

    run(test)


def test_what_a_filter_shows_is_hung_up_and_nothing_else(tmp_path: Path) -> None:
    async def test() -> None:
        async with console(tmp_path) as (scene, browser, port), visiting(browser, port, "anna") as anna:
            one, there = await scene.talk()
            ringing = await scene.call()
            await scene.line.until_called()
            await anna.until(f"{ROWS} === 2")
            await anna.page.select_option("[name=state]", "talking")
            await anna.page.click("#hang-up")
            assert await anna.text("#hang-up-count") == "1 call is shown. It ends at once."
            await anna.page.fill("#hang-up-dialog [name=reason]", "a test")
            await anna.page.click("#hang-up-dialog [value=yes]")
            await anna.until("document.querySelector('#hang-up-done').textContent === '1 ended.'")
            await one.until_over()
            await there.until_over()
            await anna.page.select_option("[name=state]", "")
            await anna.until(f"{ROWS} === 1")  # the one that rings is there
            await anna.open("/actions")
            rows = await anna.text("table.list")
            assert [word for word in ("console:anna", "hangup", "a test", "login") if word not in rows] == []
            ringing.hang_up()

    run(test)


async def _looked_at(visitor: Visitor, addresses: tuple[str, ...]) -> list[str]:
    found = []
    for address in addresses:
        await visitor.open(address)
        await visitor.until("document.querySelector('.fine[role=status]') === null")  # what loads by itself is there
        found += [f"{address} {fault}" for fault in await visitor.faults()]
        if await visitor.is_too_wide():
            found.append(f"{address} is wider than its window")
    return found


@pytest.mark.parametrize(("colours", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_every_page_can_be_used_by_everybody(tmp_path: Path, colours: str, width: int) -> None:
    """By axe's rules: contrast, names, keyboard; in light and dark, on a desk and on a phone."""

    async def test() -> None:
        async with console(tmp_path) as (scene, browser, port):
            call, there = await scene.talk()
            call.hang_up()
            await there.until_over()
            (record,) = await scene.switch.records(1)
            live, there = await scene.talk()
            one = f"/calls/{record['call_id']}"
            for name, pages in (("anna", (*PAGES, one)), ("radio", ("/", "/calls", one)), ("acme", ("/", "/money", one))):
                async with visiting(browser, port, name, is_dark=colours == "dark", width=width) as visitor:
                    assert await _looked_at(visitor, pages) == [], name
                    assert visitor.complaints == []
            context = await browser.new_context(viewport={"width": width, "height": 844})
            stranger = Visitor(await context.new_page(), port)
            assert await _looked_at(stranger, ("/login",)) == []
            live.hang_up()
            await there.until_over()

    run(test)
