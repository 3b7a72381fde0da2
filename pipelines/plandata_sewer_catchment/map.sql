SELECT
    'publish' AS fate,
    concat('plandata_kloakopland:', r.feature) AS feature_id,
    'sewer_catchment' AS theme_code,
    CASE WHEN r.now IS NULL THEN '_U' ELSE coalesce(n.code, concat('?', r.now)) END AS class_code,
    CASE WHEN r.planned IS NULL THEN '_U' ELSE coalesce(p.code, concat('?', r.planned)) END AS planned_class_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    'adopted' AS status_code,
    civil_date(r.changed_at) AS valid_from,
    r.document AS document_url,
    r.geometry
FROM raw r
LEFT JOIN codes.area_classes n ON n.agency_code = CAST(r.now AS VARCHAR) AND n.theme_codes = 'sewer_catchment'
LEFT JOIN codes.area_classes p ON p.agency_code = CAST(r.planned AS VARCHAR) AND p.theme_codes = 'sewer_catchment'
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality AND a.area_level = 'municipality'
