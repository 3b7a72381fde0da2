"""Rows that another engine made against those that stand in a lake, by the table's key."""

import duckdb

# Engines add float64 in different orders.
RELATIVE = 1e-9
# What is left of a difference of two equal sums, beside the largest figure of the column.
NOISE = 1e-13
# What map.sql gives beside the columns of the table, and the runner takes away.
TAKEN_AWAY = {"fate", "raw_rows", "what_code"}


def close(one, other) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or abs(one - other) <= RELATIVE * max(abs(one), abs(other))


def differences(came, published: str, unique_key: list[str]) -> list[str]:
    """Of an Arrow table and the SQL of what is published: what differs, with an example of each."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("came", came)
        types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE SELECT * FROM {published}").fetchall()}
        columns = [name for name in came.column_names if name in types]
        if unknown := set(came.column_names) - types.keys() - TAKEN_AWAY:
            return [f"columns {sorted(unknown)} are not published"]
        keys = [name for name in unique_key if name in columns]
        kept = "WHERE fate = 'publish'" if "fate" in came.column_names else ""
        cast = ", ".join(f"CAST({name} AS {types[name]}) AS {name}" for name in columns)
        connection.execute(f"CREATE TEMP TABLE ours AS SELECT {cast}, true AS is_there FROM came {kept}")
        connection.execute(f"CREATE TEMP TABLE theirs AS SELECT {', '.join(columns)}, true AS is_there FROM {published}")
        found = []
        twice = connection.execute(f"SELECT count(*) - count(DISTINCT ({', '.join(keys)})) FROM ours").fetchone()[0]
        if twice:
            found.append(f"{twice} rows have the key of another")
        on = " AND ".join(f"o.{name} IS NOT DISTINCT FROM t.{name}" for name in keys)
        rows = f"FROM ours o FULL JOIN theirs t ON {on}"
        example = f"concat_ws('|', {', '.join(f'coalesce(o.{name}, t.{name})' for name in keys)})"
        for where, says in (("t.is_there IS NULL", "rows are not published"), ("o.is_there IS NULL", "published rows did not come")):
            if one := connection.execute(f"SELECT count(*) OVER (), {example} {rows} WHERE {where} LIMIT 1").fetchone():
                found.append(f"{one[0]} {says}, such as {one[1]}")
        for name in columns:
            if name in keys:
                continue
            equal = f"o.{name} IS NOT DISTINCT FROM t.{name}"
            if types[name] in ("DOUBLE", "FLOAT"):
                largest = connection.execute(f"SELECT coalesce(max(abs({name})), 0) FROM theirs").fetchone()[0]
                bound = f"greatest({RELATIVE} * greatest(abs(o.{name}), abs(t.{name})), {NOISE * largest!r})"
                equal += f" OR coalesce(abs(o.{name} - t.{name}) <= {bound}, false)"
            sql = f"SELECT count(*) OVER (), {example}, o.{name}, t.{name} {rows} WHERE o.is_there AND t.is_there AND NOT ({equal}) LIMIT 1"
            if one := connection.execute(sql).fetchone():
                found.append(f"{one[0]} rows differ in {name}, such as {one[1]}: {one[2]}, published {one[3]}")
        return found
