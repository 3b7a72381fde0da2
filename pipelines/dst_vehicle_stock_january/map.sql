SELECT
    indicator_code, area_code, area_level, CAST(period_start + INTERVAL '1 day' AS DATE) AS period_start,
    'A' AS frequency_code, scenario_code, sector_code, carrier_code, category_code, detail_code, gas_code, scope_code,
    method_code, value, unit_code, value_status, conf_status
FROM core.observation_within_year
WHERE pipeline = 'dst_vehicle_stock' AND indicator_code = 'vehicles' AND frequency_code = 'M'
    AND date_part('month', period_start) = 12
