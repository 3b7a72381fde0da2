SELECT
    'publish' AS fate,
    concat('plandata_oversvoemmelse_erosion:', r.feature) AS feature_id,
    CASE WHEN r.plan IS NOT NULL THEN concat('plandata_oversvoemmelse_erosion:', r.municipality, ':', r.plan) END AS plan_id,
    'flood_erosion' AS theme_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    'adopted' AS status_code,
    civil_date(r.changed_at) AS valid_from,
    r.document AS document_url,
    r.geometry
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality AND a.area_level = 'municipality'
