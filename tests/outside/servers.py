"""Real servers that nobody here wrote, harvested by the real binary: MapServer, pygeoapi and koop.

What stands in the lake after a walk must be what the server was given, feature by feature. Then what servers do wrong: a
maximum below what was asked for, a page past the end, an error report, GML 2, an offset that is ignored. What the harvest
wrote is opened by geopandas, pyarrow and DuckDB.

usage: servers.py KLIMALADE CACHE
"""

import json
import sys
import tempfile
from pathlib import Path

import features
import geoparquet
import real_servers
from features import SOURCE
from harvest import harvested, toml

PAGE = 10
PIPELINE = "real_server_areas"
# Declared name and type, and the name that the feature has at the source.
COLUMNS = {"objekt_id": "text", "navn": "text", "komnr": "int", "areal": "float", "dato": "date"}
MAP_SQL = """SELECT 'publish' AS fate,
    concat('{source}:', r.objekt_id) AS feature_id,
    {name} AS plan_id,
    'wind' AS theme_code,
    lpad(CAST(r.komnr AS VARCHAR), 4, '0') AS area_code,
    'adopted' AS status_code,
    {date} AS valid_from,
    concat('areal=', coalesce(CAST({number} AS VARCHAR), 'null')) AS document_url,
    r.geometri AS geometry
FROM raw r
"""


class Harvest:
    """One pipeline of one server, in a home and a lake of its own."""

    def __init__(self, klimalade: Path, scratch: Path):
        self.klimalade, self.scratch = klimalade, scratch

    def run(self, source: dict, prefix: str, geometry: str, columns: dict | None = None, name="r.navn", date="r.dato", number="r.areal"):
        """Exit code, what was said, and the lake."""
        settings = "".join(f"{key} = {toml(value)}\n" for key, value in source.items())
        declared = ""
        for column_name, kind in (COLUMNS | (columns or {})).items():
            column = {"type": kind, "from": prefix + column_name}
            column |= {"id": True} if column_name == "objekt_id" else {}
            column |= {"epoch": "ms"} if kind == "timestamp" else {}
            declared += f"{column_name} = {toml(column)}\n"
        definition = (
            f'version = 1\ntitle_en = "Areas of a real server"\ntitle_da = "Områder fra en rigtig server"\nsource_id = "{SOURCE}"\n'
            f'table = "plan_area"\nlicence_code = "cc_by_4_0"\n\n[source]\n{settings}\n[columns]\n{declared}'
            f'geometri = {{ type = "geometry", from = "{geometry}" }}\n\n[checks]\nmin_rows = 1\n'
            "\n[limits]\nhost_interval_millis = 0\ndataset_interval_millis = 0\n"
        )
        map_sql = MAP_SQL.format(source=SOURCE, name=name, date=date, number=number)
        return harvested(self.klimalade, self.scratch, PIPELINE, SOURCE, definition, map_sql)

    def equal(self, title: str, layer: str, *arguments, **more) -> Path:
        """What was harvested is what the server was given."""
        code, said, lake = self.run(*arguments, **more)
        if code != 0:
            raise SystemExit(f"{title}, {layer}: ended with {code}\n{said}")
        print(f"{title}, {layer}: {features.compare(lake, LAYERS[layer])}", flush=True)
        return lake

    def refused(self, title: str, words: list[str], *arguments, **more) -> None:
        """Nothing is published, and what is said has these words."""
        code, said, lake = self.run(*arguments, **more)
        missing = [word for word in words if word not in said]
        if code == 0 or missing or list((lake / "core").rglob("*.parquet")):
            raise SystemExit(f"{title}: ended with {code}, without {missing}:\n{said}")
        print(f"{title}: refused, as it must be", flush=True)


LAYERS = {"omraader": features.areas(), "punkter": features.points()}


def of_mapserver(harvest: Harvest, base: str, log: Path) -> Path:
    def wfs(layer="omraader", path="mapserv", map_name="pdk", **more) -> dict:
        settings = {"connector": "wfs", "base_url": f"{base}/{path}", "type_names": f"pdk:{layer}", "page_limit": PAGE}
        return settings | {"query": {"map": map_name}} | more

    lakes = [
        harvest.equal(f"MapServer WFS {version}", layer, wfs(layer, version=version), "", "geometri")
        for layer in LAYERS
        for version in ("2.0.0", "1.1.0")
    ]
    # Thirty features in pages of ten: the fourth page is past the end.
    past = [line for line in log.read_text("utf-8").splitlines() if "startIndex=30" in line]
    if not past or any('" 200 ' not in line for line in past):
        raise SystemExit(f"MapServer: no page past the end was asked for: {past}")
    print(f"MapServer WFS: {len(past)} pages past the end, without features and without harm")
    harvest.equal("MapServer WFS 2.0.0 with a maximum of 5", "omraader", wfs(map_name="capped"), "", "geometri")
    harvest.refused(
        "MapServer WFS, a maximum of 5 that is taken for the number of features", ["promised"],
        wfs(map_name="capped", trust_hits=True), "", "geometri",
    )  # fmt: skip
    for version in ("2.0.0", "1.1.0"):
        harvest.refused(
            f"MapServer WFS {version}, an unknown layer", ["error", "nowhere"],
            wfs("nowhere", version=version), "", "geometri",
        )  # fmt: skip
    harvest.refused("MapServer WFS 1.0 alone", ["GML 2", "hint"], wfs(path="only10", describe=False), "", "geometri")
    harvest.refused(
        "MapServer WFS 1.1.0 as GML 2", ["GML 2", "hint"],
        wfs(version="1.1.0", output_format="text/xml; subtype=gml/2.1.2"), "", "geometri",
    )  # fmt: skip
    return lakes[0]


def of_mapserver_ogcapi(harvest: Harvest, base: str) -> None:
    def ogcapi(map_name: str, layer: str = "punkter", **more) -> dict:
        return {"connector": "ogcapi", "base_url": f"{base}/mapserv/{map_name}/ogcapi", "collection": layer} | more

    # Null is "" there, for a number too.
    text = {"areal": "text", "dato": "text"}
    of = {
        "columns": text, "name": "nullif(r.navn, '')", "date": "CAST(nullif(r.dato, '') AS DATE)",
        "number": "CAST(nullif(r.areal, '') AS DOUBLE)",
    }  # fmt: skip
    walk = ("properties.", "geometry")
    harvest.equal("MapServer OGC API by its links", "punkter", ogcapi("pdk", page_limit=PAGE, paging="next"), *walk, **of)
    past = ["Offset out of range", "hint"]
    harvest.refused("MapServer OGC API, a page past the end", past, ogcapi("pdk", page_limit=PAGE), *walk, **of)
    harvest.equal("MapServer OGC API over a GeoPackage, in one page", "punkter", ogcapi("gpkg", page_limit=100), *walk, **of)
    pages = [f"{base}/mapserv/gpkg/ogcapi/collections/punkter/items?f=json&limit={PAGE}&offset={at}" for at in (0, PAGE)]
    first, second = (json.loads(real_servers.get(page)[1])["features"][0]["properties"]["objekt_id"] for page in pages)
    if first != second:
        print("MapServer OGC API over a GeoPackage takes the offset now: its walk must equal what it was given")
        harvest.equal("MapServer OGC API over a GeoPackage", "punkter", ogcapi("gpkg", page_limit=PAGE), *walk, **of)
        return
    title = "MapServer OGC API over a GeoPackage, which ignores the offset (10 distinct of 30)"
    repeated = ["the page has the same features as an earlier one", "page 2"]
    harvest.refused(title, repeated, ogcapi("gpkg", page_limit=PAGE), *walk, **of)
    title = "MapServer OGC API, which gives one of several polygons twice"
    harvest.refused(title, ["polygons that differ"], ogcapi("pdk", "omraader", page_limit=100), *walk, **of)


def of_pygeoapi(harvest: Harvest, base: str) -> None:
    def ogcapi(layer: str, **more) -> dict:
        return {"connector": "ogcapi", "base_url": base, "collection": layer, "page_limit": PAGE} | more

    for layer in LAYERS:
        for more in ({"trust_number_matched": True}, {"paging": "next"}):
            harvest.equal(f"pygeoapi with a maximum of 5, {more}", layer, ogcapi(layer, **more), "properties.", "geometry")
    harvest.refused("pygeoapi, an unknown collection", ["error", "404"], ogcapi("nowhere"), "properties.", "geometry")


def of_koop(harvest: Harvest, base: str) -> None:
    def arcgis(layer: str, **more) -> dict:
        return {"connector": "arcgis", "base_url": f"{base}/{layer}/FeatureServer/0", "page_limit": PAGE} | more

    for layer in LAYERS:
        for paging in ("offset", "ids"):
            settings = arcgis(layer, paging=paging)
            harvest.equal(f"koop by {paging}", layer, settings, "attributes.", "geometry", **OF_KOOP)
    harvest.refused("koop, an unknown layer", ["error", "404"], arcgis("nowhere"), "attributes.", "geometry", **OF_KOOP)
    refused = arcgis("omraader", where="komnr==")
    harvest.refused("koop, an error with HTTP 200", ["error", "400"], refused, "attributes.", "geometry", **OF_KOOP)


# Dates are milliseconds there.
OF_KOOP = {"columns": {"dato": "timestamp"}, "date": "CAST(r.dato AS DATE)"}


def main(klimalade: Path, cache: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="klimalade-servers-") as folder:
        scratch = Path(folder).resolve()
        data = scratch / "data"
        data.mkdir()
        for layer, given in LAYERS.items():
            features.write(data / f"{layer}.geojson", given, degrees=False)
            features.write_geopackage(data / f"{layer}.gpkg", given)
            features.write(data / f"{layer}.degrees.geojson", given, degrees=True, metadata={"maxRecordCount": 5})
        harvest = Harvest(klimalade, scratch)
        with real_servers.mapserver(scratch / "mapserver", data) as base:
            lake = of_mapserver(harvest, base, scratch / "mapserver/access.log")
            of_mapserver_ogcapi(harvest, base)
        with real_servers.pygeoapi(scratch / "pygeoapi", data, most=5) as base:
            of_pygeoapi(harvest, base)
        with real_servers.koop(scratch / "koop", data, cache / "koop") as base:
            of_koop(harvest, base)
        print("CKAN: `cargo dev outside --only ckan`; it wants PostgreSQL and Redis")
        geoparquet.check(features.published(lake), LAYERS["omraader"])


if __name__ == "__main__":
    real_servers.end_in_order()
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
