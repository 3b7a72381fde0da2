SELECT
    'publish' AS fate,
    concat('plandata_varmeforsyning:1207:', r.plan, ':', coalesce(r.part, '')) AS feature_id,
    concat('plandata_varmeforsyning:', r.plan) AS plan_id,
    'heat_plan' AS theme_code,
    CASE r.kind WHEN '1' THEN 'district_heating' WHEN '2' THEN 'individual_heating' ELSE concat('?', r.kind) END AS class_code,
    coalesce(a.code, s.area_code, concat('?', r.municipality)) AS area_code,
    'adopted' AS status_code,
    civil_date(r.changed_at) AS valid_from,
    r.document AS document_url,
    r.geometry
FROM raw r
LEFT JOIN codes.areas a ON a.name_da = r.municipality AND a.area_level = 'municipality'
LEFT JOIN codes.area_aliases s ON lower(s.code) = lower(r.municipality)
