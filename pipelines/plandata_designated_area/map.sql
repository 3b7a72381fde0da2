WITH register AS (
    SELECT theme_code, CAST(date_part('year', max(valid_from)) AS INT) AS year FROM core.plan_area GROUP BY theme_code
)
SELECT
    CASE p.theme_code WHEN 'flood_erosion' THEN 'designated_area_flood_erosion'
         WHEN 'low_lying' THEN 'designated_area_low_lying' END AS indicator_code,
    p.area_code, make_date(g.year, 1, 1) AS period_start, 'A' AS frequency_code,
    'plan_areas_union' AS method_code, geometry_union_area_ha(p.geometry) AS value, 'P' AS value_status
FROM core.plan_area p
JOIN register g ON g.theme_code = p.theme_code
WHERE p.theme_code IN ('flood_erosion', 'low_lying') AND p.status_code = 'adopted' AND p.geometry IS NOT NULL
GROUP BY p.theme_code, p.area_code, g.year
