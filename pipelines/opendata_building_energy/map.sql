SELECT
    r.fate, count(*) AS raw_rows,
    'municipal_building_energy' AS indicator_code,
    r.area_code, make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    r.carrier_code, 'municipal_report' AS method_code,
    -- A text that is no number makes no sum, and a row without a figure and a reason is a reject.
    CASE WHEN count(*) = count(r.kwh) THEN sum(r.kwh) / 1000 END AS value
FROM (
    SELECT
        CASE WHEN raw.kwh IS NULL OR raw.kwh IN ('', '-') THEN 'skip:not_metered'
             WHEN raw.year >= date_part('year', civil_date(raw.modified)) THEN 'skip:year_not_over'
             ELSE 'publish' END AS fate,
        coalesce(p.area_code, concat('?', raw.publisher)) AS area_code, raw.year,
        CASE raw.kind WHEN 'El' THEN 'electricity' WHEN 'Fjernvarme' THEN 'district_heat'
             WHEN 'Naturgas' THEN 'natural_gas' ELSE concat('?', raw.kind) END AS carrier_code,
        decimal_comma(raw.kwh) AS kwh
    FROM raw LEFT JOIN maps.publishers p ON p.code = raw.publisher
) r
GROUP BY r.fate, r.area_code, r.year, r.carrier_code
