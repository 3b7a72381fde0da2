SELECT
    'publish' AS fate, 'waste_treated' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    coalesce(c.code, concat('?', r.treatment)) AS category_code,
    coalesce(d.code, concat('?', r.origin)) AS detail_code,
    'ads_reports' AS method_code,
    r.tonnes AS value, CASE WHEN r.tonnes IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
LEFT JOIN codes.categories c ON c.name_da = r.treatment AND concat(' ', c.indicator_codes, ' ') LIKE '% waste_treated %'
LEFT JOIN codes.details d ON d.name_da = r.origin AND d.indicator_codes = 'waste_treated'
