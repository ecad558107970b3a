"""A real browser before the gateway: what it complains about is kept, and fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

PATIENCE_MILLISECONDS = 15_000

# Violations of the content security policy, told by the page itself.
_LISTEN_FOR_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violation: ${event.violatedDirective} ${event.blockedURI}`));
"""


@contextmanager
def browser_context(**options: Any) -> Iterator[BrowserContext]:
    """Yield a fresh profile of the machine's own Chromium, which root may only run unboxed."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    assert chromium, "chromium is not installed; `deploy/local/bootstrap.sh machine` does that"
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            context = browser.new_context(**{"locale": "en-GB", **options})
            context.set_default_timeout(PATIENCE_MILLISECONDS)
            context.add_init_script(_LISTEN_FOR_VIOLATIONS)
            yield context
        finally:
            browser.close()


def complaints_of(page: Page) -> list[str]:
    """Return the list to which errors of the page will be added."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    return complaints
