"""Makes layer out once more, from core alone and by another way, and compares.

Polars and plain Python instead of SQL: sums of municipality_year and region_year, levels, changes and ranks of
indicator_year, the three projections of all areas by least squares of numpy, the plan that holds, late actions, shares
of adaptation, and what coverage calls there. Nothing of a map.sql is read.

usage: out.py LAKE [REPOSITORY]
"""

import csv
import datetime
import functools
import math
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import numpy
import polars as pl

TOLERANCE = 1e-9
REPOSITORY = Path(__file__).resolve().parents[2]


def table(lake: Path, name: str) -> pl.DataFrame:
    """A table of core with the owner in a column. Geometry is not asked for."""
    frames = []
    for file in sorted((lake / "core" / name).rglob("*.parquet")):
        owner = next(part.partition("=")[2] for part in file.parts if part.startswith("pipeline="))
        names = [field for field in pl.read_parquet_schema(file) if field not in ("geometry", "point")]
        frames.append(pl.read_parquet(file, columns=names).with_columns(pl.lit(owner).alias("pipeline")))
    return pl.concat(frames, how="diagonal_relaxed")


def codes(repository: Path, name: str) -> list[dict]:
    with (repository / "schemas" / "codes" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Findings:
    """Counts what was compared and keeps what differs."""

    def __init__(self):
        self.compared = defaultdict(int)
        self.wrong = []

    def same(self, what: str, where, found, expected):
        self.compared[what] += 1
        if found is None or expected is None:
            equal = found is None and expected is None
        elif isinstance(expected, float):
            equal = math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        else:
            equal = found == expected
        if not equal:
            self.wrong.append(f"{what} {where}: {found}, expected {expected}")


class World:
    """Core and code lists, read once."""

    def __init__(self, lake: Path, repository: Path):
        self.lake = lake
        self.repository = repository
        self.indicators = {row["code"]: row for row in codes(repository, "indicators")}
        self.carriers = {row["code"]: row for row in codes(repository, "carriers")}
        self.sectors = {row["code"]: row for row in codes(repository, "sectors")}
        self.areas = {row["code"]: row for row in codes(repository, "areas")}
        self.members = codes(repository, "area_members")
        rows = table(lake, "observation").filter(pl.col("scenario_code") == "actual")
        self.rows = rows.with_columns(pl.col("year").cast(pl.Int32)).to_dicts()
        self.figures = self.by_area()

    def by_area(self) -> dict:
        """indicator -> (area, year) -> sum of the figures that are there, or None."""
        figures = defaultdict(dict)
        for row in self.rows:
            key = (row["area_code"], row["year"])
            held = figures[row["indicator_code"]]
            value = row["value"]
            held[key] = value if held.get(key) is None else held[key] + (value or 0.0)
        return figures

    def top_sector(self, code: str) -> str:
        while self.sectors[code]["parent_code"]:
            code = self.sectors[code]["parent_code"]
        return code

    @functools.cache
    def region_of(self, area: str, year: int) -> str | None:
        day = f"{year}-01-01"
        for row in self.members:
            if row["area_code"] == area and self.areas[row["within_code"]]["area_level"] == "region":
                if row["valid_from"] <= day and (not row["valid_to"] or day < row["valid_to"]):
                    return row["within_code"]
        return None

    @functools.cached_property
    def ours(self) -> list[str]:
        return [code for code, row in self.areas.items() if row["area_level"] == "municipality"]


# Columns of the wide tables: indicator, and which of its rows.
def whole(_world, _row):
    return True


def sector(name):
    return lambda world, row: world.top_sector(row["sector_code"]) == name


def carrier(*names):
    return lambda _world, row: row["carrier_code"] in names


def fuel(name):
    return lambda world, row: world.carriers[row["carrier_code"]]["parent_code"] == name


def fossil(world, row):
    return world.carriers[row["carrier_code"]]["is_fossil"] == "1"


def category(name):
    return lambda _world, row: row["category_code"] == name


def electric_cars(_world, row):
    return row["category_code"] == "passenger_car" and row["carrier_code"] == "electricity"


def built_since_2010(_world, row):
    year = row["detail_code"].removeprefix("built_")[:4]
    return year.isdigit() and int(year) >= 2010


SUMS = {
    "population_person": ("population", whole),
    "land_area_km2": ("land_area", whole),
    "ghg_tonne_co2e": ("ghg_emissions", whole),
    "ghg_energy_tonne_co2e": ("ghg_emissions", sector("energy")),
    "ghg_transport_tonne_co2e": ("ghg_emissions", sector("transport")),
    "ghg_agriculture_land_tonne_co2e": ("ghg_emissions", sector("agriculture_land")),
    "ghg_industrial_processes_tonne_co2e": ("ghg_emissions", sector("industrial_processes")),
    "ghg_waste_tonne_co2e": ("ghg_emissions", sector("waste")),
    "final_energy_tj": ("final_energy_consumption", whole),
    "fossil_energy_tj": ("final_energy_consumption", fossil),
    "coal_energy_tj": ("final_energy_consumption", fuel("fossil_solid")),
    "oil_energy_tj": ("final_energy_consumption", fuel("oil_products")),
    "natural_gas_energy_tj": ("final_energy_consumption", carrier("natural_gas")),
    "wind_onshore_capacity_mw": ("electricity_capacity", carrier("wind_onshore")),
    "wind_offshore_capacity_mw": ("electricity_capacity", carrier("wind_offshore")),
    "solar_capacity_mw": ("electricity_capacity", carrier("solar_pv")),
    "wind_onshore_production_mwh": ("electricity_production", carrier("wind_onshore")),
    "wind_offshore_production_mwh": ("electricity_production", carrier("wind_offshore")),
    "solar_production_mwh": ("electricity_production", carrier("solar_pv")),
    "electricity_consumption_mwh": ("electricity_consumption", whole),
    "district_heat_fuel_tj": ("district_heat_fuel", whole),
    "heated_floor_area_m2": ("building_floor_area", whole),
    "dwellings_number": ("dwellings", whole),
    "dwellings_district_heat_number": ("dwellings", carrier("district_heat")),
    "dwellings_heat_pump_number": ("dwellings", carrier("heat_pump")),
    "dwellings_gas_number": ("dwellings", carrier("gas_heating", "natural_gas")),
    "dwellings_oil_number": ("dwellings", fuel("oil_products")),
    "vehicles_number": ("vehicles", whole),
    "cars_number": ("vehicles", category("passenger_car")),
    "battery_electric_cars_number": ("vehicles", electric_cars),
    "charging_points_number": ("charging_points", whole),
    "cycle_path_km": ("cycle_path_length", whole),
    "traffic_work_million_vehicle_km": ("traffic_work", whole),
    "cattle_number": ("livestock", category("cattle")),
    "pigs_number": ("livestock", category("pigs")),
    "organic_soil_taken_out_ha": ("organic_soil_taken_out", whole),
    "afforestation_built_ha": ("afforestation_area", whole),
    "forest_area_ha": ("forest_area", whole),
    "household_waste_tonne": ("household_waste", whole),
    "waste_landfilled_tonne": ("waste_treated", category("landfill")),
    "wastewater_load_pe": ("wastewater_load", whole),
    "biogas_tj": ("biogas_production_plants", whole),
    "municipal_expenditure_dkk": ("municipal_expenditure", whole),
}
# Shares: part and whole, both sums of rows.
SHARES = {
    "ghg_tonne_co2e_per_person": (SUMS["ghg_tonne_co2e"], SUMS["population_person"]),
    "ghg_tonne_co2e_per_km2": (SUMS["ghg_tonne_co2e"], SUMS["land_area_km2"]),
    "fossil_energy_ratio": (SUMS["fossil_energy_tj"], SUMS["final_energy_tj"]),
    "district_heat_fossil_ratio": (("district_heat_fuel", fossil), SUMS["district_heat_fuel_tj"]),
    "floor_area_built_since_2010_ratio": (("building_floor_area", built_since_2010), SUMS["heated_floor_area_m2"]),
    "dwellings_district_heat_ratio": (SUMS["dwellings_district_heat_number"], SUMS["dwellings_number"]),
    "dwellings_heat_pump_ratio": (SUMS["dwellings_heat_pump_number"], SUMS["dwellings_number"]),
    "dwellings_gas_ratio": (SUMS["dwellings_gas_number"], SUMS["dwellings_number"]),
    "dwellings_oil_ratio": (SUMS["dwellings_oil_number"], SUMS["dwellings_number"]),
    "battery_electric_cars_ratio": (SUMS["battery_electric_cars_number"], SUMS["cars_number"]),
    "household_waste_recycled_ratio": (("household_waste", category("recycling")), SUMS["household_waste_tonne"]),
}
# Published as they are, of municipalities.
GIVEN = {
    "renewable_electricity_ratio": "re_electricity_share",
    "electricity_emission_factor_g_co2e_per_kwh": "electricity_emission_factor",
    "heating_degree_day": "heating_degree_days",
}


def sums(world: World, place_of) -> dict:
    """(indicator, filter) -> (place, year) -> sum; `place_of` says where an area's rows are counted, None nowhere."""
    wanted = defaultdict(set)
    for indicator, keeps in [*SUMS.values(), *(part for pair in SHARES.values() for part in pair)]:
        wanted[indicator].add(keeps)
    added = defaultdict(dict)
    for row in world.rows:
        place = place_of(row["area_code"], row["year"])
        if place is None or row["value"] is None:
            continue
        for keeps in wanted.get(row["indicator_code"], ()):
            if keeps(world, row):
                held = added[(row["indicator_code"], keeps)]
                held[(place, row["year"])] = held.get((place, row["year"]), 0.0) + row["value"]
    return added


def municipality_year(world: World, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "municipality_year.parquet").to_dicts()
    ours = set(world.ours)
    added = sums(world, lambda area, _year: area if area in ours else None)
    years = sorted({row["year"] for row in world.rows if row["area_code"] in ours and row["year"] >= 2007})
    found.same("municipality_year", "rows", len(rows), len(years) * 98)
    for row in rows:
        key = (row["area_code"], row["year"])
        found.same("municipality_year.region", key, row["region_code"], world.region_of(*key))
        found.same("municipality_year.name", key, row["area_name_da"], world.areas[row["area_code"]]["name_da"])
        for column, of in SUMS.items():
            found.same("municipality_year.sum", (*key, column), row[column], added[of].get(key))
        for column, (part, of) in SHARES.items():
            below = added[of].get(key)
            above = added[part].get(key)
            expected = None if above is None or not below else above / below
            found.same("municipality_year.share", (*key, column), row[column], expected)
        for column, indicator in GIVEN.items():
            found.same("municipality_year.given", (*key, column), row[column], world.figures[indicator].get(key))
    # The naive sum over all of core is that of the table.
    for column, (indicator, keeps) in SUMS.items():
        of = [row for row in world.rows if row["indicator_code"] == indicator and row["area_code"] in ours]
        naive = sum(row["value"] or 0.0 for row in of if row["year"] >= 2007 and keeps(world, row))
        found.same("municipality_year.total", column, sum(row[column] or 0.0 for row in rows), float(naive))


def needs_all(world: World) -> set:
    """Indicators of which every municipality must have a row: an owner expects it, or publishes for some areas only."""
    needing = set()
    for pipeline in sorted((world.repository / "pipelines").iterdir()):
        if not (pipeline / "pipeline.toml").exists():
            continue
        definition = tomllib.loads((pipeline / "pipeline.toml").read_text(encoding="utf-8"))
        for instance in definition.get("instance", [{}]):
            published = definition.get("publishes", {})
            indicators = instance.get("publishes.indicators", published.get("indicators", []))
            areas = instance.get("publishes.areas", published.get("areas", "all"))
            level = definition.get("checks", {}).get("expected_areas", {}).get("level")
            if level == "municipality" or areas != "all":
                needing.update(indicators)
    return needing


def region_year(world: World, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "region_year.parquet").to_dicts()
    added = sums(world, world.region_of)
    every = needs_all(world)
    sizes = defaultdict(int)
    having, given = defaultdict(int), defaultdict(int)
    for area in world.ours:
        for year in {row["year"] for row in rows}:
            sizes[(world.region_of(area, year), year)] += 1
    for indicator, figures in world.figures.items():
        for (area, year), value in figures.items():
            if world.areas[area]["area_level"] == "municipality":
                place = (indicator, world.region_of(area, year), year)
                given[place] += 1
                having[place] += value is not None
    for row in rows:
        key = (row["region_code"], row["year"])
        found.same("region_year.size", key, row["municipality_count"], sizes[key])

        def complete(indicator):
            needed = sizes[key] if indicator in every else given[(indicator, *key)]
            return having[(indicator, *key)] == needed

        for column, of in SUMS.items():
            expected = added[of].get(key) if complete(of[0]) else None
            found.same("region_year.sum", (*key, column), row[column], expected)
        for column, (part, of) in SHARES.items():
            below, above = added[of].get(key), added[part].get(key)
            known = complete(part[0]) and complete(of[0]) and above is not None and below
            found.same("region_year.share", (*key, column), row[column], above / below if known else None)
        for column, weight in (
            ("electricity_emission_factor_g_co2e_per_kwh", "electricity_consumption"),
            ("heating_degree_day", "land_area"),
        ):
            found.same("region_year.mean", (*key, column), row[column], weighted(world, GIVEN[column], weight, key))


def weighted(world: World, indicator: str, weight: str, key: tuple) -> float | None:
    region, year = key
    above = below = 0.0
    for area in world.ours:
        if region not in ("DK", world.region_of(area, year)):
            continue
        value, by = world.figures[indicator].get((area, year)), world.figures[weight].get((area, year))
        if value is None or by is None:
            return None
        above, below = above + value * by, below + by
    return above / below if below else None


def indicator_year(world: World, found: Findings) -> dict:
    """Levels, base years and ranks; gives (level, area, year) -> value of ghg_emissions."""
    rows = pl.read_parquet(world.lake / "out" / "indicator_year.parquet").to_dicts()
    series = defaultdict(dict)
    for row in rows:
        series[(row["indicator_code"], row["area_code"])][row["year"]] = row["value"]
    ranked = defaultdict(list)
    seen = set()
    every = needs_all(world)
    for row in rows:
        indicator, area, year, value = row["indicator_code"], row["area_code"], row["year"], row["value"]
        key = (indicator, area, year)
        seen.add(key)
        given = world.figures[indicator]
        how = world.indicators[indicator]["over_area"]
        found.same("indicator_year.unit", key, row["unit_code"], world.indicators[indicator]["unit_code"])
        if (area, year) in given:
            found.same("indicator_year.given", key, value, given[(area, year)])
        elif how == "sum":
            inside = {at: of for (at, of_year), of in given.items() if of_year == year and (
                area == "DK" or world.region_of(at, year) == area)}
            ours = [of for at, of in inside.items() if at in world.ours]
            members = [at for at in world.ours if area == "DK" or world.region_of(at, year) == area]
            needed = len(members) if indicator in every else len(ours)
            is_whole = len([of for of in ours if of is not None]) == needed
            expected = float(sum(of for of in inside.values() if of is not None)) if is_whole else None
            found.same("indicator_year.added", key, value, expected)
        elif how.startswith("mean:"):
            expected = weighted(world, indicator, how.removeprefix("mean:"), (area, year))
            found.same("indicator_year.mean", key, value, expected)
        elif how == "max":
            parts = [of for (at, of_year), of in given.items() if of_year == year and of is not None and (
                area == "DK" or world.region_of(at, year) == area)]
            found.same("indicator_year.max", key, value, max(parts))
        elif how == "none":
            found.same("indicator_year.none", key, "made up", "as given")
        years = sorted(of for of, one in series[(indicator, area)].items() if one is not None)
        base = years[0] if years else None
        found.same("indicator_year.base", key, row["base_year"], base)
        change = None if value is None else value - series[(indicator, area)][base]
        found.same("indicator_year.change", key, row["change_value"], change)
        persons = series[("population", area)].get(year)
        per_head = None if how != "sum" or indicator == "population" or value is None or not persons else value / persons
        found.same("indicator_year.per_person", key, row["value_per_person"], per_head)
        if row["area_level"] == "municipality" and value is not None:
            ranked[(indicator, year)].append((value, row["municipality_rank"], row["municipality_count"], area))
    for key, places in ranked.items():
        values = sorted((round(value, 6) for value, _, _, _ in places), reverse=True)
        for value, rank, count, area in places:
            found.same("indicator_year.rank", (*key, area), rank, values.index(round(value, 6)) + 1)
            found.same("indicator_year.count", (*key, area), count, len(places))
    for indicator, figures in world.figures.items():
        for area, year in figures:
            level = world.areas[area]["area_level"]
            if level in ("municipality", "region", "country"):
                found.same("indicator_year.there", (indicator, area, year), (indicator, area, year) in seen, True)
    return {key[1:]: series[key[:1] + key[1:2]][key[2]] for key in seen if key[0] == "ghg_emissions"}


def fits(years: list[int], values: list[float]) -> dict:
    """Least squares by numpy: method -> what it gives for a year."""
    x = numpy.array(years, float) - years[-1]
    y = numpy.array(values, float)
    design = numpy.vstack([numpy.ones_like(x), x]).T
    root = numpy.sqrt(0.8 ** -x)
    plain = numpy.linalg.lstsq(design, y, rcond=None)[0]
    discounted = numpy.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    made = {
        "lin_ols": lambda year: plain[0] + plain[1] * (year - years[-1]),
        "ets_smoothing": lambda year: discounted[0] + discounted[1] * (year - years[-1]),
    }
    if (y > 0).all():
        logs = numpy.linalg.lstsq(design, numpy.log(y), rcond=None)[0]
        made["loglin"] = lambda year: math.exp(logs[0] + logs[1] * (year - years[-1]))
    return made


def wanted_path(world: World) -> dict:
    """area -> points of its target path, by year."""
    points, first = defaultdict(dict), {}
    for row in table(world.lake, "target").to_dicts():
        if row["indicator_code"] != "ghg_emissions" or row["sector_code"] != "_T" or row["category_code"] != "_T":
            continue
        if row["target_kind"] not in ("reduction", "neutrality") or row["boundary_code"] in ("consumption", "supply"):
            continue
        value = row["target_value"]
        if value is None and row["base_value"] is not None and row["reduction_ratio"] is not None:
            value = row["base_value"] * (1 - row["reduction_ratio"])
        if value is None and row["target_kind"] == "neutrality":
            value = 0.0
        area = row["area_code"]
        if value is not None:
            points[area][row["target_year"]] = min(value, points[area].get(row["target_year"], math.inf))
        if row["base_value"] is not None:
            order = (row["target_year"], -row["base_year"], row["target_id"])
            if area not in first or order < first[area][0]:
                first[area] = (order, row["base_year"], row["base_value"])
    for area, (_, year, value) in first.items():
        if points[area] and year < min(points[area]):
            points[area][year] = value
    return points


def on_path(points: dict, year: int) -> float | None:
    if not points or not min(points) <= year <= max(points):
        return None
    before = max(of for of in points if of <= year)
    if before == year:
        return float(points[year])
    after = min(of for of in points if of > year)
    return points[before] + (points[after] - points[before]) * (year - before) / (after - before)


def emission_trajectory(world: World, emissions: dict, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "emission_trajectory.parquet").to_dicts()
    history = defaultdict(dict)
    for (area, year), value in emissions.items():
        if value is not None:
            history[area][year] = value
    points = wanted_path(world)
    horizon = max([2030, *(year for of in points.values() for year in of)])
    models = {}
    for area, of in history.items():
        years = [max(of)]
        while len(years) < 10 and years[0] - 1 in of:
            years.insert(0, years[0] - 1)
        values = [of[year] for year in years]
        usable = len(years) >= 3 and values[0] > 0 and values[-1] > 0
        models[area] = (years, fits(years, values) if usable else {})

    def path(area, year):
        own = on_path(points.get(area, {}), year)
        if own is not None or area in world.ours:
            return own
        members = [one for one in world.ours if area in ("DK", world.region_of(one, max(history[area])))]
        parts = [on_path(points.get(one, {}), year) for one in members]
        return None if None in parts else float(sum(parts))

    counted = defaultdict(int)
    for row in rows:
        area, method, year, value = row["area_code"], row["method_code"], row["year"], row["value_tonne_co2e"]
        key = (area, method, year)
        counted[method] += 1
        if method == "actual":
            found.same("emission_trajectory.actual", key, value, history[area][year])
        elif method == "target_path":
            found.same("emission_trajectory.target_path", key, value, on_path(points.get(area, {}), year))
        elif method == "target_path_sum":
            members = [one for one in world.ours if area in ("DK", world.region_of(one, max(history[area])))]
            parts = [on_path(points.get(one, {}), year) for one in members]
            expected = None if None in parts else float(sum(parts))
            found.same("emission_trajectory.target_path_sum", key, value, expected)
            having = len([part for part in parts if part is not None])
            found.same("emission_trajectory.target_count", key, row["target_count"], having)
        else:
            years, made = models[area]
            expected = float(made[method](year)) if method in made else None
            if expected is not None and value is not None and abs(expected) < 1e-3 * history[area][years[-1]]:
                # Near zero the difference of two large numbers has fewer digits.
                found.same("emission_trajectory.near_zero", key, abs(value - expected) < 1e-3, True)
            else:
                found.same(f"emission_trajectory.{method}", key, value, expected)
            fit = (row["fit_from_year"], row["fit_to_year"], row["fit_count"])
            found.same("emission_trajectory.fit", key, fit, (years[0], years[-1], len(years)))
        found.same("emission_trajectory.reason", key, row["reason_code"] is None, value is not None)
        if not method.startswith("target"):
            target = path(area, year)
            found.same("emission_trajectory.target", key, row["target_value_tonne_co2e"], target)
            on_track = None if value is None or target is None else value <= target
            found.same("emission_trajectory.on_track", key, row["is_on_track"], on_track)
    for method in ("lin_ols", "ets_smoothing", "loglin"):
        expected = sum(horizon - max(of) for of in history.values())
        found.same("emission_trajectory.rows", method, counted[method], expected)


def plan_status(world: World, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "plan_status.parquet").to_dicts()
    found.same("plan_status", "rows", len(rows), 98)
    plans = defaultdict(list)
    for plan in table(world.lake, "plan").to_dicts():
        plans[plan["area_code"]].append(plan)
    assessed = defaultdict(lambda: defaultdict(int))
    for row in table(world.lake, "plan_assessment").to_dicts():
        assessed[row["plan_id"]][row["met_code"]] += 1
    order = {"certified": 1, "adopted": 1, "expired": 2, "in_progress": 3}
    for row in rows:
        of = plans[row["area_code"]]
        area, today = row["area_code"], row["as_of_date"]
        found.same("plan_status.count", area, row["plan_count"], len(of))
        if not of:
            found.same("plan_status.none", area, row["has_plan"], None)
            continue
        best = min(order.get(plan["status_code"], 4) for plan in of)
        of = [plan for plan in of if order.get(plan["status_code"], 4) == best]
        oldest = datetime.date(1900, 1, 1)
        newest = max(plan["adopted_date"] or plan["certified_date"] or plan["valid_from"] or oldest for plan in of)
        ids = [plan["plan_id"] for plan in of if newest == (
            plan["adopted_date"] or plan["certified_date"] or plan["valid_from"] or oldest)]
        found.same("plan_status.plan", area, row["plan_id"], min(ids))
        plan = next(plan for plan in of if plan["plan_id"] == min(ids))
        found.same("plan_status.has_plan", area, row["has_plan"], best < 3)
        due, again = plan["revision_due_date"], plan["recertified_date"]
        overdue = None if due is None else due < today and (again is None or again < due)
        found.same("plan_status.overdue", area, row["is_overdue"], overdue)
        found.same("plan_status.days", area, row["days_to_revision"], (due - today).days if due else None)
        criteria = assessed.get(plan["plan_id"])
        for met in ("met", "partly", "not_met", "not_assessed"):
            expected = criteria[met] if criteria else None
            found.same("plan_status.criteria", (area, met), row[f"criteria_{met}_count"], expected)


def action_progress(world: World, today: datetime.date, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "action_progress.parquet").to_dicts()
    groups = defaultdict(list)
    for action in table(world.lake, "action").to_dicts():
        groups[(action["area_code"], action["kind"], action["status_code"])].append(action)
    found.same("action_progress", "rows", len(rows), len(groups))
    for row in rows:
        key = (row["area_code"], row["kind"], row["status_code"])
        of = groups[key]
        found.same("action_progress.count", key, row["action_count"], len(of))
        late = [one for one in of if one["end_date"] and one["end_date"] < today and key[2] not in ("done", "dropped")]
        found.same("action_progress.late", key, row["late_count"], len(late))
        for column in ("expected_effect_tonne_co2e", "realised_effect_tonne_co2e", "budget_dkk"):
            given = [one[column] for one in of if one[column] is not None]
            found.same(f"action_progress.{column}", key, row[column], float(sum(given)) if given else None)


def adaptation_year(world: World, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "adaptation_year.parquet").to_dicts()
    sewered, separate = defaultdict(float), defaultdict(float)
    for row in world.rows:
        if row["indicator_code"] == "sewer_area" and row["category_code"] not in ("not_sewered", "_O"):
            key = (row["area_code"], row["year"])
            sewered[key] += row["value"] or 0.0
            separate[key] += (row["value"] or 0.0) * (row["category_code"] == "separate")
    for row in rows:
        key = (row["area_code"], row["year"])
        for column, indicator in (
            ("designated_flood_erosion_ha", "designated_area_flood_erosion"),
            ("designated_low_lying_ha", "designated_area_low_lying"),
            ("precipitation_mm", "precipitation"),
            ("precipitation_over_10mm_day", "days_precipitation_10mm"),
            ("precipitation_24h_max_mm", "precipitation_max_24h"),
            ("precipitation_30min_max_mm", "precipitation_max_30min"),
        ):
            found.same("adaptation_year.given", (*key, column), row[column], world.figures[indicator].get(key))
        land, flood = world.figures["land_area"].get(key), row["designated_flood_erosion_ha"]
        ratio = None if flood is None or not land else flood / (100 * land)
        found.same("adaptation_year.ratio", key, row["designated_flood_erosion_ratio"], ratio)
        share = separate[key] / sewered[key] if sewered.get(key) else None
        found.same("adaptation_year.separate", key, row["separately_sewered_ratio"], share)


def coverage(world: World, today: datetime.date, found: Findings) -> None:
    rows = pl.read_parquet(world.lake / "out" / "coverage.parquet").to_dicts()
    held, newest = defaultdict(list), defaultdict(int)
    for row in world.rows:
        held[(row["pipeline"], row["area_code"], row["year"])].append(row["value"])
        newest[row["pipeline"]] = max(newest[row["pipeline"]], row["year"])
    revised = defaultdict(int)
    if (world.lake / "core" / "revision").exists():
        for row in table(world.lake, "revision").to_dicts():
            if row["table_name"] == "observation" and row["column_name"] == "value":
                key = dict(part.split("=", 1) for part in row["row_key"].split("|"))
                revised[(row["pipeline"], key["area_code"], int(key["period_start"][:4]))] += 1
    seen = {(row["owner"], row["area_code"], row["year"]): row for row in rows}
    owners = {row["owner"] for row in rows}
    for key, values in held.items():
        if key[0] in owners and world.areas[key[1]]["area_level"] == "municipality" and key[2] >= 2007:
            status = "present" if any(value is not None for value in values) else "no_figure"
            row = seen.get(key, {})
            found.same("coverage.status", key, row.get("coverage_status_code"), status)
            found.same("coverage.rows", key, row.get("row_count"), len(values))
            found.same("coverage.revised", key, row.get("revised_count"), revised[key])
    for key, row in seen.items():
        if key not in held:
            late = key[2] > newest[key[0]]
            found.same("coverage.late", key, row["is_late"], late)
            found.same("coverage.gap", key, row["coverage_status_code"], "late" if late else "missing")
            found.same("coverage.not_to_come", key, key[2] <= today.year, True)


def main() -> int:
    lake = Path(sys.argv[1])
    world = World(lake, Path(sys.argv[2]) if len(sys.argv) > 2 else REPOSITORY)
    today = pl.read_parquet(lake / "out" / "plan_status.parquet")["as_of_date"][0]
    found = Findings()
    municipality_year(world, found)
    region_year(world, found)
    emissions = indicator_year(world, found)
    emission_trajectory(world, emissions, found)
    plan_status(world, found)
    action_progress(world, today, found)
    adaptation_year(world, found)
    coverage(world, today, found)
    for what, count in sorted(found.compared.items()):
        print(f"{what:40} {count:8}")
    for line in found.wrong[:40]:
        print(f"DIFFERS {line}")
    print(f"{sum(found.compared.values())} compared, {len(found.wrong)} differ")
    return 1 if found.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
