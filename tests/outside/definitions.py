"""Every pipeline.toml fits the generated JSON schema, and the schema refuses what it should refuse.

usage: definitions.py PIPELINES_FOLDER SCHEMA_JSON
"""

import copy
import json
import sys
import tomllib
from pathlib import Path

import jsonschema


def main(folder: Path, schema_path: Path) -> int:
    schema = json.loads(schema_path.read_text("utf-8"))
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    findings, harvest = [], None
    paths = sorted(folder.glob("*/pipeline.toml"))
    for path in paths:
        definition = tomllib.loads(path.read_text("utf-8"))
        for error in validator.iter_errors(definition):
            findings.append(f"{path.parent.name}: {error.json_path}: {error.message[:300]}")
        if "source" in definition and "instance" not in definition:
            harvest = definition
    if harvest is None:
        findings.append(f"{folder} holds no harvest")
    else:
        broken = {"an unknown key": ("surprise", 1), "a table of another type": ("table", 7)}
        for name, (key, value) in broken.items():
            if validator.is_valid({**harvest, key: value}):
                findings.append(f"the schema accepts {name}")
        nobody = copy.deepcopy(harvest)
        nobody["source"]["connector"] = "nobody"
        if validator.is_valid(nobody):
            findings.append("the schema accepts a connector that does not exist")
        bare = copy.deepcopy(harvest)
        bare["source"] = {"connector": harvest["source"]["connector"]}
        if validator.is_valid(bare):
            findings.append("the schema accepts a connector without its required settings")
    print("\n".join(findings) or f"{len(paths)} definitions fit the JSON schema")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
