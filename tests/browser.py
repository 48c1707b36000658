"""A headless Chromium for tests that look at pages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser of this module's tests, its profile in a folder of its own."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("needs Debian's chromium and chromium-driver")
    options = Options()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        # Its own first page asks for much; that is not what tests want to hear of.
        opened.get("about:blank")
        complaints(opened), requests(opened)
        yield opened
    finally:
        opened.quit()


def look(browser: WebDriver, page: Path, width: int = 1280, dark: bool = False) -> None:
    """Open a file at a window width, in the light or the dark; what was said before is dropped."""
    complaints(browser), requests(browser)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    command(browser, "Emulation.setEmulatedMedia", features=[scheme])
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    command(browser, "Emulation.setDeviceMetricsOverride", **size)
    browser.get(page.as_uri())


def command(browser: WebDriver, name: str, **arguments: Any) -> Any:
    """One command of the DevTools protocol."""
    return browser.execute_cdp_cmd(name, arguments)  # type: ignore[attr-defined,no-any-return,unused-ignore]


def complaints(browser: WebDriver) -> list[str]:
    """What the console says: errors and warnings since it was last asked."""
    log = browser.get_log("browser")  # type: ignore[attr-defined,no-untyped-call,unused-ignore]
    return [entry["message"] for entry in log]


def requests(browser: WebDriver) -> list[str]:
    """Every address that was asked for since it was last asked, but for ``data:``."""
    log = browser.get_log("performance")  # type: ignore[attr-defined,no-untyped-call,unused-ignore]
    events = [json.loads(entry["message"])["message"] for entry in log]
    sent = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    return [url for url in sent if not url.startswith("data:")]
