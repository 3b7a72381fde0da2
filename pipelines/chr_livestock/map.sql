SELECT
    'publish' AS fate, 'livestock' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    coalesce(c.code, concat('?', r.species)) AS category_code,
    'chr_count' AS method_code,
    CAST(r.animals AS DOUBLE) AS value, CASE WHEN r.animals IS NULL THEN 'Q' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
LEFT JOIN codes.categories c ON c.name_da = r.species AND concat(' ', c.indicator_codes, ' ') LIKE '% livestock %'
