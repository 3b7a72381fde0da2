"""The table of docs/readers.md: which reader, in which version, read what. Each script settles the rows of its own readers."""

import os
import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/readers.md"
BEGIN, END = "<!-- generated: readers -->", "<!-- end generated -->"
HEAD = ["reader", "version", "core, naive glob", "core, hive", "geometry", "out"]


def line(cells) -> str:
    return f"| {' | '.join(cells)} |"


def settle(rows: dict[str, list[str]], findings: list[str]) -> None:
    """Rows by reader: version and what was read. KLIMALADE_ACCEPT=1 writes them into the page; else the page must say so."""
    page = PAGE.read_text("utf-8")
    before, rest = page.split(BEGIN, 1)
    table, after = rest.split(END, 1)
    there = {re.split(r" *\| *", text)[1]: text for text in table.strip().splitlines()[2:]}
    said = dict(there)
    for reader, cells in rows.items():
        said[reader] = line([reader, *cells])
    lines = [line(HEAD), line(["---"] * len(HEAD)), *said.values()]
    print("\n".join(lines))
    if os.environ.get("KLIMALADE_ACCEPT"):
        PAGE.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", "utf-8")
    elif said != there:
        findings.extend(f"docs/readers.md lacks: {said[reader]}" for reader in rows if there.get(reader) != said[reader])
        findings.append("when that is right: KLIMALADE_ACCEPT=1 cargo dev outside --only readers (or spark)")
