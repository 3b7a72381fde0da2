"""What DuckDB reads of a lake for three typical questions: files, row groups and bytes, of how many there are.

DuckDB reads through a file system that writes down every read, so that what is counted was read, not what a plan promises. The
table stands in docs/analyst.md.

usage: pruning.py LAKE PAGE
"""

import os
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet
from fsspec.implementations.local import LocalFileOpener, LocalFileSystem
from matrix import line

# Files and query; beside the three typical ones, how to ask for less.
QUESTIONS = {
    "one municipality, all years": ("core/observation/**/*", "SELECT indicator_code, year, sum(value) FROM {} WHERE area_code = '0751' GROUP BY ALL"),
    "the same, of one table of out": (
        "out/municipality_year",
        "SELECT year, ghg_tonne_co2e, population_person, vehicles_number FROM {} WHERE area_code = '0751'",
    ),
    "one indicator, all municipalities": (
        "core/observation/**/*",
        "SELECT area_code, year, sum(value) FROM {} WHERE indicator_code = 'vehicles' GROUP BY ALL",
    ),
    "latest year by sector": (
        "core/observation/**/*",
        "SELECT sector_code, sum(value) FROM {} WHERE indicator_code = 'ghg_emissions' AND year = 2023 GROUP BY ALL",
    ),
    "one indicator, its owner named": (
        "core/observation/**/*",
        "SELECT area_code, year, sum(value) FROM {} WHERE pipeline = 'dst_vehicle_stock_january' GROUP BY ALL",
    ),
    "one municipality, the hours of May": (
        "core/observation_hourly/**/*",
        "SELECT civil_date, sum(value) FROM {} WHERE year = 2025 AND month = '05' AND area_code = '0751' GROUP BY ALL",
    ),
}
HEAD = ["question", "files read", "row groups read", "footers, kB", "data, kB", "the table, kB"]
BEGIN, END = "<!-- generated: pruning -->", "<!-- end generated -->"
# Footers hold times and hashes, which compress differently every night.
TOLERANCE = 0.1


class File(LocalFileOpener):
    """A file that says which bytes were asked of it."""

    def read(self, size=-1):
        at = self.f.tell()
        bytes_read = self.f.read(size)
        self.fs.reads.append((str(self.path), at, at + len(bytes_read)))
        return bytes_read


class Counted(LocalFileSystem):
    protocol = "counted"
    cachable = False

    def __init__(self):
        super().__init__()
        self.reads = []

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("counted://"))

    def unstrip_protocol(self, name):
        return f"counted://{self._strip_protocol(name)}"

    def _open(self, path, mode="rb", block_size=None, **more):
        return File(path, mode, fs=self, **more)


def merged(ranges) -> list[list[int]]:
    """Ranges without what they have in common."""
    whole = []
    for begin, end in sorted(ranges):
        if whole and begin <= whole[-1][1]:
            whole[-1][1] = max(whole[-1][1], end)
        else:
            whole.append([begin, end])
    return whole


def groups(file: Path) -> list[tuple[int, int]]:
    """Where the row groups of a file begin and end."""
    said = parquet.ParquetFile(file).metadata
    found = []
    for at in range(said.num_row_groups):
        chunks = [said.row_group(at).column(place) for place in range(said.num_columns)]
        begins = [min(chunk.data_page_offset, chunk.dictionary_page_offset or chunk.data_page_offset) for chunk in chunks]
        found.append((min(begins), max(begin + chunk.total_compressed_size for begin, chunk in zip(begins, chunks))))
    return found


def measure(lake: Path, files_of: str, sql: str) -> list[str]:
    """One question in a DuckDB that has read nothing before: the cells of its line."""
    system = Counted()
    with duckdb.connect() as connection:
        connection.register_filesystem(system)
        # The cache reads more than was asked for.
        connection.execute("SET enable_external_file_cache = false")
        source = f"read_parquet('counted://{lake}/{files_of}.parquet', hive_partitioning = true)"
        if not connection.execute(sql.format(source)).fetchall():
            raise SystemExit(f"nothing answers {sql}")
    there = {str(file): groups(file) for file in lake.glob(f"{files_of}.parquet")}
    sizes = {path: Path(path).stat().st_size for path in there}
    footers = data = files = read_groups = 0
    for path, places in there.items():
        # A read to the end of the file is of its footer.
        of_file = [(begin, end) for name, begin, end in system.reads if name == path]
        footers += sum(end - begin for begin, end in of_file if end == sizes[path])
        ranges = merged((begin, end) for begin, end in of_file if end < sizes[path])
        data += sum(end - begin for begin, end in ranges)
        touched = sum(any(begin < stop and start < end for start, stop in ranges) for begin, end in places)
        read_groups += touched
        files += touched > 0
    every = sum(len(places) for places in there.values())
    kilo = [f"{size / 1000:,.0f}" for size in (footers, data, sum(sizes.values()))]
    return [f"{files} of {len(there)}", f"{read_groups} of {every}", *kilo]


def alike(one: str, other: str) -> bool:
    """Two lines of the table, kB give or take."""
    ours, theirs = one.split(" | "), other.split(" | ")
    if len(ours) != len(theirs) or ours[:3] != theirs[:3]:
        return False
    sizes = [[float(cell.strip(" |").replace(",", "")) for cell in cells[3:]] for cells in (ours, theirs)]
    return all(abs(a - b) <= max(2, TOLERANCE * b) for a, b in zip(*sizes))


def main(lake: Path, page: Path) -> int:
    text = page.read_text("utf-8")
    before, rest = text.split(BEGIN, 1)
    there, after = rest.split(END, 1)
    lines = [line(HEAD), line(["---"] * len(HEAD))]
    lines += [line([question, *measure(lake, *asked)]) for question, asked in QUESTIONS.items()]
    print("\n".join(lines))
    if os.environ.get("KLIMALADE_ACCEPT"):
        page.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", "utf-8")
        return 0
    said = there.strip().splitlines()
    if len(said) != len(lines) or not all(alike(*pair) for pair in zip(lines[2:], said[2:])):
        print("FAILED docs/analyst.md says otherwise; when this is right: KLIMALADE_ACCEPT=1 cargo dev outside --only analyst")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).absolute(), Path(sys.argv[2])))
