"""The site in a headless Chromium, as files and over HTTP."""

import contextlib
import functools
import http.server
import re
import threading
from pathlib import Path

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# A4 less the margins of the style sheet, at 96 dots an inch.
PAPER = {"width": 688, "height": 1001}
SERIOUS = ("serious", "critical")
CHARTS = """() => [...document.querySelectorAll("svg")].filter(svg => svg.getAttribute("aria-hidden") !== "true").map(svg => {
  const frame = svg.getBoundingClientRect();
  const room = getComputedStyle(svg).overflow === "visible" ? svg.closest("figure, section, main, body").getBoundingClientRect() : frame;
  const size = one => one.getBoundingClientRect();
  const marks = [...svg.querySelectorAll("path, rect, circle, polyline, polygon")].filter(one => !one.closest("defs"));
  const out = box => box.left < room.left - 1 || box.right > room.right + 1 || box.top < room.top - 1 || box.bottom > room.bottom + 1;
  return {
    title: svg.querySelector("title")?.textContent ?? "",
    left: frame.left, right: frame.right, width: frame.width, height: frame.height,
    marks: marks.filter(one => size(one).width > 0 || size(one).height > 0).length,
    clipped: [...svg.querySelectorAll("text"), ...marks].filter(one => out(size(one)))
      .map(one => one.tagName === "text" ? one.textContent : `<${one.tagName}>`),
  };
})"""


@contextlib.contextmanager
def served(site: Path):
    """The address of the folder over HTTP."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


class Visit:
    """A tab that hears what the pages say and ask for."""

    def __init__(self, browser, base: str, size: dict):
        self.base, self.findings, self.requests, self.at = base, [], 0, ""
        self.tab = browser.new_page(viewport=size)
        self.tab.on("console", lambda said: said.type in ("error", "warning") and self.find(f"says {said.text}"))
        self.tab.on("pageerror", lambda error: self.find(f"fails with {error}"))
        self.tab.on("request", self.asked)
        # What a page still loads when the next one is opened is broken off.
        self.tab.on("requestfailed", lambda request: "ERR_ABORTED" in (request.failure or "") or self.find(f"{request.url} failed: {request.failure}"))
        self.tab.on("response", lambda answer: answer.status >= 400 and self.find(f"{answer.url} answers {answer.status}"))

    def find(self, what: str) -> None:
        self.findings.append(f"{self.at} ({self.base.split(':')[0]}, {self.tab.viewport_size['width']} px): {what}")

    def asked(self, request) -> None:
        self.requests += 1
        if not request.url.startswith((self.base + "/", "data:")):
            self.find(f"asks for {request.url}")

    def to(self, path: str) -> None:
        self.at = path
        self.tab.goto(f"{self.base}/{path}", wait_until="load")
        # The site's own door leads on at once.
        if path == "index.html":
            self.tab.wait_for_url(f"{self.base}/da/index.html", wait_until="load")

    def overflow(self) -> None:
        wide = self.tab.evaluate("document.scrollingElement.scrollWidth")
        if wide > self.tab.viewport_size["width"]:
            self.find(f"is {wide} px wide")

    def charts(self, height: float = float("inf")) -> int:
        """How many charts are seen. Each has marks, stands within the width and cuts nothing off."""
        seen = self.tab.evaluate(CHARTS)
        for chart in seen:
            name = f"chart {chart['title']!r}"
            if not chart["marks"] or not chart["width"] or not chart["height"]:
                self.find(f"{name} shows nothing")
            if chart["left"] < -1 or chart["right"] > self.tab.viewport_size["width"] + 1 or chart["height"] > height:
                self.find(f"{name} is cut off: {chart['left']:.0f} to {chart['right']:.0f}, {chart['height']:.0f} high")
            if chart["clipped"]:
                self.find(f"{name} cuts off {sorted(set(chart['clipped']))[:5]}")
        return len(seen)

    def end(self) -> list[str]:
        self.tab.close()
        return self.findings


def walk(browser, base: str, paths: list[str], size: dict) -> tuple[int, list[str]]:
    """Opens every page: nothing is said on the console, nothing of others' is asked for, nothing stands out to the side."""
    visit = Visit(browser, base, size)
    for path in paths:
        visit.to(path)
        visit.overflow()
    return visit.requests, visit.end()


def look(browser, base: str, paths: list[str]) -> tuple[int, list[str]]:
    """The charts of pages at both widths and on paper."""
    count, findings = 0, []
    for size, media in ((DESKTOP, "screen"), (PHONE, "screen"), (PAPER, "print")):
        visit = Visit(browser, base, size)
        visit.tab.emulate_media(media=media)
        for path in paths:
            visit.to(path)
            count += visit.charts(PAPER["height"] if media == "print" else float("inf"))
        findings += [f"{finding} [{media}]" for finding in visit.end()]
    return count, findings


def switch(browser, base: str, pairs: list[tuple[str, str]]) -> list[str]:
    """The switch of language leads to the same page, and back."""
    visit = Visit(browser, base, DESKTOP)
    for here, there in pairs:
        visit.to(here)
        for wanted in (there, here):
            visit.tab.click("a.language")
            visit.tab.wait_for_load_state("load")
            lang = visit.tab.evaluate("document.documentElement.lang")
            if visit.tab.url != f"{base}/{wanted}" or lang != wanted.split("/")[0]:
                visit.find(f"its switch leads to {visit.tab.url} in {lang}, not to {wanted}")
    return visit.end()


def search(browser, base: str, size: dict, cases: list[tuple[str, str, str]]) -> list[str]:
    """From a page a name is typed, and keys alone lead to the page of the place."""
    visit = Visit(browser, base, size)
    for page, typed, wanted in cases:
        visit.to(page)
        for _ in range(30):
            visit.tab.keyboard.press("Tab")
            if visit.tab.evaluate("document.activeElement.id") == "search":
                break
        else:
            visit.find("the search is not reached with the tabulator")
            continue
        visit.tab.keyboard.type(typed)
        visit.tab.keyboard.press("ArrowDown")
        chosen = visit.tab.evaluate("document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent")
        visit.tab.keyboard.press("Enter")
        with contextlib.suppress(Exception):
            visit.tab.wait_for_url(f"{base}/{wanted}", timeout=5000)
        if visit.tab.url != f"{base}/{wanted}":
            visit.find(f"{typed!r} finds {chosen!r} and leads to {visit.tab.url}, not to {wanted}")
    return visit.end()


def keys_of_map(browser, base: str, path: str) -> list[str]:
    """Every municipality of the map is reached with the tabulator, has a name, and Enter leads to its page."""
    visit = Visit(browser, base, DESKTOP)
    visit.to(path)
    links = visit.tab.evaluate("[...document.querySelectorAll('svg a[href]')].map(one => one.querySelector('title')?.textContent ?? '')")
    if len(links) < 98 or not all(links):
        visit.find(f"the map has {len(links)} links, {links.count('')} of them without a name")
    else:
        visit.tab.evaluate("document.querySelector('svg a[href]').focus()")
        visit.tab.keyboard.press("Tab")
        name = visit.tab.evaluate("document.activeElement.querySelector?.('title')?.textContent ?? ''")
        visit.tab.keyboard.press("Enter")
        visit.tab.wait_for_load_state("load")
        heading = visit.tab.text_content("h1") or ""
        if not name or name.split(":")[0] not in heading:
            visit.find(f"after one tabulator in the map stands {name!r}, and Enter leads to {heading!r}")
    return visit.end()


def print_out(browser, base: str, paths: list[str]) -> tuple[dict[str, int], list[str]]:
    """How many sheets the printed pages have."""
    visit, sheets = Visit(browser, base, DESKTOP), {}
    for path in paths:
        visit.to(path)
        pdf = visit.tab.pdf(prefer_css_page_size=True, print_background=True)
        sheets[path] = len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))
        if not 2 <= sheets[path] <= 25:
            visit.find(f"prints on {sheets[path]} sheets")
    return sheets, visit.end()


def axe(browser, base: str, paths: list[str], script: str) -> tuple[int, dict[str, int], list[str]]:
    """axe-core on every page at both widths, once more with the list of the search open; the debugger runs it, which the site's
    policy does not hinder. Gives the runs, the milder violations by rule, and the serious ones."""
    runs, mild, findings = 0, {}, []
    for size in (DESKTOP, PHONE):
        visit = Visit(browser, base, size)
        for path in paths:
            visit.to(path)
            if visit.tab.query_selector("#search"):
                visit.tab.fill("#search", "b")
            visit.tab.evaluate(script)
            # The style sheets are not asked for once more: the policy would say no.
            found = visit.tab.evaluate("axe.run(document, {preload: false, resultTypes: ['violations']})")
            runs += 1
            for fault in found["violations"]:
                if fault["impact"] not in SERIOUS:
                    mild[fault["id"]] = mild.get(fault["id"], 0) + len(fault["nodes"])
                    continue
                where = ", ".join(" ".join(map(str, node["target"])) for node in fault["nodes"][:3])
                visit.find(f"axe, {fault['impact']}: {fault['id']} ({len(fault['nodes'])}): {fault['help']}: {where}")
        findings += visit.end()
    return runs, mild, findings
