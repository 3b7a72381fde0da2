SELECT
    CASE WHEN a.area_level IN ('region', 'landsdel', 'country')
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' THEN NULL
         WHEN a.area_level IN ('region', 'landsdel') THEN 'region' WHEN a.area_level = 'country' THEN 'country' END AS what_code,
    'dwellings_by_type' AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    coalesce(u.category_code, concat('?', r.used)) AS category_code,
    coalesce(d.code, concat('?', r.owner)) AS detail_code,
    'dst_register' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN codes.details d ON d.agency_code = r.owner AND d.indicator_codes = 'dwellings_by_type'
LEFT JOIN maps.uses u ON u.code = r.used
