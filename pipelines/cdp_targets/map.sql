SELECT
    r.fate, count(*) AS raw_rows,
    concat('cdp_iclei_track:', r.account, ':', r.row_number) AS target_id,
    r.area AS area_code, 'ghg_emissions' AS indicator_code,
    max(CASE WHEN r.column_name = 'Sector' THEN CASE r.reply
        WHEN 'All emissions sources included in city inventory' THEN '_T' ELSE concat('?', r.reply) END END) AS sector_code,
    '_T' AS category_code, 'reduction' AS target_kind,
    CAST(max(CASE WHEN r.column_name = 'Base year' THEN r.reply END) AS SMALLINT) AS base_year,
    CAST(max(CASE WHEN r.column_name LIKE 'Base year emissions%' THEN r.reply END) AS DOUBLE) AS base_value,
    CAST(max(CASE WHEN r.column_name = 'Target year' THEN r.reply END) AS SMALLINT) AS target_year,
    CAST(max(CASE WHEN r.column_name LIKE 'Target year absolute emissions%' THEN r.reply END) AS DOUBLE) AS target_value,
    CAST(max(CASE WHEN r.column_name = 'Percentage reduction target' THEN r.reply END) AS DOUBLE) / 100 AS reduction_ratio,
    'tonne_co2e' AS unit_code,
    coalesce(max(CASE WHEN r.column_name LIKE 'Boundary of target%' AND r.reply LIKE 'Same%' THEN 'territorial' END), '_U')
        AS boundary_code
FROM (
    SELECT *, CASE WHEN fate = 'publish' THEN answer END AS reply FROM (
        SELECT raw.*, coalesce(n.area_code, a.code, concat('?', raw.organization)) AS area,
            CASE WHEN coalesce(n.area_code, a.code) NOT IN ('0101', '0461', '0751', '0851') THEN 'skip:area_of_the_register'
                 WHEN raw.answer IS NULL OR raw.answer = 'Question not applicable' THEN 'skip:not_answered'
                 ELSE 'publish' END AS fate
        FROM raw
        LEFT JOIN codes.areas a ON a.area_level = 'municipality'
            AND a.name_da = regexp_replace(raw.organization, '^City of | Kommune$| Municipality$', '', 'g')
        LEFT JOIN codes.area_aliases n ON n.code = regexp_replace(raw.organization, '^City of | Kommune$| Municipality$', '', 'g')
    )
) r
GROUP BY r.fate, r.account, r.row_number, r.area
