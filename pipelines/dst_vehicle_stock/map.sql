SELECT
    CASE WHEN a.area_level = 'landsdel' THEN 'skip:second_level'
         WHEN r.totals = 3 AND r.value = '..' THEN 'skip:no_figure'
         WHEN r.totals = 3 THEN 'control'
         WHEN r.totals > 0 OR a.area_level IN ('region', 'country') THEN 'skip:partial_total'
         ELSE 'publish' END AS fate,
    CASE WHEN r.totals < 3 OR r.value = '..' OR a.area_level = 'landsdel' THEN NULL
         WHEN a.area_level IN ('region', 'country') THEN a.area_level
         ELSE 'total' END AS what_code,
    'vehicles' AS indicator_code,
    a.code AS area_code,
    CAST(concat(substr(r.period, 1, 4), '-', substr(r.period, 6, 2), '-01') AS DATE) AS period_start,
    'M' AS frequency_code,
    p.carrier_code,
    v.category_code,
    CASE r.used WHEN '1100' THEN 'households' WHEN '1200' THEN 'businesses' WHEN '1000' THEN '_T' END AS detail_code,
    'dst_register' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM (
    SELECT *,
        CASE WHEN vehicle = '4000100001' THEN 1 ELSE 0 END + CASE WHEN used = '1000' THEN 1 ELSE 0 END
            + CASE WHEN propellant = '20200' THEN 1 ELSE 0 END AS totals
    FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN maps.vehicle_types v ON v.code = r.vehicle
LEFT JOIN maps.propellants p ON p.code = r.propellant
