"""A real CKAN, harvested by the real binary: what stands in the lake is what was put into the portal.

Packages of three organisations under five licences, files as they were uploaded, a table walked in pages that the portal
makes smaller than asked for, behind its last row too, and while somebody writes to it. Then what it refuses. All figures
and names are invented.

usage: ckan_portal.py KLIMALADE CACHE
"""

import contextlib
import datetime
import itertools
import sys
import tempfile
import threading
from pathlib import Path

import pyarrow as arrow
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
# Of a table's columns, the type at the portal and the declared one.
COLUMNS = {
    "nr": ("int4", "int"), "navn": ("text", "text"), "PM2.5": ("float8", "float"), "beløb i kr.": ("numeric", "text"),
    "tal": ("text", "text"), "dato": ("date", "date"), "tid": ("timestamp", "timestamp"), "År": ("int4", "int"),
}  # fmt: skip
OF_TABLE = {name: declared for name, (_, declared) in COLUMNS.items()}
OF_CSV = {name: OF_TABLE[name] for name in ("nr", "navn", "PM2.5")}
EXCEL = {"type": "csv", "delimiter": ";", "encoding": "windows-1252", "decimal": ","}
DATASTORE = {"type": "datastore"}
# Milliseconds between two requests, where something happens in between.
PAUSE = 1_500


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


def cells(of: dict) -> dict:
    """What of a row stands in such a file."""
    return {name: of[name] for name in OF_CSV}


class Harvest:
    """Pipelines of the portal, each in a home and a lake of its own."""

    def __init__(self, klimalade: Path, scratch: Path, portal: ckan_server.Portal):
        self.klimalade, self.scratch, self.portal = klimalade, scratch, portal

    def run(self, source: dict, kinds: dict = OF_TABLE, pause: int = 0, secrets: dict | None = None):
        """Exit code, what was said, and the lake. Each row becomes an area whose address is all that came."""
        source = {"connector": "ckan", "base_url": self.portal.base, "licences": OUR_LICENCES} | source
        names = {f"c{at}": (name, kind) for at, (name, kind) in enumerate((kinds | dict.fromkeys(FACTS, "text")).items())}
        declared = {ours: {"type": kind, "from": name} for ours, (name, kind) in names.items()}
        declared["c0"]["id"] = True
        columns = "".join(f"{ours} = {toml(column)}\n" for ours, column in declared.items())
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
        # Of raw/, which is compressed, what was stored.
        stored = [arrow.input_stream(file).read() for file in lake.rglob("*") if file.is_file()]
        if self.portal.token in said or any(token in content for content in stored):
            raise SystemExit("the key to the portal was printed or stored")

    def rows(self, title: str, *arguments, **more) -> tuple[list[dict], Path, str]:
        """What was published, cell by cell as text, licence included."""
        code, said, lake, names = self.run(*arguments, **more)
        if code != 0:
            raise SystemExit(f"{title}: ended with {code}\n{said}")
        found = []
        for file in sorted((lake / "core/plan_area").rglob("*.parquet")):
            for one in pq.ParquetFile(file).read(["document_url", "licence_code"]).to_pylist():
                texts = [None if text == "\x1e" else text for text in one["document_url"].split("\x1f")]
                found.append(dict(zip(names, texts, strict=True)) | {"licence": one["licence_code"]})
        return found, lake, said

    def refused(self, title: str, words: list[str], *arguments, **more) -> None:
        """Nothing is published, and what is said has these words."""
        code, said, lake, _ = self.run(*arguments, **more)
        missing = [word for word in words if word not in said]
        if code == 0 or missing or list((lake / "core").rglob("*.parquet")):
            raise SystemExit(f"{title}: ended with {code}, without {missing}:\n{said}")
        print(f"{title}: refused, as it must be", flush=True)


def same(title: str, came: list[dict], wanted: list[dict]) -> None:
    """Errors: the first row that is another than the one that was put in."""
    found, expected = ({(one["resource.id"], str(one["nr"])): one for one in rows} for rows in (came, wanted))
    if len(came) != len(found) or found.keys() != expected.keys():
        apart = sorted(found.keys() ^ expected.keys())[:5]
        raise SystemExit(f"{title}: {len(came)} rows came, {len(expected)} were put in; not in both: {apart}")
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
        town, owner = TOWNS[at % 4], list(ORGANISATIONS)[at % 3]
        package = {"name": f"cykelstier-{at:02}", "title": f"Cykelstier på {town} ({at})", "owner_org": owner}
        licence = licences[at % len(licences)]
        portal.do("package_create", **package, **({"license_id": licence} if licence else {}))
        for number in range(2 if at % 5 == 0 else 1):
            rows = [row(10 * at + one) for one in range(number, 3)]
            described = {"package_id": package["name"], "name": f"Stier {number} på {town}", "format": "csv"}
            resource = portal.upload(csv(rows).encode("cp1252"), f"stier {number}.csv", **described)
            expected += [cells(one) | facts(package, resource) | {"licence": LICENCES[licence]} for one in rows]
        # Not meant: another format, another host.
        about = {"name": "Om stierne", "format": "HTML", "url": "https://kommune.example/stier"}
        portal.do("resource_create", package_id=package["name"], **about)
    return expected


def put_in_table(portal: ckan_server.Portal, name: str, count: int, **more) -> tuple[dict, dict]:
    """A package with one table of the datastore; the package and its resource."""
    package = {"name": name, "title": f"Målinger {name}", "owner_org": "aeroe", "license_id": "CC-BY-4.0"} | more
    portal.do("package_create", **package)
    described = {"name": "Målinger", "format": "CSV", "url_type": "datastore", "url": "_datastore"}
    resource = portal.do("resource_create", package_id=name, **described)
    fields = [{"id": name, "type": kind} for name, (kind, _) in COLUMNS.items()]
    portal.do("datastore_create", resource_id=resource["id"], fields=fields, primary_key=["nr"], force=True)
    for at in range(0, count, 400):
        insert(portal, resource, [row(one) for one in range(at, min(at + 400, count))])
    return package, resource


def insert(portal: ckan_server.Portal, resource: dict, rows: list[dict]) -> None:
    portal.do("datastore_upsert", resource_id=resource["id"], method="insert", records=rows, force=True)


@contextlib.contextmanager
def after(portal: ckan_server.Portal, words: str, change, once: bool):
    """Changes the portal as soon as a request with these words was answered: the first, or each. Errors: none was."""
    over, done, seen = threading.Event(), [], len(portal.asked())

    def watch() -> None:
        while not over.wait(0.02):
            answered = [line for line in portal.asked()[seen:] if words in line]
            if len(answered) > len(done) and not (once and done):
                change()
                done.append(len(answered))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
    if not done:
        raise SystemExit(f"nothing was asked for with {words}")


def of_packages(harvest: Harvest, expected: list[dict]) -> None:
    files = {"resource": {"format": ".CSV", "every": True}, "read": EXCEL}
    searched = len(harvest.portal.asked())
    came, _, _ = harvest.rows("every package", {"search": {"filter": "title:*"}} | files, kinds=OF_CSV)
    same(f"CKAN, {PACKAGES} packages found in pages of ten, their files", came, expected)
    asked = [line.split("start=")[1].split("&")[0] for line in harvest.portal.asked()[searched:] if "package_search" in line]
    # The night plans twice: before the harvest, and behind it.
    if asked != 2 * [str(start) for start in range(0, PACKAGES, 10)]:
        raise SystemExit(f"the search was asked for at {asked}")
    for name in ORGANISATIONS:
        came, _, _ = harvest.rows(name, {"search": {"filter": f"organization:{name}"}} | files, kinds=OF_CSV)
        same(f"CKAN, the packages of {name}", came, [one for one in expected if one["package.organization"] == name])
    one = {"package": "cykelstier-03", "resource": {"format": "CSV"}, "read": EXCEL}
    harvest.refused("CKAN, a licence that nobody has read", ["licence", "other-at"], one | {"licences": {}}, kinds=OF_CSV)
    harvest.refused("CKAN, no licence", ["licence", "no licence"], one | {"package": "cykelstier-04", "licences": {}}, kinds=OF_CSV)
    two = one | {"package": "cykelstier-05"}
    harvest.refused("CKAN, two resources that fit", ["2 of these", "Stier 0 på Læsø"], two, kinds=OF_CSV)


def put_in_file(portal: ckan_server.Portal, name: str, content: bytes, **more) -> tuple[dict, dict]:
    package = {"name": name, "title": f"Fil {name}", "owner_org": "aarhus-vand", "license_id": "cc-zero"} | more
    portal.do("package_create", **package)
    return package, portal.upload(content, "Målte værdier.csv", package_id=name, name="Målte værdier", format="CSV")


def of_files(harvest: Harvest) -> None:
    """A file through the portal, to the byte: what was uploaded is what stands in raw/."""
    portal = harvest.portal
    many, few = [row(at) for at in range(5_000)], [row(at) for at in range(7)]
    for name, rows, content in (
        ("excel", many, csv(many).encode("cp1252")),
        ("byte-order-mark", few, b"\xef\xbb\xbf" + csv(few).replace("\r\n", "\n").encode()),
    ):
        package, resource = put_in_file(portal, name, content)
        came, lake, _ = harvest.rows(name, {"package": name, "read": EXCEL}, kinds=OF_CSV)
        same(f"CKAN, a file of {len(content)} bytes ({name})", came, [cells(one) | facts(package, resource) for one in rows])
        stored = [arrow.input_stream(file).read() for file in (lake / "raw").rglob("*.zst")]
        if stored != [content]:
            raise SystemExit(f"{name}: {[len(one) for one in stored]} bytes are stored, {len(content)} were uploaded")
    # Another file in its place while the night runs: its times of change move, and it is asked for again.
    package, resource = put_in_file(portal, "replaced", csv(few).encode("cp1252"))
    now = [row(at) for at in range(3, 9)]

    def replace() -> None:
        portal.upload(csv(now).encode("cp1252"), "Målte værdier.csv", action="resource_patch", id=resource["id"])

    with after(portal, "/download/", replace, once=True):
        came, _, _ = harvest.rows("replaced", {"package": "replaced", "read": EXCEL}, kinds=OF_CSV, pause=PAUSE)
    same("CKAN, a file that is replaced while the night runs", came, [cells(one) | facts(package, resource) for one in now])


def of_tables(harvest: Harvest) -> None:
    portal = harvest.portal
    package, resource = put_in_table(portal, "table", ROWS)
    expected = [row(at) | facts(package, resource) | {"licence": "cc_by_4_0"} for at in range(ROWS)]
    for limit in (500, MOST, 37):
        came, _, _ = harvest.rows("table", {"package": "table", "read": DATASTORE, "page_limit": limit})
        same(f"CKAN, a table in pages of {limit}, of which it gives {min(limit, MOST)}", came, expected)
    dump = {"package": "table", "read": {"type": "csv", "delimiter": ","}}
    came, _, _ = harvest.rows("dump", dump)
    same("CKAN, the same table as the file that the portal makes of it", came, expected)
    package, resource = put_in_table(portal, "even", EVEN_ROWS)
    expected = [row(at) | facts(package, resource) for at in range(EVEN_ROWS)]
    asked = len(portal.asked())
    came, _, _ = harvest.rows("even", {"package": "even", "read": DATASTORE, "trust_total": False})
    same("CKAN, a table of full pages whose count is not believed", came, expected)
    past = [line for line in portal.asked()[asked:] if f"offset={EVEN_ROWS}&" in line]
    page = portal.do("datastore_search", resource_id=resource["id"], offset=EVEN_ROWS, limit=500)
    if len(past) != 1 or page["records"] or page["limit"] != MOST or "next" not in page["_links"]:
        raise SystemExit(f"a page past the end was asked for {len(past)} times; it is {page}")
    if any("_links" in line or line.count("offset=") > 1 for line in portal.asked()[asked:]):
        raise SystemExit("a link was followed")
    print("CKAN, a page past the end: no rows, and a link to a next one that nobody follows", flush=True)


def of_writers(harvest: Harvest) -> None:
    """Somebody writes to the table while it is walked."""
    portal = harvest.portal
    source = {"read": DATASTORE, "page_limit": 500}
    package, resource = put_in_table(portal, "shrinks", EVEN_ROWS)
    of = {"resource_id": resource["id"], "force": True}
    with after(portal, "offset=100&", lambda: portal.do("datastore_delete", **of, filters={"nr": 5}), once=True):
        came, _, said = harvest.rows("shrinks", source | {"package": "shrinks"}, pause=PAUSE)
    left = [row(at) | facts(package, resource) for at in range(EVEN_ROWS) if at != 5]
    same("CKAN, a row before the page is taken away: walked again", came, left)
    if "walked again" not in said:
        raise SystemExit(f"nothing says that it was walked again:\n{said}")
    _, resource = put_in_table(portal, "grows", EVEN_ROWS)
    rows = itertools.count(EVEN_ROWS)
    with after(portal, "offset=100&", lambda: insert(portal, resource, [row(next(rows))]), once=False):
        title, words = "CKAN, a table to which somebody writes in every walk", ["count changed during the walk", "page_limit"]
        harvest.refused(title, words, source | {"package": "grows"}, pause=PAUSE)
    _, resource = put_in_table(portal, "goes", EVEN_ROWS)
    of = {"resource_id": resource["id"], "force": True}
    with after(portal, "offset=100&", lambda: portal.do("datastore_delete", **of), once=True):
        title, words = "CKAN, a table that is taken away while it is walked", ["not in the portal's datastore"]
        harvest.refused(title, words, source | {"package": "goes"}, pause=PAUSE)


def of_refusals(harvest: Harvest, without_datastore: str) -> None:
    portal = harvest.portal
    table = {"read": DATASTORE}
    harvest.refused("CKAN, an unknown package", ["nothing of this name", "HTTP 404: Not found"], table | {"package": "nowhere"})
    package = {"name": "flagged", "title": "Uden tabel", "owner_org": "aeroe", "license_id": "cc-by"}
    portal.do("package_create", **package)
    portal.do("resource_create", package_id="flagged", name="Målinger", url="_datastore", datastore_active=True)
    words = ["nothing of this name", "HTTP 404", "was not found"]
    harvest.refused("CKAN, a resource that says it has a table and has none", words, table | {"package": "flagged"})
    file = table | {"package": "cykelstier-01", "resource": {"format": "CSV"}}
    harvest.refused("CKAN, a resource without a table", ["not in the portal's datastore"], file)
    bare = table | {"package": "table", "base_url": without_datastore}
    words = ["Action name not known: datastore_search", "hint", "datastore"]
    harvest.refused("CKAN, a portal without a datastore, which says so in a bare string", words, bare)
    lost = table | {"package": "table", "base_url": f"{portal.base}/nowhere"}
    harvest.refused("CKAN, an address that is no portal's", ["nothing is served at this address", "HTTP 404", "hint"], lost)
    # What only those may see who are known to the portal.
    key = {"auth": {"strategy": "header", "name": "Authorization", "secret": "portal_key"}}
    known = {"secrets": {"portal_key": portal.token}}
    package, resource = put_in_table(portal, "private", 50, private=True)
    own = table | {"package": "private"}
    words = ["does not show this to us", "HTTP 403: Access denied", "[source.auth]", "hint"]
    harvest.refused("CKAN, a private package", words, own)
    wrong = {"secrets": {"portal_key": "hverken navn eller noegle"}}
    harvest.refused("CKAN, a private package, with a key that is none", words, own | key, **wrong)
    came, _, _ = harvest.rows("private", own | key, **known)
    same("CKAN, a private package with our key", came, [row(at) | facts(package, resource) for at in range(50)])
    rows = [row(at) for at in range(30)]
    package, resource = put_in_file(portal, "private-file", csv(rows).encode("cp1252"), private=True)
    private = {"package": "private-file", "read": EXCEL}
    came, _, _ = harvest.rows("private-file", private | key, kinds=OF_CSV, **known)
    same("CKAN, a private file with our key", came, [cells(one) | facts(package, resource) for one in rows])
    portal.do("package_create", name="links", title="Henviser", owner_org="aeroe", license_id="cc-by")
    portal.do("resource_create", package_id="links", name="Privat", format="CSV", url=resource["url"])
    # Not the portal's JSON: a page of HTML, under 403.
    words = ["the server refuses our credential", "HTTP 403", "/download/"]
    harvest.refused("CKAN, a link to a private file", words, {"package": "links", "read": EXCEL}, kinds=OF_CSV)
    portal.do("package_delete", id="table")
    words = ["does not show this to us", "was taken away"]
    harvest.refused("CKAN, a package that was taken away", words, table | {"package": "table"})
    words = ["no longer published", "state deleted"]
    title = "CKAN, a package that was taken away and that our key may still see"
    harvest.refused(title, words, table | {"package": "table"} | key, **known)


def main(klimalade: Path, cache: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="klimalade-ckan-") as folder:
        scratch = Path(folder).resolve()
        scratch.chmod(0o711)
        with ckan_server.portal(scratch / "ckan", cache / "ckan", MOST) as (portal, without_datastore):
            harvest = Harvest(klimalade, scratch, portal)
            of_packages(harvest, put_in_packages(portal))
            of_files(harvest)
            of_tables(harvest)
            of_writers(harvest)
            of_refusals(harvest, without_datastore)


if __name__ == "__main__":
    real_servers.end_in_order()
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
