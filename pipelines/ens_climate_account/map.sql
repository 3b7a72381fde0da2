SELECT
    CASE WHEN r.sector <> 'Samlet' THEN coalesce(k.fate, 'publish')
         WHEN k.fate_of_sum = 'control' AND r.value IS NULL THEN 'skip:no_figure'
         ELSE coalesce(k.fate_of_sum, 'publish') END AS fate,
    CASE WHEN r.sector = 'Samlet' AND k.fate_of_sum = 'control' AND r.value IS NOT NULL
         THEN CASE r.place WHEN 1 THEN 'total' WHEN 2 THEN 'second_aggregation' END END AS what_code,
    coalesce(k.indicator_code, concat('?', r.kind_in_unit)) AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    CASE WHEN k.gas_code = '_Z' THEN '_Z' ELSE coalesce(s.sector_code, concat('?', r.sector)) END AS sector_code,
    coalesce(k.gas_code, '_Z') AS gas_code, 'ens_account_v4' AS method_code,
    r.value, CASE WHEN r.value IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM (
    SELECT *, concat(kind, ' | ', unit) AS kind_in_unit,
        row_number() OVER (PARTITION BY municipality, year, kind, sector, unit ORDER BY value) AS place FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality
LEFT JOIN maps.kinds k ON k.code = r.kind_in_unit
LEFT JOIN maps.sectors s ON s.code = r.sector
