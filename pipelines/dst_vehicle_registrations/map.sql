SELECT
    CASE WHEN r.totals = 3 THEN CASE WHEN r.value = '..' THEN 'skip:no_figure' ELSE 'control' END
         WHEN r.totals > 0 OR a.area_level IN ('region', 'landsdel', 'country') THEN 'skip:partial_total'
         ELSE 'publish' END AS fate,
    CASE WHEN r.totals < 3 OR r.value = '..' THEN NULL
         WHEN a.area_level IN ('region', 'landsdel') THEN 'region'
         WHEN a.area_level = 'country' THEN 'country' ELSE 'total' END AS what_code,
    'vehicles_registered' AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    CAST(concat(replace(r.period, 'M', '-'), '-01') AS DATE) AS period_start, 'M' AS frequency_code,
    coalesce(p.carrier_code, concat('?', r.propellant)) AS carrier_code,
    coalesce(v.category_code, concat('?', r.vehicle)) AS category_code,
    CASE r.used WHEN '1100' THEN 'households' WHEN '1200' THEN 'businesses' WHEN '1000' THEN '_T'
        ELSE concat('?', r.used) END AS detail_code, 'dst_register' AS method_code,
    decimal_comma(r.value) AS value,
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM (
    SELECT *, CAST(vehicle = '4000100001' AS INT) + CAST(used = '1000' AS INT) + CAST(propellant = '20200' AS INT) AS totals
    FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN maps.vehicle_types v ON v.code = r.vehicle
LEFT JOIN maps.propellants p ON p.code = r.propellant
