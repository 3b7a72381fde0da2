SELECT
    CASE WHEN area_level = 'group' THEN 'skip:municipality_group'
         WHEN area_level NOT IN ('region', 'country') THEN 'publish'
         WHEN bool_or(value = '..') THEN 'skip:no_figure' ELSE 'control' END AS fate,
    CASE WHEN area_level IN ('region', 'country') AND NOT bool_or(value = '..') THEN area_level END AS what_code,
    indicator_code, area_code, make_date(CAST(period AS INT), 1, 1) AS period_start, 'A' AS frequency_code,
    category_code, detail_code, 'dst_survey' AS method_code,
    -- A sum with a figure missing is missing. LOBM is thousands of kroner.
    CASE WHEN NOT bool_or(value = '..') THEN round(sum(decimal_comma(value)) * 1000, 6) END AS value,
    CASE WHEN bool_or(value = '..') THEN 'O' ELSE 'A' END AS value_status,
    count(*) AS raw_rows
FROM (
    SELECT
        r.period, r.value,
        CASE WHEN r.area LIKE '9_0' THEN 'group' ELSE coalesce(a.area_level, 'unknown') END AS area_level,
        coalesce(a.code, concat('?', r.area)) AS area_code,
        CASE WHEN r.unit = 'LOBM' AND r.kind = 'UE' THEN 'municipal_expenditure'
            ELSE concat('?', r.kind, r.unit) END AS indicator_code,
        -- 04871 is 0.48.71: main account, main function, function. Four digits would be another main account.
        CASE WHEN length(r.function) = 5 THEN coalesce(c.code, concat('?', r.function))
            ELSE concat('?', r.function) END AS category_code,
        coalesce(d.code, concat('?', r.account)) AS detail_code
    FROM raw r
    LEFT JOIN codes.areas a ON a.statbank_code = r.area
    LEFT JOIN codes.categories c ON c.agency_code = substr(r.function, 1, 3) AND c.indicator_codes = 'municipal_expenditure'
    LEFT JOIN codes.details d ON d.agency_code = r.account AND d.indicator_codes = 'municipal_expenditure'
)
GROUP BY area_level, area_code, indicator_code, period, category_code, detail_code
