SELECT
    CASE WHEN coalesce(a.area_level, '') NOT IN ('region', 'landsdel', 'country') THEN 'publish'
         WHEN r.value = '..' THEN 'skip:no_figure'
         -- What a municipality hides is in the sum of its region: there is nothing to compare.
         WHEN bool_or(r.value = '..') OVER (PARTITION BY r.period, m.within_code) AND a.area_level <> 'country'
            OR bool_or(r.value = '..') OVER (PARTITION BY r.period) AND a.area_level = 'country' THEN 'skip:hidden_parts'
         ELSE 'control' END AS fate,
    CASE WHEN a.area_level = 'country' THEN 'country' WHEN a.area_level IN ('region', 'landsdel') THEN 'region' END AS what_code,
    'industry_energy_consumption' AS indicator_code,
    coalesce(a.code, concat('?', r.area)) AS area_code,
    make_date(CAST(r.period AS INT), 1, 1) AS period_start,
    make_date(CAST(r.period AS INT) + 1, 1, 1) AS period_end,
    'A2' AS frequency_code,
    'dst_survey' AS method_code,
    decimal_comma(r.value) AS value, -- 1,000 GJ is 1 TJ
    CASE WHEN r.value = '..' THEN 'O' ELSE 'A' END AS value_status
FROM raw r
LEFT JOIN codes.areas a ON a.statbank_code = r.area
LEFT JOIN (
    SELECT area_code, within_code, valid_to FROM codes.area_members WHERE within_code LIKE '10%' AND area_code LIKE '0%'
    UNION ALL SELECT code, code AS within_code, NULL FROM codes.areas WHERE area_level = 'region'
) m ON m.area_code = a.code AND (m.valid_to IS NULL OR r.period < substr(m.valid_to, 1, 4))
