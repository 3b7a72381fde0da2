"""What `klimalade export` writes, read by others: sdmx1 reads structure and rows, pandas the tables of inventories.

Of SDMX: the structure message parses, every column of the CSV is a component of it, every coded value is a code of its
list, no key stands twice, and sdmx1 reads the rows of one indicator by the structure. Of the inventories: a line has a
figure or a notation key, what is included elsewhere is included in a line that has a figure, and the total is the
lake's own sum. Of CDP: the columns of its dataset are there, and each answer belongs to a question.

usage: exports.py KLIMALADE LAKE
"""

import csv
import io
import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas
import sdmx

INDICATOR = "ghg_emissions"
KEYS = {"IE", "NE", "NO", "NA", "C"}
CDP_COLUMNS = [
    "question_number",
    "question_name",
    "column_number",
    "column_name",
    "row_number",
    "row_name",
    "response_answer",
]


class Klimalade:
    def __init__(self, binary: str, lake: str):
        self.binary, self.lake = binary, lake

    def say(self, *arguments: str) -> str:
        command = [self.binary, *arguments, "--lake", self.lake]
        said = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
        if said.returncode != 0:
            sys.exit(f"{' '.join(command)}\nended with {said.returncode}\n{said.stderr}")
        return said.stdout

    def ask(self, sql: str) -> list[dict]:
        return json.loads(self.say("query", sql, "--json"))


def same(what: str, found, expected) -> None:
    if found != expected:
        sys.exit(f"{what}: expected {expected!r}, found {found!r}")


def structure(klimalade: Klimalade, folder: Path) -> None:
    klimalade.say("export", "sdmx", "--out", str(folder))
    message = sdmx.read_sdmx(folder / "structure.xml")
    flow = message.dataflow["OBSERVATION"]
    definition = message.structure["OBSERVATION"]
    same("the flow's structure", flow.structure.id, definition.id)
    components = {}
    for part in (definition.dimensions, definition.measures, definition.attributes):
        for component in part.components:
            listed = component.local_representation.enumerated if component.local_representation else None
            components[component.id] = {code.id for code in listed} if listed is not None else None
    coded = sum(codes is not None for codes in components.values())
    if coded < 14:
        sys.exit(f"only {coded} components have a code list")
    areas = message.codelist["CL_AREAS"]
    same("a Danish name", str(areas["0751"].name.localizations["da"]), "Aarhus")
    same("Danish letters", str(areas["0101"].name.localizations["da"]), "København")
    parent = message.codelist["CL_SECTORS"]["energy_residential"].parent
    same("a code's parent", getattr(parent, "id", parent), "energy")

    dimensions = [component.id for component in definition.dimensions.components]
    keys, rows = set(), 0
    with (folder / "observation.csv").open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames
        same("the first columns", columns[:3], ["STRUCTURE", "STRUCTURE_ID", "ACTION"])
        same("the columns", set(columns[3:]), set(components))
        for row in reader:
            rows += 1
            same("the structure's id", row["STRUCTURE_ID"], f"{flow.maintainer.id}:{flow.id}({flow.version})")
            for name, codes in components.items():
                if codes is not None and row[name] and row[name] not in codes:
                    sys.exit(f"row {rows}: {name} {row[name]!r} is in no code list")
            for name in dimensions:
                if not row[name]:
                    sys.exit(f"row {rows}: no {name}")
            keys.add(hash(tuple(row[name] for name in dimensions)))
    counted = klimalade.ask("SELECT count(*) AS n FROM core.observation")[0]["n"]
    same("rows of observation.csv", rows, counted)
    same("keys of observation.csv", len(keys), rows)
    print(f"sdmx: {len(components)} components, {coded} of them coded, {rows} rows")


def read_by_structure(klimalade: Klimalade, folder: Path) -> None:
    klimalade.say("export", "sdmx", "--indicator", INDICATOR, "--out", str(folder))
    flow = sdmx.read_sdmx(folder / "structure.xml").dataflow["OBSERVATION"]
    message = sdmx.read_sdmx(folder / "observation.csv", structure=flow)
    observations = [obs for data in message.data for obs in data.obs]
    asked = klimalade.ask(
        f"SELECT count(*) AS n, sum(value) AS s FROM core.observation WHERE indicator_code = '{INDICATOR}'"
    )[0]
    same("observations that sdmx1 reads", len(observations), asked["n"])
    total = sum(float(obs.value) for obs in observations if obs.value not in (None, ""))
    if abs(total - asked["s"]) > 0.01:
        sys.exit(f"sdmx1 adds up {total}, the lake {asked['s']}")
    print(f"sdmx1 {sdmx.__version__} reads {len(observations)} observations of {INDICATOR} by the structure")


def inventory(klimalade: Klimalade, form: str, area: str, year: int, indicator: str) -> None:
    text = klimalade.say("export", form, "--area", area, "--year", str(year))
    header = [line for line in text.splitlines() if line.startswith("# ")]
    for name in ("source", "edition", "licence", "method", "simulated"):
        if not any(line.startswith(f"# {name}: ") for line in header):
            sys.exit(f"{form}: the header does not name {name}")
    table = pandas.read_csv(io.StringIO(text), comment="#", dtype={"ref": str}, keep_default_na=False, na_values=[""])
    lines = table[~table["kind"].isin(["total", "outside"])]
    for line in lines.itertuples():
        has_figure, has_key = pandas.notna(line.tonne_co2e), line.notation_key in KEYS
        if has_figure == has_key:
            sys.exit(f"{form}: {line.ref} has both a figure and a key, or none")
        if line.notation_key == "IE":
            for place in line.included_in.split("; "):
                there = table[table["ref"] == place]
                if there.empty or there["tonne_co2e"].isna().all():
                    sys.exit(f"{form}: {line.ref} is included in {place}, which has no figure")
    total = table[table["ref"] == "TOTAL"]["tonne_co2e"].iloc[0]
    asked = klimalade.ask(
        f"SELECT sum(value) AS s FROM core.observation WHERE indicator_code = '{indicator}' "
        f"AND area_code = '{area}' AND year = {year} AND scenario_code = 'actual'"
    )[0]["s"]
    if abs(total - asked) > 0.01:
        sys.exit(f"{form}: the total is {total}, the lake's sum {asked}")
    figures = lines["tonne_co2e"].notna().sum()
    print(f"{form} {area} {year}: {len(lines)} lines, {figures} with a figure, {total} tonne CO2e")


def cdp(klimalade: Klimalade, area: str) -> None:
    text = klimalade.say("export", "cdp", "--area", area)
    table = pandas.read_csv(io.StringIO(text), comment="#", dtype=str, keep_default_na=False)
    for column in CDP_COLUMNS:
        if column not in table.columns:
            sys.exit(f"cdp: no column {column}")
    without = table[table["question_name"] == ""]
    same("answers without a question", len(without), 0)
    print(f"cdp {area}: {len(table)} answers to {table['question_name'].nunique()} questions")


def main() -> None:
    binary, lake = sys.argv[1:]
    # What it leaves aside is said by the checks here.
    logging.getLogger("sdmx").setLevel(logging.ERROR)
    klimalade = Klimalade(str(Path(binary).resolve()), lake)
    with tempfile.TemporaryDirectory(prefix="klimalade-exports-") as folder:
        structure(klimalade, Path(folder) / "all")
        read_by_structure(klimalade, Path(folder) / "one")
    years = klimalade.ask(
        f"SELECT max(year) AS newest FROM core.observation WHERE indicator_code = '{INDICATOR}'"
    )
    for area in ("0101", "0751", "0825"):
        for form in ("gpc", "crf"):
            inventory(klimalade, form, area, years[0]["newest"], INDICATOR)
    inventory(klimalade, "crf", "DK", years[0]["newest"], "ghg_inventory")
    for area in ("0751", "0269"):
        cdp(klimalade, area)


main()
