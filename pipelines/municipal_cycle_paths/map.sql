SELECT
    'publish' AS fate, 'cycle_path_length' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    coalesce(c.code, concat('?', r.kind)) AS category_code,
    'municipal_report' AS method_code,
    r.length_km AS value, CASE WHEN r.length_km IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
LEFT JOIN codes.categories c ON c.name_da = r.kind AND concat(' ', c.indicator_codes, ' ') LIKE '% cycle_path_length %'
