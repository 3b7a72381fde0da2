SELECT
    CASE WHEN r.kind = 'Samlet CO2-udledning' AND r.unit IN ('Ton CO2e/indb.', 'Ton CO2e/km²') THEN 'skip:derived_per_head_or_area'
         WHEN r.kind = 'Samlet CO2-udledning' AND r.sector = 'Samlet'
         THEN CASE WHEN r.value IS NULL THEN 'skip:no_figure' ELSE 'control' END
         WHEN r.kind = 'Samlet slutenergiforbrug' THEN 'skip:finer_in_resultat_energi'
         WHEN r.kind NOT IN ('Samlet CO2-udledning', 'VE-el selvforsyningsgrad (Vind-, sol- og vandbaseret-elproduktion)') THEN 'skip:no_indicator'
         ELSE 'publish' END AS fate,
    CASE WHEN r.kind <> 'Samlet CO2-udledning' OR r.sector <> 'Samlet' OR r.unit <> 'Ton CO2e' OR r.value IS NULL THEN NULL
         WHEN r.place = 1 THEN 'total' WHEN r.place = 2 THEN 'second_aggregation' END AS what_code,
    CASE WHEN r.kind = 'Samlet CO2-udledning' AND r.unit = 'Ton CO2e' THEN 'ghg_emissions'
         WHEN r.kind LIKE 'VE-el selvforsyningsgrad%' AND r.unit = '%' THEN 're_electricity_share' END AS indicator_code,
    a.code AS area_code,
    make_date(CAST(r.year AS INT), 1, 1) AS period_start,
    'A' AS frequency_code,
    CASE WHEN r.kind = 'Samlet CO2-udledning' THEN s.sector_code ELSE '_Z' END AS sector_code,
    CASE WHEN r.kind = 'Samlet CO2-udledning' THEN 'co2e' ELSE '_Z' END AS gas_code,
    'ens_account_v4' AS method_code,
    r.value,
    CASE WHEN r.value IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM (
    SELECT *, row_number() OVER (PARTITION BY municipality, year, kind, sector, unit ORDER BY value) AS place FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality
LEFT JOIN maps.sectors s ON s.code = r.sector
