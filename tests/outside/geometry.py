"""Files with geometry as GeoPandas, pyarrow and DuckDB open them, and the overlay once more by GEOS.

Of every file: GeoParquet's key `geo`, Parquet's own GEOMETRY, EPSG:25832 in both, the box of the columns `bbox_*`, geometry that GEOS
calls valid. Then the share of each project in each municipality, computed by GEOS, against core/project_area.
"""

import json

import duckdb
import geopandas
import pandas
import pyarrow.parquet as parquet

# Slivers are left out in core/project_area, and the others made to sum to 1.
# Pipelines whose projects name no municipality: their shares come from an overlay.
BY_OVERLAY = {"mars_projects", "miljoegis_wetland_projects"}
LEAST_SHARE = 0.001
# GEOS computes in floating point, we on a grid.
TOLERANCE = 1e-6


def opened(path, findings):
    """A file by GeoPandas, when all that the readers say of it agrees; None for one without geometry."""
    where = f"{path.parent.parent.name}/{path.parent.name}"
    file = parquet.ParquetFile(path)
    geo = json.loads(file.metadata.metadata.get(b"geo", b"null"))
    if geo is None:
        return None
    column = geo["primary_column"]
    said = geo["columns"][column]
    rows = geopandas.read_parquet(path)
    epsg = rows.crs.to_epsg()
    if (geo["version"], said["encoding"], epsg) != ("1.1.0", "WKB", 25832):
        findings.append(f"{where}: geo says {geo['version']}, {said['encoding']}, EPSG:{epsg}")
    at = next(n for n in range(file.metadata.num_columns) if file.schema.column(n).name == column)
    if "Geometry(" not in str(file.schema.column(at).logical_type):
        findings.append(f"{where}: pyarrow sees {file.schema.column(at).logical_type} in {column}")
    kind = duckdb.sql(f"SELECT typeof({column}) FROM '{path}' LIMIT 1").fetchall()[0][0]
    if not kind.startswith("GEOMETRY(") or "25832" not in kind:
        findings.append(f"{where}: DuckDB sees {kind[:40]} in {column}")
    there = rows[~rows.geometry.isna()]
    if len(there) and [round(side, 6) for side in there.total_bounds] != [round(side, 6) for side in said["bbox"]]:
        findings.append(f"{where}: the box in geo is {said['bbox']}, its geometry's {list(there.total_bounds)}")
    if not there.geometry.is_valid.all():
        findings.append(f"{where}: {(~there.geometry.is_valid).sum()} geometries are not valid for GEOS")
    if "bbox_xmin" in rows.columns:
        sides = there[["bbox_xmin", "bbox_ymin", "bbox_xmax", "bbox_ymax"]].to_numpy()
        if len(there) and abs(there.geometry.bounds.to_numpy() - sides).max() > TOLERANCE:
            findings.append(f"{where}: bbox_* are not the boxes of the geometry")
    print(f"{where}: {len(rows)} rows, {len(there)} with geometry, EPSG:{epsg} by geopandas, pyarrow and DuckDB")
    return rows


def geometry(lake, findings):
    tables = {}
    for path in sorted((lake / "core").glob("*/pipeline=*/data.parquet")):
        rows = opened(path, findings)
        if rows is not None:
            table, pipeline = path.parent.parent.name, path.parent.name.removeprefix("pipeline=")
            if table != "project" or pipeline in BY_OVERLAY:
                tables.setdefault(table, []).append(rows)
    if not {"area_boundary", "project"} <= tables.keys():
        findings.append(f"geometry stands in {sorted(tables)}; expected area_boundary and project")
        return
    areas = pandas.concat(tables["area_boundary"])[["area_code", "geometry"]]
    projects = pandas.concat(tables["project"])[["project_id", "geometry"]]
    projects = projects[~projects.geometry.isna()]
    pieces = geopandas.overlay(projects, areas)
    whole = projects.set_index("project_id").area
    pieces["expected"] = pieces.area / pieces.project_id.map(whole)
    pieces = pieces[pieces.expected >= LEAST_SHARE]
    shares = pandas.concat(
        pandas.read_parquet(path) for path in sorted((lake / "core/project_area").glob("pipeline=*/data.parquet"))
    )
    sums = shares.groupby("project_id").share.sum()
    if (sums - 1).abs().max() > 1e-9:
        findings.append(f"shares of a project sum to {sums.min()} to {sums.max()}")
    ours = shares[~shares.area_code.str.startswith("_") & shares.project_id.isin(whole.index)]
    both = ours.merge(pieces, on=["project_id", "area_code"], how="outer")
    off = (both.share - both.expected).abs()
    # A sliver that was left out is shared by the rest.
    if len(both) != len(ours) or both.share.isna().any() or off.max() > LEAST_SHARE + TOLERANCE:
        findings.append(f"{len(both)} pieces by GEOS and us together, {len(ours)} are ours; off by {off.max()}")
    print(f"overlay: {len(ours)} shares of {len(sums)} projects as GEOS has them, off by {off.max():.2g} at most")
