SELECT
    CASE WHEN a.area_level IN ('region', 'country')
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN a.area_level IN ('region', 'country') AND r.value <> '..' THEN a.area_level END AS what_code,
    'land_area' AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    'dst_matriculated_area' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
