SELECT
    CASE WHEN r.u['figure'] IS NULL THEN 'skip:not_present' ELSE 'publish' END AS fate,
    r.u['indicator'] AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    r.month AS period_start, 'M' AS frequency_code,
    r.u['carrier'] AS carrier_code, r.u['size'] AS category_code,
    'energinet_master_data' AS method_code,
    r.u['figure'] AS value
FROM (
    SELECT month, municipality, unnest(make_array(
        named_struct('indicator', 'electricity_capacity', 'carrier', 'thermal_power', 'size', 'ge_100mw', 'figure', thermal_large),
        named_struct('indicator', 'electricity_capacity', 'carrier', 'thermal_power', 'size', 'lt_100mw', 'figure', thermal_small),
        named_struct('indicator', 'electricity_capacity', 'carrier', 'wind_offshore', 'size', '_T', 'figure', offshore),
        named_struct('indicator', 'electricity_capacity', 'carrier', 'wind_onshore', 'size', '_T', 'figure', onshore),
        named_struct('indicator', 'electricity_capacity', 'carrier', 'solar_pv', 'size', '_T', 'figure', solar),
        named_struct('indicator', 'generating_units', 'carrier', 'thermal_power', 'size', 'ge_100mw', 'figure', thermal_large_units),
        named_struct('indicator', 'generating_units', 'carrier', 'thermal_power', 'size', 'lt_100mw', 'figure', thermal_small_units),
        named_struct('indicator', 'generating_units', 'carrier', 'wind_offshore', 'size', '_T', 'figure', offshore_units),
        named_struct('indicator', 'generating_units', 'carrier', 'wind_onshore', 'size', '_T', 'figure', onshore_units),
        named_struct('indicator', 'generating_units', 'carrier', 'solar_pv', 'size', '_T', 'figure', solar_units)
    )) AS u
    FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality
