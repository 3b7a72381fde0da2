SELECT
    r.fate,
    -- A row of the workbook becomes one for each fuel: it is counted with one of them.
    sum(CASE WHEN r.carrier_code = 'wood_chips' THEN 1 ELSE 0 END) AS raw_rows,
    'district_heat_fuel' AS indicator_code,
    r.area_code, make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    r.carrier_code, 'ens_ept' AS method_code,
    -- A share that is missing or no share makes no sum: the row is a reject.
    CASE WHEN count(*) = count(r.tj) THEN round(sum(r.tj), 6) END AS value
FROM (
    SELECT p.year, p.u['carrier'] AS carrier_code,
        CASE WHEN p.net IS NULL THEN 'skip:no_net'
             WHEN p.u['tj'] IS NULL OR p.u['tj'] = 0 THEN 'skip:not_used' ELSE 'publish' END AS fate,
        CASE WHEN p.municipalities > 1 THEN '_X' ELSE coalesce(a.code, concat('?', p.municipality)) END AS area_code,
        CASE WHEN p.share BETWEEN 0 AND 1 THEN p.share * p.u['tj'] END AS tj
    FROM (
        SELECT n.*, unnest(make_array(
            named_struct('carrier', 'wood_chips', 'tj', n.wood_chips),
            named_struct('carrier', 'wood_pellets', 'tj', n.wood_pellets),
            named_struct('carrier', 'straw', 'tj', n.straw),
            named_struct('carrier', 'wood_waste', 'tj', n.wood_waste),
            named_struct('carrier', 'bio_oil', 'tj', n.bio_oil),
            named_struct('carrier', 'biogas', 'tj', n.biogas),
            named_struct('carrier', 'waste', 'tj', n.waste),
            named_struct('carrier', 'coal', 'tj', n.coal),
            named_struct('carrier', 'fuel_oil', 'tj', n.fuel_oil),
            named_struct('carrier', 'waste_oil', 'tj', n.waste_oil),
            named_struct('carrier', 'gas_diesel_oil', 'tj', n.gas_diesel_oil),
            named_struct('carrier', 'refinery_gas', 'tj', n.refinery_gas),
            named_struct('carrier', 'lpg', 'tj', n.lpg),
            named_struct('carrier', 'natural_gas', 'tj', n.natural_gas),
            named_struct('carrier', 'solar_heat', 'tj', n.solar_heat),
            named_struct('carrier', 'ambient_heat', 'tj', n.ambient_heat),
            named_struct('carrier', 'electricity', 'tj', n.electricity),
            named_struct('carrier', 'fuel_free', 'tj', n.fuel_free)
        )) AS u
        FROM (
            SELECT raw.*, CASE WHEN min(municipality) OVER net_year = max(municipality) OVER net_year THEN 1 ELSE 2 END AS municipalities
            FROM raw WINDOW net_year AS (PARTITION BY net, year)
        ) n
    ) p
    LEFT JOIN codes.areas a ON a.statbank_code = p.municipality AND a.area_level IN ('municipality', 'outside')
) r
GROUP BY r.fate, r.area_code, r.year, r.carrier_code
