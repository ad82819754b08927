"""Drives Chromium where it is installed (it is not on PyPI), over the DevTools protocol."""

import asyncio
import json
import shutil
import subprocess
import urllib.request
from contextlib import asynccontextmanager
from itertools import count

import pytest
from tornado.websocket import websocket_connect

PROGRAM = shutil.which("chromium")
LIMIT = 30
"""s; of the start, of a command and of a wait."""

needed = pytest.mark.skipif(PROGRAM is None, reason="Chromium (chromium) is not installed")


class Tab:
    """A tab; ``events`` has what Chromium said of it: (method, parameters)."""

    def __init__(self, connection):
        self.connection, self.numbers, self.events = connection, count(1), []

    async def ask(self, method, **parameters):
        """Send a command and return its result."""
        number = next(self.numbers)
        await self.connection.write_message(json.dumps(
            {"id": number, "method": method, "params": parameters}))
        while (said := await self._next()).get("id") != number:
            self.events.append((said["method"], said["params"]))
        assert "error" not in said, said
        return said["result"]

    async def _next(self):
        return json.loads(await asyncio.wait_for(self.connection.read_message(), LIMIT))

    async def value(self, script):
        """The value of an expression, awaited if it is a promise."""
        found = await self.ask("Runtime.evaluate", expression=script, returnByValue=True,
                               awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def until(self, script):
        """Wait until an expression is true."""
        async with asyncio.timeout(LIMIT):
            while not await self.value(script):
                await asyncio.sleep(0.05)

    async def click(self, selector):
        """Click with the mouse at the middle of an element."""
        x, y = await self.value(f"""(() => {{
            const found = document.querySelector({json.dumps(selector)});
            found.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = found.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
        for kind in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left",
                           clickCount=1)


@asynccontextmanager
async def opened(path, folder):
    """A tab that has loaded a file; Chromium's profile goes into a folder."""
    profile = folder / "profile"
    with subprocess.Popen(
            [PROGRAM, "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
             "--window-size=1280,900", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            async with asyncio.timeout(LIMIT):
                told = profile / "DevToolsActivePort"
                while not (told.exists() and told.read_text().count("\n")):
                    await asyncio.sleep(0.05)
            port = told.read_text().split()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [one for one in json.load(answer) if one["type"] == "page"]
            connection = await websocket_connect(pages[0]["webSocketDebuggerUrl"],
                                                 max_message_size=1 << 26)
            try:
                tab = Tab(connection)
                for domain in ("Page", "Runtime", "Log", "Network"):
                    await tab.ask(f"{domain}.enable")
                await tab.ask("Browser.grantPermissions", permissions=[
                    "clipboardReadWrite", "clipboardSanitizedWrite"])
                await tab.ask("Page.navigate", url=path.as_uri())
                await tab.until(f"location.href === {json.dumps(path.as_uri())} "
                                "&& document.readyState === 'complete'")
                yield tab
            finally:
                connection.close()  # this only begins it; at the end None is read
                while await asyncio.wait_for(connection.read_message(), LIMIT) is not None:
                    pass
        finally:
            process.terminate()
