"""The same as the pipeline, by hand in Polars: fetch, unpivot, sort, partitioned write; no archive, no checks.

usage: bench_polars.py tidy|wide PAGES_URL PAGES OUT
"""

import io
import sys
from pathlib import Path
from urllib.request import urlopen

import polars as pl

KINDS = {
    "SolarMWh": ("solar_pv", "_T"),
    "OffshoreWindLt100MW_MWh": ("wind_offshore", "lt_100mw"),
    "OffshoreWindGe100MW_MWh": ("wind_offshore", "ge_100mw"),
    "OnshoreWindMWh": ("wind_onshore", "_T"),
    "ThermalPowerMWh": ("thermal_power", "_T"),
}
RECORD = pl.Struct({"HourUTC": pl.String, "HourDK": pl.String, "MunicipalityNo": pl.String, **{name: pl.Float64 for name in KINDS}})
# Columns of the common form that are the same in every row.
SAME = {
    "indicator_code": "electricity_production", "frequency_code": "H", "scenario_code": "actual", "sector_code": "_Z",
    "detail_code": "_Z", "gas_code": "_Z", "scope_code": "_Z", "method_code": "energinet_settlement",
    "unit_code": "mwh", "value_status": "A", "conf_status": "F", "source_id": "eds_production_municipality_hour",
    "licence_code": "cc_by_4_0",
}  # fmt: skip


def page(address, number):
    with urlopen(f"{address}?page={number}") as answer:
        body = answer.read()
    return pl.read_json(io.BytesIO(body), schema={"records": pl.List(RECORD)}).explode("records").unnest("records")


def write(rows, out):
    """One zstd file in each year=/month= of the civil date."""
    for (year, month), part in rows.partition_by("year", "month", as_dict=True, include_key=False).items():
        folder = Path(out) / f"year={year}" / f"month={month:02}"
        folder.mkdir(parents=True)
        part.write_parquet(folder / "data.parquet", compression="zstd", compression_level=1)


def main(form, address, pages, out):
    wide = pl.concat([page(address, number) for number in range(pages)])
    civil = pl.col("HourDK").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us").dt.date()
    wide = wide.with_columns(civil_date=civil)
    wide = wide.with_columns(year=pl.col("civil_date").dt.year(), month=pl.col("civil_date").dt.month())
    if form == "wide":
        write(wide, out)
        return
    hour = pl.col("HourUTC").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", time_zone="UTC")
    keys = ["hour_start_at", "civil_date", "year", "month", "area_code"]
    carrier = {name: carrier for name, (carrier, _) in KINDS.items()}
    category = {name: category for name, (_, category) in KINDS.items()}
    tidy = (
        wide.lazy()
        .with_columns(hour_start_at=hour, area_code=pl.col("MunicipalityNo").str.zfill(4))
        .unpivot(list(KINDS), index=keys, variable_name="kind", value_name="value")
        .drop_nulls("value")
        .with_columns(
            carrier_code=pl.col("kind").replace_strict(carrier, return_dtype=pl.String),
            category_code=pl.col("kind").replace_strict(category, return_dtype=pl.String),
            area_level=pl.when(pl.col("area_code") == "0411").then(pl.lit("outside")).otherwise(pl.lit("municipality")),
        )
        .drop("kind")
        .sort("hour_start_at", "area_code", "carrier_code", "category_code")
        .with_columns(**{name: pl.lit(text) for name, text in SAME.items()})
        .collect()
    )
    write(tidy, out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
