SELECT
    'publish' AS fate, count(*) AS raw_rows,
    'final_energy_consumption' AS indicator_code,
    coalesce(a.code, concat('?', raw.municipality)) AS area_code,
    make_date(CAST(raw.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    coalesce(s.sector_code, concat('?', raw.sector)) AS sector_code,
    coalesce(c.carrier_code, concat('?', raw.carrier)) AS carrier_code,
    coalesce(c.category_code, '_T') AS category_code,
    'ens_account_v4' AS method_code,
    -- One of several that is missing makes the sum missing: half a figure would look like a whole one.
    CASE WHEN count(raw.value) = count(*) THEN sum(raw.value) END AS value,
    CASE WHEN count(raw.value) = count(*) THEN 'A' ELSE 'O' END AS value_status,
    CASE WHEN raw.unit = 'TJ' THEN 'tj' ELSE concat('?', raw.unit) END AS unit_code
FROM raw
LEFT JOIN codes.areas a ON a.statbank_code = raw.municipality
LEFT JOIN maps.sectors s ON s.code = raw.sector
LEFT JOIN maps.carriers c ON c.code = raw.carrier
GROUP BY a.code, raw.municipality, raw.year, s.sector_code, raw.sector, c.carrier_code, c.category_code, raw.carrier, raw.unit
