WITH register AS (
    SELECT CAST(date_part('year', max(valid_from)) AS INT) AS year FROM core.plan_area WHERE theme_code = 'sewer_catchment'
)
SELECT
    'sewer_area' AS indicator_code, p.area_code, make_date(g.year, 1, 1) AS period_start, 'A' AS frequency_code,
    CASE p.class_code WHEN 'sewer_other' THEN '_O' ELSE p.class_code END AS category_code, 'sewer_as_is' AS detail_code,
    'plan_areas_added' AS method_code, sum(p.area_ha) AS value, 'P' AS value_status
FROM core.plan_area p
CROSS JOIN register g
WHERE p.theme_code = 'sewer_catchment' AND p.status_code = 'adopted' AND p.area_ha IS NOT NULL
GROUP BY p.area_code, g.year, CASE p.class_code WHEN 'sewer_other' THEN '_O' ELSE p.class_code END
