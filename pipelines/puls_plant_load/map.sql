SELECT
    'publish' AS fate, concat('puls_treatment_plants:', r.plant) AS facility_id, CAST(r.year AS SMALLINT) AS year,
    'wastewater_load' AS indicator_code, '_Z' AS carrier_code, r.load_pe AS value, 'pe' AS unit_code,
    CASE WHEN r.load_pe IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
