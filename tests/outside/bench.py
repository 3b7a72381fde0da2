"""CPU seconds and memory of a night, against Polars and dlt doing the same or less.

nginx on loopback serves Energi Data Service's ProductionMunicipalityHour in the service's own form, some 100 pages
for each million rows. Klimalade harvests it with everything on: raw layer, hashes, mapping, contract, sort, ledger.
Every program is a process of its own, measured by what the kernel says of it at its end (wait4).

usage: bench.py --klimalade BINARY --scratch FOLDER --rows N [--rows M] [--repeat 3] [--without-dlt]
"""

import argparse
import csv
import datetime
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PIPELINE = "energinet_production_by_municipality"
FIRST = datetime.date(2019, 1, 1)
# 7 pages a month, 96 to 100 for a million rows.
PAGE_ROWS = 10_600
COLUMNS = ["SolarMWh", "OffshoreWindLt100MW_MWh", "OffshoreWindGe100MW_MWh", "OnshoreWindMWh", "ThermalPowerMWh"]


def areas():
    """The numbers of the 98 municipalities and Christiansø as the service writes them."""
    with (ROOT / "schemas/codes/areas.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["area_level"] == "municipality" or row["code"] == "0411"]
    return sorted(row["statbank_code"] for row in rows)


def next_month(day):
    return datetime.date(day.year + day.month // 12, day.month % 12 + 1, 1)


def danish_midnight(day):
    """The civil day's first moment in UTC. Summer time runs from the last Sunday of March to that of October."""

    def last_sunday(month):
        last = datetime.date(day.year, month, 31)
        return last - datetime.timedelta(days=(last.weekday() + 1) % 7)

    summer = last_sunday(3) < day <= last_sunday(10)
    return datetime.datetime(day.year, day.month, day.day) - datetime.timedelta(hours=2 if summer else 1)


def records(start, end, numbers, chance):
    """Rows of one civil month by hour and municipality; null where a municipality has no plant of the kind."""
    offshore = set(numbers[::12])
    large = set(numbers[::25])
    calm = set(numbers[::9])
    moment = start
    while moment < end:
        utc = moment.strftime("%Y-%m-%dT%H:%M:%S")
        offset = 2 if danish_midnight(moment.date()).hour == 22 else 1
        danish = (moment + datetime.timedelta(hours=offset)).strftime("%Y-%m-%dT%H:%M:%S")
        light = max(0.0, 12 - abs(moment.hour - 11) * 2.1)
        for number in numbers:
            yield {
                "HourUTC": utc,
                "HourDK": danish,
                "MunicipalityNo": number,
                "SolarMWh": round(light * chance.random(), 6),
                "OffshoreWindLt100MW_MWh": round(9 * chance.random(), 4) if number in offshore else None,
                "OffshoreWindGe100MW_MWh": round(300 * chance.random(), 5) if number in large else None,
                "OnshoreWindMWh": None if number in calm else round(25 * chance.random(), 6),
                "ThermalPowerMWh": round(45 * chance.random(), 6),
            }
        moment += datetime.timedelta(hours=1)


def make_pages(folder, wanted):
    """Whole hours of civil months, up to `wanted` rows. Gives rows, pages and the month after the last."""
    numbers, chance = areas(), random.Random(20261123)
    hours, pages, day = wanted // len(numbers), 0, FIRST
    rows = hours * len(numbers)
    flat = folder / "flat"
    flat.mkdir(parents=True)
    while hours > 0:
        start = danish_midnight(day)
        end = min(danish_midnight(next_month(day)), start + datetime.timedelta(hours=hours))
        hours -= int((end - start).total_seconds()) // 3600
        month = list(records(start, end, numbers, chance))
        (folder / str(day)).mkdir()
        offset = 0
        while True:
            page = month[offset : offset + PAGE_ROWS]
            body = {"total": len(month), "sort": "HourUTC,MunicipalityNo", "limit": PAGE_ROWS,
                    "dataset": "ProductionMunicipalityHour", "records": page}  # fmt: skip
            path = folder / str(day) / f"{offset}.json"
            path.write_text(json.dumps(body, separators=(",", ":")), "utf-8")
            if page:
                os.link(path, flat / f"{pages}.json")
                pages += 1
            if len(page) < PAGE_ROWS:
                break
            offset += PAGE_ROWS
        day = next_month(day)
    meta = {"datasetName": "ProductionMunicipalityHour",
            "columns": [{"dbColumn": name} for name in ["HourUTC", "HourDK", "MunicipalityNo", *COLUMNS]]}  # fmt: skip
    (folder / "meta.json").write_text(json.dumps(meta), "utf-8")
    return rows, pages, day


# The service's addresses as files of the folder.
RULES = """
          map $arg_offset $begin { "" 0; default $arg_offset; }
          server {
            listen 127.0.0.1:PORT; root FOLDER;
            location /meta/dataset/ { rewrite ^ /meta.json break; }
            location /dataset/ { rewrite ^ /$arg_start/$begin.json break; }
            location /pages { rewrite ^ /flat/$arg_page.json break; }
          }
"""


def start_nginx(scratch, folder, rules=RULES):
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        sys.exit("nginx is not installed: apt-get install --no-install-recommends nginx-light")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    configuration = scratch / "nginx.conf"
    configuration.write_text(
        f"""
        daemon off; master_process off; pid {scratch}/nginx.pid; error_log {scratch}/nginx.log;
        events {{}}
        http {{
          access_log off; default_type application/json; sendfile on; keepalive_requests 100000;
          {rules.replace("PORT", str(port)).replace("FOLDER", str(folder))}
        }}
        """
    )
    server = subprocess.Popen([program, "-p", str(scratch), "-e", f"{scratch}/nginx.log", "-c", str(configuration)])
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port
        if server.poll() is not None:
            break
        time.sleep(0.1)
    server.kill()
    sys.exit(f"nginx does not answer: {(scratch / 'nginx.log').read_text()}")


def make_home(home, port, end):
    """The pipeline as it is, but for the address, the months and the size of a page."""
    folder = home / "pipelines" / PIPELINE
    shutil.copytree(ROOT / "pipelines" / PIPELINE, folder)
    text = (folder / "pipeline.toml").read_text("utf-8")
    source = f"""[source]
connector = "energidata"
base_url = "http://127.0.0.1:{port}"
dataset = "ProductionMunicipalityHour"
time_column = "HourUTC"
start = "{FIRST:%Y-%m}"
end = "{end:%Y-%m}"
sort = ["HourUTC", "MunicipalityNo"]
page_limit = {PAGE_ROWS}
part = "month"

"""
    text, replaced = re.subn(r"(?ms)^\[source\].*?(?=^\[)", source, text)
    if replaced != 1:
        sys.exit(f"{PIPELINE}/pipeline.toml has no [source]")
    # Pauses are for the agency's sake; nginx needs none.
    text = re.sub(r"(?ms)^\[limits\].*?(?=^\[|\Z)", "", text)
    text += "\n[limits]\nhost_interval_millis = 0\ndataset_interval_millis = 0\n"
    (folder / "pipeline.toml").write_text(text, "utf-8")


def measure(name, command, scratch, environment=None):
    """CPU seconds (user and system), wall seconds and peak resident MiB of one process with its children."""
    log = scratch / "program.log"
    begun = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   env={**os.environ, **(environment or {})})  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{name} ended with {process.returncode}\n{log.read_text('utf-8', 'replace')[-4000:]}")
    return used.ru_utime + used.ru_stime, time.monotonic() - begun, used.ru_maxrss / 1024


def count_rows(python, lake):
    script = f"import polars; print(polars.scan_parquet(r'{lake}/**/*.parquet').select(polars.len()).collect().item())"
    return int(subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout)


def size(folder):
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6


def bench(arguments, wanted):
    scratch = arguments.scratch / f"rows-{wanted}"
    served = scratch / "served"
    scratch.mkdir()
    os.chmod(arguments.scratch, 0o755)  # nginx without root may be another user
    begun = time.monotonic()
    rows, pages, end = make_pages(served, wanted)
    print(f"\n{rows} rows in {pages} pages, {size(served / 'flat'):.0f} MB of JSON ({time.monotonic() - begun:.0f} s to make)")
    server, port = start_nginx(scratch, served)
    python, here = sys.executable, Path(__file__).parent
    base = f"http://127.0.0.1:{port}/pages"
    try:
        make_home(scratch / "home", port, end)
        programs = {
            "klimalade": lambda out: [arguments.klimalade, "--home", scratch / "home", "--lake", out, "run", PIPELINE],
            "polars_tidy": lambda out: [python, here / "bench_polars.py", "tidy", base, str(pages), out],
            "polars_wide": lambda out: [python, here / "bench_polars.py", "wide", base, str(pages), out],
        }
        if not arguments.without_dlt:
            programs["dlt"] = lambda out: [python, here / "bench_dlt.py", f"http://127.0.0.1:{port}", str(pages), out]
        result, heights = {}, {}
        for name, command in programs.items():
            taken = []
            for turn in range(1 if name == "dlt" else arguments.repeat):
                out = scratch / f"out-{name}-{turn}"
                environment = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(scratch / "dlt")}
                taken.append(measure(name, [str(word) for word in command(out)], scratch, environment))
                core = out / {"klimalade": "core/observation_hourly", "dlt": "eds/production"}.get(name, "")
                heights[name] = count_rows(python, core)
                stored = size(core)
                shutil.rmtree(out)
            cpu, wall, memory = (statistics.median(values) for values in zip(*taken))
            result[name] = (cpu, wall, memory)
            print(f"{name:12} {cpu:8.2f} CPU s {wall:8.2f} s {memory:8.0f} MiB peak {stored:8.1f} MB", flush=True)
        wide = {heights[name] for name in heights if name in ("polars_wide", "dlt")}
        if heights["klimalade"] != heights["polars_tidy"] or wide != {rows}:
            sys.exit(f"the programs did not do the same: {heights}, {rows} rows served")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(served)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--klimalade", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--rows", type=int, action="append", required=True)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--without-dlt", action="store_true")
    arguments = parser.parse_args()
    results = {rows: bench(arguments, rows) for rows in arguments.rows}
    print()
    for rows, result in results.items():
        ours = result["klimalade"]
        goals = {"polars_tidy": "goal 0.7, acceptable 1.4", "polars_wide": "no goal", "dlt": "goal 0.1"}
        for other, goal in goals.items():
            if other in result:
                print(f"{rows} rows: CPU of klimalade is {ours[0] / result[other][0]:.2f} x that of {other} ({goal})")
        print(f"{rows} rows: peak {ours[2]:.0f} MiB (goal under 128)")
    memories = [result["klimalade"][2] for result in results.values()]
    if len(memories) > 1:
        print(f"peak memory over the sizes: {max(memories) / min(memories) - 1:.0%} apart (goal within 10 %)")


if __name__ == "__main__":
    main()
