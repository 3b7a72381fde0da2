SELECT
    CASE WHEN r.area_code IN ('0101', '0461', '0751', '0851') THEN 'skip:area_of_cdp' ELSE 'publish' END AS fate,
    CASE WHEN r.area_code LIKE '?%' THEN NULL
         ELSE concat('klimaalliancen_plans:', r.area_code, ':', r.plan) END AS plan_id,
    coalesce(c.code, concat('?', r.criterion)) AS criterion_code, coalesce(m.code, concat('?', r.met)) AS met_code,
    r.assessed AS assessed_date, r.note
FROM (
    SELECT raw.*, coalesce(a.code, concat('?', raw.municipality)) AS area_code
    FROM raw LEFT JOIN codes.areas a ON a.code = lpad(raw.municipality, 4, '0') AND a.area_level = 'municipality'
) r
LEFT JOIN codes.criteria c ON c.name_da = r.criterion
LEFT JOIN codes.met m ON m.name_da = r.met
