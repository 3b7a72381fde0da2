"""Figures of five pages against SQL and Python over the tables of core that the report does not share."""

import collections
import datetime
import re
from pathlib import Path

import duckdb

EMISSIONS = """SELECT area_code, sum(value) AS value FROM {observation} WHERE indicator_code = 'ghg_emissions' AND scenario_code = 'actual'
    AND area_level = 'municipality' AND year = {year} GROUP BY area_code"""
PERSONS = """SELECT area_code, sum(value) AS value FROM {observation} WHERE indicator_code = 'population' AND scenario_code = 'actual'
    AND area_level = 'municipality' AND year = {year} GROUP BY area_code"""
# Of each municipality the plan that holds: adopted or certified, else run out, else in preparation; of several the newest.
OVERDUE = """SELECT count(*) FROM (
    SELECT DISTINCT ON (area_code) * FROM {plan} ORDER BY area_code,
        list_position(['certified', 'adopted', 'expired', 'in_progress'], replace(status_code, 'certified', 'adopted')) NULLS LAST,
        coalesce(adopted_date, certified_date, valid_from, DATE '1900-01-01') DESC, plan_id
) WHERE revision_due_date < DATE '{day}' AND (recertified_date IS NULL OR recertified_date < revision_due_date)"""
# What is built before the year counts in it; a share that lies in the sea is no municipality's.
BUILT = """SELECT sum(p.afforestation_ha * a.share) FROM {project} p JOIN {project_area} a USING (project_id)
    WHERE p.stage_code = 'built' AND p.source_id LIKE '%mars_projects'
    AND year(CAST(timezone('Europe/Copenhagen', p.changed_at) AS DATE)) < {year}"""

HEAT = """SELECT area_code, indicator_code, sector_code, carrier_code, category_code, year, CASE WHEN count(value) = count(*) THEN sum(value) END
    FROM {observation} WHERE indicator_code IN ('final_energy_consumption', 'district_heat_fuel', 'heating_degree_days', 'electricity_emission_factor')
    AND scenario_code = 'actual' AND area_level = 'municipality' AND year IN ({first}, {last}) GROUP BY ALL"""
# IPCC 2006 Guidelines, volume 2, table 2.2, once more and by hand: kg CO2 per GJ.
FUELS = {"coal": 94.6, "natural_gas": 56.1, "lpg": 63.1, "gas_diesel_oil": 74.1, "fuel_oil": 77.4, "waste_oil": 73.3, "refinery_gas": 57.6, "kerosene": 71.9}
BUILDINGS = {"energy_residential", "energy_commercial_public", "energy_commercial", "energy_public"}


def pairs(cells: dict, years: tuple[int, int]) -> dict:
    """The figures of two years, cell by cell; nothing where one of the years has no row at all."""
    there = all(any(year in known for known in cells.values()) for year in years)
    return {cell: tuple(known.get(year) for year in years) for cell, known in cells.items()} if there else {}


def weather(rows: list[tuple], years: tuple[int, int]) -> dict[str, float]:
    """Tonnes by municipality, had all heat followed the degree days; a municipality that lacks an input is not in it."""
    held = collections.defaultdict(lambda: collections.defaultdict(lambda: collections.defaultdict(dict)))
    for area, indicator, sector, carrier, category, year, value in rows:
        if indicator != "final_energy_consumption" or sector in BUILDINGS:
            held[area][indicator][sector, carrier, category][year] = value
    found = {}
    for area, indicators in held.items():
        one = {code: next(iter(pairs(indicators[code], years).values()), (None, None)) for code in ("heating_degree_days", "electricity_emission_factor")}
        days, grams = one.values()
        energy = pairs(indicators["final_energy_consumption"], years)
        if None in days + grams or not energy:
            continue
        tonne = 0.0
        for (_, carrier, category), tj in energy.items():
            each = sum(grams) / 2 / 3.6 if category in ("el_panel_heater", "el_heat_pump") else FUELS.get(carrier, 0.0)
            tonne += sum(tj) / 2 * each if None not in tj else 0.0
        # A fuel for district heat that was not used has no row.
        for (_, carrier, _), tj in pairs(indicators["district_heat_fuel"], years).items():
            tonne += sum(each or 0.0 for each in tj) / 2 * FUELS.get(carrier, 0.0)
        found[area] = tonne * (days[1] - days[0]) / (sum(days) / 2)
    return found


def signed(value: float) -> str:
    """A change in whole tonnes."""
    written = danish(value, 0)
    return "0" if written.strip("−") == "0" else written if value < 0 else f"+{written}"


def danish(value: float, decimals: int) -> str:
    """As the pages write it: halves away from zero would differ in the last digit only."""
    return f"{value:,.{decimals}f}".replace(",", " ").replace(".", ",").replace(" ", ".").replace("-", "−")


def by_size(value: float) -> str:
    size = abs(value)
    return danish(value, 0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 1 else 3)


def compare(site: Path, lake: Path, municipality: str) -> tuple[list[str], list[str]]:
    """What was compared, and what differs."""
    base = duckdb.connect()
    base.execute("SET TimeZone = 'UTC'")
    tables = {name: f"read_parquet('{lake}/core/{name}/**/*.parquet', union_by_name = true)" for name in
              ("observation", "plan", "project", "project_area")}  # fmt: skip

    def ask(sql: str, **values):
        return base.sql(sql.format(**tables, **values)).fetchall()

    def said(page: str, pattern: str) -> tuple[str, ...]:
        found = re.search(pattern, (site / page).read_text("utf-8"), re.S)
        return found.groups() if found else ("nothing",) * re.compile(pattern).groups

    compared, findings = [], []

    def equal(what: str, page: str, there: str, here: str) -> None:
        compared.append(f"{page}: {what}: {there} there, {here} in SQL")
        if there != here:
            findings.append(compared[-1])

    page = "da/index.html"
    year, there = said(page, r'Udledning i alt (\d+)</p><p class="value">(\S+) ')
    emissions = dict(ask(EMISSIONS, year=int(year) if year.isdigit() else 0))
    equal(f"emissions of all municipalities in {year}, tonne", page, there, danish(sum(emissions.values()), 0))

    page = f"da/kommune/{municipality}.html"
    year, there = said(page, r'Pr\. indbygger (\d+)</p><p class="value">(\S+) ')
    persons = dict(ask(PERSONS, year=int(year) if year.isdigit() else 0))
    equal(f"tonne per inhabitant in {year}", page, there, danish(emissions[municipality] / persons[municipality], 2))

    page = "da/indikator/vehicles.html"
    (year,) = said(page, r'class="small">Efter størrelse;[^<]*? (\d{4}), ')
    values = EMISSIONS.replace("ghg_emissions", "vehicles")
    vehicles = dict(ask(values, year=int(year) if year.isdigit() else 0))
    persons = dict(ask(PERSONS, year=int(year) if year.isdigit() else 0))
    shares = {code: value / persons[code] for code, value in vehicles.items() if persons.get(code)}
    rank = 1 + sum(share > shares[municipality] for share in shares.values())
    table = (site / page).read_text("utf-8").partition('id="kommuner"')[2].partition("</table>")[0]
    order = re.findall(r'<th scope="row"><a href="[^"]*?(\d{4})\.html"', table)
    there = str(1 + order.index(municipality)) if municipality in order else "nothing"
    equal(f"place of {municipality} among {len(order)} by vehicles per inhabitant in {year}", page, there, str(rank))

    page = "da/planer.html"
    (day,) = said(page, r"Planernes stilling pr\. ([\d.]+\d)\.")
    (there,) = said(page, r'Revision overskredet</p><p class="value">(\d+) ')
    iso = datetime.datetime.strptime(day, "%d.%m.%Y").date() if day != "nothing" else datetime.date.min
    equal(f"plans overdue for revision on {day}", page, there, str(ask(OVERDUE, day=iso)[0][0]))

    page = "da/indikator/afforestation_area.html"
    year, there = said(page, r"Hele landet (\d+): <strong>([^<]*?)\u00a0ha")
    hectares = ask(BUILT, year=int(year) if year.isdigit() else 0)[0][0]
    equal(f"hectares of built afforestation in {year}", page, there, by_size(hectares or 0.0))

    for page, wanted in ((f"da/kommune/{municipality}.html", [municipality]), ("da/index.html", list(emissions))):
        *years, there = said(page, r'<td class="years">(\d{4})–(\d{4})<td id="vejr-ton">(.*?)<td')
        there = " ".join(re.sub(r"<[^>]*>", " ", there).split())
        first, last = (int(year) if year.isdigit() else 0 for year in years)
        parts = weather(ask(HEAT, first=first, last=last), (first, last))
        low, middle, high = (signed(share * sum(parts.get(code, 0.0) for code in wanted)) for share in (0.50, 0.70, 0.86))
        here = f"{middle} fra {low} til {high}" if set(wanted) <= set(parts) else "kan ikke siges ud fra data"
        equal(f"the weather's part {first} to {last}, tonne", page, there, here)
    return compared, findings
