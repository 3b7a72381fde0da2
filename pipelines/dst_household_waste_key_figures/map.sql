SELECT
    CASE WHEN r.area IN ('1', '2', '3', '4', '5', '01', '02', '03', '04', '05') THEN 'skip:municipality_group'
         ELSE 'publish' END AS fate,
    -- An unknown key figure has an unknown unit: its row is rejected.
    CASE r.key_figure WHEN 'GENPCT' THEN 'recycling_share' WHEN 'AFFALDIND' THEN 'household_waste_per_head'
        ELSE concat('?', r.key_figure) END AS indicator_code,
    CASE WHEN r.area IN ('0', '000') THEN 'DK' ELSE coalesce(a.code, concat('?', r.area)) END AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    'dst_register' AS method_code,
    decimal_comma(r.value) / CASE r.key_figure WHEN 'GENPCT' THEN 100 ELSE 1 END AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area AND a.area_level IN ('municipality', 'outside')
