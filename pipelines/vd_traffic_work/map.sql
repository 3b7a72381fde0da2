SELECT
    'publish' AS fate, 'traffic_work' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    coalesce(c.code, concat('?', r.vehicle)) AS category_code,
    'vd_traffic_counts' AS method_code,
    r.million_km AS value, CASE WHEN r.million_km IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
LEFT JOIN codes.categories c ON c.name_da = r.vehicle AND concat(' ', c.indicator_codes, ' ') LIKE '% traffic_work %'
