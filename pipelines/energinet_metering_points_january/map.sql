SELECT
    indicator_code, area_code, area_level, period_start, period_end, 'A' AS frequency_code, scenario_code,
    sector_code, carrier_code, category_code, detail_code, gas_code, scope_code, method_code,
    value, unit_code, value_status, conf_status
FROM core.observation_within_year
WHERE pipeline = 'energinet_metering_points' AND frequency_code = 'M'
    AND indicator_code = 'metering_points' AND date_part('month', period_start) = 1
