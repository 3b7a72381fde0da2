SELECT
    'publish' AS fate, concat('puls_treatment_plants:', r.plant) AS facility_id,
    'wastewater_plant' AS kind_code, '_Z' AS carrier_code,
    CASE WHEN r.municipality IS NOT NULL THEN coalesce(a.code, concat('?', r.municipality)) END AS area_code,
    'land' AS location_code,
    r.opened AS commissioned_date, r.closed AS decommissioned_date, r.longitude AS lon, r.latitude AS lat
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
