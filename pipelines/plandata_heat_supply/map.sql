SELECT
    'publish' AS fate,
    concat('plandata_varmeforsyning:', r.theme, ':', r.object) AS feature_id,
    coalesce(h.code, concat('?', r.theme)) AS theme_code,
    CASE WHEN r.theme <> '1203' THEN '_Z' WHEN r.kind IS NULL THEN '_U'
         ELSE coalesce(k.class_code, concat('?', r.kind)) END AS class_code,
    coalesce(t.code, s.area_code, concat('?', r.municipality)) AS area_code,
    CASE r.status WHEN 'Vedtaget' THEN 'adopted' WHEN 'Forslag' THEN 'proposed' WHEN 'Aflyst' THEN 'cancelled'
         ELSE concat('?', r.status) END AS status_code,
    civil_date(r.changed_at) AS valid_from,
    r.document AS document_url,
    r.geometry
FROM raw r
LEFT JOIN codes.themes h ON h.plandata_theme = r.theme
LEFT JOIN maps.kinds k ON k.code = r.kind
LEFT JOIN codes.areas t ON concat(lower(t.name_da), ' kommune') = lower(r.municipality) AND t.area_level = 'municipality'
LEFT JOIN codes.area_aliases s ON lower(s.code) = lower(r.municipality)
