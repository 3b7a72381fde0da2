SELECT
    CASE WHEN r.area_code IN ('0101', '0461', '0751', '0851') THEN 'skip:area_of_cdp' ELSE 'publish' END AS fate,
    concat('klimaalliancen_plans:', r.area_code, ':', r.plan) AS plan_id, r.area_code, r.title,
    CASE WHEN r.framework IS NOT NULL THEN coalesce(f.code, concat('?', r.framework)) END AS framework_code,
    coalesce(s.code, concat('?', r.status)) AS status_code,
    r.adopted AS adopted_date, r.certified AS certified_date, r.valid_from, r.revision_due AS revision_due_date,
    r.recertified AS recertified_date, r.document AS document_url
FROM (
    SELECT raw.*, coalesce(a.code, concat('?', raw.municipality)) AS area_code
    FROM raw LEFT JOIN codes.areas a ON a.code = lpad(raw.municipality, 4, '0') AND a.area_level = 'municipality'
) r
LEFT JOIN codes.frameworks f ON f.name_da = r.framework
-- The list serves other tables too.
LEFT JOIN codes.statuses s ON s.name_da = r.status AND concat(' ', s.tables, ' ') LIKE '% plan %'
