"""A supervisor listens in from a page: what the browser's own audio graph has, who may, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from argon2 import PasswordHasher
from playwright.async_api import Browser, Page, async_playwright, expect
from running_switch import Stage, kill, stage

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
PATIENCE_S = 150.0
PASSWORD = "correct horse battery"  # noqa: S105 of these users
HEARING = """
(() => {
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (target, ...rest) {
    if (target === this.context.destination) {
      window.ear = this.context.createAnalyser();
      window.ear.fftSize = 4096;
      connect.call(this, window.ear);
    }
    return connect.call(this, target, ...rest);
  };
  window.loudest = () => {
    if (!window.ear) return [];
    const levels = new Float32Array(window.ear.frequencyBinCount);
    window.ear.getFloatFrequencyData(levels);
    const hz = (bin) => (bin * window.ear.context.sampleRate) / window.ear.fftSize;
    const isPeak = (bin) => levels[bin] > -50 && levels[bin] >= levels[bin - 1] && levels[bin] > levels[bin + 1];
    return [...levels.keys()].filter(isPeak).map(hz);
  };
})();
"""


@dataclass(slots=True)
class Console:
    on: Stage
    browser: Browser
    address: str

    async def page_of(self, user: str) -> Page:
        page = await (await self.browser.new_context()).new_page()
        page.set_default_timeout(PATIENCE_S * 1_000)
        await page.add_init_script(HEARING)
        await page.goto(self.address)
        await page.get_by_label("Name").fill(user)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await expect(page.get_by_role("heading", name="Live")).to_be_visible()
        return page

    async def call_page(self, user: str) -> Page:
        """Of the one call in progress."""
        page = await self.page_of(user)
        await page.locator("#calls tbody tr a").first.click()
        await page.wait_for_url("**/calls/*")
        return page


def played(folder: Path, scene: Callable[[Console], Awaitable[None]]) -> None:
    async def play() -> None:
        async with stage(folder, console=True) as on, opened(on) as console:
            await asyncio.wait_for(scene(console), PATIENCE_S)

    asyncio.run(play())


HASHED = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)


def write_users(on: Stage, *, anna_listens_to: str) -> None:
    """Ben listens to nothing."""
    fresh = on.switch.config / "users.new"
    fresh.write_text(
        f"""
users:
  anna: {{role: ops, password: "{HASHED}", listens_to: [{anna_listens_to}]}}
  ben: {{role: ops, password: "{HASHED}"}}
"""
    )
    fresh.rename(on.switch.config / "users.yaml")


@asynccontextmanager
async def opened(on: Stage) -> AsyncIterator[Console]:
    write_users(on, anna_listens_to="quotes")
    served = await on.switch.until("the console is served")
    async with async_playwright() as tools:
        browser = await tools.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield Console(on, browser, f"http://{served['http']}/")
        finally:
            await browser.close()


async def until_hears(page: Page, *hz: float) -> None:
    await page.wait_for_function(
        """wanted => {
            const found = loudest();
            return wanted.every(hz => found.some(each => Math.abs(each - hz) < 8)) && found.length <= 4;
        }""",
        arg=list(hz),
    )


def test_both_sides_are_heard_in_the_browser_until_the_call_ends(tmp_path: Path) -> None:
    async def scene(console: Console) -> None:
        call, there = await console.on.talk()
        page = await console.call_page("anna")
        await page.get_by_role("button", name="Listen in").click()
        await until_hears(page, console.on.caller.hz, console.on.line.hz)
        await expect(page.locator("#listening")).to_contain_text("nobody hears you")
        await there.until_hears(console.on.caller.hz)
        await call.until_hears(console.on.line.hz)
        call.hang_up()
        await expect(page.locator("#listening")).to_contain_text("The call has ended")
        await console.on.switch.records(1)

    played(tmp_path, scene)


def test_who_may_not_listen_has_no_button_and_gets_403(tmp_path: Path) -> None:
    async def scene(console: Console) -> None:
        call, _ = await console.on.talk()
        page = await console.call_page("ben")
        await expect(page.get_by_text("This call is in progress")).to_be_visible()
        assert await page.get_by_role("button", name="Listen in").count() == 0
        answer = await page.request.get(f"{page.url}/listen")
        assert (answer.status, await answer.text()) == (403, "this call's campaign is none that your user `listens_to`")
        nobody = await page.request.get(f"{console.address}calls/nobody/listen")
        assert nobody.status == 404
        call.hang_up()

    played(tmp_path, scene)


def test_a_page_that_is_closed_or_logged_out_hears_no_more_and_the_call_goes_on(tmp_path: Path) -> None:
    async def scene(console: Console) -> None:
        call, there = await console.on.talk()
        closed, logged_out = await console.call_page("anna"), await console.call_page("anna")
        for page in (closed, logged_out):
            await page.get_by_role("button", name="Listen in").click()
            await until_hears(page, console.on.caller.hz, console.on.line.hz)
        await closed.close()
        elsewhere = await logged_out.context.new_page()
        await elsewhere.goto(console.address)
        await elsewhere.get_by_role("button", name="Log out").click()
        await logged_out.wait_for_url("**/login**")
        await there.until_hears(console.on.caller.hz)
        await call.until_hears(console.on.line.hz)
        call.hang_up()
        await console.on.switch.records(1)

    played(tmp_path, scene)


def test_who_may_not_listen_any_more_hears_no_more(tmp_path: Path) -> None:
    async def scene(console: Console) -> None:
        call, there = await console.on.talk()
        page = await console.call_page("anna")
        await page.get_by_role("button", name="Listen in").click()
        await until_hears(page, console.on.caller.hz, console.on.line.hz)
        write_users(console.on, anna_listens_to="")
        await expect(page.locator("#listening")).to_contain_text("has ended")
        await there.until_hears(console.on.caller.hz)
        call.hang_up()

    played(tmp_path, scene)


def test_a_console_that_is_killed_costs_the_call_nothing(tmp_path: Path) -> None:
    async def scene(console: Console) -> None:
        pid = (await console.on.switch.until("console up"))["pid"]
        call, there = await console.on.talk()
        page = await console.call_page("anna")
        await page.get_by_role("button", name="Listen in").click()
        await until_hears(page, console.on.caller.hz, console.on.line.hz)
        kill(pid)
        await console.on.switch.until("console lost")
        await there.until_hears(console.on.caller.hz)
        await call.until_hears(console.on.line.hz)
        await console.on.switch.until("console up", times=2)
        call.hang_up()
        await console.on.switch.records(1)

    played(tmp_path, scene)
