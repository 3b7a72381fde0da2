"""dlt: rest_api to its filesystem destination as Parquet, as its documentation shows it; wide rows, no mapping.

usage: bench_dlt.py BASE_URL PAGES OUT
"""

import sys

import dlt
from dlt.sources.rest_api import rest_api_source


def main(base, pages, out):
    source = rest_api_source(
        {
            "client": {
                "base_url": base,
                "paginator": {
                    "type": "page_number",
                    "base_page": 0,
                    "page_param": "page",
                    "total_path": None,
                    "maximum_page": pages,
                    "stop_after_empty_page": False,
                },
            },
            "resources": [{"name": "production", "endpoint": {"path": "pages", "data_selector": "records"}}],
        }
    )
    pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem(bucket_url=f"file://{out}"), dataset_name="eds")
    pipeline.run(source, loader_file_format="parquet")
    print(pipeline.last_trace.last_normalize_info.row_counts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
