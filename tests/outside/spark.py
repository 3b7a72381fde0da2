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
import pyarrow.compute as compute
import pyarrow.dataset as dataset
from real_servers import program
from spark_compare import close, differences

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
    program("java", "default-jre-headless")
    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "1g",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        # Minutes of small statements: the slow compiler never pays, nor does a second plan, nor a job that lists folders.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.sources.parallelPartitionDiscovery.threshold": "1000",
        "spark.rdd.parallelListingThreshold": "1000",
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


def stop(spark) -> None:
    """Ends workers, executors and the master, and waits for the end of the Java program that they were in."""
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(60)


def executors(spark) -> int:
    """How many have come, without the driver; waits for the second one."""
    for _ in range(300):
        here = spark.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
        if here > 1:
            return here
        time.sleep(0.1)
    raise SystemExit(f"{here} executors of 2 have come")


def register(spark, lake: Path) -> list[str]:
    """The lake's own SQL, statement by statement; what it calls core is called `whole` here, for `core` is what a pipeline sees of it."""
    text = re.sub(r"(?m)^\s*--.*$", "", (lake / "catalog/views_spark.sql").read_text("utf-8"))
    text = re.sub(r"\bcore(?=[.;])", "whole", text.replace("${lake}", str(lake)))
    for statement in [*filter(str.strip, text.split(";")), "CREATE DATABASE core", *FUNCTIONS]:
        spark.sql(statement)
    return [table.name for table in spark.catalog.listTables("whole")]


def show(spark, tables: list[str], reads: list[str]) -> None:
    """core as one pipeline sees it: the rows of the owners that it reads, or all."""
    owners = " OR ".join(f"pipeline = '{name}' OR pipeline LIKE '{name}.%'" for name in reads) or "true"
    for table in tables:
        spark.sql(f"CREATE OR REPLACE VIEW core.{table} AS SELECT * FROM whole.{table} WHERE {owners}")


def agree(spark, lake: Path, findings: list[str]) -> dict[str, int]:
    """Tables of core and out, counted and added up by Spark and by DuckDB. Rows by layer."""
    ours, theirs = [], []
    for layer in ("core", "out"):
        for name in (table.name for table in spark.catalog.listTables(layer)):
            place = lake / layer / name
            if not place.is_dir() and not place.with_suffix(".parquet").is_file():
                continue
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


def geometry(spark, lake: Path, findings: list[str]) -> None:
    """WKB is as pyarrow has it. Without the types said, files with GEOMETRY are refused; docs/readers.md says so."""
    ours = tuple(spark.sql("SELECT count(geometry), sum(length(geometry)) FROM core.project").collect()[0])
    shapes = dataset.dataset(lake / "core/project", format="parquet").to_table(columns=["geometry"])["geometry"]
    theirs = (len(shapes) - shapes.null_count, compute.sum(compute.binary_length(shapes)).as_py())
    if ours != theirs:
        findings.append(f"core.project: (geometries, bytes) {ours}, pyarrow says {theirs}")
    try:
        spark.read.parquet(str(lake / "core/project")).count()
        findings.append("Spark opens GEOMETRY without its type said now: say so in docs/readers.md")
    except Exception as error:
        if "ST_INVALID_CRS_VALUE" not in refusal(error):
            findings.append(f"Spark says of GEOMETRY: {refusal(error)}")


def refusal(error: Exception) -> str:
    """The line of Spark's answer that names what it will not have."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r" on search path.*| SQLSTATE.*", "", lines[0]) if lines else type(error).__name__


def repeat(spark, lake: Path, home: Path, tables: list[str], findings: list[str]) -> None:
    """The SQL of every view pipeline, and a table of what came."""
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
        show(spark, [table for table in tables if re.search(rf"\bcore\.{table}\b", sql)], said.get("reads", []))
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
            tables = register(spark, lake)
            show(spark, tables, [])
            rows = agree(spark, lake, findings)
            print(f"Spark and DuckDB have counted and added {rows['core']} rows of core and {rows['out']} of out", flush=True)
            geometry(spark, lake, findings)
            print(f"that far: {time.monotonic() - begun:.0f} s", flush=True)
            repeat(spark, lake, home, tables, findings)
            flat = sum(1 for _ in (lake / "out").glob("*.parquet"))
            cells = [spark.version, "-", f"{len(tables)} tables, types said", "WKB, type said", f"{flat} tables" if flat else "-"]
            matrix.settle({"Spark": cells}, findings)
        finally:
            stop(spark)
        print(f"Spark took {time.monotonic() - begun:.0f} s")
    print("\n".join(f"FAILED {finding}" for finding in findings) or "Spark agrees")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2]).absolute()))
