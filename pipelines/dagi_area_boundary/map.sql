SELECT
    'publish' AS fate, coalesce(a.code, concat('?', r.municipality)) AS area_code,
    coalesce(CAST(a.valid_from AS DATE), DATE '2007-01-01') AS valid_from,
    geometry_repaired(r.geometry) AS geometry, 'DAGI Kommuneinddeling, 1:10.000' AS source
FROM raw r
LEFT JOIN codes.areas a ON a.code = r.municipality AND a.area_level IN ('municipality', 'outside')
