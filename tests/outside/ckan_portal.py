"""A real CKAN, harvested by the real binary: what stands in the lake is what was put into the portal.

Packages of three organisations under five licences, files as they were uploaded, a table walked in pages that the portal
makes smaller than asked for, behind its last row too, and while somebody writes to it. Then what it refuses. All figures
and names are invented.

usage: ckan_portal.py KLIMALADE CACHE
"""

import contextlib
import datetime
import hashlib
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq

import ckan_server
import real_servers
from harvest import harvested, toml

SOURCE, PIPELINE = "real_portal", "real_portal_rows"
# Rows of a table that the portal gives at most, and rows that there are.
MOST, ROWS, EVEN_ROWS = 100, 1_234, 300
ORGANISATIONS = {"aeroe": "Ærø Kommune", "hoeje-taastrup": "Høje-Taastrup Kommune", "aarhus-vand": "Århus Å & omegn"}
# What the portal is told of a licence, and what is published.
LICENCES = {"cc-by": "cc_by", "CC-BY-4.0": "cc_by_4_0", "cc-zero": "cc0_1_0", "other-at": "psi_open", None: "not_stated"}
OUR_LICENCES = {"other-at": "psi_open", "": "not_stated"}
PACKAGES = 45
TOWNS = ["Ærø", "Læsø", "Høje-Taastrup", "Århus Å & omegn", "Sønderborg", "Møn <øst>", 'Fanø "vest"', "100 % æøå; ja\\nej"]
FACTS = ["package.name", "package.title", "package.organization", "package.organization_title", "resource.id", "resource.name"]
# Names at the source; a table of the datastore may have any.
FIELDS = {"nr": "int4", "navn": "text", "PM2.5": "float8", "beløb i kr.": "numeric", "tal": "text", "dato": "date", "tid": "timestamp", "År": "int4"}
KINDS = {"nr": "int", "navn": "text", "PM2.5": "float", "beløb i kr.": "text", "tal": "text", "dato": "date", "tid": "timestamp", "År": "int"}


def row(at: int) -> dict:
    return {
        "nr": at,
        "navn": None if at % 11 == 7 else f"{TOWNS[at % len(TOWNS)]} {at}",
        "PM2.5": None if at % 9 == 4 else round(0.1 + at * 1.1, 3),
        "beløb i kr.": None if at % 13 == 5 else f"{at * 1000}.{at % 100:02}",
        "tal": f"{at}{at % 10},5",
        "dato": None if at % 8 == 5 else str(datetime.date(2001, 1, 31) + datetime.timedelta(days=7 * at)),
        "tid": str(datetime.datetime(2026, 3, 29, 1, 30) + datetime.timedelta(minutes=at)).replace(" ", "T"),
        "År": 2000 + at % 30,
    }


def csv(rows: list[dict]) -> str:
    """As Danish Excel writes it."""
    cells = [[str(one["nr"]), one["navn"] or "", str(one["PM2.5"] or "").replace(".", ",")] for one in rows]
    quoted = [";".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in [["nr", "navn", "PM2.5"], *cells]]
    return "\r\n".join(quoted) + "\r\n"


class Harvest:
    """Pipelines of the portal, each in a home and a lake of its own."""

    def __init__(self, klimalade: Path, scratch: Path, portal: ckan_server.Portal):
        self.klimalade, self.scratch, self.portal = klimalade, scratch, portal

    def run(self, source: dict, kinds: dict = KINDS, pause: int = 0, secrets: dict | None = None):
        """Exit code, what was said, and the lake. Each row becomes an area whose address is all that came."""
        source = {"connector": "ckan", "base_url": self.portal.base, "licences": OUR_LICENCES} | source
        names = {f"c{at}": (name, kind) for at, (name, kind) in enumerate((kinds | dict.fromkeys(FACTS, "text")).items())}
        columns = "".join(
            f"{ours} = {toml({'type': kind, 'from': name} | ({'id': True} if ours == 'c0' else {}))}\n" for ours, (name, kind) in names.items()
        )
        said = ", '\x1f', ".join(f"coalesce(CAST(r.{ours} AS VARCHAR), '\x1e')" for ours in names)
        definition = (
            'version = 1\ntitle_en = "Rows of a real portal"\ntitle_da = "Rækker fra en rigtig portal"\n'
            f'source_id = "{SOURCE}"\ntable = "plan_area"\nlicence_code = "cc_by"\n\n[source]\n'
            + "".join(f"{key} = {toml(value)}\n" for key, value in source.items())
            + f"\n[columns]\n{columns}\n[checks]\nmin_rows = 1\n"
            + f"\n[limits]\nhost_interval_millis = {pause}\ndataset_interval_millis = 0\n"
        )
        resource = next(ours for ours, (name, _) in names.items() if name == "resource.id")
        map_sql = (
            f"SELECT 'publish' AS fate, concat('{SOURCE}:', r.{resource}, ':', r.c0) AS feature_id, 'wind' AS theme_code,\n"
            f"    '0461' AS area_code, 'adopted' AS status_code, concat({said}) AS document_url\nFROM raw r\n"
        )
        code, said, lake = harvested(self.klimalade, self.scratch, PIPELINE, SOURCE, definition, map_sql, secrets)
        self.keeps_quiet(said, lake)
        return code, said, lake, [name for name, _ in names.values()]

    def keeps_quiet(self, said: str, lake: Path) -> None:
        """Our key to the portal stands nowhere."""
        token = self.portal.token.encode()
        if self.portal.token in said or any(token in file.read_bytes() for file in lake.rglob("*") if file.is_file()):
            raise SystemExit("the key to the portal was printed or stored")

    def rows(self, title: str, *arguments, **more) -> tuple[list[dict], Path, str]:
        """What was published, cell by cell as text, licence included."""
        code, said, lake, names = self.run(*arguments, **more)
        if code != 0:
            raise SystemExit(f"{title}: ended with {code}\n{said}")
        found = []
        for file in sorted((lake / "core/plan_area").rglob("*.parquet")):
            for one in pq.ParquetFile(file).read(["document_url", "licence_code"]).to_pylist():
                cells = [None if cell == "\x1e" else cell for cell in one["document_url"].split("\x1f")]
                found.append(dict(zip(names, cells, strict=True)) | {"licence": one["licence_code"]})
        return found, lake, said

    def refused(self, title: str, words: list[str], *arguments, **more) -> str:
        """Nothing is published, and what is said has these words."""
        code, said, lake, _ = self.run(*arguments, **more)
        missing = [word for word in words if word not in said]
        if code == 0 or missing or list((lake / "core").rglob("*.parquet")):
            raise SystemExit(f"{title}: ended with {code}, without {missing}:\n{said}")
        print(f"{title}: refused, as it must be", flush=True)
        return said


def same(title: str, came: list[dict], wanted: list[dict], key=("resource.id", "nr")) -> None:
    """Errors: the first row that is another than the one that was put in."""
    by_key = lambda rows: {tuple(str(one[name]) for name in key): one for one in rows}  # noqa: E731
    found, expected = by_key(came), by_key(wanted)
    if len(came) != len(found) or found.keys() != expected.keys():
        missing = sorted(expected.keys() - found.keys())[:3]
        raise SystemExit(f"{title}: {len(came)} rows came, {len(expected)} were put in; missing {missing}, more {sorted(found.keys() - expected.keys())[:3]}")
    for name, one in expected.items():
        for column, value in one.items():
            if not is_same(found[name][column], value):
                raise SystemExit(f"{title}: {name}: {column} is {found[name][column]!r}, and {value!r} was put in")
    print(f"{title}: {len(came)} rows as put in", flush=True)


def is_same(came: str | None, value) -> bool:
    if value is None or came is None:
        return value is came
    if isinstance(value, float):
        return float(came) == value
    return came == str(value) or came == f"{value}Z"


def facts(package: dict, resource: dict) -> dict:
    return {
        "package.name": package["name"], "package.title": package["title"], "package.organization": package["owner_org"],
        "package.organization_title": ORGANISATIONS[package["owner_org"]], "resource.id": resource["id"],
        "resource.name": resource["name"],
    }  # fmt: skip


def put_in_packages(portal: ckan_server.Portal) -> list[dict]:
    """Packages with files; the rows that come of them."""
    for name, title in ORGANISATIONS.items():
        portal.do("organization_create", name=name, title=title)
    expected = []
    licences = list(LICENCES)
    for at in range(PACKAGES):
        package = {"name": f"cykelstier-{at:02}", "title": f"Cykelstier på {TOWNS[at % 4]} ({at})", "owner_org": list(ORGANISATIONS)[at % 3]}
        licence = licences[at % len(licences)]
        portal.do("package_create", **package, **({"license_id": licence} if licence else {}))
        for number in range(2 if at % 5 == 0 else 1):
            rows = [row(10 * at + one) for one in range(number, 3)]
            resource = portal.upload(
                csv(rows).encode("cp1252"), f"stier {number}.csv", package_id=package["name"], name=f"Stier {number} på {TOWNS[at % 4]}", format="csv"
            )
            expected += [
                {name: one[name] for name in ("nr", "navn", "PM2.5")} | facts(package, resource) | {"licence": LICENCES[licence]} for one in rows
            ]
        # Not meant: another format, another host.
        portal.do("resource_create", package_id=package["name"], name="Om stierne", format="HTML", url="https://kommune.example/stier")
    return expected


def put_in_table(portal: ckan_server.Portal, name: str, count: int, **more) -> tuple[dict, dict]:
    """A package with one table of the datastore; the package and its resource."""
    package = {"name": name, "title": f"Målinger {name}", "owner_org": "aeroe", "license_id": "CC-BY-4.0"} | more
    portal.do("package_create", **package)
    resource = portal.do("resource_create", package_id=name, name="Målinger", format="CSV", url_type="datastore", url="_datastore")
    fields = [{"id": field, "type": kind} for field, kind in FIELDS.items()]
    portal.do("datastore_create", resource_id=resource["id"], fields=fields, primary_key=["nr"], force=True)
    for at in range(0, count, 400):
        insert(portal, resource, [row(one) for one in range(at, min(at + 400, count))])
    return package, resource


def insert(portal: ckan_server.Portal, resource: dict, rows: list[dict]) -> None:
    portal.do("datastore_upsert", resource_id=resource["id"], method="insert", records=rows, force=True)


@contextlib.contextmanager
def while_walked(portal: ckan_server.Portal, offset: int, change, once: bool):
    """Changes the portal as soon as the page at `offset` was given: in the first walk, or in each."""
    over, seen = threading.Event(), len(portal.asked())

    def watch() -> None:
        done = 0
        while not over.is_set():
            given = [line for line in portal.asked()[seen:] if f"offset={offset}&" in line or f"offset={offset} " in line]
            if len(given) > done and not (once and done):
                done = len(given)
                change(done)
            time.sleep(0.02)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def of_packages(harvest: Harvest, expected: list[dict]) -> None:
    kinds = {"nr": "int", "navn": "text", "PM2.5": "float"}
    files = {
        "resource": {"format": ".CSV", "every": True},
        "read": {"type": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ","},
    }
    searched = len(harvest.portal.asked())
    came, _, _ = harvest.rows("every package", {"search": {"filter": "title:*"}} | files, kinds=kinds)
    same(f"CKAN, {PACKAGES} packages found in pages of ten, their files", came, expected)
    asked = [line.split("start=")[1].split("&")[0] for line in harvest.portal.asked()[searched:] if "package_search" in line]
    # The night plans twice: before the harvest, and behind it.
    if asked != 2 * [str(start) for start in range(0, PACKAGES, 10)]:
        raise SystemExit(f"the search was asked for at {asked}")
    for name in ORGANISATIONS:
        came, _, _ = harvest.rows(name, {"search": {"filter": f"organization:{name}"}} | files, kinds=kinds)
        same(f"CKAN, the packages of {name}", came, [one for one in expected if one["package.organization"] == name])
    one = {"package": "cykelstier-03", "resource": {"format": "CSV"}, "read": files["read"]}
    harvest.refused("CKAN, a licence that nobody has read", ["licence", "other-at"], one | {"licences": {}}, kinds=kinds)
    harvest.refused("CKAN, no licence", ["licence", "no licence"], one | {"package": "cykelstier-04", "licences": {}}, kinds=kinds)
    two = one | {"package": "cykelstier-05"}
    harvest.refused("CKAN, two resources that fit", ["2 of these", "Stier 0 på Læsø"], two, kinds=kinds)


def of_bytes(harvest: Harvest) -> None:
    """A file through the portal, to the byte: what was uploaded is what stands in raw/."""
    portal = harvest.portal
    for name, content in {
        "excel": csv([row(at) for at in range(5_000)]).encode("cp1252"),
        "med-mærke": b"\xef\xbb\xbf" + csv([row(at) for at in range(7)]).replace("\r\n", "\n").encode(),
    }.items():
        package = {"name": f"fil-{len(content)}", "title": "Fil", "owner_org": "aarhus-vand", "license_id": "cc-zero"}
        portal.do("package_create", **package)
        portal.upload(content, f"{name}.csv", package_id=package["name"], name=name, format="CSV")
        read = {"type": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ","}
        kinds = {"nr": "int", "navn": "text", "PM2.5": "float"}
        came, lake, _ = harvest.rows(name, {"package": package["name"], "read": read}, kinds=kinds)
        print(len(came), hashlib.sha256(content).hexdigest(), [str(f.relative_to(lake)) for f in (lake / "raw").rglob("*")])


def main(klimalade: Path, cache: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="klimalade-ckan-") as folder:
        scratch = Path(folder).resolve()
        scratch.chmod(0o711)
        with ckan_server.portal(scratch / "ckan", cache / "ckan", MOST) as (portal, without_datastore):
            harvest = Harvest(klimalade, scratch, portal)
            of_packages(harvest, put_in_packages(portal))
            of_bytes(harvest)


if __name__ == "__main__":
    real_servers.end_in_order()
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
