SELECT
    'publish' AS fate, concat('ens_biogas:', r.plant) AS facility_id, 'biogas_plant' AS kind_code, 'biogas' AS carrier_code,
    CASE WHEN r.municipality IS NOT NULL THEN coalesce(a.code, concat('?', r.municipality)) END AS area_code,
    'land' AS location_code, r.power_mw AS capacity_mw,
    r.opened AS commissioned_date, r.closed AS decommissioned_date
FROM raw r
LEFT JOIN codes.areas a ON r.municipality IN (a.code, a.statbank_code) AND a.area_level = 'municipality'
