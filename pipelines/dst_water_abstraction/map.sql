SELECT
    CASE WHEN a.area_level IN ('region', 'landsdel', 'country') OR r.water = 'TOTVAND'
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' THEN NULL WHEN a.area_level IN ('region', 'landsdel') THEN 'region'
         WHEN a.area_level = 'country' THEN 'country' WHEN r.water = 'TOTVAND' THEN 'total' END AS what_code,
    'water_abstraction' AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    coalesce(c.code, concat('?', r.category)) AS category_code,
    CASE WHEN r.water = 'TOTVAND' THEN '_T' ELSE coalesce(d.code, concat('?', r.water)) END AS detail_code,
    'dst_register' AS method_code,
    round(decimal_comma(r.value) * 1000000, 3) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN codes.categories c ON c.agency_code = r.category AND c.indicator_codes = 'water_abstraction'
LEFT JOIN codes.details d ON d.agency_code = r.water AND d.indicator_codes = 'water_abstraction'
