SELECT
    CASE WHEN a.area_level IN ('region', 'landsdel', 'country')
         THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         ELSE 'publish' END AS fate,
    CASE WHEN r.value = '..' THEN NULL
         WHEN a.area_level IN ('region', 'landsdel') THEN 'region' WHEN a.area_level = 'country' THEN 'country' END AS what_code,
    -- Four units in one variable: a code that is not known has no unit, and its row is rejected.
    CASE r.discharge WHEN 'SP' THEN 'wastewater_discharge' WHEN 'KV' THEN 'wastewater_nitrogen'
        WHEN 'FO' THEN 'wastewater_phosphorus' WHEN 'OR' THEN 'wastewater_organic'
        ELSE concat('?', r.discharge) END AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    coalesce(c.code, concat('?', r.plant)) AS category_code,
    'dst_register' AS method_code,
    round(decimal_comma(r.value) * CASE r.discharge WHEN 'SP' THEN 1000 ELSE 1 END, 6) AS value, -- SP is 1,000 m3
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN codes.categories c ON c.agency_code = r.plant AND c.indicator_codes LIKE 'wastewater_discharge %'
