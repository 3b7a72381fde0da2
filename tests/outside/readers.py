"""DuckDB, Polars, pyarrow and pandas read a lake as an analyst would, and must agree with each other and with the ledger.

Each table of core is read with a naive glob and with hive partitioning, by each reader. Then every indicator that
adds over areas is added over municipalities and outside, and compared with the agency's own figure for the country.
Then the years of hours are added up once more, and README's query is run as it is written.

usage: readers.py LAKE INDICATORS_CSV README_MD
"""

import contextlib
import csv
import io
import sys
from pathlib import Path

import duckdb
import geopandas
import matrix
import pyarrow.compute as compute
import pyarrow.parquet as parquet
from geometry import geometry
from lake_readers import READERS

# Tables that the runner fills beside a pipeline's own; the ledger counts their rows in columns of their own.
BY_RUNNER = {"control_total", "revision"}
# Parts of a row's key that a control may leave open with _T ("not broken down").
DIMENSIONS = ["sector_code", "carrier_code", "category_code", "detail_code", "gas_code", "scope_code"]
SAME = ["indicator_code", "scenario_code", "frequency_code", "method_code"]
# Which indicators the demo compares with a total of the country, and which have none. One that moves is a finding: it
# has lost its control, or has one that nobody wrote down here.
COMPARED = {
    "building_floor_area",
    "buildings",
    "dwellings",
    "dwellings_by_type",
    "dwellings_completed",
    "farm_subsidy",
    "forest_area",
    "foundation_grants",
    "household_waste",
    "land_area",
    "land_cover_area",
    "municipal_expenditure",
    "population",
    "vehicles",
    "vehicles_registered",
    "wastewater_discharge",
    "wastewater_nitrogen",
    "wastewater_organic",
    "wastewater_phosphorus",
    "water_abstraction",
}
# Industry's energy has a total, which is none to compare with: the demo hides two municipalities that are in it.
WITHOUT_TOTAL = {
    "afforestation_area",
    "biogas_production_plants",
    "buildings_by_heating_bbr",
    "charging_points",
    "cycle_path_length",
    "designated_area_flood_erosion",
    "designated_area_low_lying",
    "district_heat_fuel",
    "electricity_capacity",
    "electricity_capacity_register",
    "electricity_consumption",
    "electricity_consumption_by_industry",
    "electricity_production",
    "electricity_re_same_hour",
    "final_energy_consumption",
    "generating_units",
    "ghg_emissions",
    "industry_energy_consumption",
    "livestock",
    "metering_points",
    "municipal_building_energy",
    "nitrogen_reduction",
    "organic_soil_taken_out",
    "sewer_area",
    "traffic_work",
    "waste_treated",
    "wastewater_load",
}
# The national inventory adds over sectors and gases, not over areas: it has the country only.
NOT_ADDING = {
    "days_precipitation_10mm",
    "electricity_emission_factor",
    "ghg_inventory",
    "ghg_inventory_by_regime",
    "heating_degree_days",
    "household_waste_per_head",
    "precipitation",
    "precipitation_max_24h",
    "precipitation_max_30min",
    "re_electricity_share",
    "recycling_share",
}
# Owners whose agency knows the whole country only, and those of means and shares that she gives for the country too.
NATIONAL = {"dst_farm_subsidy", "dst_foundation_grants", "kefm_inventory", "kefm_inventory_by_regime"}
EVERY_LEVEL = {"dst_household_waste_key_figures"}
# Areas that are no municipality: Christiansø, and what an agency knows of no area or gives to none.
OUTSIDE = {"0411", "_U", "_X"}
# Owners of what stands in some municipalities only.
PARTLY = {
    # Where a project is built.
    "mars_effects",
    # Municipalities whose open data is harvested.
    "opendata_building_energy.aarhus",
    "opendata_building_energy.frederiksberg",
    # Where a plant, a net or a turbine stands.
    "ens_biogas_by_municipality",
    "ens_district_heat_fuel",
    "ens_wind_capacity",
    # Where a catchment is planned.
    "plandata_sewer_area",
}
# Readers add float64 in different orders.
RELATIVE = 1e-9


def close(one, other):
    return one == other or abs(one - other) <= RELATIVE * max(abs(one), abs(other))


def agree(lake, findings):
    """Readers with each other, for every table and both ways of reading."""
    for folder in sorted((lake / "core").iterdir()):
        first = None
        for hive in (False, True):
            for name, (_, read, _, _) in READERS.items():
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
        print(f"{folder.name}: {first[1]} rows, {len(first[2])} indicators, {len(READERS)} readers, two ways")


def flat(lake, findings):
    """Each file of out and each code list, by each reader: as many rows, the same names, the same sums. How many tables."""
    tables = sorted((lake / "out").glob("*.parquet"))
    lists = sorted((lake / "out/codes").glob("*.parquet"))
    for file in tables + lists:
        first = None
        for name, (_, _, read, _) in READERS.items():
            rows = read(file)
            numbers = [field.name for field in rows.schema if str(field.type) == "double"]
            sums = {column: compute.sum(rows[column]).as_py() or 0.0 for column in numbers}
            said = (rows.column_names, rows.num_rows)
            if first is None:
                first = (said, sums)
            elif said != first[0] or any(not close(sums[column], first[1][column]) for column in first[1]):
                findings.append(f"out/{file.name}: {name} finds {said} and {sums}, the first reader {first}")
    print(f"out: {len(tables)} tables and {len(lists)} code lists, {len(READERS)} readers")
    return len(tables)


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
    for file in (lake / "out").glob("*.parquet"):
        rows = parquet.ParquetFile(file).metadata
        stands.setdefault(rows.metadata[b"klimalade.pipeline"].decode(), [0, 0])[0] += rows.num_rows
    for pipeline in sorted(said.keys() | stands.keys()):
        if said.get(pipeline) != tuple(stands.get(pipeline, (0, 0))):
            findings.append(
                f"{pipeline}: the ledger says (published, control) {said.get(pipeline)}, the lake holds {stands.get(pipeline)}"
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
        f"""CREATE OR REPLACE TEMP TABLE country AS SELECT {columns}, tolerance, verdict_code = 'known' AS known
            FROM read_parquet('{core}/control_total/**/*.parquet', hive_partitioning=true)
            WHERE area_level = 'country' AND what_code IN ('country', 'total')"""
    )
    national = ", ".join(f"'{owner}'" for owner in sorted(NATIONAL))
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
                    WHERE area_level IN ('municipality', 'outside') OR pipeline IN ({national}) GROUP BY ALL)
                SELECT c.indicator_code, c.pipeline, count(*) FILTER (NOT known), count(added) FILTER (NOT known),
                       max(abs(added - c.value)) FILTER (NOT known),
                       count(*) FILTER (NOT known AND abs(added - c.value) > c.tolerance), count(*) FILTER (known)
                FROM country c LEFT JOIN added USING ({keys}) WHERE {which} GROUP BY ALL"""
        ).fetchall()
        for indicator, pipeline, count, matched, largest, beyond, known in compared:
            total = seen.setdefault((indicator, pipeline), [0, 0.0, 0])
            total[0] += count
            total[1] = max(total[1], largest or 0.0)
            total[2] += known
            if matched != count:
                findings.append(f"{indicator} of {pipeline}: {count - matched} totals of the country meet no rows")
            if beyond:
                findings.append(f"{indicator} of {pipeline}: {beyond} of {count} totals differ, by up to {largest}")
    for (indicator, pipeline), (count, largest, known) in sorted(seen.items()):
        print(
            f"{indicator} of {pipeline}: {count} totals of the country agree, largest difference {largest:.3g}; "
            f"{known} known to differ"
        )
        if not count or known:
            # The demo invents whole figures: nothing in it is known to differ.
            findings.append(f"{indicator} of {pipeline}: {count} totals compared, {known} known to differ")
    stand = {code for (code,) in duckdb.sql("SELECT DISTINCT indicator_code FROM figures").fetchall()}
    if (core / "observation_hourly").is_dir():
        hourly = f"read_parquet('{core}/observation_hourly/**/*.parquet')"
        stand |= {code for (code,) in duckdb.sql(f"SELECT DISTINCT indicator_code FROM {hourly}").fetchall()}
    compared = {indicator for indicator, _ in seen}
    for what, found, expected in (
        ("add over areas, compared with totals of the country", compared & adding, COMPARED),
        ("add over areas, no total of the country", (stand & adding) - compared, WITHOUT_TOTAL),
        ("do not add over areas", stand - adding, NOT_ADDING),
    ):
        print(f"{what}:", ", ".join(sorted(found)) or "none")
        if found != expected:
            findings.append(f"{what}: {sorted(found)}; this script names {sorted(expected)}")


def january(findings):
    """The yearly vehicles against the country's total of the same day: the agency counts on the last day of December."""
    rows = duckdb.sql(
        """WITH yearly AS (
               SELECT period_start, sum(value) AS added FROM figures WHERE pipeline = 'dst_vehicle_stock_january'
               AND area_level IN ('municipality', 'outside') GROUP BY 1)
           SELECT y.period_start, y.added, c.value FROM yearly y LEFT JOIN country c
               ON c.pipeline = 'dst_vehicle_stock' AND NOT c.known
               AND c.period_start IN (y.period_start, y.period_start - INTERVAL 1 DAY)"""
    ).fetchall()
    for day, added, total in rows:
        if added != total:
            findings.append(f"vehicles of dst_vehicle_stock_january on {day}: {added} added up, the country has {total}")
    if len(rows) < 2 or len({day for day, _, _ in rows}) != len(rows):
        findings.append(f"vehicles of dst_vehicle_stock_january were compared on {[str(day) for day, _, _ in rows]}")
    print(f"vehicles of dst_vehicle_stock_january: {len(rows)} years agree with the month's total of the country")


def years(lake, findings):
    """Each whole year of hours stands in observation as the sum of its hours, and no other year."""
    hourly = f"read_parquet('{lake}/core/observation_hourly/**/*.parquet', hive_partitioning=true)"
    yearly = f"read_parquet('{lake}/core/observation/**/*.parquet', hive_partitioning=true)"
    keys = "area_code, area_level, indicator_code, carrier_code, category_code, detail_code, scenario_code, method_code"
    duckdb.execute(
        f"""CREATE OR REPLACE TEMP TABLE of_hours AS
            WITH hours AS (SELECT *, CAST(date_part('year', civil_date) AS INT) AS civil FROM {hourly}),
            whole AS (SELECT civil FROM hours GROUP BY 1 HAVING count(DISTINCT hour_start_at)
                = 24 * date_diff('day', make_date(civil, 1, 1), make_date(civil + 1, 1, 1)))
            SELECT civil AS year, {keys}, sum(value) AS added FROM hours JOIN whole USING (civil) GROUP BY ALL"""
    )
    whole = [year for (year,) in duckdb.sql("SELECT DISTINCT year FROM of_hours ORDER BY 1").fetchall()]
    if not whole:
        findings.append("the demo has no whole year of hours")
    compared = duckdb.sql(
        f"""SELECT count(*), count(h.added), count(y.value),
                   max(abs(h.added - y.value) / greatest(abs(h.added), 1e-9)) FROM of_hours h
            FULL JOIN (SELECT * FROM {yearly} WHERE pipeline = 'energinet_production_yearly') y USING (year, {keys})"""
    ).fetchall()[0]
    rows, with_hours, with_year, largest = compared
    if not rows or rows != with_hours or rows != with_year or largest > RELATIVE:
        findings.append(f"years of hours: {rows} sums, {with_hours} of hours, {with_year} in observation, off by {largest}")
    print(f"hours: whole years {whole}, {rows} sums stand in observation")


def readme(lake, path, findings):
    """README's session in Python, on this lake, prints what README says."""
    blocks = path.read_text("utf-8").split("```")[1::2]
    at = next(at for at, block in enumerate(blocks) if block.startswith("python\n"))
    session, promised = blocks[at].removeprefix("python\n"), blocks[at + 1].strip()
    if session.count("demo-lake/") != 1 or not promised.startswith("┌"):
        findings.append("README's query or what it prints is not where it was")
        return
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(session.replace("demo-lake/", f"{lake}/"), {})  # noqa: S102 (ours, as a reader would type it)
    if printed.getvalue().strip() != promised:
        findings.append(f"README's query prints\n{printed.getvalue()}")
    print(f"README's query: {len(promised.splitlines())} lines as promised")


def municipalities(lake, findings):
    """Every owner has the 98 codes of level municipality, the same ones; Christiansø and unknown are outside, and no
    other level stands among the rows, but the country where that is right."""
    codes, owners = set(), 0
    for folder in sorted((lake / "core").glob("observation*")):
        rows = f"read_parquet('{folder}/**/*.parquet', hive_partitioning=true)"
        sql = f"SELECT pipeline, area_level, list(DISTINCT area_code) FROM {rows} GROUP BY ALL"
        found = {(pipeline, level): set(areas) for pipeline, level, areas in duckdb.sql(sql).fetchall()}
        for place in folder.iterdir():
            owners += 1
            pipeline = place.name.removeprefix("pipeline=")
            here = found.get((pipeline, "municipality"), set())
            codes |= here
            if pipeline not in PARTLY and len(here) != (0 if pipeline in NATIONAL else 98):
                findings.append(f"{folder.name} of {pipeline} holds {len(here)} municipalities; expected 98")
            if not found.get((pipeline, "outside"), set()) <= OUTSIDE:
                findings.append(f"{folder.name} of {pipeline} holds outside {sorted(found[pipeline, 'outside'])}")
        beside = {(pipeline, "country") for pipeline in NATIONAL | EVERY_LEVEL}
        other = sorted({level for _, level in found.keys() - beside} - {"municipality", "outside"})
        if other:
            findings.append(f"{folder.name} holds rows of the levels {other}")
    if len(codes) != 98 or codes & OUTSIDE:
        findings.append(f"{len(codes)} distinct codes of level municipality; expected 98")
    print(f"{owners} owners: {len(codes)} distinct codes of level municipality")


def main(lake, indicators_path, readme_path):
    findings = []
    indicators = list(csv.DictReader(indicators_path.open(encoding="utf-8")))
    agree(lake, findings)
    ledger(lake, findings)
    controls(lake, indicators, findings)
    january(findings)
    municipalities(lake, findings)
    years(lake, findings)
    geometry(lake, findings)
    tables = f"{sum(1 for _ in (lake / 'core').iterdir())} tables"
    out = f"{flat(lake, findings)} tables"
    rows = {name: [version, tables, tables, kind, out] for name, (version, _, _, kind) in READERS.items()}
    rows["GeoPandas"] = [geopandas.__version__, "-", "-", "GeoParquet, EPSG:25832", "-"]
    if not findings:
        matrix.settle(rows, findings)
    readme(lake, readme_path, findings)
    print("\n".join(f"FAILED {finding}" for finding in findings) or "readers agree")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]), Path(sys.argv[3])))
