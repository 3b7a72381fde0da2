SELECT
    CASE WHEN r.kind IN ('305', '315', '350', '375') THEN 'skip:partial_total'
         WHEN r.kind = '300' THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.kind = '300' AND r.value <> '..' THEN 'total' END AS what_code,
    'farm_subsidy' AS indicator_code,
    'DK' AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    CASE WHEN r.kind = '300' THEN '_T' ELSE coalesce(c.code, concat('?', r.kind)) END AS category_code,
    'dst_register' AS method_code,
    round(decimal_comma(r.value) * 1000000, 6) AS value,
    -- The newest two years are provisional: the table's footnote.
    CASE WHEN r.value = '..' THEN 'O'
         WHEN CAST(r.period AS INT) > max(CAST(r.period AS INT)) OVER () - 2 THEN 'P' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.categories c ON c.agency_code = r.kind AND c.indicator_codes = 'farm_subsidy'
