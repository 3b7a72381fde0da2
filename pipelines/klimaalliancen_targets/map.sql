SELECT
    CASE WHEN r.area_code IN ('0101', '0461', '0751', '0851') THEN 'skip:area_of_cdp' ELSE 'publish' END AS fate,
    concat('klimaalliancen_plans:', r.area_code, ':', r.plan, ':', r.number) AS target_id,
    concat('klimaalliancen_plans:', r.area_code, ':', r.plan) AS plan_id, r.area_code,
    CASE WHEN r.indicator IS NOT NULL THEN coalesce(i.code, concat('?', r.indicator)) END AS indicator_code,
    CASE WHEN r.sector IS NOT NULL THEN coalesce(s.code, concat('?', r.sector))
         WHEN concat(' ', i.dimensions, ' ') NOT LIKE '% sector %' THEN '_Z' ELSE '_T' END AS sector_code,
    CASE WHEN concat(' ', i.dimensions, ' ') NOT LIKE '% category %' THEN '_Z' ELSE '_T' END AS category_code,
    coalesce(k.code, concat('?', r.kind)) AS target_kind,
    CAST(r.base_year AS SMALLINT) AS base_year, r.base_value, CAST(r.target_year AS SMALLINT) AS target_year,
    r.target_value, r.reduction / 100 AS reduction_ratio, i.unit_code,
    CASE WHEN r.boundary IS NULL THEN '_U' ELSE coalesce(b.code, concat('?', r.boundary)) END AS boundary_code,
    r.adopted AS adopted_date
FROM (
    SELECT raw.*, coalesce(a.code, concat('?', raw.municipality)) AS area_code
    FROM raw LEFT JOIN codes.areas a ON a.code = lpad(raw.municipality, 4, '0') AND a.area_level = 'municipality'
) r
LEFT JOIN codes.indicators i ON i.name_da = r.indicator
LEFT JOIN codes.sectors s ON s.name_da = r.sector
LEFT JOIN codes.target_kinds k ON k.name_da = r.kind
LEFT JOIN codes.boundaries b ON b.name_da = r.boundary
