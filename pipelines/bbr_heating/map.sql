SELECT
    r.fate, count(*) AS raw_rows, 'buildings_by_heating_bbr' AS indicator_code,
    r.area_code, r.period_start, 'A' AS frequency_code, r.carrier_code, 'bbr_register' AS method_code,
    CAST(count(*) AS DOUBLE) AS value
FROM (
    SELECT
        CASE WHEN raw.status IN ('2', '3', '7', '10', '11') THEN 'skip:not_standing'
             WHEN raw.status <> '6' THEN 'publish'
             WHEN raw.installation IS NULL OR raw.installation = '' THEN 'skip:installation_not_stated'
             WHEN raw.installation = '9' THEN 'skip:no_installation' ELSE 'publish' END AS fate,
        coalesce(a.code, concat('?', raw.municipality)) AS area_code, civil_date(raw.fetched_at) AS period_start,
        CASE WHEN raw.status <> '6' OR raw.status IS NULL THEN concat('?status ', raw.status)
             WHEN raw.installation IN ('2', '3', '6') THEN CASE coalesce(raw.medium, '')
                 WHEN '' THEN '_U' WHEN '1' THEN 'electric_heating' WHEN '2' THEN 'gas_heating' WHEN '3' THEN 'oil_heating'
                 WHEN '4' THEN 'solid_fuel' WHEN '6' THEN 'straw' WHEN '7' THEN 'gas_heating' WHEN '9' THEN 'other'
                 ELSE concat('?medium ', raw.medium) END
             WHEN raw.installation = '1' THEN 'district_heat' WHEN raw.installation = '5' THEN 'heat_pump'
             WHEN raw.installation = '7' THEN 'electric_heating' WHEN raw.installation = '8' THEN 'gas_heating'
             WHEN raw.installation = '99' THEN 'other' ELSE concat('?installation ', raw.installation) END AS carrier_code
    FROM raw LEFT JOIN codes.areas a ON a.code = raw.municipality AND a.area_level IN ('municipality', 'outside')
) r
GROUP BY r.fate, r.area_code, r.period_start, r.carrier_code
