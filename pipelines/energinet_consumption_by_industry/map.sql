SELECT
    -- The days' hours; March has one less, October one more.
    CASE WHEN count(DISTINCT r.hour) = 24 * date_part('day', r.month + INTERVAL '1 month' - INTERVAL '1 day')
            + CASE date_part('month', r.month) WHEN 3 THEN -1 WHEN 10 THEN 1 ELSE 0 END
         THEN 'publish' ELSE 'skip:month_not_whole' END AS fate,
    count(*) AS raw_rows,
    'electricity_consumption_by_industry' AS indicator_code,
    coalesce(a.code, concat('?', r.municipality)) AS area_code,
    r.month AS period_start, 'M' AS frequency_code,
    CASE r.industry WHEN 'Erhverv' THEN 'business' WHEN 'Offentligt' THEN 'public_sector' WHEN 'Privat' THEN 'private'
        ELSE concat('?', r.industry) END AS category_code,
    'energinet_settlement' AS method_code,
    CASE WHEN count(r.consumed) = count(*) THEN sum(r.consumed) / 1000 END AS value,
    CASE WHEN count(r.consumed) = count(*) THEN 'A' ELSE 'O' END AS value_status
FROM (
    SELECT hour, municipality, industry, consumed, CAST(date_trunc('month', civil_date(hour)) AS DATE) AS month FROM raw
) r
LEFT JOIN codes.areas a ON a.statbank_code = r.municipality
GROUP BY a.code, r.municipality, r.month, r.industry
