SELECT
    'publish' AS fate, concat('ens_biogas:', r.plant) AS facility_id, CAST(r.year AS SMALLINT) AS year,
    'biogas_production_plants' AS indicator_code, '_Z' AS carrier_code, r.production_tj AS value, 'tj' AS unit_code,
    CASE WHEN r.production_tj IS NULL THEN 'O' ELSE 'A' END AS value_status
FROM raw r
