SELECT
    r.fate, count(*) AS raw_rows,
    concat('cdp_iclei_track:', r.account, ':', r.row_number) AS plan_id,
    r.area AS area_code,
    max(CASE WHEN r.column_name = 'Publication title and attachment' THEN r.reply END) AS title,
    -- Whether there is a plan (5.5); what is said of it (5.5a).
    CASE WHEN r.question = '5.5' THEN max(CASE r.reply
             WHEN 'In progress' THEN 'in_progress'
             WHEN 'Intending to undertake in the next 2 years' THEN 'none'
             WHEN 'Not intending to undertake' THEN 'none' ELSE concat('?', r.reply) END)
         WHEN count(CASE WHEN r.column_name LIKE 'Year of adoption%' THEN 1 END) > 0 THEN 'adopted'
         ELSE 'in_progress' END AS status_code,
    make_date(max(CASE WHEN r.column_name LIKE 'Year of adoption%' THEN CAST(r.reply AS INT) END), 1, 1) AS valid_from,
    max(CASE WHEN r.column_name = 'Web link' THEN r.reply END) AS document_url
FROM (
    SELECT *, CASE WHEN fate = 'publish' THEN answer END AS reply FROM (
        SELECT raw.*, coalesce(n.area_code, a.code, concat('?', raw.organization)) AS area,
            CASE WHEN coalesce(n.area_code, a.code) NOT IN ('0101', '0461', '0751', '0851') THEN 'skip:area_of_the_register'
                 WHEN raw.answer IS NULL OR raw.answer = 'Question not applicable' THEN 'skip:not_answered'
                 WHEN raw.question = '5.5' AND raw.answer = 'Yes' THEN 'skip:described_in_5_5a'
                 ELSE 'publish' END AS fate
        FROM raw
        LEFT JOIN codes.areas a ON a.area_level = 'municipality'
            AND a.name_da = regexp_replace(raw.organization, '^City of | Kommune$| Municipality$', '', 'g')
        LEFT JOIN codes.area_aliases n ON n.code = regexp_replace(raw.organization, '^City of | Kommune$| Municipality$', '', 'g')
    )
) r
GROUP BY r.fate, r.account, r.question, r.row_number, r.area
