SELECT
    'publish' AS fate,
    'electricity_emission_factor' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    'energinet_declaration_125' AS method_code,
    round(r.factor, 6) AS value,
    CASE WHEN r.factor IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality AND a.area_level IN ('municipality', 'outside')
