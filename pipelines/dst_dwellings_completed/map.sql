SELECT
    CASE WHEN a.area_level IN ('region', 'landsdel', 'country')
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' THEN NULL
         WHEN a.area_level IN ('region', 'landsdel') THEN 'region' WHEN a.area_level = 'country' THEN 'country' END AS what_code,
    CASE WHEN r.phase = '3' AND r.used = '009' THEN 'dwellings_completed' ELSE concat('?', r.phase, r.used) END AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(substr(r.period, 1, 4) AS INT), 3 * CAST(substr(r.period, 6, 1) AS INT) - 2, 1) AS period_start,
    'Q' AS frequency_code,
    'dst_register' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
