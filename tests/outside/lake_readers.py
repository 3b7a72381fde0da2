"""DuckDB, Polars, pyarrow and pandas as an analyst opens a lake with them: the folder of a table, and one flat file of out."""

import contextlib

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.dataset as dataset

# Polars 2.1.0 does not know Parquet's GEOMETRY and refuses the file; it reads it through pyarrow (2026-11-26).
WITH_GEOMETRY = {"area_boundary", "facility", "plan_area", "project"}


def by_duckdb(folder, hive):
    rows = f"read_parquet('{folder}/**/*.parquet', hive_partitioning={str(hive).lower()})"
    count = duckdb.sql(f"SELECT count(*) FROM {rows}").fetchall()[0][0]
    columns = duckdb.sql(f"SELECT * FROM {rows} LIMIT 0").columns
    if "value" not in columns or "indicator_code" not in columns:
        return columns, count, {}
    sums = f"SELECT indicator_code, count(*), sum(value) FROM {rows} GROUP BY 1"
    return columns, count, {code: (number, value) for code, number, value in duckdb.sql(sums).fetchall()}


def by_polars(folder, hive):
    rows = polars.scan_parquet(f"{folder}/**/*.parquet", hive_partitioning=hive)
    if folder.name in WITH_GEOMETRY:
        with contextlib.suppress(polars.exceptions.ComputeError):
            rows.collect_schema()
            raise SystemExit(f"{folder.name}: Polars opens GEOMETRY now; read it directly and say so in pipelines/README.md")
        files = dataset.dataset(folder, format="parquet", partitioning="hive" if hive else None)
        rows = polars.scan_pyarrow_dataset(files)
    columns = rows.collect_schema().names()
    count = rows.select(polars.len()).collect().item()
    if "value" not in columns or "indicator_code" not in columns:
        return columns, count, {}
    sums = rows.group_by("indicator_code").agg(polars.len(), polars.col("value").sum().alias("total")).collect()
    return columns, count, {code: (number, value) for code, number, value in sums.iter_rows()}


def by_pyarrow(folder, hive):
    rows = dataset.dataset(folder, format="parquet", partitioning="hive" if hive else None)
    columns = rows.schema.names
    count = rows.count_rows()
    if "value" not in columns or "indicator_code" not in columns:
        return columns, count, {}
    table = rows.to_table(columns=["indicator_code", "value"])
    sums = table.group_by("indicator_code").aggregate([([], "count_all"), ("value", "sum")]).to_pylist()
    return columns, count, {row["indicator_code"]: (row["count_all"], row["value_sum"]) for row in sums}


def by_pandas(folder, hive):
    """The folder is read with its partitions; a file alone has none."""
    files = sorted(folder.rglob("*.parquet"))
    columns = list(pandas.read_parquet(files[0], partitioning=None).columns)
    wanted = [name for name in ("indicator_code", "value") if name in columns] or columns[:1]
    if hive:
        # Of a folder pandas gives the partitions as columns, where they are asked for too.
        parts = [part.split("=")[0] for part in files[0].relative_to(folder).parts[:-1]]
        columns += parts
        rows = pandas.read_parquet(folder, columns=wanted + parts)
    else:
        rows = pandas.concat([pandas.read_parquet(file, partitioning=None, columns=wanted) for file in files])
    if wanted != ["indicator_code", "value"]:
        return columns, len(rows), {}
    sums = rows.groupby("indicator_code").value.agg(["size", "sum"])
    return columns, len(rows), {code: (int(count), float(total)) for code, count, total in sums.itertuples()}


# By name in docs/readers.md: version, a folder of core, a flat file, and what a column of geometry comes as.
READERS = {
    "DuckDB": (duckdb.__version__, by_duckdb, lambda file: duckdb.sql(f"SELECT * FROM '{file}'").to_arrow_table(), "GEOMETRY"),
    "Polars": (polars.__version__, by_polars, lambda file: polars.read_parquet(file).to_arrow(), "WKB, through pyarrow"),
    "pyarrow": (pyarrow.__version__, by_pyarrow, lambda file: dataset.dataset(file).to_table(), "WKB"),
    "pandas": (pandas.__version__, by_pandas, lambda file: pyarrow.Table.from_pandas(pandas.read_parquet(file)), "WKB"),
}
