"""The first page, in a real browser: signs in by the one-time link, reads what is there, sees it change."""
import re
import shutil
import tempfile

import pytest

from lab import NAME, wait_for

webdriver = pytest.importorskip("selenium.webdriver")
chromium = shutil.which("chromium")
pytestmark = pytest.mark.skipif(chromium is None, reason="chromium is not installed")


@pytest.fixture
def browser():
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service
    folder = tempfile.mkdtemp(prefix="reeve-chromium.")
    options = Options()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
                 "--disable-background-networking", "--disable-component-update", "--ignore-certificate-errors",
                 "--window-size=1400,1100", f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield driver
    driver.quit()
    shutil.rmtree(folder, ignore_errors=True)


def test_a_person_signs_in_and_sees_what_is_served(estate, browser, tmp_path):
    reeve, edge = estate.reeve, estate.edges[0]
    link = re.search(r"https://\S+/signin#\S+", reeve.text())
    assert link, reeve.text()
    assert reeve.call("apply", "-f", estate.write(), "--wait").returncode == 0, reeve.text()

    browser.get(link.group(0))
    text = lambda: browser.find_element("tag name", "body").text
    wait_for("the page shows the certificate", lambda: "shop" in text() and NAME in text())
    assert "#" not in browser.current_url, "the code stays out of the address bar"
    wait_for("it is Ready", lambda: browser.find_elements("css selector", '[data-certificate="shop"] [data-state="Ready"]'))
    wait_for("it is live", lambda: browser.find_elements("css selector", '[data-live="true"]'))
    assert "1 of 1" in text()
    browser.save_screenshot(str(tmp_path / "overview.png"))
    if shot := __import__("os").environ.get("REEVE_SCREENSHOT"):
        shutil.copy(tmp_path / "overview.png", shot)

    before = edge.served()
    renew = [b for b in browser.find_elements("tag name", "button") if b.text == "Renew now"]
    assert renew, text()
    renew[0].click()
    wait_for("the button renewed it", lambda: edge.served() not in (None, before), 60)
    wait_for("the event is shown", lambda: "A certificate was issued" in text(), 30)

    bad = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE" and "favicon" not in entry["message"]]
    assert not bad, bad

    # The link worked once.
    browser.delete_all_cookies()
    browser.get("about:blank")
    browser.get(link.group(0))
    wait_for("the used link is refused", lambda: "Reeve" in text() and "shop" not in text() and len(text()) > 40)
