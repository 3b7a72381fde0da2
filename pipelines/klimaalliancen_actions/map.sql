SELECT
    CASE WHEN r.area_code IN ('0101', '0461', '0751', '0851') THEN 'skip:area_of_cdp' ELSE 'publish' END AS fate,
    concat('klimaalliancen_plans:', r.area_code, ':', r.plan, ':', r.number) AS action_id,
    concat('klimaalliancen_plans:', r.area_code, ':', r.plan) AS plan_id, r.area_code, r.title,
    coalesce(k.code, concat('?', r.kind)) AS kind,
    CASE WHEN r.sector IS NULL THEN '_T' ELSE coalesce(s.code, concat('?', r.sector)) END AS sector_code,
    CASE WHEN r.hazard IS NOT NULL THEN coalesce(h.code, concat('?', r.hazard))
         WHEN k.code = 'mitigation' THEN '_Z' ELSE '_U' END AS hazard_code,
    coalesce(t.code, concat('?', r.status)) AS status_code, r.start AS start_date, r."end" AS end_date,
    r.expected AS expected_effect_tonne_co2e, CAST(r.effect_year AS SMALLINT) AS effect_year,
    r.realised AS realised_effect_tonne_co2e, r.budget AS budget_dkk, r.responsible, r.updated AS updated_date
FROM (
    SELECT raw.*, coalesce(a.code, concat('?', raw.municipality)) AS area_code
    FROM raw LEFT JOIN codes.areas a ON a.code = lpad(raw.municipality, 4, '0') AND a.area_level = 'municipality'
) r
LEFT JOIN codes.action_kinds k ON k.name_da = r.kind
LEFT JOIN codes.sectors s ON s.name_da = r.sector
LEFT JOIN codes.hazards h ON h.name_da = r.hazard
-- The list serves other tables too.
LEFT JOIN codes.statuses t ON t.name_da = r.status AND concat(' ', t.tables, ' ') LIKE '% action %'
