"""Apache Spark, on a cluster of two executors, reads a lake and repeats its view pipelines.

First every table is counted and added up, as DuckDB does. Then the map.sql of every view pipeline is run unchanged, and what comes is
compared with what stands in the lake, row by row of the table's key. Which pipelines Spark's dialect forbids, and for which
expression, stands in FORBIDDEN; one more or one less is a finding.

usage: spark.py LAKE HOME
"""

import logging
import os
import re
import sys
import tempfile
import time
import tomllib
from pathlib import Path

import duckdb
import matrix
import pyarrow.parquet as parquet
from real_servers import program
from spark_compare import close, differences

# Partition values stand in the path, where nothing but the schema says what type they are.
OF_PATH = {"pipeline": "STRING", "year": "SMALLINT", "month": "STRING"}
TYPES = {
    "string": "STRING", "large_string": "STRING", "double": "DOUBLE", "float": "FLOAT", "int16": "SMALLINT",
    "int32": "INT", "int64": "BIGINT", "bool": "BOOLEAN", "date32[day]": "DATE", "binary": "BINARY",
}  # fmt: skip
# Spark 4.3.0 wants to read Parquet's GEOMETRY as its own type and refuses the reference system; with the type said, it is WKB.
WKB = {"geometry", "point"}
# What a user of Spark lacks and can say in Spark's SQL: the Danish day of an instant.
FUNCTIONS = [
    "CREATE OR REPLACE TEMPORARY FUNCTION civil_date(at TIMESTAMP) RETURNS DATE"
    " RETURN to_date(from_utc_timestamp(at, 'Europe/Copenhagen'))"
]
# Pipelines whose SQL is DataFusion's alone, and the expression that Spark 4.3.0 stops at, as its error names it.
FORBIDDEN = {
    "ens_wind_capacity": "unnest",
    "mars_effects": "unnest",
    "mars_project_area": "geometry_share",
    "miljoegis_project_area": "geometry_share",
    "plandata_designated_area": "geometry_union_area_ha",
}


def start(scratch: Path):
    """A master, two workers of one core and 1 GiB each, and their executors; all of them end with the session."""
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(scratch / "local"), "SPARK_WORKER_DIR": str(scratch / "work")}
    # The workers start the executors with this Python's Spark, and no other that a variable may name.
    os.environ.pop("SPARK_HOME", None)
    program("java", "openjdk-17-jre-headless")
    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "1g",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.shuffle.partitions": "2",
        # The files are small: one task opens many of them.
        "spark.sql.files.openCostInBytes": "65536",
        "spark.worker.cleanup.enabled": "true",
    }
    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("klimalade")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


def executors(spark) -> int:
    """How many have come, without the driver; waits for the second one."""
    for _ in range(300):
        here = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
        if here > 1:
            return here
        time.sleep(0.1)
    raise SystemExit(f"{here} executors of 2 have come")


def define(spark, database: str, folder: Path) -> None:
    """A table over each folder of core, with every column's type said; the partitions are read from the paths."""
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {database}")
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        file = next(place.rglob("*.parquet"))
        columns = []
        for field in parquet.read_schema(file):
            kind = "BINARY" if field.name in WKB else "TIMESTAMP" if str(field.type).startswith("timestamp") else TYPES[str(field.type)]
            columns.append(f"{field.name} {kind}")
        parts = [part.split("=")[0] for part in file.relative_to(place).parts[:-1]]
        columns += [f"{part} {OF_PATH[part]}" for part in parts]
        spark.sql(
            f"CREATE TABLE {database}.{place.name} ({', '.join(columns)}) USING parquet"
            f" OPTIONS (path '{place}') PARTITIONED BY ({', '.join(parts)})"
        )
        spark.sql(f"MSCK REPAIR TABLE {database}.{place.name}")


def register(spark, lake: Path) -> str:
    """The lake's own SQL, as its reader would run it; without one, the tables by hand."""
    file = lake / "catalog/views_spark.sql"
    if not file.is_file():
        show(spark, spark.catalog.listTables("whole"), [])
        return "tables that this script defined"
    text = re.sub(r"(?m)^\s*--.*$", "", file.read_text("utf-8"))
    for statement in filter(str.strip, text.split(";")):
        spark.sql(statement)
    return "catalog/views_spark.sql"


def agree(spark, lake: Path, findings: list[str]) -> dict[str, int]:
    """Tables of core and out, counted and added up by Spark and by DuckDB. Rows by layer."""
    ours, theirs = [], []
    for layer in ("core", "out"):
        names = [table.name for table in spark.catalog.listTables(layer)] if spark.catalog.databaseExists(layer) else []
        for name in names:
            place = lake / layer / name
            files = f"read_parquet('{place}/**/*.parquet', hive_partitioning=true)" if place.is_dir() else f"'{place}.parquet'"
            columns = duckdb.sql(f"SELECT * FROM {files} LIMIT 0").columns
            group = "indicator_code" if "indicator_code" in columns else "pipeline" if "pipeline" in columns else "'all'"
            added = "sum(value)" if "value" in columns else "CAST(0 AS DOUBLE)"
            sql = f"SELECT '{layer}.{name}', {group}, count(*), {added} FROM {{}} GROUP BY 2"
            ours.append(sql.format(f"{layer}.{name}"))
            theirs.append(sql.format(files))
    rows = {"core": 0, "out": 0}
    came = {tuple(row[:2]): tuple(row[2:]) for row in spark.sql(" UNION ALL ".join(ours)).collect()}
    said = {tuple(row[:2]): tuple(row[2:]) for row in duckdb.sql(" UNION ALL ".join(theirs)).fetchall()}
    for key in sorted(came.keys() | said.keys(), key=str):
        one, other = came.get(key), said.get(key)
        if one is None or other is None or one[0] != other[0] or not close(one[1], other[1]):
            findings.append(f"{key[0]}: {key[1]} is (rows, sum) {one}, DuckDB says {other}")
        rows[key[0].split(".")[0]] += one[0] if one else 0
    return rows


def beside(spark, lake: Path, home: Path) -> None:
    """What views read beside core: the ledger, the day of the newest night, and what pipelines say of themselves; out and its lists."""
    spark.sql(f"CREATE TEMPORARY VIEW ledger AS SELECT * FROM parquet.`{lake}/ledger/*/*.parquet`")
    spark.sql("CREATE TEMPORARY VIEW run_date AS SELECT civil_date(max(started_at)) AS run_date FROM ledger")
    spark.createDataFrame(owners(home), "pipeline STRING, table_name STRING, title_da STRING, title_en STRING, areas STRING,"
        " expected_level STRING, rhythm_every_months INT, rhythm_lag_days INT, is_off BOOLEAN").createTempView("pipelines")  # fmt: skip
    spark.sql("CREATE DATABASE IF NOT EXISTS out")
    for file in sorted((lake / "out").glob("*.parquet")):
        spark.sql(f"CREATE VIEW out.{file.stem} AS SELECT * FROM parquet.`{file}`")


def owners(home: Path) -> list[tuple]:
    """The table `pipelines`, from the definitions; in the demo none is off."""
    rows = []
    for file in sorted(home.glob("pipelines/*/pipeline.toml")):
        said = tomllib.loads(file.read_text("utf-8"))
        name, rhythm = file.parent.name, said.get("harvest", {}).get("rhythm", {})
        expected, areas = said.get("checks", {}).get("expected_areas", {}), said.get("publishes", {}).get("areas", "all")
        for owner in [f"{name}.{row['name']}" for row in said.get("instance", [])] or [name]:
            rows.append((
                owner, said["table"], said.get("title_da"), said.get("title_en"), areas if areas == "all" else " ".join(areas),
                expected.get("level"), rhythm.get("every_months"), rhythm.get("lag_days"), False,
            ))  # fmt: skip
    return rows


def inferred(spark, lake: Path, findings: list[str]) -> None:
    """Without the types said, files with GEOMETRY are refused; docs/readers.md says so."""
    try:
        spark.read.parquet(str(lake / "core/project")).count()
        findings.append("Spark opens GEOMETRY without its type said now: say so in docs/readers.md")
    except Exception as error:
        if "ST_INVALID_CRS_VALUE" not in refusal(error):
            findings.append(f"Spark says of GEOMETRY: {refusal(error)}")


def forget(spark, database: str) -> None:
    """Takes the names away and leaves the files: only views, and tables over files of others, are dropped."""
    if not spark.catalog.databaseExists(database):
        return
    for table in spark.catalog.listTables(database):
        if table.tableType not in ("VIEW", "EXTERNAL"):
            raise SystemExit(f"{database}.{table.name} is a {table.tableType} table: dropping it would remove its files")
        spark.sql(f"DROP {'VIEW' if table.tableType == 'VIEW' else 'TABLE'} {database}.{table.name}")


def lists(spark, database: str, folder: Path, wanted: set[str]) -> None:
    """Code lists and maps as pipelines see them: all their columns are text."""
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {database}")
    for name in sorted(wanted):
        file = folder / f"{name}.csv"
        with file.open(encoding="utf-8") as lines:
            columns = ", ".join(f"{column} STRING" for column in lines.readline().strip().split(","))
        spark.sql(f"DROP TABLE IF EXISTS {database}.{name}")
        spark.sql(f"CREATE TABLE {database}.{name} ({columns}) USING csv OPTIONS (path '{file}', header 'true', escape '\"')")


def show(spark, tables: list, reads: list[str]) -> None:
    """core as one pipeline sees it: the rows of the owners that it reads."""
    spark.sql("CREATE DATABASE IF NOT EXISTS core")
    owners = " OR ".join(f"pipeline = '{name}' OR pipeline LIKE '{name}.%'" for name in reads) or "true"
    for table in tables:
        spark.sql(f"CREATE OR REPLACE VIEW core.{table.name} AS SELECT * FROM whole.{table.name} WHERE {owners}")


def refusal(error: Exception) -> str:
    """The line of Spark's answer that names what it will not have."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r" on search path.*| SQLSTATE.*", "", lines[0]) if lines else type(error).__name__


def repeat(spark, lake: Path, home: Path, findings: list[str]) -> None:
    """The SQL of every view pipeline, and a table of what came."""
    for database in ("core", "out", "codes"):
        forget(spark, database)
    tables = spark.catalog.listTables("whole")
    for function in FUNCTIONS:
        spark.sql(function)
    beside(spark, lake, home)
    print("| pipeline | rows | on Spark |\n| --- | --- | --- |")
    refused = {}
    for file in sorted(home.glob("pipelines/*/pipeline.toml")):
        said = tomllib.loads(file.read_text("utf-8"))
        if said.get("kind") != "view":
            continue
        name, sql = file.parent.name, (file.parent / "map.sql").read_text("utf-8").rstrip().rstrip(";")
        definition = tomllib.loads((home / f"schemas/tables/{said['table']}.toml").read_text("utf-8"))
        place = lake / definition["layer"] / said["table"]
        published = f"read_parquet('{place}/pipeline={name}/**/*.parquet')"
        if definition["layer"] == "out":
            published = f"read_parquet('{place}.parquet')"
        if not (place / f"pipeline={name}").is_dir() and not place.with_suffix(".parquet").is_file():
            print(f"| {name} | 0 | nothing is published |")
            continue
        begun = time.monotonic()
        show(spark, [table for table in tables if re.search(rf"\bcore\.{table.name}\b", sql)], said.get("reads", []))
        for database, folder in (("codes", home / "schemas/codes"), ("maps", file.parent / "maps")):
            lists(spark, database, folder, set(re.findall(rf"\b{database}\.(\w+)", sql)))
        try:
            came = spark.sql(sql).toArrow()
        except Exception as error:  # Whatever Spark says is compared with what is expected of it.
            refused[name] = refusal(error)
            print(f"| {name} | | refused: {refused[name][:110]} |")
            continue
        wrong = differences(came, published, definition["unique_key"])
        findings.extend(f"{name}: {one}" for one in wrong)
        seconds = time.monotonic() - begun
        print(f"| {name} | {came.num_rows} | {'DIFFERENT' if wrong else 'the same, row by row'} ({seconds:.1f} s) |", flush=True)
    for name in sorted(refused.keys() | FORBIDDEN.keys()):
        if name not in refused:
            findings.append(f"{name}: Spark runs it now; take it out of FORBIDDEN")
        elif FORBIDDEN.get(name, "\n") not in refused[name]:
            findings.append(f"{name}: Spark refuses it: {refused[name]}; FORBIDDEN says {FORBIDDEN.get(name)}")


def main(lake: Path, home: Path) -> int:
    findings = []
    with tempfile.TemporaryDirectory(prefix="klimalade-spark-") as scratch:
        begun = time.monotonic()
        spark = start(Path(scratch))
        try:
            print(f"Spark {spark.version}: {executors(spark)} executors after {time.monotonic() - begun:.0f} s", flush=True)
            define(spark, "whole", lake / "core")
            how = register(spark, lake)
            rows = agree(spark, lake, findings)
            print(f"Spark and DuckDB count and add {rows['core']} rows of core and {rows['out']} of out alike, by {how}", flush=True)
            inferred(spark, lake, findings)
            print(f"that far: {time.monotonic() - begun:.0f} s", flush=True)
            repeat(spark, lake, home, findings)
            out = f"{rows['out']} rows" if rows["out"] else "-"
            cells = [spark.version, "-", "every table, types said", "WKB, type said", "yes" if rows["out"] else "-"]
            matrix.settle({"Spark": cells}, findings)
        finally:
            spark.stop()
        print(f"Spark took {time.monotonic() - begun:.0f} s")
    print("\n".join(f"FAILED {finding}" for finding in findings) or "Spark agrees")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()))
