SELECT
    'publish' AS fate, concat('regions_climate_efforts:', r.area_code, ':', r.number) AS action_id, r.area_code, r.title,
    coalesce(k.code, concat('?', r.kind)) AS kind,
    CASE WHEN r.sector IS NULL THEN '_T' ELSE coalesce(s.code, concat('?', r.sector)) END AS sector_code,
    CASE WHEN r.hazard IS NOT NULL THEN coalesce(h.code, concat('?', r.hazard))
         WHEN k.code = 'mitigation' THEN '_Z' ELSE '_U' END AS hazard_code,
    coalesce(t.code, concat('?', r.status)) AS status_code, r.start AS start_date, r."end" AS end_date,
    r.expected AS expected_effect_tonne_co2e, CAST(r.effect_year AS SMALLINT) AS effect_year,
    r.realised AS realised_effect_tonne_co2e, r.budget AS budget_dkk, r.responsible, r.updated AS updated_date
FROM (
    SELECT raw.*, coalesce(a.code, concat('?', raw.region)) AS area_code
    FROM raw LEFT JOIN codes.areas a ON a.code = lpad(raw.region, 4, '0') AND a.area_level = 'region'
) r
LEFT JOIN codes.action_kinds k ON k.name_da = r.kind
LEFT JOIN codes.sectors s ON s.name_da = r.sector
LEFT JOIN codes.hazards h ON h.name_da = r.hazard
-- The list serves other tables too.
LEFT JOIN codes.statuses t ON t.name_da = r.status AND concat(' ', t.tables, ' ') LIKE '% action %'
