"""A file of plan_area opened by geopandas, pyarrow and DuckDB: the reference system and the areas are right in each."""

import json
from pathlib import Path

import duckdb
import geopandas
import pyarrow.parquet as pq
import pyproj
import shapely

TOLERANCE = 1e-6


def check(file: Path, features: list) -> None:
    """Errors: all that one of the readers makes of it and that is not so."""
    expected = sorted(shape.area for _, shape in features)
    findings = []
    for name, read in {"geopandas": of_geopandas, "pyarrow": of_pyarrow, "DuckDB": of_duckdb}.items():
        try:
            areas, found = read(file)
        except Exception as error:  # Whatever a reader says is a finding.
            findings.append(f"{name} does not read it: {type(error).__name__}: {error}")
            continue
        findings.extend(f"{name}: {one}" for one in found)
        if len(areas) != len(expected):
            findings.append(f"{name}: {len(areas)} geometries of {len(expected)}")
        elif any(abs(came / area - 1) > TOLERANCE for came, area in zip(sorted(areas), expected)):
            findings.append(f"{name}: other areas than were served")
        elif not found:
            print(f"{name} opens the GeoParquet: EPSG:25832, {len(areas)} areas, {sum(areas) / 1e4:.1f} ha together")
    if findings:
        raise SystemExit("\n".join(findings))


def of_geopandas(file: Path) -> tuple[list[float], list[str]]:
    frame = geopandas.read_parquet(file)
    findings = []
    if frame.crs is None or frame.crs.to_epsg() != 25832:
        findings.append(f"the reference system is {frame.crs}")
    if frame.geometry.name != "geometry":
        findings.append(f"the geometry is {frame.geometry.name}")
    return list(frame.geometry.area), findings


def of_pyarrow(file: Path) -> tuple[list[float], list[str]]:
    """What the file says of itself, twice: in `geo`, as GeoParquet has it, and in the column's type, as Parquet has it."""
    parquet = pq.ParquetFile(file)
    table = parquet.read()
    shapes = shapely.from_wkb(table.column("geometry").cast("binary").to_pylist())
    findings = []
    geo = json.loads((parquet.schema_arrow.metadata or {}).get(b"geo", b"{}"))
    column = geo.get("columns", {}).get("geometry", {})
    if geo.get("primary_column") != "geometry" or not str(geo.get("version", "")).startswith("1."):
        findings.append(f"`geo` names {geo.get('primary_column')!r} in version {geo.get('version')!r}")
    if column.get("encoding") != "WKB":
        findings.append(f"`geo` gives the encoding {column.get('encoding')!r}")
    if not isinstance(column.get("crs"), dict) or pyproj.CRS.from_json_dict(column["crs"]).to_epsg() != 25832:
        findings.append(f"`geo` gives the reference system {str(column.get('crs'))[:80]!r}")
    kinds = {shape.geom_type for shape in shapes}
    if "geometry_types" not in column or not (set(column["geometry_types"]) in (set(), kinds)):
        findings.append(f"`geo` gives the types {column.get('geometry_types')}, and {sorted(kinds)} are there")
    box = shapely.total_bounds(shapes)
    if "bbox" in column and any(abs(said - found) > 1e-6 for said, found in zip(column["bbox"], box)):
        findings.append(f"`geo` gives the box {column['bbox']}, and {list(box)} it is")
    for at in range(len(parquet.schema)):
        one = parquet.schema.column(at)
        if one.name == "geometry" and not str(one.logical_type).lower().startswith("geometry"):
            findings.append(f"the column's own type is {one.logical_type}")
    return list(shapely.area(shapes)), findings


def of_duckdb(file: Path) -> tuple[list[float], list[str]]:
    with duckdb.connect() as connection:
        spatial = True
        try:
            connection.execute("INSTALL spatial; LOAD spatial")
        except duckdb.Error:
            spatial = False
            print("DuckDB: its extension spatial cannot be installed here; GEOMETRY is read by its core")
        source = f"read_parquet('{file}')"
        kind = connection.execute(f"SELECT typeof(geometry) FROM {source} LIMIT 1").fetchone()[0]
        findings = [] if kind.startswith("GEOMETRY") else [f"the geometry is of type {kind}"]
        if "25832" not in kind:
            findings.append(f"the type {kind} names no EPSG:25832")
        if spatial:
            rows = connection.execute(f"SELECT ST_Area(geometry) FROM {source}").fetchall()
            return [area for (area,) in rows], findings
        text = "ST_AsText(geometry)" if kind.startswith("GEOMETRY") else "geometry"
        rows = connection.execute(f"SELECT {text} FROM {source}").fetchall()
        read = shapely.from_wkt if kind.startswith("GEOMETRY") else shapely.from_wkb
        return [read(shape).area for (shape,) in rows], findings
