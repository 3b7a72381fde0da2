SELECT
    r.fate, count(*) AS raw_rows,
    concat('cdp_iclei_track:', r.account, ':', r.row_number) AS action_id,
    r.area AS area_code, 'mitigation' AS kind,
    coalesce(max(CASE WHEN r.column_name = 'Action title' THEN r.reply END),
        max(CASE WHEN r.column_name = 'Mitigation action' THEN r.reply END)) AS title,
    max(CASE WHEN r.column_name = 'Mitigation action' THEN coalesce(s.sector_code, concat('?', r.reply)) END) AS sector_code,
    max(CASE WHEN r.column_name = 'Implementation status' THEN coalesce(t.status_code, concat('?', r.reply)) END) AS status_code,
    make_date(max(CASE WHEN r.column_name = 'Start year of action' THEN CAST(r.reply AS INT) END), 1, 1) AS start_date,
    make_date(max(CASE WHEN r.column_name = 'End year of action' THEN CAST(r.reply AS INT) END), 12, 31) AS end_date,
    CAST(max(CASE WHEN r.column_name LIKE 'Estimated emissions reduction%' THEN r.reply END) AS DOUBLE)
        AS expected_effect_tonne_co2e,
    max(r.updated_on) AS updated_date
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
LEFT JOIN maps.sectors s ON s.code = split_part(r.reply, ' > ', 1) AND r.column_name = 'Mitigation action'
LEFT JOIN maps.statuses t ON t.code = r.reply AND r.column_name = 'Implementation status'
GROUP BY r.fate, r.account, r.row_number, r.area
