SELECT
    CASE WHEN r.foundation <> '1000' THEN 'publish' WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END AS fate,
    CASE WHEN r.foundation = '1000' AND r.value <> '..' THEN 'total' END AS what_code,
    'foundation_grants' AS indicator_code,
    'DK' AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    coalesce(c.code, concat('?', r.purpose)) AS category_code,
    CASE WHEN r.foundation = '1000' THEN '_T' ELSE coalesce(d.code, concat('?', r.foundation)) END AS detail_code,
    'dst_survey' AS method_code,
    round(decimal_comma(r.value) * 1000000, 6) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.categories c ON c.agency_code = r.purpose AND c.indicator_codes = 'foundation_grants'
LEFT JOIN codes.details d ON d.agency_code = r.foundation AND d.indicator_codes = 'foundation_grants'
