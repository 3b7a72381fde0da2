SELECT
    'publish' AS fate,
    concat('plandata_lavbund:', r.feature) AS feature_id,
    CASE WHEN r.plan IS NOT NULL THEN concat('plandata_lavbund:', r.municipality, ':', r.plan) END AS plan_id,
    'low_lying' AS theme_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    'adopted' AS status_code,
    civil_date(r.changed_at) AS valid_from,
    r.document AS document_url,
    r.geometry
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality AND a.area_level = 'municipality'
