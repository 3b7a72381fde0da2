"""Two lakes row by row, each a folder or s3://; common columns that say when something was fetched aside.

usage: compare.py LAKE OTHER_LAKE [COLUMN...]
                                    COLUMN is set aside besides
       compare.py --count LAKE      prints how many objects stand there
       compare.py --standing UNDISTURBED LAKE
                                    reads every file under LAKE's core again and again until stdin ends, and once more:
                                    each is whole and says what the undisturbed file of its key says, and none that
                                    stood is missing afterwards
"""

import os
import select
import sys

import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.dataset as dataset
import pyarrow.parquet as parquet
from pyarrow import fs

# When and from which bytes, not what: a repeated fetch may differ here and nowhere else.
ASIDE = {"retrieved_at", "snapshot_sha256", "run_id", "first_seen_at"}


def place(lake):
    if not lake.startswith("s3:/"):
        return fs.LocalFileSystem(), os.path.abspath(lake)
    endpoint = os.environ["AWS_ENDPOINT"]
    scheme, _, host = endpoint.partition("://")
    s3 = fs.S3FileSystem(
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_REGION"],
        endpoint_override=host,
        scheme=scheme,
    )
    return s3, lake.removeprefix("s3:").strip("/")


def files(filesystem, folder):
    found = filesystem.get_file_info(fs.FileSelector(folder, recursive=True, allow_not_found=True))
    return [info.path for info in found if info.type == fs.FileType.File]


def tables(filesystem, lake):
    """Rows of each table of core, path columns included, in the order of all columns."""
    result = {}
    for path in files(filesystem, f"{lake}/core"):
        if path.endswith(".parquet"):
            result.setdefault(path[len(lake) :].split("/")[2], []).append(path)
    for name, paths in result.items():
        base = f"{lake}/core/{name}"
        rows = dataset.dataset(
            sorted(paths), filesystem=filesystem, format="parquet", partition_base_dir=base,
            partitioning=dataset.partitioning(flavor="hive"),
        ).to_table()
        rows = rows.select(sorted(column for column in rows.schema.names if column not in ASIDE))
        keys = [(column, "ascending") for column in rows.schema.names]
        result[name] = rows.take(compute.sort_indices(rows, sort_keys=keys)).combine_chunks()
    return result


def rows_of(filesystem, path):
    """Rows of one file in its own order."""
    with filesystem.open_input_stream(path) as stream:
        rows = parquet.read_table(arrow.BufferReader(stream.read()))
    return rows.select([column for column in rows.schema.names if column not in ASIDE]).combine_chunks()


def core(filesystem, lake):
    """Paths of the files that core/**/*.parquet finds, by key."""
    found = files(filesystem, f"{lake}/core")
    return {path[len(lake) :]: path for path in found if path.endswith(".parquet")}


def standing(undisturbed, lake):
    (known_system, known_lake), (system, folder) = place(undisturbed), place(lake)
    known = {key: rows_of(known_system, path) for key, path in core(known_system, known_lake).items()}
    findings, stood, globs, read, over = [], set(), 0, 0, False
    while not findings and not (over and globs):
        # Looked at before the glob, so that the last one begins after stdin has ended.
        over = bool(select.select([sys.stdin], [], [], 0.05)[0])
        now = core(system, folder)
        findings += [f"{key} stood and is gone" for key in sorted(stood - now.keys())]
        for key, path in sorted(now.items()):
            try:
                rows = rows_of(system, path)
            except Exception as error:  # whatever a reader says of a file that is not whole
                findings.append(f"{key} cannot be read: {error}")
                continue
            read += 1
            if key not in known:
                findings.append(f"{key} stands in no undisturbed lake")
            elif not rows.equals(known[key]):
                findings.append(f"{key}: {rows.num_rows} rows, not the {known[key].num_rows} of the undisturbed lake")
        stood |= now.keys()
        globs += 1
    print("\n".join(f"FAILED {finding}" for finding in findings))
    print(f"{globs} globs, {read} files read, {len(stood)} of {len(known)} files stood at last")
    return 1 if findings or not known else 0


def main(one, other):
    left, right = tables(*place(one)), tables(*place(other))
    findings = []
    if left.keys() != right.keys():
        findings.append(f"tables: {sorted(left)} and {sorted(right)}")
    for name in sorted(left.keys() & right.keys()):
        a, b = left[name], right[name]
        if a.num_rows != b.num_rows:
            findings.append(f"{name}: {a.num_rows} and {b.num_rows} rows")
        elif a.schema.names != b.schema.names:
            findings.append(f"{name}: columns {a.schema.names} and {b.schema.names}")
        elif not a.equals(b):
            differ = [column for column in a.schema.names if not a[column].equals(b[column])]
            findings.append(f"{name}: rows differ in {differ}")
        else:
            print(f"{name}: {a.num_rows} rows, equal")
    if not left:
        findings.append(f"{one} holds nothing")
    print("\n".join(f"FAILED {finding}" for finding in findings) or "the lakes are equal")
    return 1 if findings else 0


if __name__ == "__main__":
    if sys.argv[1] == "--count":
        print(len(files(*place(sys.argv[2]))))
    elif sys.argv[1] == "--standing":
        sys.exit(standing(sys.argv[2], sys.argv[3]))
    else:
        ASIDE.update(sys.argv[3:])
        sys.exit(main(sys.argv[1], sys.argv[2]))
