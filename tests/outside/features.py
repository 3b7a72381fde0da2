"""What the real servers are given to serve, and the comparison of what came of it: feature by feature, area within 1e-6.

Thirty areas (every third with a hole, every fifth in two parts) and thirty points, in EPSG:25832, with Danish letters and
with nulls. All of it is invented.
"""

import datetime
import json
import math
from pathlib import Path

import geopandas
import pyarrow.parquet as pq
import pyproj
import shapely
from shapely.geometry import MultiPolygon, Point, Polygon, mapping

SOURCE = "real_server"
TOWNS = ["Ærø", "Læsø", "Høje-Taastrup", "Århus Å & omegn", "Sønderborg", "Møn <øst>", "Fanø \"vest\""]
MUNICIPALITIES = [101, 147, 461, 492, 751, 825]
# Of an area, relative; of a point, metres.
TOLERANCE, NEAR_METRES = 1e-6, 1e-3


def ring(x: float, y: float, radius: float, corners: int, turn: float) -> list[tuple[float, float]]:
    """A closed ring with centimetres, so that nobody can write it in whole metres and be right."""
    angles = [turn + 2 * math.pi * at / corners for at in range(corners)]
    points = [(round(x + radius * math.cos(a), 2), round(y + radius * math.sin(a), 2)) for a in angles]
    return [*points, points[0]]


def attributes(at: int) -> dict:
    return {
        "objekt_id": f"o-{at:02}",
        # The first is whole: koop takes the types of the fields from it.
        "navn": None if at == 7 else f"{TOWNS[at % len(TOWNS)]} {at}",
        "komnr": MUNICIPALITIES[at % len(MUNICIPALITIES)],
        "areal": None if at % 9 == 4 else round(10.25 + at * 1.125, 3),
        "dato": None if at % 8 == 5 else str(datetime.date(2015, 1, 31) + datetime.timedelta(days=97 * at)),
    }


def areas() -> list[tuple[dict, shapely.Geometry]]:
    found = []
    for at in range(30):
        x, y = 480_000.37 + 9_000 * at, 6_100_000.21 + 7_000 * (at % 7)
        holes = [ring(x + 20, y - 15, 60 + at, 7, 1.0)] if at % 3 == 0 else []
        shapes = [Polygon(ring(x, y, 400 + 11 * at, 9 + at, 0.3), holes)]
        if at % 5 == 0:
            shapes.append(Polygon(ring(x + 2_000, y, 150, 5, 0.1), [ring(x + 2_000, y, 40, 4, 0.7)]))
        found.append((attributes(at), MultiPolygon(shapes) if len(shapes) > 1 else shapes[0]))
    return found


def points() -> list[tuple[dict, shapely.Geometry]]:
    return [(attributes(at), Point(480_000.37 + 9_000 * at, 6_100_000.21 + 7_000 * (at % 7))) for at in range(30)]


def write(path: Path, features: list[tuple[dict, shapely.Geometry]], degrees: bool, **more) -> None:
    """GeoJSON, in EPSG:25832 with its old member `crs`, or in longitude and latitude."""
    change = pyproj.Transformer.from_crs("EPSG:25832", "OGC:CRS84", always_xy=True)
    members = []
    for properties, shape in features:
        if degrees:
            shape = shapely.transform(shape, lambda xy: list(zip(*change.transform(xy[:, 0], xy[:, 1]))))
        members.append({"type": "Feature", "id": properties["objekt_id"], "properties": properties, "geometry": mapping(shape)})
    crs = {} if degrees else {"crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}}
    text = json.dumps({"type": "FeatureCollection", **more, **crs, "features": members}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")


def write_geopackage(path: Path, features: list[tuple[dict, shapely.Geometry]]) -> None:
    columns = [properties for properties, _ in features]
    frame = geopandas.GeoDataFrame(columns, geometry=[shape for _, shape in features], crs="EPSG:25832")
    frame.to_file(path, driver="GPKG", layer=path.stem)


def published(lake: Path) -> Path:
    files = sorted((lake / "core/plan_area").rglob("*.parquet"))
    if len(files) != 1:
        raise SystemExit(f"{lake} holds {len(files)} files of plan_area")
    return files[0]


def compare(lake: Path, features: list[tuple[dict, shapely.Geometry]]) -> str:
    """Errors: the first feature that is another than the one that was served."""
    rows = {row["feature_id"]: row for row in pq.ParquetFile(published(lake)).read().to_pylist()}
    expected = {f"{SOURCE}:{properties['objekt_id']}": (properties, shape) for properties, shape in features}
    if rows.keys() != expected.keys():
        raise SystemExit(f"features: {len(rows)} came, {len(expected)} were served: {sorted(rows.keys() ^ expected.keys())}")
    worst = 0.0
    for name, (properties, shape) in expected.items():
        row = rows[name]
        number = "null" if properties["areal"] is None else repr(properties["areal"])
        wanted = {
            "plan_id": properties["navn"],
            "area_code": f"{properties['komnr']:04}",
            "document_url": f"areal={number}",
            "valid_from": properties["dato"] and datetime.date.fromisoformat(properties["dato"]),
        }
        came = {column: row[column] for column in wanted}
        if came != wanted:
            raise SystemExit(f"{name}: {came}, and {wanted} was served")
        worst = max(worst, difference(name, shapely.from_wkb(row["geometry"]), shape))
    return f"{len(rows)} features as served, geometry within {worst:.0e}"


def difference(name: str, came: shapely.Geometry, shape: shapely.Geometry) -> float:
    if not came.is_valid:
        raise SystemExit(f"{name}: {shapely.is_valid_reason(came)}")
    if shape.geom_type == "Point":
        apart, limit = came.distance(shape), NEAR_METRES
    else:
        # The area that only one of them has: two areas may be alike and lie elsewhere.
        apart, limit = came.symmetric_difference(shape).area / shape.area, TOLERANCE
        apart = max(apart, abs(came.area / shape.area - 1))
    if not apart <= limit:
        raise SystemExit(f"{name}: differs by {apart:.3g} from what was served, at most {limit} is allowed")
    return apart
