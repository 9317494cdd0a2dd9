"""A real browser, Debian's Chromium, at the console of a real switch. Every wait has a deadline."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from argon2 import PasswordHasher
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = "/usr/bin/chromium"
PATIENCE_MS = 60_000
PASSWORD = "correct horse"  # noqa: S105 (of tests)
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
USERS = {
    "anna": f'role: ops, password: "{HASH}"',
    "radio": f'role: publisher, publisher: radio, password: "{HASH}"',
    "acme": f'role: advertiser, advertiser: acme, password: "{HASH}"',
}
AXE = (Path(__file__).parents[1] / "console" / "vendor" / "axe-4.10.3.min.js").read_text(encoding="utf-8")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


class Visitor:
    """One browser window at a console. `complaints`: what its pages have complained of to the browser's console."""

    def __init__(self, page: Page, port: int) -> None:
        self.page = page
        self.complaints: list[str] = []
        self._base = f"http://127.0.0.1:{port}"
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def open(self, address: str) -> None:
        await self.page.goto(self._base + address)

    async def log_in(self, name: str) -> None:
        await self.open("/login")
        await self.page.fill("[name=name]", name)
        await self.page.fill("[name=password]", PASSWORD)
        await self.page.click("button.primary")
        await self.page.wait_for_url(self._base + "/")

    async def until(self, script: str) -> None:
        """Waits until the JavaScript expression holds in the page."""
        await self.page.wait_for_function(f"() => ({script})")

    async def text(self, selector: str) -> str:
        return await self.page.inner_text(selector)

    async def faults(self) -> list[str]:
        """What axe finds serious or worse on this page."""
        await self.page.evaluate(AXE)
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {node['target']} {node.get('failureSummary', '')}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    async def is_too_wide(self) -> bool:
        """Whether the page as a whole has to be moved sideways to be read."""
        return bool(await self.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


@asynccontextmanager
async def visiting(browser: Browser, port: int, name: str, *, is_dark: bool = False, width: int = 1280) -> AsyncIterator[Visitor]:
    """Somebody who is logged in, in New York."""
    context = await browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme="dark" if is_dark else "light", timezone_id="America/New_York"
    )
    context.set_default_timeout(PATIENCE_MS)
    visitor = Visitor(await context.new_page(), port)
    try:
        await visitor.log_in(name)
        yield visitor
    finally:
        await context.close()
