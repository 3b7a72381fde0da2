SELECT
    'publish' AS fate, 'charging_points' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    coalesce(c.code, concat('?', r.charging)) AS category_code,
    'ens_charging_register' AS method_code,
    CAST(r.points AS DOUBLE) AS value, CASE WHEN r.points IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
LEFT JOIN codes.categories c ON c.name_da = r.charging AND concat(' ', c.indicator_codes, ' ') LIKE '% charging_points %'
