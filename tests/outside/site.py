"""The report of a demo lake in a headless Chromium: what a reader, a keyboard, a phone and a printer make of it.

All pages: links, charts, policy, languages, weight, console, requests, width on a phone. A sample of every kind of page, in both
languages: charts at two widths and on paper, switch of language, search and map by keyboard, axe-core. The site is opened as files and
over HTTP. The operations page of `klimalade status --html` goes through the same, where it is given.

usage: site.py SITE CACHE [--lake LAKE] [--status HTML]
"""

import argparse
import csv
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import real_servers
import site_browser
import site_figures
import site_pages
from playwright.sync_api import sync_playwright

AXE = "axe-core@4.14.1"
PAGES = ["index", "kommuner", "indikatorer", "maal", "planer", "indsatser", "projekter", "klimatilpasning", "datagrundlag", "metode", "kilder", "kortlaegninger", "aendringer"]
# A large municipality and one with a letter of its own; the one that emits least, which may be less than nothing, is found in the figures.
MUNICIPALITIES = ["0751", "0492"]


def axe_script(cache: Path) -> str:
    """axe-core, installed once."""
    folder = cache / AXE
    if not (folder / "complete").is_file():
        npm = real_servers.program("npm", "npm", "nodejs")
        print(f"installing {AXE} from npm", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        install = [npm, "install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts", AXE]
        subprocess.run(install, cwd=folder, check=True, stdin=subprocess.DEVNULL)
        (folder / "complete").touch()
    return (folder / "node_modules/axe-core/axe.min.js").read_text("utf-8")


def least(site: Path) -> str:
    """The municipality with the least emissions in the newest year."""
    with (site / "data/indicator/ghg_emissions.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if re.fullmatch(r"0\d{3}", row["area_code"]) and row["value"]]
    newest = max(row["year"] for row in rows)
    return min((float(row["value"]), row["area_code"]) for row in rows if row["year"] == newest)[1]


def sample(site: Path, pages: dict) -> list[tuple[str, str]]:
    """Every kind of page in Danish, and the same in English."""
    paths = [f"da/{name}.html" for name in PAGES]
    paths += [f"da/kommune/{code}.html" for code in dict.fromkeys([*MUNICIPALITIES, least(site)])]
    paths += ["da/region/1082.html", "da/indikator/ghg_emissions.html", "da/indikator/vehicles.html"]
    missing = [path for path in paths if path not in pages]
    if missing:
        raise SystemExit(f"the site has no {', '.join(missing)}")
    return [(path, site_pages.target(path, pages[path].across or "")[0]) for path in paths]


class Report:
    """What was found, part by part."""

    def __init__(self):
        self.findings, self.begun = [], time.monotonic()

    def add(self, title: str, findings: list[str]) -> None:
        self.findings += findings
        print(f"{time.monotonic() - self.begun:4.0f} s  {title}: {'as it must be' if not findings else f'{len(findings)} findings'}", flush=True)
        for finding in findings[:20]:
            print(f"        {finding[:400]}", flush=True)


def of_files(report: Report, site: Path, simulated: bool) -> dict:
    pages = site_pages.read(site)
    count, findings = site_pages.links(site, pages)
    report.add(f"{count} links of {len(pages)} pages lead to files and places of the site", findings)
    count, findings = site_pages.charts(pages)
    report.add(f"{count} charts and maps with marks, title, description and table", findings)
    report.add("lang and the same page in the other language", site_pages.languages(pages))
    report.add(f"policy, nothing inline, headings, {'simulated' if simulated else 'not simulated'}", site_pages.frame(pages, simulated))
    most, total, findings = site_pages.weight(site, pages)
    report.add(f"heaviest page {most:,} bytes with style and scripts, site {total:,} bytes", findings)
    return pages


def of_browser(report: Report, browser, site: Path, pages: dict, script: str) -> None:
    pairs = sample(site, pages)
    both = [path for pair in pairs for path in pair]
    files = site.resolve().as_uri()
    with site_browser.served(site) as base:
        asked, findings = site_browser.walk(browser, files, sorted(pages), site_browser.PHONE)
        report.add(f"{len(pages)} pages as files on a phone: {asked} requests, all to the site; nothing on the console, nothing too wide", findings)
        asked, findings = site_browser.walk(browser, base, both, site_browser.DESKTOP)
        report.add(f"{len(both)} pages over HTTP: {asked} requests, all to the site; nothing on the console", findings)
        count, findings = site_browser.look(browser, files, both)
        report.add(f"charts seen {count} times at 1280 px, at 390 px and on paper, none cut off", findings)
        for address in (files, base):
            findings = site_browser.switch(browser, address, pairs[:14:3])
            cases = [
                ("da/index.html", "Ærø", "da/kommune/0492.html"), ("da/metode.html", "Aarhus", "da/kommune/0751.html"),
                ("en/municipality/0101.html", "århus", "en/municipality/0751.html"),
                ("en/index.html", "tønder", "en/municipality/0550.html"),
            ]  # fmt: skip
            findings += site_browser.search(browser, address, site_browser.DESKTOP, cases)
            findings += site_browser.search(browser, address, site_browser.PHONE, cases[:1])
            findings += site_browser.keys_of_map(browser, address, "da/index.html")
            report.add(f"switch of language, search and map by keyboard ({address.split(':')[0]})", findings)
        sheets, findings = site_browser.print_out(browser, files, ["da/index.html", "da/kommune/0751.html", "en/index.html"])
        report.add(f"printed sheets: {', '.join(f'{path} {count}' for path, count in sheets.items())}", findings)
        runs, mild, findings = site_browser.axe(browser, base, both, script)
        report.add(f"axe-core, {runs} runs, none serious or critical; milder: {mild or 'none'}", findings)


def of_status(report: Report, browser, page: Path, simulated: bool, script: str) -> None:
    """The page that every night leaves, in both languages."""
    site, names = page.parent, [page.name, page.name.replace(".html", ".en.html")]
    parsed = {name: site_pages.Page(name, (site / name).read_text("utf-8")) for name in names}
    findings = site_pages.charts(parsed)[1] + site_pages.links(site, parsed)[1] + site_pages.frame(parsed, simulated)
    if [page.lang for page in parsed.values()] != ["da", "en"] or [page.across for page in parsed.values()] != names[::-1]:
        findings.append("the operations page does not lead to its other language")
    report.add(f"operations page: links, charts, policy, language, {'simulated' if simulated else 'not simulated'}", findings)
    files, asked, findings = site.resolve().as_uri(), 0, []
    with site_browser.served(site) as base:
        for address in (files, base):
            for size in (site_browser.PHONE, site_browser.DESKTOP):
                count, more = site_browser.walk(browser, address, names, size)
                asked, findings = asked + count, findings + more
        report.add(f"operations page: {asked} requests, all to its folder; nothing on the console, nothing too wide", findings)
        findings = site_browser.look(browser, files, names)[1]
        sheets, more = site_browser.print_out(browser, files, names)
        report.add(f"operations page, printed sheets: {', '.join(f'{path} {count}' for path, count in sheets.items())}", findings + more)
        runs, mild, findings = site_browser.axe(browser, base, names, script)
        report.add(f"operations page: axe-core, {runs} runs, none serious or critical; milder: {mild or 'none'}", findings)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("site", type=Path)
    arguments.add_argument("cache", type=Path)
    arguments.add_argument("--lake", type=Path)
    arguments.add_argument("--status", type=Path)
    asked = arguments.parse_args()
    site = asked.site.resolve()
    simulated = asked.lake is None or bool(re.search(r"^simulated = true", (asked.lake / "lake.toml").read_text("utf-8"), re.M))
    chromium = real_servers.program("chromium", "chromium", "chromium-sandbox", "fonts-liberation")
    script = axe_script(asked.cache.resolve())
    report = Report()
    pages = of_files(report, site, simulated)
    if asked.lake:
        compared, findings = site_figures.compare(site, asked.lake.resolve(), MUNICIPALITIES[0])
        report.add(f"{len(compared)} figures against SQL\n        " + "\n        ".join(compared), findings)
    with tempfile.TemporaryDirectory(prefix="klimalade-chromium-") as home, sync_playwright() as driver:
        # Chromium has no sandbox for root, and nothing but files of ours is opened.
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"], env={"HOME": home, "PATH": "/usr/bin:/bin"})
        print(f"Chromium {browser.version}", flush=True)
        of_browser(report, browser, site, pages, script)
        if asked.status:
            of_status(report, browser, asked.status, simulated, script)
        browser.close()
    if report.findings:
        sys.exit(f"{len(report.findings)} findings")


if __name__ == "__main__":
    main()
