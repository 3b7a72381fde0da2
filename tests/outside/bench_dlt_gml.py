"""dlt with lxml: pages of WFS GML to its filesystem destination as Parquet; the coordinates stay text.

usage: bench_dlt_gml.py ADDRESS PAGE_FEATURES OUT
"""

import io
import sys
import urllib.request

import dlt
from lxml import etree

WFS, GML, PDK = "{http://www.opengis.net/wfs/2.0}", "{http://www.opengis.net/gml/3.2}", "{http://pdk.example}"


def features(address, page):
    begin = 0
    while True:
        query = f"{address}?service=WFS&version=2.0.0&request=GetFeature&typeNames=pdk:omraade&startIndex={begin}&count={page}"
        with urllib.request.urlopen(query) as answer:
            body = io.BytesIO(answer.read())
        count = 0
        for _, element in etree.iterparse(body, tag=f"{WFS}member"):
            (feature,) = element
            yield {
                "id": feature.get(f"{GML}id"),
                "navn": feature.findtext(f"{PDK}navn"),
                "komnr": int(feature.findtext(f"{PDK}komnr")),
                "status": feature.findtext(f"{PDK}status"),
                "areal": float(feature.findtext(f"{PDK}areal")),
                "dato": feature.findtext(f"{PDK}dato"),
                "geometri": next(feature.iter(f"{GML}posList")).text,
            }
            element.clear()
            count += 1
        if count < page:
            return
        begin += page


def main(address, page, out):
    pipeline = dlt.pipeline("bench_gml", destination=dlt.destinations.filesystem(bucket_url=f"file://{out}"), dataset_name="wfs")
    pipeline.run(features(address, page), table_name="omraade", loader_file_format="parquet")
    print(pipeline.last_trace.last_normalize_info.row_counts)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
