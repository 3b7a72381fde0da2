"""DuckDB, Polars and pyarrow read a lake as an analyst would, and must agree with each other and with the ledger.

Each table of core is read with a naive glob and with hive partitioning, by each reader. Then every indicator that
adds over areas is added over municipalities and outside, and compared with the agency's own figure for the country.

usage: readers.py LAKE INDICATORS_CSV
"""

import csv
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.dataset as dataset

# Tables that the runner fills beside a pipeline's own; the ledger counts their rows in columns of their own.
BY_RUNNER = {"control_total", "revision"}
# Parts of a row's key that a control may leave open with _T ("not broken down").
DIMENSIONS = ["sector_code", "carrier_code", "category_code", "detail_code", "gas_code", "scope_code"]
SAME = ["indicator_code", "scenario_code", "frequency_code", "method_code"]
# Readers add float64 in different orders.
RELATIVE = 1e-9


def by_duckdb(folder, hive):
    rows = f"read_parquet('{folder}/**/*.parquet', hive_partitioning={str(hive).lower()})"
    count = duckdb.sql(f"SELECT count(*) FROM {rows}").fetchall()[0][0]
    columns = duckdb.sql(f"SELECT * FROM {rows} LIMIT 0").columns
    if "value" not in columns or "indicator_code" not in columns:
        return columns, count, {}
    sums = f"SELECT indicator_code, count(*), sum(value) FROM {rows} GROUP BY 1"
    return columns, count, {code: (number, value) for code, number, value in duckdb.sql(sums).fetchall()}


def by_polars(folder, hive):
    rows = polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=hive)
    columns = rows.collect_schema().names()
    count = rows.select(polars.len()).collect().item()
    if "value" not in columns or "indicator_code" not in columns:
        return columns, count, {}
    sums = rows.group_by("indicator_code").agg(polars.len(), polars.col("value").sum().alias("total")).collect()
    return columns, count, {code: (number, value) for code, number, value in sums.iter_rows()}


def by_pyarrow(folder, hive):
    rows = dataset.dataset(folder, format="parquet", partitioning="hive" if hive else None)
    columns = rows.schema.names
    count = rows.count_rows()
    if "value" not in columns or "indicator_code" not in columns:
        return columns, count, {}
    table = rows.to_table(columns=["indicator_code", "value"])
    sums = table.group_by("indicator_code").aggregate([([], "count_all"), ("value", "sum")]).to_pylist()
    return columns, count, {row["indicator_code"]: (row["count_all"], row["value_sum"]) for row in sums}


READERS = {"duckdb": by_duckdb, "polars": by_polars, "pyarrow": by_pyarrow}


def close(one, other):
    return one == other or abs(one - other) <= RELATIVE * max(abs(one), abs(other))


def agree(lake, findings):
    """Readers with each other, for every table and both ways of reading."""
    for folder in sorted((lake / "core").iterdir()):
        first = None
        for hive in (False, True):
            for name, read in READERS.items():
                columns, count, sums = read(folder, hive)
                who = f"{folder.name}: {name}, {'hive' if hive else 'naive glob'}"
                if ("pipeline" in columns) != hive:
                    findings.append(f"{who}: pipeline {'is missing' if hive else 'stands in the file'}")
                if first is None:
                    first = (who, count, sums)
                    continue
                if count != first[1]:
                    findings.append(f"{who} counts {count}, {first[0]} {first[1]}")
                if sums.keys() != first[2].keys():
                    findings.append(f"{who} finds {sorted(sums)}, {first[0]} {sorted(first[2])}")
                for code in sums.keys() & first[2].keys():
                    if sums[code][0] != first[2][code][0] or not close(sums[code][1], first[2][code][1]):
                        findings.append(f"{who}: {code} is {sums[code]}, {first[0]} says {first[2][code]}")
        print(f"{folder.name}: {first[1]} rows, {len(first[2])} indicators, three readers, two ways")


def ledger(lake, findings):
    """Rows by owner against what the newest ledger of each owner says."""
    newest = f"""
        SELECT pipeline, published, control FROM read_parquet('{lake}/ledger/*/*.parquet')
        QUALIFY run_id = max(run_id) OVER (PARTITION BY pipeline)
    """
    sums = f"SELECT pipeline, sum(published)::BIGINT, sum(control)::BIGINT FROM ({newest}) GROUP BY 1"
    said = {pipeline: (published, control) for pipeline, published, control in duckdb.sql(sums).fetchall()}
    stands = {pipeline: [0, 0] for pipeline in said}
    for folder in (lake / "core").iterdir():
        if folder.name == "revision":
            continue
        rows = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=true)"
        for pipeline, count in duckdb.sql(f"SELECT pipeline, count(*) FROM {rows} GROUP BY 1").fetchall():
            stands.setdefault(pipeline, [0, 0])[folder.name in BY_RUNNER] += count
    for pipeline in sorted(said.keys() | stands.keys()):
        if said.get(pipeline) != tuple(stands.get(pipeline, (0, 0))):
            findings.append(
                f"{pipeline}: the ledger says (published, control) {said.get(pipeline)}, core holds {stands.get(pipeline)}"
            )
    print(f"ledger: {len(said)} owners, {sum(p for p, _ in said.values())} published, {sum(c for _, c in said.values())} controls")


def controls(lake, indicators, findings):
    """Municipalities and outside, added up, against the agency's figure for the country; computed here, not read."""
    core = lake / "core"
    adding = {row["code"] for row in indicators if row["over_area"] == "sum"}
    tables = [name for name in ("observation", "observation_within_year") if (core / name).is_dir()]
    columns = ", ".join(["pipeline", "area_level", "period_start", *SAME, *DIMENSIONS, "value"])
    parts = " UNION ALL ".join(
        f"SELECT {columns} FROM read_parquet('{core}/{name}/**/*.parquet', hive_partitioning=true)" for name in tables
    )
    duckdb.execute(f"CREATE OR REPLACE TEMP TABLE figures AS {parts}")
    duckdb.execute(
        f"""CREATE OR REPLACE TEMP TABLE country AS SELECT {columns}, tolerance
            FROM read_parquet('{core}/control_total/**/*.parquet', hive_partitioning=true)
            WHERE area_level = 'country' AND what_code IN ('country', 'total') AND verdict_code <> 'known'"""
    )
    open_sets = duckdb.sql(
        "SELECT DISTINCT " + ", ".join(f"{name} = '_T' AS {name}" for name in DIMENSIONS) + " FROM country"
    ).fetchall()
    seen = {}
    for is_open in open_sets:
        kept = [name for name, left_open in zip(DIMENSIONS, is_open) if not left_open]
        keys = ", ".join(["pipeline", "period_start", *SAME, *kept])
        which = " AND ".join(f"c.{name} {'=' if o else '<>'} '_T'" for name, o in zip(DIMENSIONS, is_open))
        compared = duckdb.sql(
            f"""WITH added AS (
                    SELECT {keys}, sum(value) AS added FROM figures
                    WHERE area_level IN ('municipality', 'outside') GROUP BY ALL)
                SELECT c.indicator_code, c.pipeline, count(*), count(added),
                       max(abs(added - c.value)), count(*) FILTER (abs(added - c.value) > c.tolerance)
                FROM country c LEFT JOIN added USING ({keys}) WHERE {which} GROUP BY ALL"""
        ).fetchall()
        for indicator, pipeline, count, matched, largest, beyond in compared:
            total = seen.setdefault((indicator, pipeline), [0, 0.0])
            total[0] += count
            total[1] = max(total[1], largest or 0.0)
            if matched != count:
                findings.append(f"{indicator} of {pipeline}: {count - matched} totals of the country meet no rows")
            if beyond:
                findings.append(f"{indicator} of {pipeline}: {beyond} of {count} totals differ, by up to {largest}")
    for (indicator, pipeline), (count, largest) in sorted(seen.items()):
        print(f"{indicator} of {pipeline}: {count} totals of the country agree, largest difference {largest:.3g}")
    stand = {code for (code,) in duckdb.sql("SELECT DISTINCT indicator_code FROM figures").fetchall()}
    if (core / "observation_hourly").is_dir():
        hourly = f"read_parquet('{core}/observation_hourly/**/*.parquet')"
        stand |= {code for (code,) in duckdb.sql(f"SELECT DISTINCT indicator_code FROM {hourly}").fetchall()}
    compared = {indicator for indicator, _ in seen}
    print("add over areas, no total of the country:", ", ".join(sorted((stand & adding) - compared)) or "none")
    print("do not add over areas:", ", ".join(sorted(stand - adding)) or "none")
    if not compared & adding:
        findings.append("not one indicator was compared with a total")


def municipalities(lake, findings):
    """Level municipality counts 98 wherever it stands; Christiansø and unknown are outside."""
    for folder in sorted((lake / "core").glob("observation*")):
        rows = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=true)"
        sql = f"SELECT pipeline, count(DISTINCT area_code) FROM {rows} WHERE area_level = 'municipality' GROUP BY 1"
        for pipeline, count in duckdb.sql(sql).fetchall():
            if count != 98:
                findings.append(f"{folder.name} of {pipeline} holds {count} municipalities; expected 98")


def main(lake, indicators_path):
    findings = []
    indicators = list(csv.DictReader(indicators_path.open(encoding="utf-8")))
    agree(lake, findings)
    ledger(lake, findings)
    controls(lake, indicators, findings)
    municipalities(lake, findings)
    print("\n".join(f"FAILED {finding}" for finding in findings) or "readers agree")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2])))
