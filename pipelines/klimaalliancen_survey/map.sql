SELECT
    'publish' AS fate, CAST(r.year AS SMALLINT) AS survey_year,
    coalesce(a.code, concat('?', r.municipality)) AS area_code, r.question AS question_code, r.choice AS answer_code,
    r.words AS answer_text, r.amount AS answer_number,
    -- Only the day is known: noon in UTC is that day in Denmark too.
    arrow_cast(arrow_cast(r.answered, 'Timestamp(Microsecond, None)') + INTERVAL '12 hours',
        'Timestamp(Microsecond, Some("UTC"))') AS answered_at
FROM raw r
LEFT JOIN codes.areas a ON a.code = lpad(r.municipality, 4, '0') AND a.area_level = 'municipality'
