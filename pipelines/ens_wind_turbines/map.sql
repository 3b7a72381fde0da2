SELECT
    CASE WHEN r.gsrn LIKE 'Sum af %' OR r.gsrn = 'I alt' THEN 'skip:agency_total' ELSE 'publish' END AS fate,
    -- An id that is no GSRN is no turbine: without an id the row is a reject.
    CASE WHEN r.gsrn ~ '^[0-9]{18}$' THEN concat('ens_wind_register:', r.gsrn) END AS facility_id,
    'wind_turbine' AS kind_code,
    CASE upper(r.place) WHEN 'LAND' THEN 'wind_onshore' WHEN 'HAV' THEN 'wind_offshore'
        ELSE concat('?', r.place) END AS carrier_code,
    CASE upper(r.place) WHEN 'LAND' THEN 'land' WHEN 'HAV' THEN 'sea' ELSE concat('?', r.place) END AS location_code,
    CASE WHEN r.municipality IS NOT NULL THEN coalesce(a.code, concat('?', r.municipality)) END AS area_code,
    r.kw / 1000 AS capacity_mw,
    r.connected AS commissioned_date,
    r.disconnected AS decommissioned_date
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality AND a.area_level IN ('municipality', 'outside')
