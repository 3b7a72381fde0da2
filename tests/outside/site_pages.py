"""The files of the site, read without a browser: links, charts, languages, policy, weight."""

import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# What closes by itself where this begins: HTML leaves out the end of cells, rows and items.
CLOSES = {"td": {"td", "th"}, "th": {"td", "th"}, "tr": {"td", "th", "tr"}, "li": {"li"}}
IMPLIED = {"td", "th", "tr", "li"}
MARKS = {"path", "rect", "circle", "polyline", "polygon", "line"}
# The grid and the axis say nothing: a chart of them alone is empty.
GRID = "#dee2e8"
PAGE_BYTES = 300_000
SITE_BYTES = 25_000_000


class Page(HTMLParser):
    """What the checks need of one page."""

    def __init__(self, path: str, text: str):
        super().__init__()
        self.path, self.lang, self.policy, self.across, self.title = path, None, "", None, ""
        self.links, self.ids, self.repeated, self.faults, self.charts = [], set(), set(), [], []
        self.tables, self.headings, self.text = [], 0, ""
        self.open: list[tuple[str, dict]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        cells = dict(attributes)
        while self.open and self.open[-1][0] in CLOSES.get(tag, ()):
            self.open.pop()
        if one := cells.get("id"):
            (self.repeated if one in self.ids else self.ids).add(one)
        for name, value in cells.items():
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag}> has {name} inline")
            if name in ("href", "src", "srcset", "action", "data", "poster", "xlink:href"):
                self.links.append(value or "")
        if tag == "html":
            self.lang = cells.get("lang")
        if tag == "meta" and (cells.get("http-equiv") or "").lower() == "content-security-policy":
            self.policy = cells.get("content") or ""
        if tag == "style" or (tag == "script" and "src" not in cells):
            self.faults.append(f"<{tag}> stands inline")
        if tag == "a" and "language" in (cells.get("class") or "").split():
            self.across = cells.get("href")
        self.headings += tag == "h1"
        if tag == "table":
            self.tables.append(cells.get("id"))
            for chart in self.in_figure():
                chart["tables"] += 1
        if tag == "figure":
            cells["charts"] = []
        if tag == "svg":
            self.start_chart(cells)
        if chart := self.in_svg():
            shown = {(cells.get(key) or "").lower() for key in ("stroke", "fill")} - {"none", ""}
            chart["marks"] += tag in MARKS and shown != {GRID}
            # An area of a map has a title of its own.
            if tag in ("title", "desc") and self.open[-1][0] == "svg":
                chart["ids"][tag] = cells.get("id")
        figure = self.enclosing("figure")
        if tag == "a" and figure is not None and (cells.get("href") or "").startswith("#"):
            figure.setdefault("anchors", []).append(cells["href"][1:])
        if tag not in VOID:
            self.open.append((tag, cells))

    def start_chart(self, cells):
        chart = {"role": cells.get("role"), "hidden": cells.get("aria-hidden") == "true", "labelled": (cells.get("aria-labelledby") or "").split(),
                 "marks": 0, "ids": {}, "title": "", "desc": "", "tables": 0}  # fmt: skip
        figure = self.enclosing("figure")
        chart["figure"] = figure
        if figure is not None:
            figure["charts"].append(chart)
        self.charts.append(chart)
        cells["chart"] = chart

    def enclosing(self, wanted):
        return next((cells for tag, cells in reversed(self.open) if tag == wanted), None)

    def in_svg(self):
        cells = self.enclosing("svg")
        return cells and cells["chart"]

    def in_figure(self):
        cells = self.enclosing("figure")
        return cells["charts"] if cells else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        if not any(one == tag for one, _ in self.open):
            if tag not in VOID:
                self.faults.append(f"</{tag}> closes nothing")
            return
        while self.open:
            closed, _ = self.open.pop()
            if closed == tag:
                return
            if closed in IMPLIED:
                continue
            self.faults.append(f"<{closed}> is not closed")

    def handle_data(self, data):
        tag = self.open[-1][0] if self.open else ""
        chart = self.in_svg()
        if chart and tag in ("title", "desc"):
            chart[tag] += data if self.open[-2][0] == "svg" else ""
        elif tag == "title":
            self.title += data
        elif tag not in ("script", "style"):
            self.text += data


def read(site: Path) -> dict[str, Page]:
    """The pages by their path from the folder of the site."""
    paths = sorted(site.rglob("*.html"))
    return {path.relative_to(site).as_posix(): Page(path.relative_to(site).as_posix(), path.read_text("utf-8")) for path in paths}


def target(page: str, address: str) -> tuple[str, str]:
    """The path from the folder of the site that an address of a page leads to, and the anchor."""
    parts = urlsplit(address)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path))) if parts.path else page
    return path, unquote(parts.fragment)


def links(site: Path, pages: dict[str, Page]) -> tuple[int, list[str]]:
    """Every address leads to a file of the site, every anchor to a place of its page."""
    count, findings, files = 0, [], {}
    for page in pages.values():
        for address in page.links:
            count += 1
            # An empty icon, so that no browser asks for /favicon.ico.
            if address == "data:,":
                continue
            if urlsplit(address).scheme or address.startswith("//"):
                findings.append(f"{page.path}: {address} leads out of the site")
                continue
            path, anchor = target(page.path, address)
            if path not in files:
                files[path] = not path.startswith("..") and (site / path).is_file()
            if not files[path]:
                findings.append(f"{page.path}: {address} leads nowhere")
            elif anchor and path in pages and anchor not in pages[path].ids:
                findings.append(f"{page.path}: {address} has no such place")
    return count, findings


def charts(pages: dict[str, Page]) -> tuple[int, list[str]]:
    """Every chart has marks, a title, a description and a table; every other drawing is hidden from who cannot see it."""
    count, findings = 0, []
    for page in pages.values():
        for chart in page.charts:
            if chart["hidden"]:
                continue
            count += 1
            name = f"{page.path}: chart {chart['title'] or count!r}"
            if chart["role"] != "img" and chart["role"] != "group":
                findings.append(f"{name}: neither hidden nor of role img or group")
            if not chart["marks"]:
                findings.append(f"{name}: no marks")
            for part in ("title", "desc"):
                if not chart[part].strip():
                    findings.append(f"{name}: no {part}")
                elif chart["ids"].get(part) not in chart["labelled"]:
                    findings.append(f"{name}: its {part} is not what it is labelled by")
            anchors = (chart["figure"] or {}).get("anchors", [])
            if not chart["tables"] and not (page.tables and any(anchor in page.ids for anchor in anchors)):
                findings.append(f"{name}: no table beside it, nor a link to one")
    return count, findings


def languages(pages: dict[str, Page]) -> list[str]:
    """The lang of a page is that of its folder, and its other language leads back to it."""
    findings = []
    for page in pages.values():
        folder = page.path.split("/")[0]
        if folder not in ("da", "en"):
            continue
        if page.lang != folder:
            findings.append(f"{page.path}: lang is {page.lang}")
        if not page.across:
            findings.append(f"{page.path}: no switch of language")
            continue
        other = pages.get(target(page.path, page.across)[0])
        if other is None or other.path.split("/")[0] == folder or target(other.path, other.across or "")[0] != page.path:
            findings.append(f"{page.path}: {page.across} is not the same page in the other language")
        elif re.search(r"/\w+\.html$", page.path.partition("/")[2]) and posixpath.basename(page.path) != posixpath.basename(other.path):
            findings.append(f"{page.path}: {page.across} is of something else")
    return findings


def frame(pages: dict[str, Page], simulated: bool) -> list[str]:
    """Policy, nothing inline, one heading of the first rank, ids once, simulated or not."""
    findings = []
    for page in pages.values():
        rules = dict((rule.split() + [""])[:2] for rule in page.policy.split(";") if rule.split())
        if rules.get("default-src") != "'none'" or "unsafe" in page.policy or "*" in page.policy:
            findings.append(f"{page.path}: its policy is {page.policy!r}")
        findings += [f"{page.path}: {fault}" for fault in sorted(set(page.faults))]
        findings += [f"{page.path}: id {one} stands twice" for one in sorted(page.repeated)]
        if page.headings != 1:
            findings.append(f"{page.path}: {page.headings} h1")
        if not page.title.strip():
            findings.append(f"{page.path}: no title")
        says = "Simulerede tal" in page.text or "Simulated figures" in page.text
        if says != simulated:
            findings.append(f"{page.path}: {'does not say' if simulated else 'says'} that its figures are simulated")
    return findings


def weight(site: Path, pages: dict[str, Page]) -> tuple[int, int, list[str]]:
    """The heaviest page with all that it loads, the site, and what is too heavy."""
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in site.rglob("*") if path.is_file()}
    findings, most = [], 0
    for page in pages.values():
        loaded = {target(page.path, address)[0] for address in page.links if "assets/" in address}
        size = sizes[page.path] + sum(sizes.get(path, 0) for path in loaded)
        most = max(most, size)
        if size > PAGE_BYTES:
            findings.append(f"{page.path}: {size:,} bytes with style and scripts, {PAGE_BYTES:,} at most")
    total = sum(sizes.values())
    if total > SITE_BYTES:
        findings.append(f"the site: {total:,} bytes, {SITE_BYTES:,} at most")
    return most, total, findings
