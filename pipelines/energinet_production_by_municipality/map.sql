SELECT
    CASE WHEN r.u['mwh'] IS NULL THEN 'skip:not_present' ELSE 'publish' END AS fate,
    'electricity_production' AS indicator_code,
    a.code AS area_code,
    r.hour AS hour_start_at,
    civil_date(r.hour) AS civil_date,
    'H' AS frequency_code,
    r.u['carrier'] AS carrier_code,
    r.u['size'] AS category_code,
    'energinet_settlement' AS method_code,
    r.u['mwh'] AS value
FROM (
    SELECT hour, municipality, unnest(make_array(
        named_struct('carrier', 'solar_pv', 'size', '_T', 'mwh', solar),
        named_struct('carrier', 'wind_offshore', 'size', 'lt_100mw', 'mwh', offshore_small),
        named_struct('carrier', 'wind_offshore', 'size', 'ge_100mw', 'mwh', offshore_large),
        named_struct('carrier', 'wind_onshore', 'size', '_T', 'mwh', onshore),
        named_struct('carrier', 'thermal_power', 'size', '_T', 'mwh', thermal)
    )) AS u
    FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality
