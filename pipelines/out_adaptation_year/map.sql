WITH figures AS (
    SELECT area_code, CAST(year AS INT) AS year,
        max(value) FILTER (WHERE indicator_code = 'designated_area_flood_erosion') AS flood_ha,
        max(value) FILTER (WHERE indicator_code = 'designated_area_low_lying') AS low_lying_ha,
        max(value) FILTER (WHERE indicator_code = 'land_area') AS land_km2,
        max(value) FILTER (WHERE indicator_code = 'precipitation') AS precipitation_mm,
        max(value) FILTER (WHERE indicator_code = 'days_precipitation_10mm') AS days_over_10mm,
        max(value) FILTER (WHERE indicator_code = 'precipitation_max_24h') AS max_24h_mm,
        max(value) FILTER (WHERE indicator_code = 'precipitation_max_30min') AS max_30min_mm
    FROM core.observation
    WHERE scenario_code = 'actual' AND area_level = 'municipality' AND indicator_code IN (
        'designated_area_flood_erosion', 'designated_area_low_lying', 'land_area', 'precipitation',
        'days_precipitation_10mm', 'precipitation_max_24h', 'precipitation_max_30min')
    GROUP BY area_code, year
),
sewers AS (
    SELECT area_code, CAST(year AS INT) AS year, sum(value) AS sewered_ha,
        sum(CASE WHEN category_code = 'separate' THEN value ELSE 0 END) AS separate_ha
    FROM core.observation
    WHERE indicator_code = 'sewer_area' AND detail_code = 'sewer_as_is' AND category_code NOT IN ('not_sewered', '_O')
    GROUP BY area_code, year
),
-- As planned: a catchment without a plan of its own stays what it is. The layer has no history: it belongs to the year
-- under which today's areas stand.
planned AS (
    SELECT area_code, sum(area_ha) AS sewered_ha,
        sum(CASE WHEN class_code = 'separate' THEN area_ha ELSE 0 END) AS separate_ha
    FROM (
        SELECT area_code, area_ha,
            coalesce(nullif(planned_class_code, '_U'), class_code) AS class_code
        FROM core.plan_area
        WHERE theme_code = 'sewer_catchment' AND status_code = 'adopted' AND area_ha IS NOT NULL
    ) p
    WHERE class_code NOT IN ('not_sewered', 'sewer_other')
    GROUP BY area_code
),
newest AS (SELECT max(year) AS year FROM sewers),
-- Projects have no year either: what stands today, under the year of the day on which the table is made.
cloudbursts AS (
    SELECT a.area_code, CAST(EXTRACT(YEAR FROM t.run_date) AS INT) AS year,
        count(DISTINCT p.project_id) AS project_count,
        count(DISTINCT CASE WHEN p.stage_code = 'built' THEN p.project_id END) AS built_count
    FROM core.project p
    JOIN core.project_area a ON a.project_id = p.project_id
    CROSS JOIN run_date t
    WHERE p.kind_code = 'cloudburst' AND p.stage_code <> 'cancelled'
    GROUP BY a.area_code, t.run_date
),
keys AS (
    SELECT area_code, year FROM figures
    WHERE coalesce(flood_ha, low_lying_ha, precipitation_mm, days_over_10mm, max_24h_mm, max_30min_mm) IS NOT NULL
    UNION
    SELECT area_code, year FROM sewers
    UNION
    SELECT area_code, year FROM cloudbursts
)
SELECT
    k.area_code, CAST(k.year AS SMALLINT) AS year, a.name_da AS area_name_da, a.name_en AS area_name_en,
    f.flood_ha AS designated_flood_erosion_ha, f.low_lying_ha AS designated_low_lying_ha,
    f.flood_ha / nullif(100 * f.land_km2, 0) AS designated_flood_erosion_ratio,
    f.low_lying_ha / nullif(100 * f.land_km2, 0) AS designated_low_lying_ratio,
    s.sewered_ha, s.separate_ha / nullif(s.sewered_ha, 0) AS separately_sewered_ratio,
    p.separate_ha / nullif(p.sewered_ha, 0) AS separately_sewered_planned_ratio,
    f.precipitation_mm, f.days_over_10mm AS precipitation_over_10mm_day, f.max_24h_mm AS precipitation_24h_max_mm,
    f.max_30min_mm AS precipitation_30min_max_mm, c.project_count AS cloudburst_projects_number,
    c.built_count AS cloudburst_projects_built_number
FROM keys k
JOIN codes.areas a ON a.code = k.area_code AND a.area_level = 'municipality'
LEFT JOIN figures f ON f.area_code = k.area_code AND f.year = k.year
LEFT JOIN sewers s ON s.area_code = k.area_code AND s.year = k.year
LEFT JOIN newest n ON n.year = k.year
LEFT JOIN planned p ON p.area_code = k.area_code AND n.year IS NOT NULL
LEFT JOIN cloudbursts c ON c.area_code = k.area_code AND c.year = k.year
