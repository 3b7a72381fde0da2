"""The ten questions of docs/analyst.md: SQL in DuckDB and Polars give the same answer, row for row, and it is the printed one.

The page is the program: its blocks ```sql and ```python are run in their order, those before the first question once, for all of
them. KLIMALADE_ACCEPT=1 writes the answers into the page. Answers that hang on the day on which they are asked are compared with each
other only, and with the printed heading.

usage: analyst.py LAKE PAGE
"""

import datetime
import difflib
import os
import re
import sys
from pathlib import Path

import duckdb
import polars
from spark_compare import close

QUESTIONS = 10
# Restated last month, late today: another day has another answer.
OF_THE_DAY = {4, 5}


def cell(value) -> str:
    """A figure as it is printed: 4 digits that say something."""
    if value is None:
        return ""
    if isinstance(value, float):
        value += 0.0
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
    return str(value)


def table(frame: polars.DataFrame) -> str:
    rows = [[cell(value) for value in row] for row in frame.iter_rows()]
    lines = [frame.columns, ["---:" if kind.is_numeric() else "---" for kind in frame.dtypes], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def same(one, other) -> bool:
    if isinstance(one, float) or isinstance(other, float):
        return close(one, other)
    return one == other


def compare(title: str, of_sql: polars.DataFrame, of_polars: polars.DataFrame) -> list[str]:
    if of_sql.columns != of_polars.columns:
        return [f"{title}: columns {of_sql.columns} of SQL, {of_polars.columns} of Polars"]
    if of_sql.height != of_polars.height or not of_sql.height:
        return [f"{title}: {of_sql.height} rows of SQL, {of_polars.height} of Polars"]
    for at, (one, other) in enumerate(zip(of_sql.iter_rows(), of_polars.iter_rows())):
        if not all(map(same, one, other)):
            return [f"{title}, row {at + 1}: SQL says {one}, Polars {other}"]
    return []


def answer(lake: Path, page: str, findings: list[str]) -> str:
    """The page with the answers that came."""
    run = duckdb.connect()
    run.execute("SET TimeZone = 'UTC'")
    names = {}
    parts = re.split(r"(?m)^(?=## )", page)
    asked = 0
    for at, part in enumerate(parts):
        number = re.match(r"## (\d+)\.", part)
        frames = {}
        for language, code in re.findall(r"```(sql|python)\n(.*?)```", part, re.DOTALL):
            code = code.replace("demo-lake/", f"{lake}/")
            if language == "sql":
                if number:
                    frames["sql"] = polars.DataFrame(run.sql(code.strip().rstrip(";")).to_arrow_table())
                else:
                    run.execute(code)
            else:
                exec(code, names)  # noqa: S102 (ours, as a reader would type it)
                if number:
                    frames["python"] = names.pop("answer")
        if not number:
            continue
        asked += 1
        title = f"question {number[1]}"
        if int(number[1]) != asked or sorted(frames) != ["python", "sql"]:
            raise SystemExit(f"{title}: the page has {sorted(frames)} for it, as number {asked}")
        findings.extend(compare(title, frames["sql"], frames["python"]))
        printed = re.search(r"(?m)^(\|.*\n)+", part)
        now = table(frames["sql"]) + "\n"
        before = printed[0] if printed else ""
        print(f"{title}: {frames['sql'].height} rows, SQL and Polars")
        if int(number[1]) in OF_THE_DAY and before.splitlines()[:1] == now.splitlines()[:1] and "KLIMALADE_ACCEPT" not in os.environ:
            continue
        parts[at] = part.replace(before, now, 1) if before else part.rstrip() + f"\n\n{now}\n"
    if asked != QUESTIONS:
        findings.append(f"{asked} questions of {QUESTIONS} stand in the page")
    return "".join(parts)


def main(lake: Path, path: Path) -> int:
    findings = []
    begun = datetime.datetime.now()
    page = path.read_text("utf-8")
    now = answer(lake, page, findings)
    if os.environ.get("KLIMALADE_ACCEPT"):
        path.write_text(now, "utf-8")
    elif now != page:
        findings.extend(difflib.unified_diff(page.splitlines(), now.splitlines(), path.name, "answered now", lineterm="", n=0))
        findings.append("when that is right: KLIMALADE_ACCEPT=1 cargo dev outside --only analyst")
    print("\n".join(f"FAILED {one}" for one in findings) or f"answers agree ({datetime.datetime.now() - begun})")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2])))
